"""The flat form executes as the looped one does, and a damaged file is refused."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.simulate import execute
from stallscope.mappings.loading import load
from stallscope.simcore.errors import SpecError
from stallscope.traces import flat, listing
from stallscope.traces.compile import compile_case
from tests.property.strategies import cases

CASE = """
stallscope: 1
problem:
  dimensions: {{{dims}}}
  tensors:
    Weights: [M, C, R]
    Inputs: [C, {input}]
    Outputs: [M, P]
  output: Outputs
architecture:
  clock: 200 MHz
  levels:
    - {{name: DRAM, kind: dram, read_words_per_cycle: 3/2, read_latency_cycles: 11}}
    - {{name: GLB, capacity_words: 4096, read_words_per_cycle: 2, write_words_per_cycle: 3,
       network: {{words_per_cycle: {width}, multicast: {multicast}, links: {links}}}}}
    - {{name: RF, instances: 4, capacity_words: 512}}
  compute: {{name: mac, instances: 4}}
mapping:
  DRAM: {{temporal: [{dram}]}}
  GLB: {{temporal: [{glb}], spatial_x: [{spatial}]{keep}}}
  RF: {{temporal: [{rf}]}}
rules: {{reuse: {reuse}{rules}}}
"""
PLAIN = {
    "dims": "M: 8, C: 4, P: 12, R: 3",
    "input": "P + R",
    "width": 2,
    "multicast": "true",
    "links": "false",
    "dram": "P=6",
    "glb": "C=4, P=2, M=2",
    "spatial": "M=4",
    "keep": "",
    "rf": "R=3",
    "reuse": "overlap",
    "rules": "",
}
VARIANTS = {
    "plain": {},
    "strided and dilated": {"input": "2*P + 2*R"},
    "partial sums to DRAM and back": {"dram": "C=4, P=6", "glb": "P=2, M=2"},
    "weights bypass the GLB": {"keep": ", keep: [Inputs, Outputs]"},
    "outputs bypass the GLB": {"keep": ", keep: [Weights, Inputs]", "dram": "C=2, P=6",
                               "glb": "C=2, P=2, M=2"},
    "neighbour links": {"links": "true", "spatial": "P=4", "dram": "P=3, M=4",
                        "glb": "C=4, M=2", "reuse": "timeloop"},
    "no multicast": {"multicast": "false"},
    "reduction across units": {"spatial": "C=4", "glb": "P=2, M=8"},
    "remainder of a spatial loop": {"dims": "M: 7, C: 4, P: 12, R: 3"},
    "remainder of an outer loop": {"dims": "M: 8, C: 4, P: 11, R: 3"},
    "remainders that Timeloop's rule walks": {"dims": "M: 8, C: 4, P: 11, R: 3",
                                              "reuse": "timeloop"},
    "remainder of a reduction": {"dims": "M: 8, C: 3, P: 11, R: 3", "dram": "C=2, P=6",
                                 "glb": "C=2, P=2, M=2"},
    "first touches are read": {"dram": "C=2, P=6", "glb": "C=2, P=2, M=2",
                               "rules": ", first_read_elision: false"},
    "three levels of loops over one dimension": {"dram": "P=3", "glb": "C=4, P=2, M=2",
                                                 "rf": "P=2, R=3"},
}  # fmt: skip


def _figures(result):
    """Everything a result says but how the run itself went."""
    names = {field.name for field in dataclasses.fields(result)} - {"simulation"}
    return {name: getattr(result, name) for name in names}


def _case(folder, variant):
    path = folder / "case.yaml"
    path.write_text(CASE.format(**{**PLAIN, **variant}))
    return load(path)


def _both(case, path):
    """The program and its flat form, by way of a file."""
    program = compile_case(case)
    listing.expand(program, path)
    return program, flat.read_flat(path)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_flat_program_gives_the_result_of_the_looped_one(tmp_path, name):
    case = _case(tmp_path, VARIANTS[name])
    program, rows = _both(case, tmp_path / "flat.parquet")
    assert _figures(execute(rows, case)) == _figures(execute(program, case))


@settings(max_examples=15, deadline=None, derandomize=True,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(case=cases(longest=1500))
def test_any_flat_program_gives_the_result_of_the_looped_one(tmp_path, case):
    program, rows = _both(case, tmp_path / "flat.parquet")
    assert _figures(execute(rows, case)) == _figures(execute(program, case))


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(longest=1500))
def test_many_flat_programs_give_the_result_of_the_looped_one(tmp_path, case):
    program, rows = _both(case, tmp_path / "flat.parquet")
    assert _figures(execute(rows, case)) == _figures(execute(program, case))


def test_a_flat_program_is_executed_step_by_step(tmp_path):
    case = _case(tmp_path, {})
    _, rows = _both(case, tmp_path / "flat.parquet")
    machine = Machine(rows, case.architecture, FastForwardMode(is_on=True, audit=True))
    assert machine.fast_forward is None


def test_units_are_named_as_the_machine_names_them(tmp_path):
    case = _case(tmp_path, {})
    program, rows = _both(case, tmp_path / "flat.parquet")
    expected = [unit.name for unit in Machine(program, case.architecture, FastForwardMode()).units]
    assert expected == [unit.name for unit in flat.unit_streams(program)]
    assert expected == list(rows.streams)


def test_the_rows_decide_which_records_are_executed(tmp_path):
    """A record exchanged for another in the rows shows in the unit's tally: rows are not a copy."""
    case = _case(tmp_path, {})
    _, rows = _both(case, tmp_path / "flat.parquet")
    unit = "Inputs DRAM->GLB"
    assert list(rows.streams[unit].records)[:3] == [0, 1, 1]
    changed = flat.FlatStream([0, 0, *rows.streams[unit].records[2:]], rows.streams[unit].loops)
    edited = dataclasses.replace(rows, streams={**rows.streams, unit: changed})
    reads = []
    for program in (rows, edited):
        machine = Machine(program, case.architecture, FastForwardMode())
        machine.run()
        reads.append(machine.fills["Inputs", "GLB"].tally)
    before, after = reads
    assert [before[0] + 1, before[1] - 1] == after


