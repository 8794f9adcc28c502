"""The laws as functions over one case, shared by the quick and the slow suite."""

from __future__ import annotations

import dataclasses

from stallscope.hw.simulate import simulate
from stallscope.mappings.analytical import Walk, analyze
from stallscope.mappings.nest import Nest

LEVEL_FIGURES = ("tile_words", "reads", "fills", "updates", "link_transfers",
                 "temporal_reductions")  # fmt: skip
NETWORK_FIGURES = ("words_in", "deliveries", "link_transfers", "reductions", "hops_total")


def figures(result):
    """Everything a result says but how the run itself went."""
    return {
        field.name: getattr(result, field.name)
        for field in dataclasses.fields(result)
        if field.name != "simulation"
    }


def executed_counts(counts):
    """Level, network and compute counts as one dictionary."""
    found = {"computes": counts.compute.computes}
    for level in counts.levels:
        for name, tensor in level.tensors.items():
            for figure in LEVEL_FIGURES:
                found[level.name, name, figure] = getattr(tensor, figure)
    for network in counts.networks:
        for name, tensor in network.tensors.items():
            for figure in NETWORK_FIGURES:
                found[network.name, name, figure] = getattr(tensor, figure)
    return found


def counts_are_those_of_a_full_walk(case, result):
    """L1."""
    expected = executed_counts(analyze(case, walk=Walk.FULL).counts)
    actual = executed_counts(result.counts)
    assert {k: v for k, v in expected.items() if v} == {k: v for k, v in actual.items() if v}


def cycles_are_within_bounds(case, result):
    """L2, lower part: compute, and every port's words over its width."""
    assert result.cycles >= Nest(case).walked
    for level in case.architecture.levels:
        widths = {
            f"{level.name}.{port}.{bank}": width and width / level.banks
            for bank in range(level.banks)
            for port, width in level.widths.by_port()
        }
        widths[f"{level.name}.network"] = level.network.words_per_cycle
        for name, width in widths.items():
            if width is not None:
                assert result.cycles * width >= result.port_words[name]


def one_after_another(machine):
    """Cycles if every transfer and burst of a machine that has run waited for the one before."""
    ticks = machine.ports.cycle_ticks
    total = 0
    movers = [*machine.fills.values(), *machine.refills.values(), *machine.drains.values()]
    for mover in movers:
        total += mover.plan.first_delay
        skews = mover.plan.skew or [0] * len(mover.tally)
        for demand, skew, times in zip(mover.plan.demands, skews, mover.tally, strict=True):
            total += times * (-(-demand.total // ticks) + mover.plan.latency + skew)
    array = machine.array
    total += array.plan.first_delay + array.plan.last_delay
    for pair, pipeline, fresh, stale in zip(
        array.plan.demands, array.plan.pipeline, array.fresh, array.stale, strict=True
    ):
        for demand, times in zip(pair, (stale, fresh), strict=True):
            total += times * (-(-demand.total // ticks) + pipeline)
    return total


def stacks_sum(case, result):
    """L4."""
    units = case.architecture.compute.instances
    assert sum(result.cycle_stack.values()) == result.cycles
    assert sum(result.fill_causes.values()) == result.cycle_stack.get("fill", 0)
    assert sum(result.drain_causes.values()) == result.cycle_stack.get("drain", 0)
    assert min([0, *result.fill_causes.values(), *result.drain_causes.values()]) == 0
    assert sum(result.pe_stack.values()) == units * result.cycles
    assert result.counts.compute.computes == case.problem.macs
    for account in result.units.values():
        assert account.busy + account.idle + sum(account.waiting.values()) == result.cycles
        assert min(account.busy, account.idle, *account.waiting.values(), 0) == 0
        assert sum(account.charged.values()) == account.busy + sum(account.waiting.values())
        assert min(account.charged.values(), default=0) >= 0


def fast_forward_changes_nothing(case, result):
    """L5."""
    assert figures(simulate(case, fast_forward=False)) == figures(result)
