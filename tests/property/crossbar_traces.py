"""Laws of the event traces of chips of crossbars as functions over one case."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from stallscope.hw.reram.simulate import simulate_crossbars
from stallscope.traces.events.columns import WAIT
from tests.property.trace_laws import (
    activity_sums_to_the_counts,
    occupancy_is_that_of_the_rows,
    repeats_expand_to_the_rows_of_the_full_run,
    rows_of,
    the_critical_chain_is_the_run,
    units_do_what_their_accounts_say,
    windows_hold_what_touches_them,
)


def traced(case, **options):
    """A run with its trace, skipping and not."""
    on = simulate_crossbars(case, trace="full", **options)
    off = simulate_crossbars(case, trace="full", fast_forward=False, **options)
    return on, off


def kinds_are_numbered_alike(on, off):
    assert on.trace.meta.units == off.trace.meta.units
    (names, prices), (others, pj) = map(_prices, (on.trace.meta, off.trace.meta))
    assert names == others
    assert prices == pytest.approx(pj)


def _prices(meta):
    return [price[:3] for price in meta.prices], [price[3] for price in meta.prices]


def instructions_are_the_activity(result, rows):
    """Rows of every operation add up to what the chip did."""
    words = Counter()
    for row in rows:
        if row["op"] != WAIT:
            words[row["op"], row["tensor"]] += row["words"]
    levels = {level.name: level.tensors for level in result.levels}
    network = result.networks[0].tensors
    assert words["MVM", None] == result.macs
    assert words["LOAD", "Inputs"] == network["Inputs"].words_in
    assert words["LOAD", "Weights"] == levels["crossbars"]["Weights"].fills
    assert words["PROGRAM", "Weights"] == levels["crossbars"]["Weights"].fills
    assert words["LOAD", "Outputs"] == levels["partial sums"]["Outputs"].fills
    assert words["STORE", "Outputs"] == levels["memory"]["Outputs"].updates
    programs = [row for row in rows if row["op"] == "PROGRAM"]
    spent = sum(row["end"] - row["start"] - row["wait_cycles"] for row in programs)
    assert spent <= result.reram.writing_cycles


def actions_sum_to_the_activity(trace, result):
    found = trace.activity(every=max(1, trace.cycles // 40)).to_pandas()
    totals = found.groupby(["component", "action"], dropna=False).words.sum()
    done = result.reram.activity
    for (component, action), count in {
        ("crossbars", "compute"): result.macs,
        ("crossbars", "dac"): done.rows_driven,
        ("crossbars", "cell_read"): done.cells_read,
        ("crossbars", "adc"): done.conversions,
        ("crossbars", "pulse"): done.pulses,
        ("vector", "add"): done.adds,
        ("vector", "activation"): done.activations,
    }.items():
        assert totals.get((component, action), 0.0) == pytest.approx(count)
    if result.energy_pj is not None:
        assert found.energy_pj.sum() == pytest.approx(result.energy_pj)


def tiles_come_and_go_in_order(on, off):
    """Tiles of every buffer of every core, and the room that they take."""
    for unit in on.meta.units:
        for tensor, place in unit.fed:
            tiles = off.tile_lifetimes(place, tensor).to_pydict()
            assert tiles == on.tile_lifetimes(place, tensor).to_pydict()
            assert list(range(len(tiles["tile"]))) == tiles["tile"]
            for asked, delivered, left in zip(
                tiles["asked"], tiles["delivered"], tiles["left"], strict=True
            ):
                assert asked <= delivered <= left <= on.cycles
            held = on.held(place, tensor, every=max(1, on.cycles // 200))
            assert off.held(place, tensor, every=max(1, on.cycles // 200)) == held
            assert min(held["words"].to_pylist()) >= 0
            assert held["words"].to_pylist()[-1] == 0


def all_trace_laws(case, seed, **options):
    """Every law above on one case; returns whether anything repeated."""
    rng = Random(seed)
    on, off = traced(case, **options)
    rows = rows_of(off.trace.window())
    repeats_expand_to_the_rows_of_the_full_run(on, off)
    kinds_are_numbered_alike(on, off)
    units_do_what_their_accounts_say(on, rows)
    instructions_are_the_activity(on, rows)

    def run(case, **more):
        return simulate_crossbars(case, **options, **more)

    windows_hold_what_touches_them(case, on.trace, rows, rng, run)
    occupancy_is_that_of_the_rows(on.trace, off.trace, rows, rng)
    tiles_come_and_go_in_order(on.trace, off.trace)
    activity_sums_to_the_counts(on.trace, on)
    actions_sum_to_the_activity(on.trace, on)
    the_critical_chain_is_the_run(on.trace, off.trace)
    simulate_crossbars(case, trace="full", audit=True, **options)
    return on.trace.meta.repeats > 0
