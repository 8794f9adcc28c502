"""The functional interpreter: executes a program on tensors, moving words through the levels.

It knows the program, the capacities of the levels and the tensors, and nothing of the mapping.
Units run without time: each goes as far as it can, fills first, so that words arrive as early as
room allows. That order overwrites whatever can be overwritten. Every word read must be there, every
record must say what was moved, no level may hold more than its capacity, and all must end up where
it belongs: what comes out is the tensor that the program computes.

Not modelled: cycles, ports, hops; the words that the array reads per network (law L1 has them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stallscope.mappings.architecture import Architecture
from stallscope.traces.flat import FlatProgram
from stallscope.traces.interpreter.assembly import Wired, wire
from stallscope.traces.interpreter.carriers import Carrier
from stallscope.traces.interpreter.instruction import FunctionError, StandstillError
from stallscope.traces.program import Op, Program

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Execution", "Transfers", "interpret"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfers:
    """What one mover did.

    Attributes:
        unit: Its name.
        op: FILL, REFILL or DRAIN.
        tensor, parent, child: What it moves and where.
        steps: Steps executed.
        parent_words: Words read from (drain: written to) the parent, all instances.
        child_words: Words that arrived at (drain: left) children, neighbours' included.
    """

    unit: str
    op: Op
    tensor: str
    parent: str
    child: str
    steps: int
    parent_words: int
    child_words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What an interpreted program did.

    Attributes:
        output: The output tensor, int64.
        macs: Multiply-accumulates of the layer.
        skipped: Of these those that were not executed, for the zeros that the array skips.
        instructions: Steps of all units.
        transfers: Per mover, in unit order.
        peak_words: Per level, most words that one instance held.
        tiles: Tiles that fit the room of each (tensor, level).
    """

    output: NDArray[np.int64]
    macs: int
    skipped: int
    instructions: int
    transfers: tuple[Transfers, ...]
    peak_words: tuple[tuple[str, int], ...]
    tiles: tuple[tuple[tuple[str, str], int], ...]


def interpret(
    program: Program | FlatProgram,
    operands: Mapping[str, NDArray[np.int64]],
    *,
    architecture: Architecture | None = None,
    tiles: Mapping[tuple[str, str], int] | None = None,
) -> Execution:
    """Execute a program on tensors.

    Args:
        program: A program; a flat one is executed row by row.
        operands: Per operand an int64 array of the tensor's shape. Sums must fit 64 bits.
        architecture: Where capacities come from, and what the array does about zeros; None: every
            level is unbounded, and no zero is skipped.
        tiles: Tiles per (tensor, level) that a level has room for, instead of the default
            (docs/timing.md).

    Returns:
        The output tensor and what was moved.

    Raises:
        FunctionError: If a word is not where an instruction reads it, a record does not say what
            moves, a level's capacity is exceeded, or words are left over; it names the place.
        DeadlockError: If no unit can go on; with the table of who waits for what.
    """
    wired = wire(program, operands, architecture, tiles or {})
    while not all(unit.is_finished for unit in wired.units):
        has_moved = False
        for unit in wired.units:
            while not unit.is_finished and unit.blocked() is None:
                unit.execute()
                has_moved = True
        if not has_moved:
            waits = [unit.blocked() for unit in wired.units if not unit.is_finished]
            raise StandstillError([wait for wait in waits if wait is not None])
    _check_end(wired)
    return _execution(wired)


def _check_end(wired: Wired) -> None:
    """Nothing may be left where it is, or undone."""
    for there in wired.residences.values():
        if there.memory is not None:
            continue
        if there.reserved != there.released or there.held.any():
            rule = f"{there.reserved} words in, {there.released} out"
            raise FunctionError(there.name, f"{rule}, {int(there.held.max())} left")
    if wired.array.macs != wired.program.macs:
        rule = f"executed {wired.array.macs} multiply-accumulates"
        raise FunctionError(wired.array.name, f"{rule}, the layer has {wired.program.macs}")


def _execution(wired: Wired) -> Execution:
    memory = wired.output.memory
    assert memory is not None
    shape = wired.output.site.shape
    return Execution(
        # Instances of the outermost level that keeps the output hold sums of their own.
        output=memory.values.sum(axis=0).reshape(shape),
        macs=wired.array.macs,
        skipped=wired.array.skipped,
        instructions=sum(unit.walker.step + 1 for unit in wired.units),
        transfers=tuple(
            Transfers(
                unit=unit.name,
                op=unit.op,
                tensor=unit.stream.tensor,
                parent=unit.stream.parent,
                child=unit.stream.child,
                steps=unit.walker.step + 1,
                parent_words=unit.parent_words,
                child_words=unit.child_words,
            )
            for unit in wired.units
            if isinstance(unit, Carrier)
        ),
        peak_words=tuple((room.level, room.peak) for room in wired.rooms.values()),
        tiles=tuple(sorted(wired.tiles.items())),
    )
