"""One thing ideal at a time: what is known to be the bottleneck saves what it is known to cost."""

from __future__ import annotations

from fractions import Fraction

from stallscope.hw.bottleneck import bottleneck
from stallscope.hw.simulate import simulate
from tests.property.seeded import seeded_case
from tests.theory.test_attribution import TILES, WORDS, layer


def saved(case, **options):
    return {(one.resource, one.ideal): one.saved for one in bottleneck(case, **options)}


def test_a_narrow_dram_saves_what_it_costs():
    found = saved(layer(dram={"read_words_per_cycle": Fraction(1, 2)}))
    assert found["DRAM", "bandwidth"] == TILES * 16 + WORDS - TILES * WORDS
    assert found["", "nothing"] == 0
    assert found["", "everything"] == found["DRAM", "bandwidth"]


def test_room_hides_latency_and_so_does_no_latency():
    """One tile at each level: 50 cycles of way for each of 20 tiles, 8 of them hidden."""
    case = layer(weights=1, dram={"read_latency_cycles": 50})
    found = saved(case)
    base = simulate(case).cycles
    assert found["DRAM", "latency"] == base - TILES * WORDS
    # Room in the global buffer lets the DRAM run ahead; the first way is paid all the same.
    assert found["GLB", "capacity"] == base - 50 - TILES * WORDS
    assert found["spad", "capacity"] >= 0


def test_contention_is_what_private_ports_save():
    """Outputs on their way up read the port that weights are read from, 2 cycles a word."""
    case = layer(glb={"read_words_per_cycle": Fraction(1, 2)})
    alone = simulate(case, contention=False)
    assert alone.cycles == TILES * 16 + WORDS + 2
    assert saved(case)["", "contention"] == simulate(case).cycles - alone.cycles


def test_what_is_ideal_already_is_not_listed():
    found = saved(layer())
    assert {ideal for _, ideal in found} == {
        "nothing", "capacity", "contention", "everything",
    }  # fmt: skip


def test_the_most_saved_comes_first():
    amounts = [one.saved for one in bottleneck(seeded_case(421))[1:]]
    assert sorted(amounts, reverse=True) == amounts


def test_fast_forward_changes_nothing():
    case = seeded_case(3)
    assert bottleneck(case, fast_forward=False) == bottleneck(case)
