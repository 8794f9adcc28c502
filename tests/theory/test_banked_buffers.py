"""Buffers with banks on machines with a known answer: rows, columns, parts of blocks, ports."""

from __future__ import annotations

from fractions import Fraction

import pytest

from stallscope.hw.bottleneck import bottleneck
from stallscope.hw.simulate import simulate
from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.layout import Layout, TensorPlace
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term

SIDE = 8
WIDE = {"read_words_per_cycle": Fraction(SIDE), "banks": SIDE, "banking": "interleaved"}


def case(*, glb, outside="", inside="", m=SIDE, c=SIDE, dram=(), tiles=1, layout=None):
    """Weights [M, C] go DRAM -> GLB -> RF -> one MAC; outputs [M] live in the RF and the DRAM.

    ``outside`` and ``inside`` name the loops of 8 at the GLB and at the RF: what is inside is a
    tile of the RF.
    """
    loops = [tuple(dram), *(tuple(Loop(dimension=n, extent=SIDE) for n in names)
                            for names in (outside, inside))]  # fmt: skip
    keep = [("W", "O"), ("W",), ("W", "O")]
    names = ("DRAM", "GLB", "RF")
    held = {"RF": (Buffering(tensor="W", tiles=tiles), Buffering(tensor="O", tiles=2))}
    return Case(
        problem=Problem(
            dimensions=(Dimension(name="M", bound=m), Dimension(name="C", bound=c)),
            tensors=(
                Tensor(name="W", ranks=((Term(dimension="M"),), (Term(dimension="C"),))),
                Tensor(name="O", ranks=((Term(dimension="M"),),), is_output=True),
            ),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(name="DRAM", kind="dram"),
                StorageLevel(name="GLB", **glb),
                StorageLevel(name="RF"),
            ),
            compute=ComputeLevel(name="MAC"),
        ),
        mapping=Mapping(
            levels=tuple(
                LevelMapping(level=name, temporal=temporal, keep=kept,
                             buffering=held.get(name, ()))
                for name, temporal, kept in zip(names, loops, keep, strict=True)
            )
        ),
        layout=layout or Layout(),
    )  # fmt: skip


def tile_cycles(case):
    """Cycles that a tile of 8 weights takes into the RF, which holds one: 8 MACs follow each."""
    cycles = simulate(case).cycles
    assert not (cycles - SIDE * SIDE) % SIDE
    return (cycles - SIDE * SIDE) // SIDE


def test_rows_spread_over_all_banks_and_columns_lie_in_one():
    """A tile of 8 words of an 8 x 8 matrix, 8 banks of a word per cycle: 1 cycle or 8."""
    assert tile_cycles(case(glb=WIDE, outside="M", inside="C")) == 1
    column = case(glb=WIDE, outside="C", inside="M")
    assert tile_cycles(column) == SIDE
    stack = simulate(column).cycle_stack
    assert stack == {"compute": 64, "fill": SIDE, "buffer_port": SIDE * (SIDE - 1)}


def test_the_order_of_ranks_in_main_memory_is_that_on_chip():
    """Stored column by column, what was a row is a column."""
    turned = Layout(tensors=(TensorPlace(tensor="W", order=("C", "M")),))
    assert tile_cycles(case(glb=WIDE, outside="M", inside="C", layout=turned)) == SIDE
    assert tile_cycles(case(glb=WIDE, outside="C", inside="M", layout=turned)) == 1


def test_an_interleave_of_two_words_halves_the_banks_of_a_row():
    pairs = WIDE | {"interleave_words": 2}
    assert tile_cycles(case(glb=pairs, outside="M", inside="C")) == 2
    # A column meets every fourth pair: banks 0 and 4 in turn.
    assert tile_cycles(case(glb=pairs, outside="C", inside="M")) == SIDE // 2


def test_a_tensor_in_one_bank_has_that_bank_alone():
    alone = WIDE | {"banking": "tensor"}
    assert tile_cycles(case(glb=alone, outside="M", inside="C")) == SIDE
    assert tile_cycles(case(glb=alone, outside="C", inside="M")) == SIDE


