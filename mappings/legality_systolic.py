"""Whether a mapping can run on a systolic array: what is stationary, and what moves which way."""

from __future__ import annotations

from collections.abc import Iterable

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Problem, Tensor
from stallscope.simcore.errors import Fault

__all__ = ["systolic_faults"]


def systolic_faults(problem: Problem, architecture: Architecture, mapping: Mapping) -> list[Fault]:
    """Check a mapping on a systolic array.

    Returns:
        Every fault; none where the compute level is no systolic array. The rules are those of
        `stallscope.mappings.systolic`.
    """
    if architecture.compute.systolic is None:
        return []
    registers = mapping.levels[-1]
    faults = _outside(mapping.levels[:-1])
    if len(problem.tensors) != 3:
        rule = "a systolic array multiplies two operands into one output"
        shown = ", ".join(tensor.name for tensor in problem.tensors)
        return [*faults, Fault(place="problem.tensors", value=shown, rule=rule)]
    if len(registers.keep) != 1:
        rule = f"{registers.level} keeps the one tensor that is stationary in the array"
        remedy = "keep one tensor: Weights for weight-stationary, the output for output-stationary"
        shown = ", ".join(registers.keep)
        return [*faults, Fault(place=_keep(registers), value=shown, rule=rule, remedy=remedy)]
    kept = problem.tensor(registers.keep[0])
    return (
        faults
        + _fed(architecture, mapping, kept)
        + _slid(problem, registers, kept)
        + _stacked(registers, kept)
        + _directions(problem, registers, kept)
    )


def _outside(levels: Iterable[LevelMapping]) -> list[Fault]:
    rule = "only the array's registers have a fan-out: they feed the array's rows and columns"
    remedy = "move spatial loops to the innermost level"
    return [
        Fault(place=f"mapping.{level.level}", value=_text(level.spatial), rule=rule, remedy=remedy)
        for level in levels
        if any(loop.extent > 1 for loop in level.spatial)
    ]


def _fed(architecture: Architecture, mapping: Mapping, kept: Tensor) -> list[Fault]:
    """A controller serves buffers: it gives no row of the array at a time."""
    keepers = [level.level for level in mapping.levels if kept.name in level.keep]
    outermost = architecture.levels[0]
    if outermost.memory is None or keepers[-2:-1] != [outermost.name]:
        return []
    rule = f"is fed to {keepers[-1]} by {outermost.name}, whose controller serves buffers only"
    remedy = f"keep {kept.name} at a level in between as well"
    return [Fault(place=f"mapping.{keepers[-1]}.keep", value=kept.name, rule=rule, remedy=remedy)]


def _slid(problem: Problem, registers: LevelMapping, kept: Tensor) -> list[Fault]:
    """Registers are loaded as a whole: a tile cannot keep a part of the one before."""
    windows = [
        " + ".join(term.dimension for term in rank)
        for rank in kept.ranks
        if sum(problem.bounds[term.dimension] > 1 for term in rank) > 1
    ]
    if not windows:
        return []
    rule = f"{kept.name} has windows ({', '.join(windows)}), the array's registers are loaded whole"
    remedy = "lower the convolution to a matrix product (im2col), or keep another tensor"
    return [Fault(place=_keep(registers), value=kept.name, rule=rule, remedy=remedy)]


def _stacked(registers: LevelMapping, kept: Tensor) -> list[Fault]:
    """A tile has one word per PE: what is shifted in or out is a row of PEs per cycle."""
    return [
        Fault(
            place=f"mapping.{registers.level}.temporal",
            value=_text((loop,)),
            rule=f"a PE would hold several words of {kept.name} at once, its register holds one",
            remedy=f"move {loop.dimension} to a level further out, where it makes folds",
        )
        for loop in registers.temporal
        if loop.extent > 1 and loop.dimension in kept.dimensions
    ]


def _directions(problem: Problem, registers: LevelMapping, kept: Tensor) -> list[Fault]:
    others = [tensor for tensor in problem.tensors if tensor is not kept]
    x, y = registers.spatial_x, registers.spatial_y
    faults = [
        _unmoved(registers, key, loop, kept)
        for key, loops in (("spatial_y", y), ("spatial_x", x))
        for loop in loops
        if loop.extent > 1 and loop.dimension not in kept.dimensions
    ]
    if faults:
        return faults
    # Results leave at the bottom, so they move along columns.
    pairs = [pair for pair in (others, others[::-1]) if not pair[0].is_output]
    if any(not _touch(x, row) and not _touch(y, column) for row, column in pairs):
        return []
    row, column = pairs[0]
    rule = (
        f"with {kept.name} stationary one of {row.name}, {column.name} moves along rows (no loop "
        "on X may touch it), the other along columns (no loop on Y)"
    )
    shown = f"Y {_text(y) or '-'}, X {_text(x) or '-'}"
    remedy = "put the dimensions that the one does not have on X, and the other's on Y"
    place = f"mapping.{registers.level}"
    return [Fault(place=place, value=shown, rule=rule, remedy=remedy)]


def _unmoved(registers: LevelMapping, key: str, loop: Loop, kept: Tensor) -> Fault:
    return Fault(
        place=f"mapping.{registers.level}.{key}",
        value=_text((loop,)),
        rule=f"{kept.name} is stationary and has no dimension {loop.dimension}",
        remedy=f"move {loop.dimension} from space to time",
    )


def _touch(loops: tuple[Loop, ...], tensor: Tensor) -> bool:
    return any(loop.extent > 1 and loop.dimension in tensor.dimensions for loop in loops)


def _keep(level: LevelMapping) -> str:
    return f"mapping.{level.level}.keep"


def _text(loops: Iterable[Loop]) -> str:
    return ", ".join(f"{loop.dimension}={loop.extent}" for loop in loops)
