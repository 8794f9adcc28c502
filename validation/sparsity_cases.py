"""Cases of a bottleneck network's sparse layers, made from what the reference gives of them.

A layer's mapping comes as loops per level, with the words of each level's tiles: a tensor with
words at a level is kept there. Memories are as wide as needed and answer at once, as those of the
reference's formula do.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.architecture import Architecture, ComputeLevel, LevelKind, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.hardware import Mode, SparseArray
from stallscope.mappings.sparsity.operands import Operand, Pattern, Sparsity
from stallscope.validation.documents import Json

__all__ = ["WEIGHTS", "convolution", "given_work", "layer_case", "sparse"]

WEIGHTS = "Weights"
_ORDER = "CMRSNPQ"
_SUMMED = "CRS"
_PES = "_spad"
"""How the names of a PE's own levels end."""


def convolution(
    sizes: AbstractMapping[str, int],
    stride: int = 1,
    visits: Sequence[tuple[str, str, int]] = (),
) -> Problem:
    """The reference's convolution; a depthwise layer is one of a single input channel.

    Args:
        sizes: Bounds of the dimensions.
        stride: Stride in both directions.
        visits: Dimensions that stand for a part of another one, which is summed over: name, the
            other one, and how far it moves there. Each has outputs of its own.
    """

    def tensor(name: str, *ranks: Sequence[tuple[str, int]], is_output: bool = False) -> Tensor:
        terms = tuple(
            tuple(
                Term(dimension=one, coefficient=factor * move)
                for dimension, factor in rank
                for one, move in [(dimension, 1), *parts.get(dimension, ())]
            )
            for rank in ranks
        )
        return Tensor(name=name, ranks=terms, is_output=is_output)

    def plain(names: Sequence[str]) -> list[list[tuple[str, int]]]:
        return [[(name, 1)] for name in names]

    parts: dict[str, list[tuple[str, int]]] = {}
    for name, whole, move in visits:
        parts.setdefault(whole, []).append((name, move))
    extra = [name for name, _, _ in visits]
    windows = [("P", stride), ("R", 1)], [("Q", stride), ("S", 1)]
    return Problem(
        dimensions=tuple(Dimension(name=d, bound=sizes.get(d, 1)) for d in (*_ORDER, *extra)),
        tensors=(
            tensor(WEIGHTS, *plain("CMRS")),
            tensor("Inputs", *plain("NC"), *windows),
            tensor("Outputs", *plain([*"NMPQ", *extra]), is_output=True),
        ),
    )


def layer_case(
    name: str,
    mapping: Sequence[Json],
    *,
    sizes: AbstractMapping[str, int] | None = None,
    stride: int = 1,
    is_apart: bool = False,
) -> Case:
    """A layer on its array.

    Args:
        name: Name of the case.
        mapping: Levels, outermost first: ``level``, ``tile_words`` by tensor,
            ``loops_outer_to_inner`` (``dim``, ``bound``, and ``spatial`` X or Y). A PE's own are
            those whose names end with ``_spad``; without any, the last one.
        sizes: Bounds of the dimensions; None: the products of the loops.
        stride: Stride in both directions.
        is_apart: Whether sums that are added to in several passes stay apart: then no PE waits
            for partial sums of others that come back to it.
    """
    own = [at for at, level in enumerate(mapping) if level["level"].endswith(_PES)]
    first = min([*own, len(mapping) - 1])
    visits: list[tuple[str, str, int]] = []
    if is_apart:
        mapping, visits = _apart(mapping, first)
    bounds = dict.fromkeys(_ORDER, 1)
    for level in mapping:
        for loop in level["loops_outer_to_inner"]:
            bounds[loop["dim"]] = bounds.get(loop["dim"], 1) * loop["bound"]
    instances = [_units(mapping[:at]) for at in range(first + 1)]
    if first > 1 and instances[first] == instances[first - 1]:
        instances[first] *= 2  # PEs of their own, though the mapping uses one of each two
    instances += [instances[first]] * (len(mapping) - first - 1)
    levels = tuple(
        StorageLevel(
            name=level["level"],
            kind=LevelKind.BUFFER if at else LevelKind.DRAM,
            instances=number,
            mesh_x=_units(mapping[: min(at, first)], "X"),
        )
        for at, (level, number) in enumerate(zip(mapping, instances, strict=True))
    )
    compute = ComputeLevel(
        name="mac",
        instances=instances[-1] * _units(mapping[first:]),
        mesh_x=_units(mapping, "X"),
    )
    return Case(
        name=name,
        problem=convolution(sizes or bounds, stride, visits),
        architecture=Architecture(levels=levels, compute=compute),
        mapping=Mapping(levels=tuple(_mapped(level) for level in mapping)),
        rules=Rules(reuse=Reuse.TIMELOOP),
    )


