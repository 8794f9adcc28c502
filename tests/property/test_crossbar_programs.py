"""Instructions of programs of crossbars are what a run does, and programs are read as written."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet
from hypothesis import HealthCheck, given, settings

from stallscope.hw.reram.simulate import simulate_crossbars
from stallscope.mappings.reram.counting import activity_of, counts_of
from stallscope.traces.events.columns import WAIT
from stallscope.traces.reram.listing import COLUMNS, expand, info, instructions
from stallscope.traces.reram.program import compile_crossbars
from stallscope.traces.reram.storage import CROSSBAR_FORM
from stallscope.traces.reram.streams import chip_streams
from tests.property.crossbar_machines import machines

FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


def listed(program):
    return [row for stream in chip_streams(program) for row in instructions(program, stream)]


@FEW
@given(case=machines())
def test_instructions_sum_to_the_closed_form(case):
    """Words of every operation and tensor; multiplies are pixels of the cores' MVMs."""
    words, rows = Counter(), listed(compile_crossbars(case))
    for row in rows:
        words[row["op"], row["tensor"]] += row["words"]
    counts, done = counts_of(case), activity_of(case)
    memory = next(level for level in counts.levels if level.name == "memory")
    sums = next(level for level in counts.levels if level.name == "partial sums")
    network = counts.networks[0].tensors
    assert words["LOAD", "Inputs"] == network["Inputs"].words_in
    assert words["LOAD", "Weights"] == words["PROGRAM", "Weights"] == network["Weights"].words_in
    assert words["LOAD", "Outputs"] == sums.tensors["Outputs"].fills
    assert words["STORE", "Outputs"] == memory.tensors["Outputs"].updates
    assert words["ACT", "Outputs"] == done.activations
    assert words["VADD", None] == done.adds
    assert words["MVM", None] == case.layer.macs
    assert sum(row["pixels"] for row in rows if row["op"] == "MVM") == done.multiplies


@FEW
@given(case=machines())
def test_instructions_are_the_slices_of_a_run(case):
    """Step by step; a run reports VADD with its MVM and ACT with its STORE."""
    trace = simulate_crossbars(case, trace="full").trace.window().to_pylist()
    ran = [
        (row["unit"], row["step"], row["op"], row["words"])
        for row in trace if row["op"] != WAIT and row["words"]
    ]  # fmt: skip
    rows = listed(compile_crossbars(case))
    told = [
        (row["unit"], row["step"], row["op"], row["words"])
        for row in rows if row["op"] not in ("VADD", "ACT")
    ]  # fmt: skip
    assert sorted(told) == sorted(ran)


@FEW
@given(case=machines())
def test_programs_are_read_as_they_were_written(case):
    program = compile_crossbars(case)

    assert program == CROSSBAR_FORM.from_text(CROSSBAR_FORM.to_text(program), "p")


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=machines())
def test_an_expanded_program_has_every_instruction(tmp_path_factory, case):
    program, path = compile_crossbars(case), tmp_path_factory.mktemp("flat") / "p.parquet"
    rows = listed(program)

    assert len(rows) == expand(program, path)
    table = pyarrow.parquet.read_table(path)
    assert list(COLUMNS) == table.column_names
    assert rows == table.to_pylist()
    facts = info(program)
    assert facts["instructions"] == dict(Counter(row["op"] for row in rows))
