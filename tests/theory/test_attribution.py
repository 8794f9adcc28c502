"""Hand-made machines of which one thing is the bottleneck: the lost cycles go to its class.

Each case has a closed form for its cycles, so what is attributed is known too. `layer` is a
matrix-vector product: 20 tiles of 8 weights each stream from DRAM through a global buffer and a
scratch pad to one MAC; an output word a tile goes back.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from stallscope.hw.simulate import simulate
from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.loading import load
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term

TILES, WORDS = 20, 8
HALF, ONE = Fraction(1, 2), Fraction(1)


def layer(*, weights=2, outputs=2, dram=None, glb=None, spad=None, mac=None, networks=None):
    """`weights`, `outputs`: tiles held at the inner levels; the rest: figures of each level."""
    ranks = ((Term(dimension="M"),), (Term(dimension="C"),))
    held = (Buffering(tensor="W", tiles=weights), Buffering(tensor="O", tiles=outputs))
    networks = networks or {}
    return Case(
        problem=Problem(
            dimensions=(Dimension(name="M", bound=TILES), Dimension(name="C", bound=WORDS)),
            tensors=(
                Tensor(name="W", ranks=ranks),
                Tensor(name="O", ranks=ranks[:1], is_output=True),
            ),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(
                    name="DRAM", kind="dram", network=networks.get("DRAM", Network()),
                    **(dram or {}),
                ),
                StorageLevel(name="GLB", network=networks.get("GLB", Network()), **(glb or {})),
                StorageLevel(name="spad", **(spad or {})),
            ),
            compute=ComputeLevel(name="MAC", **(mac or {})),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(
                    level="DRAM", temporal=(Loop(dimension="M", extent=TILES),), keep=("W", "O")
                ),
                LevelMapping(level="GLB", keep=("W", "O"), buffering=held),
                LevelMapping(
                    level="spad",
                    temporal=(Loop(dimension="C", extent=WORDS),),
                    keep=("W", "O"),
                    buffering=held,
                ),
            )
        ),
    )  # fmt: skip


def lost(result):
    """Cycles in which the array did not compute, by class; fill and drain by their causes."""
    found = {}
    parts = [result.fill_causes, result.drain_causes, result.cycle_stack]
    for part in parts:
        for name, cycles in part.items():
            if name not in ("compute", "fill", "drain"):
                found[name] = found.get(name, 0) + cycles
    return found


def share(result, name):
    return lost(result).get(name, 0) / sum(lost(result).values())


def test_dram_bound():
    """A tile takes 16 cycles of the DRAM, 8 of the MAC: the DRAM sets the pace, two levels up."""
    result = simulate(layer(dram={"read_words_per_cycle": HALF}))
    assert result.cycles == TILES * 16 + WORDS
    assert result.cycle_stack == {"compute": 160, "fill": 16, "dram_bandwidth": 19 * 8}
    assert share(result, "dram_bandwidth") >= 0.99


def test_global_buffer_port_bound():
    """Outputs on their way to the DRAM read the same port, 2 cycles each.

    Before the last weights it has moved all weights and the outputs of all tiles but two; after
    the last MACs it moves the last output.
    """
    result = simulate(layer(glb={"read_words_per_cycle": HALF}))
    before = 2 * (TILES * WORDS + TILES - 2)
    assert result.cycles == before + WORDS + 2
    assert result.cycle_stack["buffer_port"] == before - 16 - (TILES - 1) * WORDS
    assert share(result, "buffer_port") >= 0.99


def test_network_bound():
    """As above: what enters the network on the way up holds it, too."""
    result = simulate(layer(networks={"GLB": Network(words_per_cycle=HALF)}))
    before = 2 * (TILES * WORDS + TILES - 2)
    assert result.cycle_stack["network_bandwidth"] == before - 16 - (TILES - 1) * WORDS
    assert share(result, "network_bandwidth") >= 0.99


def test_latency_bound_with_one_buffer():
    """One tile at each level: every tile waits for its own way from the DRAM."""
    result = simulate(layer(weights=1, dram={"read_latency_cycles": 50}))
    assert result.fill_causes == {"dram_latency": 50}
    assert result.cycle_stack == {"compute": 160, "fill": 50, "dram_latency": 19 * (50 - WORDS)}
    assert share(result, "dram_latency") >= 0.99


def test_latency_two_levels_up_is_that_of_its_own_level():
    result = simulate(layer(weights=1, glb={"read_latency_cycles": 30}))
    assert set(lost(result)) == {"buffer_latency"}


def test_capacity_bound():
    """One tile of outputs in the scratch pad: there is no room until it has been written back.

    The way back takes 12 cycles of latency, which two tiles would hide behind the 8 MACs of the
    next two tiles.
    """
    slow = {"write_latency_cycles": 12}
    result = simulate(layer(outputs=1, glb=slow))
    assert result.cycles == 12 + TILES * (WORDS + 12)
    assert result.cycle_stack == {
        "compute": 160,
        "fill": 12,
        "buffer_capacity": 19 * 12,
        "drain": 12,
    }
    roomy = simulate(layer(outputs=3, glb=slow))
    assert "buffer_capacity" not in roomy.cycle_stack


def test_capacity_is_not_blamed_on_the_port_that_makes_room():
    """The port takes 16 cycles per word; without room the next tile's burst cannot begin."""
    slow = {"write_words_per_cycle": Fraction(1, 16)}
    result = simulate(layer(outputs=1, dram=slow))
    between = {k: v for k, v in result.cycle_stack.items() if k not in ("compute", "fill", "drain")}
    assert set(between) == {"buffer_capacity"}
    assert result.drain_causes == {"dram_bandwidth": 16}


