"""The model: words that remain, what they cost, and when it is no model at all (density 1)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.mappings.analytical import analyze
from stallscope.mappings.energy import Action as Priced
from stallscope.mappings.energy import ComponentEnergy, EnergyTable
from stallscope.mappings.sparsity.levels import (
    Act,
    Action,
    Design,
    Hypergeometric,
    LevelFormat,
    Packing,
    PerIndex,
    Rank,
    RankKind,
    Structured,
    estimate_levels,
    price_levels,
)
from tests.unit.mappings.sparsity.levels.matrices import product

STORED = tuple(
    LevelFormat(level=level, tensor=tensor) for level in ("Memory", "Buffer") for tensor in "AB"
)


def both_ways(act):
    return (
        Action(act=act, level="Buffer", tensor="A", on=("B",)),
        Action(act=act, level="Buffer", tensor="B", on=("A",)),
        Action(act=act, level="Buffer", tensor="Z", on=("A", "B")),
    )


@settings(max_examples=40)
@given(
    outer=st.lists(st.sampled_from("MNK"), max_size=3, unique=True),
    extents=st.lists(st.integers(1, 4), min_size=6, max_size=6),
    act=st.sampled_from(list(Act)),
)
def test_at_density_one_all_is_dense(outer, extents, act):
    """Whatever the formats (without metadata) and actions, as `analyze` has it."""
    case = product(
        [(name, extents[at]) for at, name in enumerate(outer)],
        [(name, extents[3 + at]) for at, name in enumerate("MNK")],
        bandwidth=2,
    )
    design = Design(formats=STORED, actions=both_ways(act))
    full = {name: Hypergeometric(total=4**4, nonzero=4**4) for name in "AB"}
    ours, dense = estimate_levels(case, design, full), analyze(case)
    assert ours.compute.effectual == case.problem.macs
    assert ours.compute.cycles == ours.compute.steps == dense.compute_cycles
    for level, plain in zip(ours.levels, dense.counts.levels, strict=True):
        for name, words in level.tensors.items():
            counts = plain.tensors[name]
            found = (words.reads, words.fills, words.updates)
            assert found == pytest.approx((counts.reads, counts.fills, counts.updates))
            assert (words.gated_reads, words.skipped_reads) == (0, 0)
    assert ours.cycles == pytest.approx(
        max(dense.compute_cycles, *(level.read_words / 2 for level in ours.levels))
    )


def test_two_followers_are_an_intersection():
    """Of 4 x 4 x 8 MACs a quarter has both; a half of the words is stored at all."""
    case = product((("N", 4), ("M", 4)), (("K", 8),))
    half = {name: Structured(share=0.5) for name in "AB"}
    for act in Act:
        ours = estimate_levels(case, Design(formats=STORED, actions=both_ways(act)), half)
        a = ours.level("Buffer").tensors["A"]
        left = a.gated_reads if act is Act.GATE else a.skipped_reads
        assert (a.dense_reads, a.reads, left) == (128, 32, 32)
        assert ours.compute.effectual == 32
        assert ours.level("Buffer").tensors["Z"].updates == 32
        timed = 64 if act is Act.GATE else 32
        assert a.read_words == timed


def test_a_tile_is_skipped_only_where_its_leader_tile_is_empty():
    """B's column of 8 is fetched for 4 rows of A: needed unless all 32 words of A are zero."""
    case = product((("N", 4), ("M", 4)), (("K", 8),))
    design = Design(actions=(Action(act=Act.SKIP, level="Memory", tensor="B", on=("A",)),))
    density = Hypergeometric(total=32, nonzero=1)
    words = estimate_levels(case, design, {"A": density}).level("Memory").tensors["B"]
    assert (words.dense_reads, words.reads) == (32, 32)
    rows = Action(act=Act.SKIP, level="Memory", tensor="A", on=("B",))
    words = estimate_levels(
        case, Design(actions=(rows,)), {"B": Hypergeometric(total=32, nonzero=1)}
    )
    a = words.level("Memory").tensors["A"]
    assert a.reads == pytest.approx(a.dense_reads / 4)  # one column of four holds the word


def test_operands_that_share_busy_channels_meet_more_often():
    """PE with one MAC: cycles are the pairs channel by channel, not the product of densities."""
    case = product((("N", 2), ("M", 2)), (("K", 4),))
    a = PerIndex("K", (2, 2, 0, 0), each=2)
    b = PerIndex("K", (2, 1, 1, 0), each=2)
    design = Design(formats=STORED, actions=both_ways(Act.SKIP))
    ours = estimate_levels(case, design, {"A": a, "B": b})
    assert ours.cycles == pytest.approx(2 * 2 + 2 * 1)
    assert ours.level("Buffer").tensors["B"].reads == pytest.approx(6)
    assert case.problem.macs * a.share * b.share == pytest.approx(4)


