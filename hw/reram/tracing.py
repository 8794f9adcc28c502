"""What a recording of a chip's run is of: units, steps, counters, and what traffic costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stallscope.hw.ports import CAUSES, Cause
from stallscope.hw.recorded import Prices, paid_for
from stallscope.hw.reram.core import Core
from stallscope.hw.reram.counting import count, executed
from stallscope.hw.reram.kinds import NETWORK
from stallscope.hw.reram.loading import InputLoader, Programmer
from stallscope.hw.reram.machine import ChipMachine
from stallscope.hw.reram.results import Refill, Store
from stallscope.hw.reram.stepping import Site, Stepping
from stallscope.mappings.pricing import LedgerLine
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.events.columns import TraceUnit, Traffic
from stallscope.traces.events.recording import Lanes
from stallscope.traces.reram.instructions import ChipOp

__all__ = ["ChipSubject"]

_COSTS = {"byte": "enter"}
_PLACES = {"h-tree": NETWORK}
_MOST = (1 << 15) - 1
"""Counters that a trace can tell apart."""


class ChipSubject:
    """What a recording of a chip is of.

    Args:
        machine: Not yet run.

    Raises:
        SpecError: If the chip has more counters than a trace can tell apart.
    """

    is_own = False

    def __init__(self, machine: ChipMachine) -> None:
        self._machine = machine
        self.name = machine.case.name
        self.files = machine.case.files
        self.clock_mhz: float | None = float(machine.case.chip.clock_mhz)

    def lanes(self) -> Lanes:
        """See `Subject`."""
        machine = self._machine
        counters = tuple(_counters(machine.sites))
        if len(counters) > _MOST:
            rule = f"has {len(machine.sites)} cores at work, more than a trace can tell apart"
            raise SpecError([Fault(place="trace", value=machine.case.name, rule=rule,
                                   remedy="trace the layer on fewer tiles")])  # fmt: skip
        return Lanes(
            units=tuple(_unit(machine, unit) for unit in machine.units),
            first=machine.units[0].order,
            classes=tuple(cause.value for cause in CAUSES),
            counters=counters,
            kinds=tuple(machine.kinds[unit.name].found for unit in machine.units),
            ops=(ChipOp.LOAD.value, ChipOp.PROGRAM.value),
        )

    def prices(self, ledger: Sequence[LedgerLine]) -> Prices:
        """Energy of the run per component, action and tensor, over its words."""
        paid = paid_for(ledger, _COSTS, _PLACES)
        for component, action, tensor, words in _traffic(self._machine):
            pj = paid.get((component, action, tensor), 0.0)
            if pj and words:
                yield (component, action, tensor, pj / words)


def _counters(sites: Sequence[Site]) -> Iterator[tuple[str, str]]:
    """Names and tensors of all counters, in the order of their numbers."""
    for site in sites:
        for tensor, channel in (
            ("Weights", site.weights), ("Inputs", site.inputs), ("Outputs", site.sums)
        ):  # fmt: skip
            for what in channel.COUNTERS:
                is_load = tensor == "Weights" and what == "finished"
                yield f"{tensor} {site.name} {'arrived' if is_load else what}", tensor


def _traffic(machine: ChipMachine) -> Iterator[Traffic]:
    """What a run did altogether."""
    counts, done = count(machine), executed(machine)
    for level in counts.levels:
        for name, tensor in level.tensors.items():
            yield level.name, "read", name, tensor.reads
            yield level.name, "write", name, tensor.fills
            yield level.name, "update", name, tensor.updates
    for name, words in counts.networks[0].tensors.items():
        yield NETWORK, "enter", name, words.words_in
    yield "crossbars", "compute", "", counts.compute.computes
    yield "crossbars", "dac", "", done.rows_driven
    yield "crossbars", "cell_read", "", done.cells_read
    for action in ("sample_hold", "adc", "shift_add"):
        yield "crossbars", action, "", done.conversions
    for action in ("pulse", "verify"):
        yield "crossbars", action, "Weights", done.pulses or 0
    yield "vector", "add", "Outputs", done.adds
    yield "vector", "activation", "Outputs", done.activations


def _unit(machine: ChipMachine, unit: Stepping) -> TraceUnit:
    chip, program = machine.case.chip, machine.program
    own = [site for site in machine.sites if site.tile == unit.tile and site.core in unit.cores]
    latency = CAUSES[unit.latency_cause]
    if isinstance(unit, Core | Store):
        # What a core makes takes its pipeline to appear, and the links to arrive.
        latency = Cause.COMPUTE_LATENCY if isinstance(unit, Core) else Cause.NETWORK_LATENCY

    def made(
        op: ChipOp, tensor: str | None, parent: str | None, child: str | None, bits: int | None,
        feeds: str | None = None, room: str = "bytes",
    ) -> TraceUnit:  # fmt: skip
        return TraceUnit(
            name=unit.name, op=op.value, tensor=tensor, parent=parent, child=child, word_bits=bits,
            latency=latency.value, kinds=(), group=f"tile {unit.tile}", room=room,
            feeds=tuple((feeds, site.name) for site in own) if feeds is not None else (),
        )  # fmt: skip

    match unit:
        case InputLoader():
            bits = chip.reading.input_bits
            return made(ChipOp.LOAD, "Inputs", "memory", "input buffer", bits, "Inputs")
        case Programmer():
            bits = chip.crossbar.weight_bits
            return made(ChipOp.PROGRAM, "Weights", "memory", "crossbars", bits, "Weights",
                        "sets of crossbars")  # fmt: skip
        case Refill():
            bits = chip.partial_sum_bits
            return made(ChipOp.LOAD, "Outputs", "memory", "partial sums", bits, "Outputs")
        case Store():
            bits = chip.output_bits
            return made(ChipOp.STORE, "Outputs", "memory", "partial sums", bits)
        case Core():
            fed = None if program.spills else "Outputs"
            return made(ChipOp.MVM, None, None, None, None, fed)
    raise AssertionError(unit.name)