def all_at_once(case):
    """The same with the loop over tiles moved to the scratch pad: one tile holds everything."""
    dram, glb, spad = case.mapping.levels
    spad = spad.model_copy(update={"temporal": dram.temporal + spad.temporal})
    levels = (dram.model_copy(update={"temporal": ()}), glb, spad)
    mapping = case.mapping.model_copy(update={"levels": levels})
    return case.model_copy(update={"mapping": mapping})


def test_fill_only():
    """Everything is one tile: all that is lost lies before the first multiply-accumulate."""
    result = simulate(all_at_once(layer(dram={"read_words_per_cycle": HALF})))
    assert result.cycle_stack == {"compute": 160, "fill": 320}
    assert result.fill_causes == {"dram_bandwidth": 320}


def test_drain_only():
    """Outputs leave at the end, all at once: what is lost lies after the last one."""
    result = simulate(all_at_once(layer(dram={"write_words_per_cycle": HALF})))
    assert result.cycle_stack == {"compute": 160, "drain": 40}
    assert result.drain_causes == {"dram_bandwidth": 40}


def test_a_narrow_port_of_the_macs_own_level_is_charged_while_they_compute():
    result = simulate(layer(spad={"read_words_per_cycle": HALF}))
    assert share(result, "buffer_port") >= 0.99


def test_waits_that_overlap_are_charged_to_the_operand_that_comes_last():
    """Two tensors are awaited: the DRAM brings both, the one on the slower way is to blame."""
    result = simulate(
        layer(weights=1, dram={"read_latency_cycles": 5}, glb={"read_latency_cycles": 40})
    )
    assert share(result, "buffer_latency") >= 0.9


@pytest.mark.parametrize("contention", [True, False])
def test_units_account_for_every_cycle_by_state_and_by_class(contention):
    case = layer(dram={"shared_words_per_cycle": ONE, "read_latency_cycles": 7}, outputs=1)
    result = simulate(case, contention=contention)
    for unit in result.units.values():
        assert unit.busy + unit.idle + sum(unit.waiting.values()) == result.cycles
        assert sum(unit.charged.values()) == unit.busy + sum(unit.waiting.values())
    assert result.units["O spad->GLB"].charged["compute"] > 0


BEHIND_A_DRAIN = """\
stallscope: 1
problem:
  dimensions: {M: 64, C: CHANNELS, P: 64}
  tensors: {Weights: [M, C], Inputs: [C, P], Outputs: [M, P]}
  output: Outputs
architecture:
  levels:
    - {name: DRAM, kind: dram, read_bandwidth: 2, burst_words: BURST}
    - {name: GLB, write_bandwidth: 5/2}
    - {name: RF, instances: 64}
  compute: {name: MAC, instances: 64}
mapping:
  DRAM: {temporal: [M=64]}
  GLB:
    temporal: [C=CHANNELS]
    spatial_x: [P=64]
    keep: [Weights, Inputs, Outputs]
    buffering: {Weights: 1, Inputs: 1, Outputs: 2}
  RF: {keep: [Outputs], buffering: {Outputs: 2}}
"""


@pytest.mark.parametrize(("channels", "burst"), [(16, 4), (40, 1)], ids=["4 bursts", "40 bursts"])
def test_contention_is_charged_to_the_server_that_is_contended_for(channels, burst, tmp_path):
    """Weights come from a DRAM that nobody else reads, then wait behind drains of outputs.

    64 words of outputs hold the global buffer's write port 26 cycles, tile after tile: that is
    what holds the weights up, though their own slowest server is the DRAM, and however many bursts
    their transfer has.
    """
    file = tmp_path / "case.yaml"
    file.write_text(BEHIND_A_DRAIN.replace("CHANNELS", f"{channels}").replace("BURST", f"{burst}"))
    case = load(file)
    result = simulate(case)
    fills = result.units["Weights DRAM->GLB"]
    contention = fills.waiting["contention"]
    assert contention > 20 * 64
    assert fills.charged["buffer_port"] >= contention
    # Alone a tile takes half a cycle a word: no more than that is the DRAM's.
    alone = 64 * channels // 2
    assert fills.charged["dram_bandwidth"] <= alone
    assert result.cycle_stack["dram_bandwidth"] <= alone
    assert result.cycle_stack["buffer_port"] >= 63 * 26
    lost = simulate(case, trace="full").trace.window(units=["Weights DRAM->GLB"]).to_pandas()
    works = lost[lost.op == "FILL"]
    assert works.wait_cycles.sum() == contention
    assert works.buffer_port_cycles.sum() >= contention - channels // 2  # first: inputs at the DRAM
