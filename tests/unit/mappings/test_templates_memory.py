"""What bursts and rows of a device cost a template's tiles."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.mappings.dram_catalog import dram_device
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.templates import plan_layer
from stallscope.mappings.templates.memory import Device, Plain, Tile, blocks_touched
from stallscope.mappings.templates.stores import Width
from tests.systolic_chip import architecture, problem


def tile(lengths: tuple[int, ...], shape: tuple[int, ...]) -> Tile:
    names = "ABC"[: len(shape)]
    tensor = Tensor(name="T", ranks=tuple((Term(dimension=name),) for name in names))
    return Tile(
        tensor=tensor, lengths=[np.array(length) for length in lengths], shape=shape,
        words=np.array(np.prod(lengths)),
    )  # fmt: skip


def counted(lengths: tuple[int, ...], shape: tuple[int, ...], block: int) -> float:
    """Blocks that a tile touches, averaged over where its first word lies in a block."""
    strides = [int(np.prod(shape[at + 1 :], dtype=int)) for at in range(len(shape))]
    words = [
        sum(index * by for index, by in zip(place, strides, strict=True))
        for place in product(*map(range, lengths))
    ]
    return sum(len({(word + start) // block for word in words}) for start in range(block)) / block


def test_a_run_that_begins_anywhere_touches_one_block_more_or_less() -> None:
    assert blocks_touched(tile((11,), (55,)), 64) == 10 / 64 + 1
    assert counted((11,), (55,), 64) == 10 / 64 + 1


def test_runs_far_apart_touch_blocks_of_their_own() -> None:
    assert blocks_touched(tile((3, 11), (8, 1000)), 64) == 3 * (10 / 64 + 1)


def test_a_run_of_whole_blocks_is_aligned_where_the_rows_are() -> None:
    assert blocks_touched(tile((3, 128), (8, 1024)), 64) == 3 * 2
    assert blocks_touched(tile((8, 1000), (8, 1000)), 64) == 125


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_blocks_are_near_those_that_a_count_finds(data: st.DataObject) -> None:
    """Exact for one run, at most a half more for rows that share some of their blocks."""
    shape = tuple(data.draw(st.lists(st.integers(1, 20), min_size=1, max_size=3)))
    lengths = tuple(data.draw(st.integers(1, most)) for most in shape)
    block = data.draw(st.sampled_from([2, 4, 8, 16]))
    found = float(blocks_touched(tile(lengths, shape), block))
    expected = counted(lengths, shape, block)
    aligned = counted(lengths, shape, 1) / block
    assert found >= aligned * (1 - 1e-9)
    assert found <= 1.5 * expected + 1e-9


def device(tiles: dict[str, Tile]) -> Device:
    memory = MainMemory(device=dram_device("hbm2"))
    return Device(memory=memory, clock_mhz=1000, word_bits=8, tiles=tiles)


def test_long_runs_take_the_peak_and_the_refresh() -> None:
    """HBM2 at 1 GHz: 64 bytes in two cycles, of 3900 clocks 260 for refresh."""
    memory = device({"T": tile((2**20,), (2**20,))})
    cycles = memory.cycles({"T": np.array(2**20)})
    assert float(cycles) == pytest.approx(2**20 / 32 * 3900 / (3900 - 260))
    assert memory.traffic({"T": np.array(2**20)}) == 2**20


def test_short_runs_take_a_row_each() -> None:
    """11 bytes in each of 100 rows: one every tFAW / 4 = 7.5 clocks, not a burst of two."""
    memory = device({"T": tile((100, 11), (100, 4096))})
    cycles = memory.cycles({"T": np.array(1100)})
    rows = 100 * (10 / 2048 + 1)
    assert float(cycles) == pytest.approx(rows * 7.5 * 3900 / (3900 - 260))
    assert memory.tile_cycles("T", np.array(1100)) == cycles


def test_a_plain_memory_is_its_busiest_port() -> None:
    words = {"A": np.array(100), "O": np.array(60)}
    slow = Plain(width=Width(read=10, write=2, shared=8), output="O")
    assert slow.cycles(words) == 30
    assert slow.tile_cycles("A", words["A"]) == 12.5
    assert slow.tile_cycles("O", words["O"]) == 30
    shared = Plain(width=Width(read=100, write=100, shared=8), output="O")
    assert shared.cycles(words) == 20
    assert shared.traffic(words) == 160


def test_rows_of_an_image_stay_whole_where_bursts_are_paid() -> None:
    """A stem whose pixels could be cut either way: outputs go in runs of whole rows."""
    layer = problem(K=8, C=3, P=55, Q=55, R=5, S=5, stride=2)
    small = ("capacity: 1024", "capacity: 16384"), ("capacity: 256", "capacity: 4096")
    ddr = ("shared_bandwidth: 8", "memory: {device: hbm2}")
    plan = plan_layer(layer, architecture(*small, ddr), dataflow="os")
    outermost = {loop.dimension for loop in plan.mapping.levels[0].temporal}
    assert "Q" not in outermost
    peak = Fraction(sum(plan.words.values()), 32)
    assert plan.memory_cycles >= peak * Fraction(3900, 3640)


def test_every_dimension_may_be_one() -> None:
    one = Problem(
        dimensions=tuple(Dimension(name=name, bound=1) for name in "MNK"),
        tensors=problem(M=2, N=2, K=2).tensors,
    )
    ddr = ("shared_bandwidth: 8", "memory: {device: ddr4-2400}")
    assert plan_layer(one, architecture(ddr)).words == {"Inputs": 1, "Weights": 1, "Outputs": 1}
