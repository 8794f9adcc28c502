"""The machine of a chip: units, servers and counters of one program, and its run.

Per tile a loader of inputs and one programmer (one per core where cores are written while others
compute); per core its own unit, one that stores its results, and one that brings partial sums back
where tiles leave unfinished.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from stallscope.hw.ports import CAUSES, Cause
from stallscope.hw.reram.binding import Binding
from stallscope.hw.reram.core import Core
from stallscope.hw.reram.floor import Floor
from stallscope.hw.reram.kinds import StepKinds
from stallscope.hw.reram.loading import InputLoader, Programmer
from stallscope.hw.reram.ports import MAIN
from stallscope.hw.reram.results import Refill, Store
from stallscope.hw.reram.stepping import Site, Stepping, WeightChannel
from stallscope.hw.reram.writing import AwareWriting, StatedWriting
from stallscope.hw.running import run_units
from stallscope.hw.transferring import Wiring
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import Overlap
from stallscope.mappings.reram.rewriting import Rewriting
from stallscope.simcore.arbiter import Arbiter
from stallscope.simcore.component import Component
from stallscope.simcore.counter import Channel
from stallscope.simcore.environment import Environment
from stallscope.simcore.errors import SimulationBug
from stallscope.simcore.fast_forward import FastForward
from stallscope.simcore.recorder import Recorder
from stallscope.simcore.unit import Unit
from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["ChipMachine"]

_FIRST_UNIT = 1


class ChipMachine:
    """A chip that executes a program.

    Args:
        program: The streams.
        case: What they were compiled from.
        fast_forward: Whether repeating stretches are skipped.
        audit: Whether they are run and checked instead.
        rewriting: What updates cost with given weights, where only changes are written.
    """

    def __init__(
        self, program: CrossbarProgram, case: CrossbarCase, *, fast_forward: bool, audit: bool,
        rewriting: Rewriting | None = None,
    ) -> None:  # fmt: skip
        self.program = program
        self.case = case
        self._rewriting = rewriting
        self.env = Environment()
        self.binding = Binding(case, program)
        ports = self.binding.ports
        self.arbiter = Arbiter(self.env, ports.cycle_ticks, ports.servers.values())
        self.wiring = Wiring(
            env=self.env, arbiter=self.arbiter, causes=CAUSES,
            capacity=CAUSES.index(Cause.BUFFER_CAPACITY),
        )  # fmt: skip
        self.floor = Floor(self.env, len(CAUSES))
        self.sites = list(self._sites())
        self.loaders: list[InputLoader] = []
        self.programmers: list[Programmer] = []
        self.cores: list[Core] = []
        self.stores: list[Store] = []
        self.refills: list[Refill] = []
        self._build()
        self.arbiter.connect([self._path(transfer.unit) for transfer in self.arbiter.transfers])
        self.cycles = 0
        self.fast_forward = self._fast_forward(is_on=fast_forward, audit=audit)

    # ------------------------------------------------------------------ building

    def _sites(self) -> Iterator[Site]:
        chip = self.case.chip
        sets = 2 if chip.overlap is Overlap.SHADOW else 1
        room = self._input_room()
        sums = chip.partial_sums.capacity_bytes or self._sum_room()
        number = 0
        for tile in range(self.binding.places.tiles):
            for core in range(self.binding.places.cores[tile]):
                name = f"tile {tile} core {core}"
                yield Site(
                    tile=tile,
                    core=core,
                    weights=WeightChannel(self.env, f"{name} weights", sets, False, number),
                    inputs=Channel(self.env, f"{name} inputs", room, False, number + 1),
                    sums=Channel(self.env, f"{name} sums", sums, True, number + 2),
                )
                number += 3

    def _input_room(self) -> int:
        """Bytes of an input buffer in use: as many tiles as fit, at most two of the largest."""
        capacity, most = (
            self.case.chip.input_buffer.capacity_bytes,
            self.binding.places.largest_tile_bytes,
        )
        return 2 * most if capacity is None else min(capacity, 2 * most)

    def _sum_room(self) -> int:
        """Bytes that suffice: a tile in work, one that is stored, and all on their way between."""
        tiles = 2 + -(-self.binding.latencies.tail // max(1, self.binding.interval))
        return tiles * self.binding.places.sum_bytes(self.program.walk.tile_pixels)

    def _build(self) -> None:
        """Make all units, in unit order: what brings things, cores, what carries results."""
        wiring, program, binding = self.wiring, self.program, self.binding
        order = _FIRST_UNIT
        owners: dict[int, Programmer] = {}
        for tile in range(binding.places.tiles):
            sites = [site for site in self.sites if site.tile == tile]
            self.loaders.append(InputLoader(wiring, order, program, binding, sites))
            order += 1
            is_alone = self.case.chip.overlap is Overlap.PARTIAL
            for gang in [[site] for site in sites] if is_alone else [sites]:
                name = f"{gang[0].name if is_alone else f'tile {tile}'} weights"
                unit = Programmer(wiring, name, order, program, binding, gang, self._writing(gang))
                self.programmers.append(unit)
                owners |= {id(site): unit for site in gang}
                order += 1
        if program.spills:
            for site in self.sites:
                self.refills.append(Refill(wiring, order, program, binding, site))
                order += 1
        for number, site in enumerate(self.sites):
            core = site.unit = Core(wiring, order, program, binding, site, self.floor)
            refill = self.refills[number] if self.refills else None
            core.connect(owners[id(site)], self.loaders[site.tile], refill)
            self.cores.append(core)
            order += 1
        for number, site in enumerate(self.sites):
            self.stores.append(Store(wiring, order, program, binding, site))
            if self.refills:
                self.refills[number].store = self.stores[number]
            order += 1
        self.floor.cores = [*self.cores]
        self.floor.stores = [*self.stores]

    def _writing(self, sites: list[Site]) -> StatedWriting | AwareWriting:
        chip = self.case.chip
        if self._rewriting is None:
            return StatedWriting(self.binding, chip, sites[0].tile, sites)
        sets = sites[0].weights.capacity
        return AwareWriting(self.binding, chip, sites, self._rewriting, sets)

    def _path(self, unit: Unit) -> frozenset[str]:
        """Servers that a unit's transfers may ask for."""
        names = self.binding.ports.servers
        assert isinstance(unit, Stepping)
        own, tile = f"{unit.home} ", f"tile {unit.tile} "
        match unit:
            case Core():
                mine: tuple[str, ...] = (f"{own}inputs", f"{own}sums")
            case Store() | Refill():
                mine = (own, f"{tile}root", f"{tile}memory", MAIN)
            case _:
                mine = (tile, MAIN)
        return frozenset(name for name in names if name.startswith(mine))

    def _fast_forward(self, *, is_on: bool, audit: bool) -> FastForward | None:
        if not (is_on or audit):
            return None
        leader = self.cores[0]
        made = FastForward(self.env, leader.position, self._components(), audit=audit)
        leader.boundary = made.boundary
        return made

    def _components(self) -> list[Component]:
        channels = [c for site in self.sites for c in (site.weights, site.inputs, site.sums)]
        return [*self.units, *channels, *self.arbiter.transfers, *self.arbiter.servers, self.floor]

    @property
    def units(self) -> list[Stepping]:
        """All units, in unit order."""
        units = [*self.loaders, *self.programmers, *self.refills, *self.cores, *self.stores]
        return sorted(units, key=lambda unit: unit.order)

    @cached_property
    def kinds(self) -> dict[str, StepKinds]:
        """The kinds of every unit's steps, by its name."""
        chip, binding = self.case.chip, self.binding
        return {
            unit.name: StepKinds(self.program, binding, chip, unit.tile, unit.cores, unit.home)
            for unit in self.units
        }

    def record(self, recorder: Recorder) -> None:
        """Have a run recorded; before it begins."""
        for unit in self.units:
            unit.recorder = recorder
            unit.kinds = self.kinds[unit.name]
        if self.fast_forward is not None:
            self.fast_forward.record(recorder)

    # ------------------------------------------------------------------ running

    def run(self) -> int:
        """Run to the end; returns the cycles.

        Raises:
            DeadlockError: If units wait for each other, or time stands still.
        """
        run_units(self.env, self.units)
        self.cycles = max(*(unit.end for unit in self.units), self.floor.last)
        for unit in self.units:
            unit.flush()
        return self.cycles

    def check(self, cycles: int) -> None:
        """Check the laws that cost nothing (L2 lower part, L4).

        Raises:
            SimulationBug: With both values, if one is broken.
        """
        for server in self.arbiter.servers:
            if server.held > cycles * self.binding.ports.cycle_ticks:
                raise SimulationBug(f"{server.name} held {server.held} ticks of {cycles} cycles")
        macs = sum(core.tally[Core.MACS] for core in self.cores)
        if macs != self.case.layer.macs:
            raise SimulationBug(
                f"{macs} multiply-accumulates executed, the layer has {self.case.layer.macs}"
            )
        for site in self.sites:
            for channel in (site.weights, site.inputs, site.sums):
                if channel.reserved != channel.released.value:
                    raise SimulationBug(
                        f"{channel.name}: {channel.reserved} in, {channel.released.value} out"
                    )
