"""Head, info and expand say what a run of the program does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.partial_sums import Refill
from stallscope.mappings.loading import load
from stallscope.simcore.errors import SpecError
from stallscope.traces import listing
from stallscope.traces.compile import compile_case
from stallscope.traces.flat import COLUMNS
from tests.property.strategies import cases

NATIVE = Path(__file__).parents[2] / "data" / "native_case.yaml"
QUICK = settings(max_examples=20, deadline=None, derandomize=True,
                 suppress_health_check=list(HealthCheck))  # fmt: skip
SLOW = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def _program():
    return compile_case(load(NATIVE))


def _executed(case, program):
    """(rows, transfers, words) of every unit of a run."""
    machine = Machine(program, case.architecture, FastForwardMode())
    machine.run()
    found = {}
    for stream in program.movers:
        key = stream.tensor, stream.child
        movers = [machine.refills[key], machine.drains[key]] if stream.is_output else [
            machine.fills[key]]  # fmt: skip
        for mover in movers:
            records = zip(mover.tally, stream.records, strict=True)
            words = sum(times * record.parent_words for times, record in records)
            found[mover.name] = (mover.steps, sum(mover.tally), words)
            assert isinstance(mover, Refill) or mover.steps == sum(mover.tally)
    bursts = sum(machine.array.fresh) + sum(machine.array.stale)
    found[machine.array.name] = (bursts, bursts, machine.binding.computes(machine.array))
    return found


@QUICK
@given(case=cases())
def test_rows_and_words_are_those_of_a_run(tmp_path, case):
    rows_and_words_are_those_of_a_run(tmp_path, case)


def rows_and_words_are_those_of_a_run(tmp_path, case):
    program = compile_case(case)
    count = listing.expand(program, tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet")
    rows, words = Counter(), Counter()
    for row in table.select(["unit", "words"]).to_pylist():
        rows[row["unit"]] += 1
        words[row["unit"]] += row["words"]
    executed = _executed(case, program)
    assert {unit: (n, total) for unit, (n, _, total) in executed.items()} == {
        unit: (rows[unit], words[unit]) for unit in rows
    }
    assert count == len(table)


@QUICK
@given(case=cases())
def test_the_summary_is_that_of_a_run(case):
    the_summary_is_that_of_a_run(case)


def the_summary_is_that_of_a_run(case):
    program = compile_case(case)
    summary = listing.info(program)
    assert _executed(case, program) == {
        unit["unit"]: (unit["steps"], unit["moves"], unit["words"]) for unit in summary["units"]
    }


@QUICK
@given(case=cases(longest=800))
def test_head_is_a_prefix_of_expand(tmp_path, case):
    head_is_a_prefix_of_expand(tmp_path, case)


def head_is_a_prefix_of_expand(tmp_path, case):
    program = compile_case(case)
    listing.expand(program, tmp_path / "p.parquet")
    rows = pq.read_table(tmp_path / "p.parquet", columns=list(COLUMNS)).to_pylist()
    expected = []
    for unit in dict.fromkeys(row["unit"] for row in rows):
        expected += [row for row in rows if row["unit"] == unit][:7]
    assert expected == listing.head(program, count=7)


@pytest.mark.slow
@SLOW
@given(case=cases(longest=800))
def test_listings_of_many_programs_say_what_a_run_does(tmp_path, case):
    rows_and_words_are_those_of_a_run(tmp_path, case)
    the_summary_is_that_of_a_run(case)
    head_is_a_prefix_of_expand(tmp_path, case)


def test_batches_join_without_a_seam(tmp_path, monkeypatch):
    """Records depend on the steps before, wherever a batch happens to end."""
    program = _program()
    listing.expand(program, tmp_path / "whole.parquet")
    monkeypatch.setattr(listing, "BATCH", 1)
    listing.expand(program, tmp_path / "single.parquet")
    whole, single = (pq.read_table(tmp_path / f"{n}.parquet") for n in ("whole", "single"))
    assert whole.equals(single)


def test_rows_read_as_a_timing_diagram():
    """The second visit of an output tile waits for the write-back of the first."""
    rows = listing.head(_program(), unit="Outputs GLB->RF", count=4)
    keys = ("op", "step", "words", "address", "wait_for")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("REFILL", 0, 0, 0, "Outputs GLB delivered 1"),
        ("REFILL", 1, 0, 1, "Outputs GLB delivered 1"),
        ("REFILL", 2, 8, 0, "Outputs GLB delivered 1; Outputs RF drained 1"),
        ("REFILL", 3, 8, 1, "Outputs GLB delivered 1; Outputs RF drained 2"),
    ]


def test_a_burst_waits_for_the_tiles_of_its_operands():
    row = listing.head(_program(), unit="mac", count=3)[2]
    assert list(COLUMNS) == list(row)
    assert row == {
        "unit": "mac", "op": "COMPUTE", "tensor": None, "step": 2, "words": 24, "address": None,
        "group": 0, "wait_for":
        "Weights RF delivered 2; Inputs RF delivered 3; Outputs RF delivered 3",
    }  # fmt: skip


def test_no_rows_are_no_rows():
    assert listing.head(_program(), count=0) == []


def test_a_unit_that_is_not_there_and_a_negative_count_are_refused():
    with pytest.raises(SpecError, match=r"unit = DRAM: .* units: Weights DRAM->GLB, Inputs"):
        listing.head(_program(), "DRAM")
    with pytest.raises(SpecError, match="count = -1: must not be negative"):
        listing.head(_program(), count=-1)


def test_too_many_rows_are_refused_before_anything_is_written(tmp_path):
    total = listing.info(_program())["steps"]
    message = f"{total} rows: .*limit of 100 rows.*raise it: limit={total}"
    with pytest.raises(SpecError, match=message):
        listing.expand(_program(), tmp_path / "p.parquet", limit=100)
    assert list(tmp_path.iterdir()) == []
    assert total == listing.expand(_program(), tmp_path / "p.parquet", limit=total)


def _large(folder, text):
    path = folder / "large.yaml"
    path.write_text(text)
    return compile_case(load(path))


def test_a_thousand_million_steps_are_summarised_in_closed_form(tmp_path):
    text = NATIVE.read_text().replace("P: 14", "P: 2000000000").replace("P=7", "P=1000000000")
    program = _large(tmp_path, text)
    units = {unit["unit"]: unit for unit in listing.info(program)["units"]}
    assert units["mac"]["steps"] == 8 * 10**9
    assert units["Outputs GLB->RF"]["moves"] == 6 * 10**9
    assert program.macs == units["mac"]["words"]
    assert len(listing.head(program, unit="mac")) == 20


def test_words_that_depend_on_the_whole_past_are_not_guessed(tmp_path, monkeypatch):
    """With remainders under Timeloop's rule; short streams are walked, long ones say None."""
    text = NATIVE.read_text().replace("P: 14", "P: 13").replace("reuse: overlap", "reuse: timeloop")
    program = _large(tmp_path, text)
    monkeypatch.setattr(listing, "_MOST_WALKED", 10)
    units = {unit["unit"]: unit for unit in listing.info(program)["units"]}
    assert any(unit["words"] is None for unit in units.values())
    assert program.macs == units["mac"]["words"]
