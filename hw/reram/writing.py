"""How a programmer writes an update: all cells as stated, or only those that change."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from stallscope.hw.reram.binding import Binding
from stallscope.hw.reram.stepping import Site
from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.rewriting import Held, RewriteCost, Rewriting
from stallscope.mappings.reram.timing import at_once, cycles_of
from stallscope.simcore.servers import Demand
from stallscope.traces.reram.cursor import StepCursor

__all__ = ["AwareWriting", "StatedWriting", "Written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an update took.

    Attributes:
        demand: What it asks of the drivers.
        cycles: Cycles of writing, summed over the cores that it would stop if nothing overlapped:
            those written, or all that share their drivers.
        rows, cells: Rows and cells of physical crossbars written.
        pulses: Pulses on cells.
    """

    demand: Demand
    cycles: int
    rows: int
    cells: int
    pulses: int


class StatedWriting:
    """Every cell takes the pulses that are stated."""

    def __init__(self, binding: Binding, chip: CrossbarChip, tile: int, sites: list[Site]) -> None:
        self._binding = binding
        self._tile = tile
        self._cores = tuple(site.core for site in sites)
        self._per_cell = chip.writing.iterations * chip.writing.passes

    def write(self, cursor: StepCursor) -> Written:
        """Return what the update at ``cursor`` takes."""
        binding, tile, cores = self._binding, self._tile, self._cores
        working = [
            block for core, block in binding.places.working(tile, cursor.co) if core in cores
        ]
        sizes = [binding.places.written(block, cursor.load) for block in working]
        cycles = binding.program_cycles(tile, cores, cursor.co, cursor.ko)
        cells = sum(size[1] for size in sizes)
        return Written(
            demand=binding.program(tile, cores, cursor.co, cursor.ko, cycles),
            cycles=cycles * stopped(binding, tile, cores, cursor),
            rows=sum(size[0] for size in sizes),
            cells=cells,
            pulses=cells * self._per_cell,
        )

    def done(self, cursor: StepCursor) -> None:
        """The update has been written: nobody asks what was there before."""

    def state(self) -> Hashable:
        """Nothing is remembered."""
        return None


class AwareWriting:
    """Cells that have their level already are skipped; it is remembered what every core holds.

    Crossbars of all cores written together follow each other in rounds of as many as are written
    at once; those without a change take no place in a round.
    """

    def __init__(
        self, binding: Binding, chip: CrossbarChip, sites: list[Site], rewriting: Rewriting,
        sets: int,
    ) -> None:  # fmt: skip
        self._binding = binding
        self._chip = chip
        self._tile = sites[0].tile
        self._cores = tuple(site.core for site in sites)
        self._rewriting = rewriting
        self._held: list[dict[int, Held]] = [{} for _ in range(sets)]
        self._next = 0

    def write(self, cursor: StepCursor) -> Written:
        """Return what the update at ``cursor`` takes, over what the next set holds."""
        costs = list(self._costs(cursor))
        cycles = self._cycles([time for cost in costs for time in cost.each_ns if time])
        return Written(
            demand=self._binding.program(
                self._tile, self._cores, cursor.co, cursor.ko, cycles
            ),
            cycles=cycles * stopped(self._binding, self._tile, self._cores, cursor),
            rows=sum(cost.rows_changed for cost in costs),
            cells=sum(cost.cells_changed for cost in costs),
            pulses=sum(cost.pulses for cost in costs),
        )  # fmt: skip

    def _costs(self, cursor: StepCursor) -> Iterator[RewriteCost]:
        held = self._held[self._next]
        for core, _ in self._binding.places.working(self._tile, cursor.co):
            if core in self._cores:
                number = self._tile * self._chip.cores + core
                yield self._rewriting.cost(held.get(core), cursor.weights, number)

    def _cycles(self, times: list[Fraction]) -> int:
        parallel = at_once(self._chip) or max(1, len(times))
        rounds = [times[at : at + parallel] for at in range(0, len(times), parallel)]
        return sum(cycles_of(max(one), self._chip) for one in rounds)

    def done(self, cursor: StepCursor) -> None:
        """The update has been written: the next one goes to the other set, if there is one."""
        held = self._held[self._next]
        for core, _ in self._binding.places.working(self._tile, cursor.co):
            if core in self._cores:
                held[core] = cursor.weights
        self._next = (self._next + 1) % len(self._held)

    def state(self) -> Hashable:
        """What every core holds."""
        return (self._next, tuple(tuple(sorted(held.items())) for held in self._held))


def stopped(binding: Binding, tile: int, cores: tuple[int, ...], cursor: StepCursor) -> int:
    """Cores that writing some cores of a tile would stop if nothing overlapped."""
    working = [core for core, _ in binding.places.working(tile, cursor.co)]
    if binding.shares_drivers(tile):
        return len(working)
    return sum(core in cores for core in working)
