"""The rows of an expanded program say all of it: without its metadata it runs just the same."""

from __future__ import annotations

import dataclasses

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from stallscope.hw.simulate import Tracing, execute
from stallscope.traces import listing
from stallscope.traces.compile import compile_case
from stallscope.traces.rows.program import is_own, read_rows
from tests.property.seeded import seeded_case
from tests.property.strategies import cases
from tests.sets import some

QUICK = settings(
    max_examples=7, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SLOW = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
OF_THE_RUN_OR_THE_PROBLEM = {"simulation", "trace", "estimate", "dims"}


def without_tables(case, folder):
    """The case's program, expanded, without the looped program in the file's metadata."""
    listing.expand(compile_case(case), folder / "expanded.parquet")
    table = pq.read_table(folder / "expanded.parquet").replace_schema_metadata(None)
    pq.write_table(table, folder / "own.parquet")
    assert not is_own(folder / "expanded.parquet")
    assert is_own(folder / "own.parquet")
    return read_rows(folder / "own.parquet", case.architecture)


def _figures(result):
    names = [field.name for field in dataclasses.fields(result)]
    return {name: getattr(result, name) for name in names if name not in OF_THE_RUN_OR_THE_PROBLEM}


def _events(result):
    """The expanded trace, without how it is stored and numbers of records."""
    table = result.trace.window(0, result.cycles)
    return table.drop_columns(["kind", "repeat"]).to_pylist()


def rows_alone_run_as_the_loops_do(case, folder):
    rows = without_tables(case, folder)
    full = Tracing(level="full")
    looped, own = execute(compile_case(case), case, trace=full), execute(rows, case, trace=full)
    assert own.estimate is None
    assert _figures(looped) == _figures(own)
    assert _events(looped) == _events(own)


@QUICK
@given(case=cases(longest=600))
def test_rows_alone_run_as_the_loops_do(tmp_path, case):
    rows_alone_run_as_the_loops_do(case, tmp_path)


@pytest.mark.parametrize("seed", some(range(5), quick=(0, 1, 3)))
def test_long_rows_alone_run_as_the_loops_do(tmp_path, seed):
    rows_alone_run_as_the_loops_do(seeded_case(seed), tmp_path)


@pytest.mark.slow
@SLOW
@given(case=cases(longest=3000))
def test_many_rows_alone_run_as_the_loops_do(tmp_path, case):
    rows_alone_run_as_the_loops_do(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5, 60))
def test_many_long_rows_alone_run_as_the_loops_do(tmp_path, seed):
    rows_alone_run_as_the_loops_do(seeded_case(seed), tmp_path)