def sparse(case: Case, mask: NDArray[np.bool_], mode: Mode, source: str) -> Case:
    """A case whose PEs skip the weights that are zero, and run as far ahead as the mode lets them.

    Args:
        case: The dense case.
        mask: True where a weight is not zero, in the shape of the tensor.
        mode: Barrier, or queue: then of unlimited depth.
        source: Where the mask is from.
    """
    array = SparseArray(skips=(WEIGHTS,), mode=mode, fifo_depth=None)
    compute = case.architecture.compute.model_copy(update={"sparse": array})
    bits = np.packbits(mask, axis=None).tobytes()
    pattern = Pattern(shape=mask.shape, bits=bits, source=source)
    operands = (Operand(tensor=WEIGHTS, pattern=pattern),)
    architecture = case.architecture.model_copy(update={"compute": compute})
    return case.model_copy(
        update={"architecture": architecture, "sparsity": Sparsity(operands=operands)}
    )


def given_work(name: str, steps: NDArray[np.int64]) -> tuple[Case, NDArray[np.bool_]]:
    """A layer whose PEs have given numbers of weights that are not zero, pass by pass.

    Args:
        name: Name of the case.
        steps: Weights, shape (passes, PEs).

    Returns:
        The dense case, and the mask of its weights.
    """
    passes, pes = steps.shape
    most = max(1, int(steps.max()))
    mask = np.arange(most) < steps.T[:, :, None]
    loops = {"PE": pes, "pass": passes, "step": most}

    def ranks(names: Sequence[str]) -> tuple[tuple[Term, ...], ...]:
        return tuple((Term(dimension=name),) for name in names)

    def loop(dimension: str) -> tuple[Loop, ...]:
        return (Loop(dimension=dimension, extent=loops[dimension]),)

    keep = (WEIGHTS, "Inputs", "Outputs")
    case = Case(
        name=name,
        problem=Problem(
            dimensions=tuple(Dimension(name=d, bound=n) for d, n in loops.items()),
            tensors=(
                Tensor(name=WEIGHTS, ranks=ranks(["PE", "pass", "step"])),
                Tensor(name="Inputs", ranks=ranks(["pass", "step"])),
                Tensor(name="Outputs", ranks=ranks(["PE", "pass"]), is_output=True),
            ),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(name="DRAM", kind=LevelKind.DRAM),
                StorageLevel(name="pads", instances=pes),
            ),
            compute=ComputeLevel(name="mac", instances=pes),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(level="DRAM", temporal=loop("pass"), spatial_x=loop("PE"), keep=keep),
                LevelMapping(level="pads", temporal=loop("step"), keep=keep),
            )
        ),
    )
    return case, mask


def _apart(mapping: Sequence[Json], first: int) -> tuple[list[Json], list[tuple[str, str, int]]]:
    """Give every loop in time outside the PEs that is summed over a dimension of its own."""
    reached: dict[str, int] = {}
    visits: list[tuple[str, str, int]] = []
    found: list[Json] = []
    for at in reversed(range(len(mapping))):
        loops = []
        for loop in reversed(mapping[at]["loops_outer_to_inner"]):
            name, move = loop["dim"], reached.get(loop["dim"], 1)
            reached[name] = move * loop["bound"]
            if at < first and "spatial" not in loop and name in _SUMMED:
                visits.append((f"{name}{len(visits) + 1}", name, move))
                loop = {"dim": visits[-1][0], "bound": loop["bound"]}
            loops.append(loop)
        found.append({**mapping[at], "loops_outer_to_inner": loops[::-1]})
    return found[::-1], visits


def _mapped(level: Json) -> LevelMapping:
    loops: dict[str, list[Loop]] = {"": [], "X": [], "Y": []}
    for loop in level["loops_outer_to_inner"]:
        loops[loop.get("spatial", "")].append(Loop(dimension=loop["dim"], extent=loop["bound"]))
    return LevelMapping(
        level=level["level"],
        temporal=tuple(loops[""]),
        spatial_x=tuple(loops["X"]),
        spatial_y=tuple(loops["Y"]),
        keep=tuple(level["tile_words"]),
    )


def _units(mapping: Sequence[Json], axes: str = "XY") -> int:
    """Instances that the spatial loops of some levels make, along some axes."""
    return prod(
        loop["bound"] for level in mapping for loop in level["loops_outer_to_inner"]
        if loop.get("spatial", " ") in axes
    )  # fmt: skip
