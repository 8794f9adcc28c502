"""What folds and shifts take, by hand."""

import pytest

from stallscope.hw.systolic.folds import Fold, Folds, Shift
from stallscope.hw.systolic.rules import MEANING, OURS, FoldRules, ladder, rules_of
from stallscope.mappings.architecture import ComputeLevel
from stallscope.mappings.systolic import Convention, Systolic


def folds(rules: FoldRules = OURS, *, is_output: bool = False, **figures: object) -> Folds:
    """An array of 8 rows and 4 columns."""
    array = Systolic.model_validate(figures)
    compute = ComputeLevel(name="mac", instances=32, mesh_x=4, systolic=array)
    return Folds(compute, rules, is_output=is_output)


@pytest.mark.parametrize(
    ("rows", "columns", "tile", "expected"),
    [
        (8, 4, (1, 1), 10),  # seven steps down and three across
        (1, 1, (1, 1), 0),
        (3, 2, (1, 1), 3),  # only what is in use
        (8, 4, (8, 4), 0),  # one tile: combinational
        (8, 4, (2, 1), 6),
        (5, 4, (2, 2), 3),  # three tiles down, the last one half full, and two across
    ],
)
def test_a_wave_passes_a_tile_a_cycle(
    rows: int, columns: int, tile: tuple[int, int], expected: int
) -> None:
    array = folds(tile_rows=tile[0], tile_columns=tile[1])
    assert array.skew(rows, columns) == expected


def test_a_step_takes_whole_cycles_to_enter_and_to_leave() -> None:
    narrow = folds(in_words_per_cycle=3)
    assert [narrow.step_cycles(rows, 4) for rows in (1, 3, 4, 8)] == [1, 1, 2, 3]
    assert folds(out_words_per_cycle=2).step_cycles(8, 3) == 2
    # Where outputs stay, a word enters per row and per column, and none leaves.
    both = folds(is_output=True, in_words_per_cycle=4, out_words_per_cycle=1)
    assert both.step_cycles(8, 4) == 3


def test_a_fold_by_our_rules() -> None:
    assert folds().fold(20, 8, 4) == Fold(cycles=20, edge=0, skew=0, lead=0, latency=10, wave=10)
    narrow = folds(in_words_per_cycle=4).fold(20, 8, 4)
    assert narrow == Fold(cycles=40, edge=20, skew=0, lead=0, latency=10, wave=10)
    # The skew of outputs that stay is that of the rows shifted out.
    assert folds(is_output=True).fold(20, 8, 4).latency == 0
    out = folds(is_output=True).shift(8, 4, is_out=True)
    assert out == Shift(cycles=8, rows=8, latency=10)


def test_a_tile_is_shifted_in_row_by_row() -> None:
    assert folds().shift(5, 2) == Shift(cycles=5, rows=5, latency=0)
    assert folds(in_words_per_cycle=2).shift(5, 4).cycles == 10
    narrow = folds(is_output=True, out_words_per_cycle=3)
    assert narrow.shift(5, 4, is_out=True).cycles == 10
    # Old sums that come back enter as operands do.
    assert narrow.shift(5, 4) == Shift(cycles=5, rows=5, latency=0)


def test_scale_sim_charges_the_whole_array_in_every_fold() -> None:
    rules = rules_of(Convention.SCALE_SIM)
    small = folds(rules).fold(20, 2, 1)
    assert small == Fold(cycles=30, edge=0, skew=10, lead=0, latency=0)
    assert folds(rules).shift(2, 1).cycles == 8
    gone = folds(rules, is_output=True).shift(2, 1, is_out=True)
    assert gone == Shift(cycles=0, rows=0, latency=0)


def test_stonne_reads_before_a_tile_and_writes_behind_it() -> None:
    rules = rules_of(Convention.STONNE)
    mesh = folds(rules, is_output=True)
    assert mesh.fold(20, 8, 4).cycles == 20 + 8 + 4 + 3
    assert mesh.fold(20, 8, 1).cycles == 20 + 8 + 1 + 2
    narrow = folds(rules, is_output=True, in_words_per_cycle=4)
    assert narrow.fold(20, 8, 4).cycles == 3 * 19 + 8 + 4 + 5
    slow = folds(rules, is_output=True, out_words_per_cycle=1)
    assert slow.fold(20, 8, 4).cycles == 20 + 8 + 4 + 3 + (32 - 12)


@pytest.mark.parametrize("convention", list(Convention))
def test_a_ladder_ends_with_the_conventions_rules(convention: Convention) -> None:
    end = rules_of(convention)
    steps = ladder(OURS, end)
    assert ([OURS] + [rules for _, rules in steps])[-1] == end
    assert {name for name, _ in steps} <= set(MEANING)