def test_step_numbers_and_iterations_are_each_others_inverse():
    """With two loops over a clipped dimension and another loop between them."""
    from stallscope.traces.program import StreamLoop

    loops = [
        StreamLoop(dimension="P", extent=3, step=4),
        StreamLoop(dimension="C", extent=2, step=1),
        StreamLoop(dimension="P", extent=2, step=2),
    ]
    walk = flat.Walk(loops, {"P": 9})
    expected = [
        [p, c, q] for p in range(3) for c in range(2) for q in range(2 if p < 2 else 1)
    ]  # fmt: skip
    steps = np.arange(walk.steps)
    assert expected == walk.digits(steps).tolist()
    assert steps.tolist() == walk.numbers(walk.digits(steps)).tolist()
    assert [int(walk.last(2, np.array([[p, 0, 0]]))[0]) for p in (0, 2)] == [1, 0]


# ---------------------------------------------------------------------- files


def _expanded(folder):
    path = folder / "flat.parquet"
    listing.expand(compile_case(_case(folder, {})), path)
    return path


def _rewritten(folder, change):
    """The expanded file with one column changed."""
    path = _expanded(folder)
    table = pq.read_table(path)
    pq.write_table(change(table), path)
    return path


def _with(column, change):
    def changed(table):
        values = change(table.column(column).to_pylist())
        at = table.column_names.index(column)
        kind = table.schema.field(column).type
        return table.set_column(at, column, pa.array(values, kind)).replace_schema_metadata(
            table.schema.metadata
        )

    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_with("words", lambda v: [v[0] + 1, *v[1:]]), "words at step 0 = .* words of its group"),
        (_with("step", lambda v: [*v[:-1], v[-1] + 1]), "count up from 0 without a gap"),
        (_with("group", lambda v: [99, *v[1:]]), "must be a record of the unit"),
        (_with("unit", lambda v: ["DRAM", *v[1:]]), "DRAM: is not a unit of the program"),
        (_with("op", lambda v: ["DRAIN", *v[1:]]), "op: must be FILL"),
        (lambda table: table.slice(0, len(table) - 1), "mac: has 95 rows, its tables 96 steps"),
        (lambda table: table.drop_columns(["group"]), "is not an expanded program"),
        (lambda table: table.replace_schema_metadata(None), "is not an expanded program"),
    ],
)
def test_rows_that_the_tables_do_not_have_are_refused(tmp_path, change, message):
    path = _rewritten(tmp_path, change)
    with pytest.raises(SpecError, match=message):
        flat.read_flat(path)


def test_damaged_and_missing_files_are_refused_by_name(tmp_path):
    path = _expanded(tmp_path)
    short = tmp_path / "short.parquet"
    short.write_bytes(path.read_bytes()[:-100])
    for name, message in [
        (short, "is not a whole Parquet file"),
        (tmp_path / "case.yaml", "is not a whole Parquet file"),
        (tmp_path / "none", "cannot be read"),
    ]:
        with pytest.raises(SpecError, match=message) as caught:
            flat.read_flat(name)
        assert caught.value.faults[0].source == str(name)


def test_a_flat_file_is_known_by_its_first_bytes(tmp_path):
    path = _expanded(tmp_path)
    other = tmp_path / "program"
    shutil.copy(path, other)
    answers = [flat.is_flat(name) for name in (other, tmp_path / "case.yaml", tmp_path / "none")]
    assert answers == [True, False, False]
