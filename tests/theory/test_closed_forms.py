"""Machines with a known answer: bandwidth, latency, one buffer or two, fill and drain."""

from __future__ import annotations

from fractions import Fraction

import pytest

from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.simulate import simulate
from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.simcore.errors import DeadlockError
from stallscope.traces.compile import compile_case

TILES, WORDS = 20, 8


def stream(*, tiles=2, outputs=2, dram=None, buffer=None, mac=None, network=None):
    """Weights stream through a buffer, 8 words a tile, 20 tiles; one output word a tile."""
    weights = ((Term(dimension="M"),), (Term(dimension="C"),))
    buffering = (Buffering(tensor="W", tiles=tiles), Buffering(tensor="O", tiles=outputs))
    return Case(
        problem=Problem(
            dimensions=(Dimension(name="M", bound=TILES), Dimension(name="C", bound=WORDS)),
            tensors=(
                Tensor(name="W", ranks=weights),
                Tensor(name="O", ranks=weights[:1], is_output=True),
            ),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(
                    name="DRAM", kind="dram", network=network or Network(), **(dram or {})
                ),
                StorageLevel(name="buffer", **(buffer or {})),
            ),
            compute=ComputeLevel(name="MAC", **(mac or {})),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(
                    level="DRAM", temporal=(Loop(dimension="M", extent=TILES),), keep=("W", "O")
                ),
                LevelMapping(
                    level="buffer",
                    temporal=(Loop(dimension="C", extent=WORDS),),
                    keep=("W", "O"),
                    buffering=buffering,
                ),
            )
        ),
    )


def test_a_machine_without_limits_computes_all_the_time():
    result = simulate(stream())
    assert result.cycle_stack == {"compute": TILES * WORDS}


@pytest.mark.parametrize("width", ["1/2", "1", "4"])
def test_a_narrow_dram_is_the_bound_and_the_first_tile_is_fill(width):
    """A tile takes 8 / width cycles; with two buffers the slower of it and 8 MACs sets the pace."""
    result = simulate(stream(dram={"read_words_per_cycle": Fraction(width)}))
    tile = int(WORDS / Fraction(width))
    lost = max(0, tile - WORDS) * (TILES - 1)
    assert result.cycles == tile + (TILES - 1) * max(tile, WORDS) + WORDS
    assert result.cycle_stack["fill"] == tile
    assert result.fill_causes == {"dram_bandwidth": tile}
    assert result.cycle_stack.get("dram_bandwidth", 0) == lost


def test_one_buffer_cannot_hide_the_transfer():
    result = simulate(stream(tiles=1, dram={"read_words_per_cycle": Fraction(1)}))
    assert result.cycles == TILES * (WORDS + WORDS)


def test_one_buffer_pays_the_latency_every_time():
    result = simulate(stream(tiles=1, dram={"read_latency_cycles": 50}))
    assert result.cycles == TILES * (50 + WORDS)
    assert result.cycle_stack == {
        "compute": TILES * WORDS,
        "fill": 50,
        "dram_latency": 50 * (TILES - 1),
    }


def test_enough_buffers_hide_the_latency_but_for_the_first():
    result = simulate(stream(tiles=8, dram={"read_latency_cycles": 50}))
    assert result.cycles == 50 + TILES * WORDS


def test_the_last_write_back_is_drain():
    result = simulate(
        stream(dram={"write_words_per_cycle": Fraction(1), "write_latency_cycles": 7})
    )
    assert result.cycles == TILES * WORDS + 1 + 7
    assert result.cycle_stack["drain"] == 8
    assert sum(result.drain_causes.values()) == 8


def test_network_latencies_delay_the_first_delivery_and_the_last_write_back():
    network = Network(fill_latency_cycles=5, drain_latency_cycles=7)
    assert simulate(stream(network=network)).cycles == TILES * WORDS + 12


def test_a_write_port_of_half_a_word_per_cycle_bounds_fills_and_updates_together():
    """A tile writes 8 weights and updates 8 partial sums: 16 words, 32 cycles of the port."""
    result = simulate(stream(buffer={"write_words_per_cycle": Fraction(1, 2)}))
    assert result.cycles == TILES * 32
    assert result.cycle_stack["compute"] == TILES * WORDS
    assert result.cycle_stack["buffer_port"] + result.cycle_stack["fill"] == TILES * (32 - WORDS)


def test_a_pipeline_delays_the_result_not_the_next_burst():
    assert simulate(stream(mac={"pipeline_cycles": 4})).cycles == TILES * WORDS + 4


def test_latency_into_the_macs_delays_results_once():
    """Reads, ways and the MACs are one pipeline: a constant, however many bursts there are."""
    late = stream(outputs=8, buffer={"read_latency_cycles": 9, "write_latency_cycles": 4})
    # The drain reads the buffer, too: 9 more; partial sums go back into it: 4.
    assert simulate(late).cycles == TILES * WORDS + 4 + (9 + 4) + 9
    far = stream(buffer={"network": Network(hop_latency_cycles=100)})
    assert simulate(far).cycles == TILES * WORDS  # one MAC stands where the words come in


def test_what_delays_a_write_back_has_its_own_name():
    slow = simulate(stream(dram={"write_latency_cycles": 10}))
    assert slow.drain_causes == {"dram_latency": 10}
    deep = simulate(stream(mac={"pipeline_cycles": 4}))
    assert deep.drain_causes == {"compute_latency": 4}
    far = simulate(stream(network=Network(drain_latency_cycles=7)))
    assert far.drain_causes == {"network_latency": 7}


def test_a_buffer_smaller_than_the_window_is_a_deadlock_with_a_table():
    case = stream()
    program = compile_case(case)
    small = case.architecture.levels[1].model_copy(update={"capacity_words": 4})
    architecture = case.architecture.model_copy(
        update={"levels": (case.architecture.levels[0], small)}
    )
    with pytest.raises(DeadlockError, match="W buffer released") as caught:
        Machine(program, architecture, FastForwardMode()).run()
    units = {waiter.unit: waiter for waiter in caught.value.waiters}
    assert units["W DRAM->buffer"].need - units["W DRAM->buffer"].have == WORDS - 4
    assert units["MAC"].awaits == "W buffer delivered"