def test_metadata_that_follow_the_data_are_skipped_with_it_and_bitmasks_are_not():
    case = product((("N", 4), ("M", 4)), (("K", 8),))
    half = {name: Structured(share=0.5) for name in "AB"}
    for kind, words in ((RankKind.BITMASK, 128 / 8), (RankKind.COORDINATES, 32 * 4 / 8)):
        rank = Rank(kind=kind, dimension="K", bits=4)
        formats = (LevelFormat(level="Buffer", tensor="A", ranks=(rank,)),)
        design = Design(formats=formats, actions=both_ways(Act.SKIP))
        a = estimate_levels(case, design, half).level("Buffer").tensors["A"]
        assert a.metadata_reads == pytest.approx(words)
        fixed = 1 / 8 if kind is RankKind.BITMASK else 0.5 * 4 / 8
        assert a.metadata_fills == pytest.approx(a.dense_fills * fixed)


def test_words_of_a_group_leave_their_lanes_to_others():
    """2 of 8 weights in 2 lanes: a step each, with both lanes busy (n : m picking)."""
    case = product((("N", 4),), (("M", 2),), lanes=(("K", 8),))
    packing = Packing(tensor="A", level="Buffer", dimension="K", lanes=2)
    ours = estimate_levels(case, Design(packings=(packing,)), {"A": Structured(share=0.25)})
    assert (ours.compute.effectual, ours.compute.utilized) == (16, 2)
    assert ours.compute.cycles == ours.compute.steps == 8


def test_groups_packed_in_time_take_whole_steps():
    """X of 8 words in 4 lanes: E[ceil(X / 4)] steps in place of 2; cycles weigh by use."""
    case = product((("K", 4),), (("M", 2), ("N", 4)), lanes=(("M", 4),))
    packing = Packing(tensor="A", level="Buffer", dimension="M", lanes=4, in_time=True)
    density = Hypergeometric(total=32, nonzero=16)
    ours = estimate_levels(case, Design(packings=(packing,)), {"A": density})
    spread = density.spread((8,))
    steps = sum(p * -(-x // 4) for x, p in zip(spread.words, spread.chances, strict=True))
    assert ours.compute.steps == pytest.approx(32 * steps / 2)
    assert ours.compute.cycles == ours.compute.steps
    used = estimate_levels(
        case, Design(packings=(packing,), work_over_use=True), {"A": density}
    ).compute
    groups = [(x, p) for x, p in zip(spread.words, spread.chances, strict=True) if x]
    busy = sum(p * x / -(-x // 4) for x, p in groups) / sum(p for _, p in groups)
    assert used.cycles == pytest.approx(64 / busy)
    b = ours.level("Buffer").tensors["B"]  # read once per step of A
    assert b.reads == pytest.approx(b.dense_reads * steps / 2)


def test_empty_tiles_that_are_visited_count_as_filled_ones():
    case = product((("N", 4), ("M", 4)), (("K", 2),))
    density = {"A": Hypergeometric(total=8, nonzero=4)}
    held, visited = (
        estimate_levels(
            case,
            Design(
                formats=(LevelFormat(level="Buffer", tensor="A", visits_empty=visits),),
            ),
            density,
        ).level("Buffer").tensors["A"].fills
        for visits in (False, True)
    )  # fmt: skip
    assert held == pytest.approx(32 * 0.5)
    assert visited == pytest.approx(32 * 0.5 / (1 - 6 / 28))


def test_a_results_first_visit_is_a_fill_if_asked_for():
    case = product((("N", 4), ("M", 4)), (("K", 2),))
    for counted, fills in ((False, 0), (True, 16)):
        ours = estimate_levels(case, Design(fills_results=counted), {})
        assert ours.level("Buffer").tensors["Z"].fills == fills


def test_energy_is_count_times_figure():
    figures = {"read": 2.0, "metadata_read": 1.0, "gated_read": 0.5, "write": 3.0}
    actions = tuple(Priced(name=name, energy_pj=pj) for name, pj in figures.items())
    table = EnergyTable(components=(
        ComponentEnergy(component="Buffer", actions=actions),
        ComponentEnergy(component="MAC", actions=(Priced(name="compute", energy_pj=10.0),)),
    ))  # fmt: skip
    case = product((("N", 4), ("M", 4)), (("K", 8),), energy=table)
    rank = Rank(kind=RankKind.BITMASK, dimension="K")
    formats = tuple(LevelFormat(level="Buffer", tensor=name, ranks=(rank,)) for name in "AB")
    design = Design(formats=formats, actions=both_ways(Act.GATE))
    half = {name: Structured(share=0.5) for name in "AB"}
    priced = price_levels(case, estimate_levels(case, design, half))
    lines = {(line.component, line.action, line.tensor): line.pj for line in priced.ledger}
    assert lines["Buffer", "read", "A"] == pytest.approx(32 * 2)
    assert lines["Buffer", "gated_read", "A"] == pytest.approx(32 * 0.5)
    assert lines["Buffer", "metadata_read", "A"] == pytest.approx(16)
    assert lines["Buffer", "update", "Z"] == pytest.approx(32 * 3)  # charged as a write
    assert lines["MAC", "compute", ""] == pytest.approx(320)
    assert priced.energy_pj == pytest.approx(sum(lines.values()))
    assert "Memory.read" in priced.missing
    assert "Buffer.gated_update" not in priced.missing
    assert price_levels(case.model_copy(update={"energy": None}), None) is None
