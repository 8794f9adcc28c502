"""Laws of event traces as functions over one case, shared by the quick and the slow suite."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from stallscope.hw.simulate import simulate
from stallscope.traces.events.columns import WAIT, class_column
from stallscope.traces.events.critical import critical_chain


def rows_of(table):
    """Rows as dictionaries, without where they were expanded from."""
    return table.drop_columns(["repeat"]).to_pylist()


def traced(case, **options):
    """A run with its trace, skipping and not."""
    on = simulate(case, trace="full", **options)
    off = simulate(case, trace="full", fast_forward=False)
    return on, off


def repeats_expand_to_the_rows_of_the_full_run(on, off):
    assert rows_of(off.trace.window()) == rows_of(on.trace.window())
    assert on.trace.rows == off.trace.rows == off.trace.meta.rows == len(off.trace.window())
    assert off.trace.meta.repeats == 0


def sums_are_the_accounts(result, rows):
    """Busy, waiting and charged cycles of every unit; its slices do not overlap."""
    units_do_what_their_accounts_say(result, rows)
    array = [row for row in rows if row["op"] == "COMPUTE" or row["unit"] == list(result.units)[-1]]
    stack = dict.fromkeys([*result.cycle_stack, *result.fill_causes], 0)
    for cause in stack:
        column = class_column(cause)
        stack[cause] = sum(row.get(column, 0) for row in array)
    for cause, cycles in stack.items():
        if cause not in ("compute", "fill", "drain"):
            inside = result.cycle_stack.get(cause, 0) + result.fill_causes.get(cause, 0)
            assert inside == cycles


def units_do_what_their_accounts_say(result, rows):
    """The same of the units alone."""
    for name, account in result.units.items():
        own = [row for row in rows if row["unit"] == name]
        contention = account.waiting.get("contention", 0)
        works = [row for row in own if row["op"] != WAIT]
        waits = [row for row in own if row["op"] == WAIT]
        assert sum(row["end"] - row["start"] for row in works) == account.busy + contention
        waited = sum(row["end"] - row["start"] for row in waits)
        assert waited == sum(account.waiting.values()) - contention
        for before, after in pairwise(own):
            assert before["start"] <= before["end"] <= after["start"], (before, after)
        for row in own:
            parts = sum(v for k, v in row.items() if k.endswith("_cycles") and k != "wait_cycles")
            assert parts == row["wait_cycles"]
            assert row["op"] != WAIT or parts == row["end"] - row["start"]


def windows_hold_what_touches_them(case, trace, rows, rng, run=simulate):
    for _ in range(3):
        start = rng.randrange(trace.cycles)
        end = min(trace.cycles, start + rng.choice([1, 5, 50, 500]))
        inside = [r for r in rows if r["start"] < end and max(r["end"], r["start"] + 1) > start]
        # What begins and ends as the run ends is of its last cycle.
        last = [row for row in rows if row["start"] == end == trace.cycles]
        expected = inside + last
        assert expected == rows_of(trace.window(start, end))
        unit = rng.choice(trace.units)
        own = [row for row in expected if row["unit"] == unit]
        assert own == rows_of(trace.window(start, end, units=[unit]))
        part = run(case, trace="window", window=(start, end)).trace
        assert inside == rows_of(part.window())


def occupancy_is_that_of_the_rows(on, off, rows, rng):
    unit = rng.choice(on.units)
    start = rng.randrange(on.cycles)
    every = rng.choice([1, 7, 100])
    end = min(on.cycles, start + 200 * every)
    found = on.occupancy(unit, every=every, start=start, end=end).to_pydict()
    other = off.occupancy(unit, every=every, start=start, end=end).to_pydict()
    assert found["words"] == pytest.approx(other.pop("words"))
    words = found.pop("words")
    assert other == found
    own = [row for row in rows if row["unit"] == unit and row["op"] != WAIT]
    for low, high, busy, waiting, idle in zip(*found.values(), strict=True):
        inside = sum(max(0, min(r["end"], high) - max(r["start"], low)) for r in own)
        assert (busy, busy + waiting + idle) == (inside, high - low)
    assert min(words, default=0) >= -1e-6


def tiles_come_and_go_in_order(on, off, result, rng):
    """Lifetimes, and words held from them; the most held is never above what the run saw."""
    for unit in on.meta.units:
        if unit.op not in ("FILL", "REFILL"):
            continue
        level, tensor = unit.child, unit.tensor
        tiles = off.tile_lifetimes(level, tensor).to_pydict()
        assert tiles == on.tile_lifetimes(level, tensor).to_pydict()
        assert list(range(len(tiles["tile"]))) == tiles["tile"]
        for asked, delivered, left in zip(
            tiles["asked"], tiles["delivered"], tiles["left"], strict=True
        ):
            assert asked <= delivered <= left <= on.cycles
        start = rng.randrange(on.cycles)
        end = min(on.cycles, start + rng.choice([1, 100, 1000]))
        there = [n for n in tiles["tile"] if tiles["asked"][n] < end and tiles["left"][n] > start]
        part = on.tile_lifetimes(level, tensor, start=start, end=end).to_pydict()
        assert {key: [column[n] for n in there] for key, column in tiles.items()} == part
        held = on.held(level, tensor, every=max(1, on.cycles // 500))
        assert off.held(level, tensor, every=max(1, on.cycles // 500)) == held
        peak = next(one for one in result.levels if one.name == level).tensors[tensor].peak_words
        # Room for compressed tiles is counted in plain words, their peak in stored ones.
        most = peak if unit.room == "words" else float("inf")
        assert 0 <= max(held["words"].to_pylist()) <= most
        assert held["words"].to_pylist()[-1] == 0


def activity_sums_to_the_counts(trace, result):
    found = trace.activity(every=max(1, trace.cycles // 40)).to_pandas()
    assert (found.words > -1e-6).all()
    totals = found.groupby(["component", "action", "tensor"], dropna=False).words.sum()
    for level in result.levels:
        for name, tensor in level.tensors.items():
            counts = {"read": tensor.reads, "write": tensor.fills, "update": tensor.updates}
            for action, count in counts.items():
                assert totals.get((level.name, action, name), 0.0) == pytest.approx(count)
    for network in result.networks:
        for name, tensor in network.tensors.items():
            entered = totals.get((network.name, "enter", name), 0.0)
            assert entered == pytest.approx(tensor.words_in)


def the_critical_chain_is_the_run(on, off):
    chain = critical_chain(on)
    assert critical_chain(off) == chain
    assert sum(one.cycles for one in chain) == on.cycles
    assert min(one.start for one in chain) == 0


def all_trace_laws(case, seed):
    """Every law above on one case; returns whether anything repeated."""
    rng = Random(seed)
    on, off = traced(case)
    rows = rows_of(off.trace.window())
    repeats_expand_to_the_rows_of_the_full_run(on, off)
    sums_are_the_accounts(on, rows)
    windows_hold_what_touches_them(case, on.trace, rows, rng)
    occupancy_is_that_of_the_rows(on.trace, off.trace, rows, rng)
    tiles_come_and_go_in_order(on.trace, off.trace, off, rng)
    activity_sums_to_the_counts(on.trace, on)
    the_critical_chain_is_the_run(on.trace, off.trace)
    simulate(case, trace="full", audit=True)
    assert np.all(on.trace.stored.repeats.weights() >= 1)
    return on.trace.meta.repeats > 0
