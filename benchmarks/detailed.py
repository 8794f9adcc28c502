"""Layers with DRAM timing and links: CPU time, and how much of each model is skipped."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache

from benchmarks.timing import interleaved
from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.simulate import simulate
from stallscope.mappings.architecture import Network, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.loading import load

_Change = Callable[[StorageLevel], StorageLevel]


@cache
def alexnet() -> tuple[Case, ...]:
    """CONV1-5 with a DDR4 memory that is refreshed and an X/Y bus per tensor."""
    accelerator = accelerator_of("eyeriss-168-ddr4")
    network = load_network(network_of("alexnet-conv"))
    return tuple(load(accelerator.path, *layer.files, name=layer.name) for layer in network.layers)


def network_cost() -> tuple[str, float, str]:
    """CONV1-5 with all models: CPU seconds (the limit is 10), the kernel compiled before."""
    cases = alexnet()

    def run() -> None:
        for case in cases:
            result = simulate(case)
            assert sum(result.cycle_stack.values()) == result.cycles

    simulate(cases[-1])
    (seconds,) = interleaved([run], repeats=2)
    return "CONV1-5 with DDR4 and buses: CPU seconds", seconds, "kernel compiled before"


def skipped() -> tuple[str, float, str]:
    """Share of CONV1-5's cycles that is skipped, with one model at a time and with all."""
    shares = {name: _share(change, clock) for name, (change, clock) in _MODELS.items()}
    shown = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    return "CONV1-5: cycles skipped with all models", shares["all"], shown


def _share(change: _Change, clock: float) -> float:
    cycles = forwarded = 0
    for case in alexnet():
        levels = tuple(change(level) for level in case.architecture.levels)
        architecture = case.architecture.model_copy(update={"levels": levels, "clock_mhz": clock})
        result = simulate(case.model_copy(update={"architecture": architecture}))
        cycles += result.cycles
        forwarded += result.simulation.fast_forwarded_cycles
    return forwarded / cycles


def _plain(level: StorageLevel) -> StorageLevel:
    """Bandwidth and latency in place of the memory, no links."""
    update: dict[str, object] = {"network": Network()}
    if level.memory is not None:
        update |= {"memory": None, "shared_words_per_cycle": Fraction(4), "read_latency_cycles": 50,
                   "write_latency_cycles": 50}  # fmt: skip
    return level.model_copy(update=update)


def _memory(*, refresh: bool, tck: Fraction) -> _Change:
    """The memory alone, at a clock of its own."""

    def change(level: StorageLevel) -> StorageLevel:
        update: dict[str, object] = {"network": Network()}
        if level.memory is not None:
            controller = level.memory.controller.model_copy(update={"refresh": refresh})
            device = level.memory.device
            timings = device.timings.model_copy(update={"tCK_ns": tck})
            device = device.model_copy(update={"timings": timings})
            update["memory"] = level.memory.model_copy(
                update={"controller": controller, "device": device}
            )
        return level.model_copy(update=update)

    return change


_TCK, _AT_ITS_CLOCK = Fraction("0.8"), 1250.0
"""Core clock, MHz, of a memory whose tCK is 0.8 ns: one cycle per clock, no ratio."""
_MODELS: dict[str, tuple[_Change, float]] = {
    "plain": (_plain, 200.0),
    "rows": (_memory(refresh=False, tck=_TCK), _AT_ITS_CLOCK),
    "refresh": (_memory(refresh=True, tck=_TCK), _AT_ITS_CLOCK),
    "clock ratio": (_memory(refresh=False, tck=Fraction("0.83")), 200.0),
    "all": (lambda level: level, 200.0),
}
"""What is left of the levels, and the core's clock, MHz."""
