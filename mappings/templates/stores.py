"""What a template sees of an architecture: the array, its registers, and what buffers keep.

The outermost level keeps all tensors, the registers the stationary one, and every buffer between
them each tensor that it may hold. Partial sums gather in the innermost buffer that keeps the
outputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stallscope.mappings.architecture import Architecture, StorageLevel
from stallscope.mappings.bandwidth import port_widths
from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.systolic import Systolic
from stallscope.mappings.templates.roles import Roles
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Store", "Stores", "Width", "refusals", "stores_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """Words per cycle of a level's ports; infinite where they are unlimited."""

    read: float
    write: float
    shared: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A buffer and what it keeps.

    Attributes:
        spec: The level.
        keeps: Tensors, in the order in which they are given room.
        width: Its ports.
        is_outer: Whether its tiles are those that main memory sends, else those that the partial
            sums gather in.
    """

    spec: StorageLevel
    keeps: tuple[str, ...]
    width: Width
    is_outer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The array and the levels around it.

    Attributes:
        rows: PEs along Y.
        columns: PEs along X.
        systolic: How they are joined.
        main: The outermost level.
        width: Its ports, or what its device moves at most.
        clock_mhz: Clock of the array, where it is known.
        buffers: The levels between, outermost first.
        registers: The innermost level.
        sums: Which buffer partial sums gather in; None: none keeps the outputs.
        nests: Whether the tiles main memory sends may be larger than those that sums gather in.
    """

    rows: int
    columns: int
    systolic: Systolic
    main: StorageLevel
    width: Width
    clock_mhz: float | None
    buffers: tuple[Store, ...]
    registers: StorageLevel
    sums: int | None
    nests: bool


def stores_of(architecture: Architecture, roles: Roles) -> Stores:
    """Look at an architecture with the eyes of a template.

    Raises:
        SpecError: It is no systolic array, or an operand has no buffer.
    """
    systolic = architecture.compute.systolic
    if systolic is None:
        rule = "templates are for systolic arrays, and the compute level is none"
        remedy = "describe the array as compute: {systolic: {...}}, or give a mapping"
        place = f"architecture.{architecture.compute.name}.systolic"
        raise SpecError([Fault(place=place, value="", rule=rule, remedy=remedy)])
    between = architecture.levels[1:-1]
    kept = [tuple(t.name for t in roles.tensors if _may_hold(level, t.name)) for level in between]
    _check_operands(architecture, roles, kept)
    output = roles.outputs.name
    keepers = [at for at, names in enumerate(kept) if output in names]
    sums = keepers[-1] if keepers else None
    firsts = [next(at for at, names in enumerate(kept) if tensor.name in names)
              for tensor in (roles.inputs, roles.weights)]  # fmt: skip
    nests = sums is not None and max(firsts) < sums
    return Stores(
        rows=architecture.compute.y, columns=architecture.compute.x, systolic=systolic,
        main=architecture.levels[0], width=_width(architecture, architecture.levels[0]),
        clock_mhz=architecture.clock_mhz,
        buffers=tuple(
            Store(spec=level, keeps=names, width=_width(architecture, level),
                  is_outer=sums is not None and at < sums)
            for at, (level, names) in enumerate(zip(between, kept, strict=True))
        ),
        registers=architecture.levels[-1], sums=sums, nests=nests,
    )  # fmt: skip


def refusals(stores: Stores, roles: Roles, dataflow: Dataflow) -> list[Fault]:
    """Say why an array cannot run a data flow whatever the blocking; nothing if it can."""
    kept, registers = roles.kept(dataflow), stores.registers
    place = f"mapping.{registers.name}.keep"
    if not _may_hold(registers, kept.name):
        rule = f"{registers.name} may hold only {', '.join(registers.holds or ()) or 'nothing'}"
        return [_refused(dataflow, place, kept.name, rule, "choose another data flow")]
    if dataflow is Dataflow.IS and roles.is_strided:
        rule = f"{kept.name} has windows or strides, and the registers are loaded whole"
        remedy = "lower the convolution to a matrix product (im2col: memory)"
        return [_refused(dataflow, place, kept.name, rule, remedy)]
    if stores.sums is not None:
        return []
    output = roles.outputs.name
    if dataflow is not Dataflow.OS:
        rule = f"partial sums leave the array, and no buffer may hold {output}"
        remedy = "give the array an accumulator, or keep the outputs (os)"
        return [_refused(dataflow, "architecture.levels", output, rule, remedy)]
    if stores.main.memory is not None:
        rule = f"the controller of {stores.main.name} serves buffers, and none may hold {output}"
        remedy = f"give the architecture a buffer that holds {output}"
        return [_refused(dataflow, "architecture.levels", output, rule, remedy)]
    return []


def _refused(dataflow: Dataflow, place: str, value: str, rule: str, remedy: str) -> Fault:
    return Fault(place=place, value=value, rule=f"{dataflow}: {rule}", remedy=remedy)


def _may_hold(level: StorageLevel, tensor: str) -> bool:
    return level.holds is None or tensor in level.holds


def _check_operands(
    architecture: Architecture, roles: Roles, kept: Sequence[tuple[str, ...]]
) -> None:
    faults = []
    for tensor in (roles.inputs, roles.weights):
        if not any(tensor.name in names for names in kept):
            named = [name for level in architecture.levels[1:-1] for name in level.holds or ()]
            rule = "no buffer between main memory and the array's registers may hold it"
            remedy = "give the architecture a buffer for it"
            if named:
                remedy += f"; its buffers hold {', '.join(dict.fromkeys(named))}"
            place = f"problem.tensors.{tensor.name}"
            faults.append(Fault(place=place, value="", rule=rule, remedy=remedy))
    if faults:
        raise SpecError(faults)


def _width(architecture: Architecture, level: StorageLevel) -> Width:
    found = port_widths(architecture, level)
    figures = {port: math.inf if rate is None else float(rate) for port, rate in found.items()}
    return Width(**figures)
