"""Cycles of folds in closed form: streams, preload behind them, and others' conventions."""

import pytest

from stallscope.mappings.architecture import Architecture, ComputeLevel, LevelKind, StorageLevel
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.systolic import Systolic
from stallscope.mappings.templates import plan_layer


def product(m: int, n: int, k: int) -> Problem:
    ranks = {"A": "MK", "B": "KN", "O": "MN"}
    bounds = {"M": m, "N": n, "K": k}
    return Problem(
        dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
        tensors=tuple(
            Tensor(name=name, ranks=tuple((Term(dimension=one),) for one in of),
                   is_output=name == "O")
            for name, of in ranks.items()
        ),
    )  # fmt: skip


def array(side: int, systolic: Systolic, registers: int | None = None) -> Architecture:
    return Architecture(
        levels=(
            StorageLevel(name="DRAM", kind=LevelKind.DRAM),
            StorageLevel(name="BUF"),
            StorageLevel(name="REG", capacity_words=registers),
        ),
        compute=ComputeLevel(name="mac", instances=side**2, mesh_x=side, systolic=systolic),
    )


def cycles(layer: Problem, chip: Architecture, flow: str) -> int:
    return plan_layer(layer, chip, dataflow=flow).array_cycles


def test_streams_follow_one_another() -> None:
    """Four folds of weights, 12 rows of A each."""
    assert cycles(product(12, 8, 8), array(4, Systolic()), "ws") == 4 * 12


def test_a_stream_shorter_than_the_array_waits_for_the_next_tile() -> None:
    """One row of A: a fold of weights takes the four cycles in which the next one enters."""
    assert cycles(product(1, 8, 8), array(4, Systolic()), "ws") == 4 * 4


def test_with_room_for_one_tile_streams_and_tiles_take_turns() -> None:
    assert cycles(product(12, 8, 8), array(4, Systolic(), 16), "ws") == 4 * (12 + 4)
    assert cycles(product(12, 8, 8), array(4, Systolic(), 32), "ws") == 4 * 12


def test_remainders_stream_what_there_is() -> None:
    """Nine rows of outputs on four: three folds of eight steps; the last one is a single row."""
    assert cycles(product(9, 4, 8), array(4, Systolic()), "os") == 3 * 8


def test_a_narrow_edge_takes_several_cycles_a_step() -> None:
    """Four inputs a step at two words per cycle; eight of both operands at three."""
    assert cycles(product(12, 8, 8), array(4, Systolic(in_words_per_cycle=2)), "ws") == 4 * 12 * 2
    assert cycles(product(12, 8, 8), array(4, Systolic(in_words_per_cycle=3)), "os") == 6 * 8 * 3
    assert cycles(product(12, 8, 8), array(4, Systolic(out_words_per_cycle=1)), "ws") == 4 * 12 * 4


@pytest.mark.parametrize(("flow", "total"), [("os", 4991), ("ws", 5503), ("is", 5503)])
def test_folds_of_scale_sim(flow: str, total: int) -> None:
    """64 x 64 x 64 on 8 x 8 in SCALE-Sim 3.0.0 (PyPI), which numbers the last cycle from 0."""
    chip = array(8, Systolic(convention="scale-sim"))
    assert cycles(product(64, 64, 64), chip, flow) - 1 == total


def test_folds_of_stonne() -> None:
    """The same in STONNE 22634b8b, output-stationary mesh, 16 words per cycle: 5 312 cycles."""
    chip = array(8, Systolic(convention="stonne", in_words_per_cycle=16))
    assert cycles(product(64, 64, 64), chip, "os") == 5312
