"""What a machine needs to know of PEs whose work depends on zeros."""

from __future__ import annotations

from dataclasses import dataclass

from stallscope.hw.sparse.bursts import Bursts, BurstTotal
from stallscope.hw.sparse.fronts import Front, fronts
from stallscope.hw.sparse.pieces import Masks, Pieces
from stallscope.hw.sparse.reading import Reading, readings, scaled
from stallscope.mappings.case import Case
from stallscope.mappings.sparsity.hardware import Mode, SparseArray
from stallscope.mappings.sparsity.passes import PeNest
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.nest import resolve
from stallscope.traces.program import Access, Program

__all__ = ["SparsePlan", "plan_sparse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SparsePlan:
    """The compute stream of one case, and what its zeros make of it.

    Attributes:
        program: The program.
        array: What the PEs do about zeros.
        pieces: The PEs' pieces of work.
        bursts: The bursts they make up.
        fronts: Units in front of the MACs, those of every PE alike.
        readings: How each operand is read.
        outside: Loops of the stream outside the PEs: a step of one of them begins a pass. The
            stream's other loops, if there are any, are inside the PEs.
        mesh: Rows and columns of all PEs.
        places: Per PE that is used, its row and column.
    """

    program: Program
    array: SparseArray
    pieces: Pieces
    bursts: Bursts
    fronts: tuple[Front, ...]
    readings: tuple[Reading, ...]
    outside: int
    mesh: tuple[int, int]
    places: tuple[tuple[int, int], ...]

    def totals(self, total: BurstTotal) -> tuple[Access | None, ...]:
        """What a run accessed, operand by operand; None where zeros do not matter."""
        first = self.program.compute.records[self.program.compute.first]
        return tuple(
            scaled(
                first.accesses[one.at],
                total.reads[one.at],
                one.groups,
                total.fresh if one.operand.is_output else 0,
                0,
            )
            if one.depends
            else None
            for one in self.readings
        )

    def assumptions(self) -> tuple[str, ...]:
        """Named assumptions of a run."""
        names = [one.operand.tensor for one in self.readings if one.depends and one.is_average]
        if not names:
            return ()
        return (f"hops: words of {', '.join(names)} that zeros leave go the average way to MACs",)


def plan_sparse(case: Case, program: Program, masks: Masks) -> SparsePlan | None:
    """Work out what zeros make of the compute stream of a case; None: its PEs mind no zeros.

    Args:
        case: The case.
        program: What it was compiled into.
        masks: Which words of each tensor are not zero; dense ones may be left out.

    Raises:
        SpecError: If something cannot be told exactly.
    """
    array = case.architecture.compute.sparse
    if array is None:
        return None
    _check(case, array)
    nest, seen = resolve(case), PeNest(case)
    stream, before = program.compute, tuple(fronts(case.architecture.compute))
    pieces = Pieces(nest, array, masks, len(stream.loops))
    found, faults = readings(nest, stream, pieces, array.gates)
    if faults:
        raise SpecError(faults)
    return SparsePlan(
        program=program,
        array=array,
        pieces=pieces,
        bursts=Bursts(pieces, found, len(stream.loops), before, is_even=array.mode is Mode.PACKED),
        fronts=before,
        readings=found,
        outside=min(pieces.outside, len(stream.loops)),
        mesh=seen.mesh,
        places=tuple((int(row), int(column)) for row, column in seen.places()),
    )


def _check(case: Case, array: SparseArray) -> None:
    """Refuse what is not simulated."""
    place = "architecture.compute.sparse"
    faults = []
    if case.architecture.compute.systolic is not None:
        rule = "does not go with a systolic array, whose PEs move in step"
        remedy = "leave out one of the two"
        faults.append(Fault(place=place, value=array.mode.value, rule=rule, remedy=remedy))
    if faults:
        raise SpecError(faults)
