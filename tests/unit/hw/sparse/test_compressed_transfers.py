"""Compressed tiles on their way: how long they take, what they cost, how many fit, what is refused.

A column of eight weights, four of them not zero, goes to one PE in two tiles of four.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stallscope.hw.bottleneck import bottleneck
from stallscope.hw.simulate import execute, simulate
from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case, Rules
from stallscope.mappings.dram_catalog import dram_device
from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.masks import pack
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.simcore.errors import SpecError
from tests.property.test_own_rows import without_tables

WEIGHTS = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=np.bool_)


def tensor(name, dimension, **options):
    return Tensor(name=name, ranks=((Term(dimension=dimension),),), **options)


def bitmask(name="W", **options):
    return TensorFormat(tensor=name, format=Format.BITMASK, **options)


def case(*, parent=(), child=(), words=WEIGHTS, tiles=2, dram=None, pe=None, bound=8, keep="WI"):
    """O[m] = W[m] I[m], two tiles of the PE; only W has zeros."""
    problem = Problem(
        dimensions=(Dimension(name="M", bound=bound),),
        tensors=(tensor("W", "M"), tensor("I", "M"), tensor("O", "M", is_output=True)),
    )
    levels = (
        StorageLevel(name="DRAM", kind="dram", formats=parent, **(dram or {})),
        StorageLevel(name="PE", formats=child, **(pe or {})),
    )
    mapping = Mapping(
        levels=(
            LevelMapping(level="DRAM", temporal=(Loop(dimension="M", extent=tiles),),
                         keep=("W", "I", "O")),
            LevelMapping(level="PE", temporal=(Loop(dimension="M", extent=bound // tiles),),
                         keep=tuple(keep)),
        )
    )  # fmt: skip
    return Case(
        problem=problem,
        architecture=Architecture(levels=levels, compute=ComputeLevel(name="MAC"), clock_mhz=200),
        mapping=mapping,
        sparsity=Sparsity(operands=(Operand(tensor="W", pattern=pack(words)),)),
    )


def moved(result, level, name="W"):
    """Data and metadata words read and filled."""
    found = next(one for one in result.levels if one.name == level).tensors[name]
    return (found.reads - found.metadata_reads, found.metadata_reads,
            found.fills - found.metadata_fills, found.metadata_fills)  # fmt: skip


def test_a_side_that_is_not_compressed_moves_all_words():
    """Four bits of mask are one word; two tiles."""
    result = simulate(case(parent=(bitmask(),)))
    assert moved(result, "DRAM") == (4, 2, 0, 0)
    assert moved(result, "PE")[2:] == (8, 0)
    result = simulate(case(child=(bitmask(),)))
    assert moved(result, "DRAM") == (8, 0, 0, 0)
    assert moved(result, "PE")[2:] == (4, 2)


@pytest.mark.parametrize(("parent", "child"), [((bitmask(),), ()), ((), (bitmask(),))])
def test_the_network_carries_what_is_compressed(parent, child):
    (network, _) = simulate(case(parent=parent, child=child)).networks
    flow = network.tensors["W"]
    assert (flow.words_in, flow.metadata_in) == (6, 2)
    assert (flow.deliveries, flow.metadata_deliveries) == (6, 2)
    assert flow.multicast == {1: 6}


def test_a_port_is_held_for_the_words_that_are_stored():
    """At a word per cycle tiles of 1 + 1 and 3 + 1 words are there after 2 and 6 cycles.

    Uncompressed after 4 and 8: then four multiply-accumulates follow, as after the others.
    """
    port = {"write_words_per_cycle": 1}
    assert simulate(case(child=(bitmask(),), pe=port, keep="W")).cycles == 6 + 4
    assert simulate(case(pe=port, keep="W")).cycles == 8 + 4


def test_a_decoder_hands_on_the_words_that_are_not_zero():
    """A word that is not zero takes four cycles: 4 for the first tile, 12 for the second."""
    slow = bitmask(words_per_cycle=Fraction(1, 4))
    result = simulate(case(parent=(slow,)))
    # 4 until the first tile is there; 12 for the second, of which 4 are hidden behind its MACs;
    # then 4 multiply-accumulates.
    assert result.cycles == 4 + 12 + 4
    assert result.cycle_stack == {"compute": 8, "fill": 4, "decoding": 8}
    assert result.units["W DRAM->PE"].charged["decoding"] == 16


def test_an_encoder_and_a_decoder_have_the_rate_of_their_format():
    slow, fast = bitmask(words_per_cycle=Fraction(1, 4)), bitmask()
    words = simulate(case(child=(slow,))).port_words
    assert words["PE.encoder W"] == 4
    other = TensorFormat(tensor="W", format=Format.COORDINATE, words_per_cycle=2)
    words = simulate(case(parent=(slow,), child=(other,))).port_words
    assert (words["DRAM.decoder W"], words["PE.encoder W"]) == (4, 4)
    same = simulate(case(parent=(slow,), child=(fast,)))
    assert same.port_words["DRAM.decoder W"] == 0
    assert same.cycles == simulate(case(parent=(fast,), child=(fast,))).cycles


def test_decoders_and_metadata_can_be_ideal():
    slow = bitmask(words_per_cycle=Fraction(1, 4))
    found = {(one.resource, one.ideal): one.saved for one in bottleneck(case(parent=(slow,)))}
    # Without a decoder both tiles are there at once.
    assert found["DRAM", "decoding"] == 12
    assert found["DRAM", "metadata"] == 0


def test_metadata_that_is_left_out_costs_nothing():
    result = simulate(case(parent=(bitmask(metadata=False),)))
    assert moved(result, "DRAM") == (4, 0, 0, 0)


def table(*actions):
    made = [Action(name=name, energy_pj=pj) for name, pj in actions]
    parts = [ComponentEnergy(component=name, actions=tuple(made)) for name in ("DRAM", "PE", "MAC")]
    return EnergyTable(components=tuple(parts))


def lines(energy):
    both = case(parent=(bitmask(),), child=(bitmask(),)).model_copy(update={"energy": energy})
    return {(one.component, one.action): (one.count, one.pj_each)
            for one in simulate(both).ledger if one.tensor == "W"}  # fmt: skip


def test_metadata_is_priced_as_reads_and_writes_or_by_its_own_names():
    found = lines(table(("read", 2), ("write", 3), ("compute", 1)))
    assert found["DRAM", "read"] == (4, 2.0)
    assert found["DRAM", "metadata_read"] == (2, 2.0)
    assert found["PE", "metadata_write"] == (2, 3.0)
    own = (("metadata_read", 0.5), ("metadata_write", 0.25))
    found = lines(table(("read", 2), ("write", 3), ("compute", 1), *own))
    assert found["DRAM", "metadata_read"] == (2, 0.5)
    assert found["PE", "metadata_write"] == (2, 0.25)


def held(words, capacity):
    (line,) = (
        one for one in simulate(
            case(child=(bitmask(),), words=words, pe={"capacity_words": capacity})
        ).assumptions if one.startswith("buffering")
    )  # fmt: skip
    return line


def test_slots_are_as_large_as_the_largest_compressed_tile():
    """I needs 4 words; the largest tile of W 3 + 1, or uncompressed 4 + 1."""
    assert "W at PE 2" in held(WEIGHTS, 4 + 2 * 4)
    assert "W at PE 1" in held(WEIGHTS, 4 + 2 * 4 - 1)
    assert "W at PE 1" in held(np.ones(8, np.bool_), 4 + 2 * 4)


def test_the_peak_is_in_stored_words():
    result = simulate(case(child=(bitmask(),), dram={"read_words_per_cycle": 1}))
    peaks = {name: one.peak_words for name, one in result.levels[1].tensors.items()}
    assert peaks["W"] == 2 * (3 + 1)
    assert peaks["I"] == 8


def refused(given, match, **options):
    with pytest.raises(SpecError, match=match):
        simulate(given, **options)


def test_what_is_not_modelled_is_refused():
    memory = {"memory": MainMemory(device=dram_device("DDR4-2400"))}
    refused(case(parent=(bitmask(),), dram=memory), "needs addresses of compressed tiles.*latency")
    banked = {"banks": 2, "banking": "interleaved"}
    refused(case(child=(bitmask(),), pe=banked), "where compressed words lie.*banking: tensor")
    refused(case(child=(bitmask("O"),), keep="WIO"), "partial sums pass")
    refused(case(parent=(bitmask("O"),)), "the MACs add to it there")


def test_whole_sums_may_be_stored_compressed():
    """The output has no loop that it does not depend on: what leaves the PE is whole."""
    whole = case(parent=(bitmask("O"),), keep="WIO")
    operands = (Operand(tensor="O", pattern=pack(WEIGHTS)),)
    result = simulate(whole.model_copy(update={"sparsity": Sparsity(operands=operands)}))
    found = result.levels[0].tensors["O"]
    assert (found.updates, found.metadata_updates) == (4 + 2, 2)
    unread = whole.model_copy(update={"rules": Rules(first_read_elision=False)})
    refused(unread, "partial sums pass")


def test_a_tensor_without_zeros_is_compressed_as_well():
    dense = case(parent=(bitmask(),)).model_copy(update={"sparsity": Sparsity()})
    assert moved(simulate(dense), "DRAM") == (8, 2, 0, 0)


def test_a_tile_of_zeros_alone_moves_its_metadata():
    nothing = case(parent=(bitmask(),), words=np.zeros(8, np.bool_))
    assert moved(simulate(nothing), "DRAM") == (0, 2, 0, 0)
    left_out = case(parent=(bitmask(metadata=False),), words=np.zeros(8, np.bool_))
    assert moved(simulate(left_out), "DRAM") == (0, 0, 0, 0)


def test_rows_of_ones_own_do_not_say_which_words_they_move(tmp_path):
    rows = without_tables(case(), tmp_path)
    with pytest.raises(SpecError, match=r"which words they move.*leave the formats out"):
        execute(rows, case(parent=(bitmask(),)))
