"""What all units of a chip share: a stream over the steps of a schedule."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stallscope.hw.reram.binding import Binding
from stallscope.hw.reram.kinds import StepKinds
from stallscope.hw.transferring import Transferring, Wiring
from stallscope.simcore.account import Account
from stallscope.simcore.charge import Charge, Maker
from stallscope.simcore.counter import Channel, Counter, Effects
from stallscope.simcore.environment import Event
from stallscope.simcore.servers import Demand
from stallscope.simcore.slices import outcome_of
from stallscope.simcore.unit import Unit
from stallscope.traces.reram.cursor import StepCursor
from stallscope.traces.reram.program import CrossbarProgram

if TYPE_CHECKING:
    from stallscope.hw.reram.core import Core

__all__ = ["Site", "Stepping", "WeightChannel"]


class WeightChannel(Channel):
    """Progress of a core's weights: ``finished`` are loads that arrived, ``delivered`` steps whose
    weights are written; room is in sets of crossbars.
    """

    def relative(self, level: int, base: int) -> tuple[tuple[int, ...], ...]:
        """As a channel's, with the loads relative to the sets taken."""
        read = super().relative(level, base)
        loads = (self.finished.state(self.reserved), self.finished.under_way())
        return (*read, *loads)


@dataclass(slots=True, kw_only=True)
class Site:
    """A core's place on the chip, and what is brought to and from it.

    Attributes:
        tile, core: Number of the tile, and of the core in it.
        weights: Sets of crossbars.
        inputs: Room in bytes.
        sums: The partial sums: room in bytes; tiles brought back, complete, and stored.
        unit: The core's own unit.
    """

    tile: int
    core: int
    weights: WeightChannel
    inputs: Channel
    sums: Channel
    unit: Core | None = None

    @property
    def name(self) -> str:
        """``tile 0 core 1``."""
        return f"tile {self.tile} core {self.core}"


class Stepping(Transferring):
    """A unit whose stream is the first ``depth`` loops of a program.

    Attributes:
        cursor: Where it stands.
        home: Where it is: a core, or a tile.
        tile: Number of the tile.
        cores: Its cores, by their numbers in the tile.
        tally: What it has done; every subclass says what the numbers are.
        kinds: The kinds of its steps, if somebody records the run.
    """

    def __init__(
        self, wiring: Wiring, name: str, order: int, program: CrossbarProgram, depth: int,
        binding: Binding, sites: Sequence[Site], tallies: int,
    ) -> None:  # fmt: skip
        cursor = StepCursor(program, depth)
        super().__init__(wiring, name, order, cursor.position, binding.latencies.cause)
        self.cursor = cursor
        self.tile = sites[0].tile
        self.cores = tuple(site.core for site in sites)
        self.home = sites[0].name if len(sites) == 1 else f"tile {self.tile}"
        self.program = program
        self.binding = binding
        self.places = binding.places
        self.tally = [0] * tallies
        self.kinds: StepKinds | None = None

    def tell(
        self, kind: int, demand: Demand | None, done: int, due: int, at_end: Effects,
        at_due: Effects,
    ) -> None:  # fmt: skip
        """Report a step, or a part of one, that ends now; see `report` and `outcome_of`."""
        self.report(kind, demand, due, outcome_of(self, done, at_end, at_due))

    def _is_behind(self, maker: Unit) -> bool:
        """Whether what holds ``maker`` up is this unit.

        Whoever waits for this one does so in vain no longer: what it waits for is done, and there
        within a cycle. So it is charged no further, and can be followed.
        """
        if maker is self:
            return True
        account: Maker = maker.account
        while account.charge is not None and account.charge.maker is not None:
            if account.charge.maker is self.account and isinstance(account, Account):
                account.let_go()
                return False
            account = account.charge.maker
        return False

    def wait_behind(self, counter: Counter, need: int, state: int, unit: Unit | None) -> Event:
        """Wait for room that ``unit`` will leave: whatever holds it up is to blame."""
        charge = None
        if unit is not None and not self._is_behind(unit):
            charge = Charge(self.env._now)
            charge.follow(unit.account)
        return self.wait(counter, need, state, None, charge)

    def _more(self, now: int) -> Hashable:
        """What a later step depends on besides the position."""
        return (super()._more(now), self.cursor.is_backward, self.progress())

    def progress(self) -> Hashable:
        """The unit's own counts relative to the counters that it is compared with."""
        return None

    def _tallies(self) -> list[int]:
        return self.tally

    def _grow(self, times: int, growth: list[int]) -> None:
        for index in range(len(self.tally)):
            self.tally[index] += times * growth[index]

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """As every unit's; a loop whose iterations are not alike has no periods."""
        if level in self.program.irregular and self.position.depth > level:
            return 0
        return super().limit(level, before, now, iterations)

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods."""
        super().shift(level, iterations, cycles, times, growth)
        self.cursor.refresh()