@pytest.mark.parametrize(("access", "row", "column"), [(1, 2, 2), (2, 2, 4), (4, 2, 8), (8, 2, 16)])
def test_a_column_uses_one_word_of_every_block(access, row, column):
    """4 words per cycle: a row of 8 takes 2 cycles, a column as many as its 8 blocks."""
    blocks = {"read_words_per_cycle": Fraction(4), "banking": "interleaved"}
    blocks["access_words"] = access
    assert tile_cycles(case(glb=blocks, outside="M", inside="C")) == row
    assert tile_cycles(case(glb=blocks, outside="C", inside="M")) == column


def test_blocks_of_a_transfer_are_rounded_up_as_a_whole_where_addresses_do_not_count():
    blocks = {"read_words_per_cycle": Fraction(4), "access_words": 8}
    assert tile_cycles(case(glb=blocks, outside="C", inside="M")) == 2


def test_writes_into_the_child_conflict_where_they_will_lie():
    """The GLB's tile is a row of the matrix: 8 words from its first bank on, into two banks."""
    glb = {"write_words_per_cycle": Fraction(2), "banks": 2, "banking": "interleaved"}
    spread = case(glb=glb, dram=[Loop(dimension="M", extent=SIDE)], inside="C")
    assert simulate(spread).cycles == 4 + SIDE * SIDE
    # By blocks of 8 words, the whole tile is in the first bank.
    lumped = case(glb=glb | {"interleave_words": 8}, dram=[Loop(dimension="M", extent=SIDE)],
                  inside="C")  # fmt: skip
    assert simulate(lumped).cycles == 8 + SIDE * SIDE


TILES = 20


def streamed(**glb):
    """20 tiles of 8 weights through the GLB, written and read; 8 MACs each."""
    return simulate(
        case(glb=glb, dram=[Loop(dimension="M", extent=TILES)], inside="C", m=TILES, tiles=2)
    )


def test_one_port_does_reads_and_writes_in_turn_and_two_do_both_at_once():
    """16 accesses a tile: one after another, or 8 of each at a time; the rest is fill.

    At a shared port the second tile's fill comes before the first tile's read: both are ready as
    the first fill ends, and the outer mover is first.
    """
    assert streamed(ports="1R1W").cycles == 8 + 8 + TILES * 8
    assert streamed(ports="1RW").cycles == TILES * (8 + 8) + 8
    assert streamed(ports="2RW").cycles == 4 + 4 + 4 + TILES * 8
    assert streamed(ports="1R2W").cycles == 4 + 8 + TILES * 8


def test_ports_of_banks_add_up():
    assert streamed(ports="1RW", banks=2, banking="interleaved").cycles == 12 + TILES * 8
    # A tensor that lives in one bank has the ports of that one.
    assert streamed(ports="1RW", banks=2).cycles == TILES * (8 + 8) + 8
    assert streamed(ports="1RW", port_words=8).cycles == 1 + 1 + 1 + TILES * 8


def test_ports_are_the_widths_they_come_to():
    assert streamed(ports="1R1W").cycles == streamed(
        read_words_per_cycle=Fraction(1), write_words_per_cycle=Fraction(1)
    ).cycles  # fmt: skip
    result = streamed(ports="1RW", banks=2, access_words=4, banking="interleaved")
    assert result.estimate.level_cycles["GLB"] == TILES * 8
    assert case(glb={"ports": "3R2W", "banks": 4, "port_words": 2}).architecture.levels[
        1
    ].widths.by_port() == (("read", 24), ("write", 16), ("shared", None))


def test_the_bottleneck_says_what_conflicts_cost():
    found = {(one.resource, one.ideal): one.saved for one in bottleneck(
        case(glb=WIDE, outside="C", inside="M"))}  # fmt: skip
    assert found["GLB", "banks"] == SIDE * (SIDE - 1)
    assert found["GLB", "bandwidth"] == SIDE * SIDE
    even = {(one.resource, one.ideal): one.saved for one in bottleneck(
        case(glb=WIDE, outside="M", inside="C"))}  # fmt: skip
    assert even["GLB", "banks"] == 0
    assert ("GLB", "banks") not in {
        (one.resource, one.ideal)
        for one in bottleneck(case(glb=WIDE | {"banking": "tensor"}, outside="C", inside="M"))
    }
    ported = {"ports": "1R1W", "banks": SIDE, "banking": "interleaved"}
    found = {(one.resource, one.ideal): one.saved for one in bottleneck(
        case(glb=ported, outside="C", inside="M"))}  # fmt: skip
    assert found["GLB", "banks"] == SIDE * (SIDE - 1)
