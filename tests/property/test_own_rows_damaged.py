"""Rows with something changed run, are refused, or end in a deadlock: nothing else happens."""

from __future__ import annotations

import csv
from random import Random

import pyarrow.parquet as pq
import pytest

from stallscope.hw.simulate import execute
from stallscope.mappings.case import Platform
from stallscope.simcore.errors import DeadlockError, SpecError
from stallscope.traces import listing
from stallscope.traces.compile import compile_case
from stallscope.traces.rows.program import read_rows
from tests.property.seeded import seeded_case


def _changed_cell(text, rng):
    """The cell with one of its numbers, words or characters changed."""
    parts = text.split(" ")
    at = rng.randrange(len(parts))
    if parts[at].rstrip(";").isdigit():
        parts[at] = str(max(0, int(parts[at].rstrip(";")) + rng.choice([-2, -1, 1, 3])))
    else:
        parts[at] = rng.choice(["", "W", "O", "L1", "drained", "finished", "delivered", parts[0]])
    return " ".join(parts)


def damage(rows, rng):
    """The rows with one of them dropped, doubled, moved or changed in a cell."""
    rows = [dict(row) for row in rows]
    at = rng.randrange(len(rows))
    kind = rng.choice(["drop", "double", "move", "cell", "cell", "cell", "empty", "unit"])
    if kind == "drop" and len(rows) > 1:
        del rows[at]
    elif kind == "double":
        rows.insert(at, dict(rows[at]))
    elif kind in ("drop", "move"):
        rows.insert(rng.randrange(len(rows)), rows.pop(at))
    else:
        column = rng.choice([name for name in rows[at] if rows[at][name]])
        if kind == "empty":
            column = rng.choice(["wait_for", "frees", "finishes", "room", "ports", "cycles"])
        rows[at][column] = "" if kind == "empty" else _changed_cell(str(rows[at][column]), rng)
        if kind == "unit":
            rows = [row | {column: rows[at][column]} if row["unit"] == rows[at]["unit"] else row
                    for row in rows]  # fmt: skip
    for row in rows:
        row["step"] = ""
    return rows


def _outcome(path, platform):
    try:
        result = execute(read_rows(path, platform.architecture), platform)
    except (SpecError, DeadlockError) as error:
        return type(error)
    assert sum(result.cycle_stack.values()) == result.cycles
    return result.cycles


def _short_case(seed):
    """A case whose program has few rows."""
    case = seeded_case(seed)
    steps = listing.info(compile_case(case))["steps"]
    return case if steps < 200 else _short_case(seed + 10_000)


def outcomes(seed, folder, times):
    case = _short_case(seed)
    platform = Platform(architecture=case.architecture)
    listing.expand(compile_case(case), folder / "expanded.parquet")
    rows = pq.read_table(folder / "expanded.parquet").to_pylist()
    rng, found = Random(seed), []
    for _ in range(times):
        changed = damage(rows, rng)
        if rng.random() < 0.3:
            changed = damage(changed, rng)
        with open(folder / "own.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(changed)
        found.append(_outcome(folder / "own.csv", platform))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_damaged_rows_run_or_are_refused(tmp_path, seed):
    found = outcomes(seed, tmp_path, 25)
    assert SpecError in found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8, 80))
def test_many_damaged_rows_run_or_are_refused(tmp_path, seed):
    outcomes(seed, tmp_path, 80)
