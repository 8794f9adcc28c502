"""Does the analytical model give the figures that Timeloop printed, and its laws by hand?"""

from __future__ import annotations

import json
import time
from fractions import Fraction
from pathlib import Path

import pytest

from stallscope.mappings.analytical import Walk, analyze
from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.pricing import price
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term

DATA = Path(__file__).parents[2] / "data" / "timeloop_selection.json"
SELECTION = json.loads(DATA.read_text(encoding="utf-8"))["cases"]

# Hops are not rescaled when a level is bypassed (reference/timeloop/SEMANTICS.md, section 7); only
# the default walk follows that.
FULL_WALK_DIFFERS = {("fuzz_1_028", "PEB <==> RF", "Weights")}


def named(entries):
    return [pytest.param(entry, id=entry["case"]["name"]) for entry in entries]


def check_levels(case, counts, expected, skip=()):
    got, wanted = {}, {}
    for level in counts.levels:
        for name, t in level.tensors.items():
            if (case.name, level.name, name) in skip:
                continue
            key = f"{level.name}.{name}"
            got[key] = [t.reads, t.fills, t.updates, t.temporal_reductions, t.tile_words]
            wanted[key] = expected["levels"][level.name]["tensors"][name][:5]
    assert wanted == got


def check_networks(case, counts, expected, skip=()):
    for level, network in zip(counts.levels, counts.networks, strict=True):
        for name, t in network.tensors.items():
            words, links, reductions, hops = expected["networks"][network.name][name]
            if (case.name, network.name, name) in skip:
                continue
            per_outer = [words * level.used_instances, links * level.used_instances]
            assert per_outer == [t.words_in, t.link_transfers], (network.name, name)
            assert reductions * level.used_instances == t.reductions, (network.name, name)
            assert hops == pytest.approx(t.hops_average, abs=0.0051), (network.name, name)


@pytest.mark.parametrize("entry", named(SELECTION))
def test_every_figure_is_what_timeloop_printed(entry):
    """Reads, fills, updates, tiles, networks, hops, cycles, utilization: exact or as rounded."""
    case, expected = Case.model_validate(entry["case"]), entry["expected"]
    estimate = analyze(case)
    check_levels(case, estimate.counts, expected)
    check_networks(case, estimate.counts, expected)
    assert expected["cycles"] == estimate.cycles
    level_cycles = {name: level["cycles"] for name, level in expected["levels"].items()}
    assert level_cycles == estimate.level_cycles
    assert expected["utilization"] == pytest.approx(estimate.utilization, abs=1e-6)


@pytest.mark.parametrize("entry", named(SELECTION))
def test_every_energy_is_what_timeloop_printed(entry):
    """Energies are printed with two decimals per instance."""
    case, expected = Case.model_validate(entry["case"]), entry["expected"]
    estimate = analyze(case)
    for level in estimate.counts.levels:
        for name, t in level.tensors.items():
            pj = expected["levels"][level.name]["tensors"][name][5]
            assert pj == pytest.approx(t.energy_pj, rel=1e-6, abs=0.006 * level.used_instances)
    assert expected["energy_pj"] == pytest.approx(estimate.energy_pj, rel=2e-6, abs=0.5)
    assert sum(line.pj for line in estimate.ledger) == estimate.energy_pj
    assert estimate.missing == ()


@pytest.mark.parametrize("entry", named(e for e in SELECTION if "full_walk" in e))
def test_a_full_walk_gives_timeloops_full_walk(entry):
    """With TIMELOOP_DISABLE_TEMPORAL_EXTRAPOLATION=1, where that differs from its default."""
    case = Case.model_validate(entry["case"])
    counts = analyze(case, walk=Walk.FULL).counts
    check_levels(case, counts, entry["full_walk"], FULL_WALK_DIFFERS)
    check_networks(case, counts, entry["full_walk"], FULL_WALK_DIFFERS)


@pytest.mark.parametrize("walk", list(Walk))
def test_alexnet_conv2_takes_milliseconds(walk):
    """3.7 million cycles on 168 PEs; the bound leaves room for a busy machine."""
    entry = next(e for e in SELECTION if e["case"]["name"] == "map_alexnet_conv2")
    case = Case.model_validate(entry["case"])
    seconds = []
    for _ in range(5):
        start = time.process_time()
        assert analyze(case, walk=walk).cycles == entry["expected"]["cycles"]
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.05


# ---------------------------------------------------------------- by hand


def loops(text):
    return tuple(Loop(dimension=part[0], extent=int(part[1:])) for part in text.split())


def convolution(**bounds):
    """Weights R C M, inputs C and P + R, outputs M P."""
    terms = {d: (Term(dimension=d),) for d in "MCPR"}
    return Problem(
        dimensions=tuple(Dimension(name=d, bound=bounds.get(d, 1)) for d in "MCPR"),
        tensors=(
            Tensor(name="W", ranks=(terms["M"], terms["C"], terms["R"])),
            Tensor(name="I", ranks=(terms["C"], terms["P"] + terms["R"])),
            Tensor(name="O", ranks=(terms["M"], terms["P"]), is_output=True),
        ),
    )


def two_levels(problem, outer, inner="", x="", *, network=None, rules=None, **levels):
    fanout = 1
    for loop in loops(x):
        fanout *= loop.extent
    keep = ("W", "I", "O")
    return Case(
        problem=problem,
        architecture=Architecture(
            levels=(
                StorageLevel(name="DRAM", kind="dram", network=network or Network()),
                StorageLevel(name="RF", instances=fanout, **levels),
            ),
            compute=ComputeLevel(name="MAC", instances=fanout),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(level="DRAM", temporal=loops(outer), spatial_x=loops(x), keep=keep),
                LevelMapping(level="RF", temporal=loops(inner), keep=keep),
            )
        ),
        rules=rules or Rules(),
    )


def reads(case, level, tensor, walk=Walk.DEFAULT):
    counts = analyze(case, walk=walk).counts
    return next(one for one in counts.levels if one.name == level).tensors[tensor].reads


@pytest.mark.parametrize(("reuse", "expected"), [(Reuse.OVERLAP, 10), (Reuse.TIMELOOP, 24)])
def test_a_loop_inside_the_sliding_loop_ends_reuse_for_timeloop_only(reuse, expected):
    """M inside P, window 3, eight positions: 3 + 7 new words, or 8 x 3."""
    case = two_levels(convolution(P=8, R=3, M=2), "P8 M2", "R3", rules=Rules(reuse=reuse))
    assert expected == reads(case, "DRAM", "I")


@pytest.mark.parametrize(("multicast", "expected"), [(True, 10), (False, 24)])
def test_overlap_reads_a_shared_word_once_if_the_network_multicasts(multicast, expected):
    """Eight PEs side by side need three words each, ten different ones."""
    network = Network(multicast=multicast)
    case = two_levels(convolution(P=8, R=3), "", "R3", "P8", network=network)
    assert expected == reads(case, "DRAM", "I")
    inputs = analyze(case).counts.networks[0].tensors["I"]
    assert inputs.deliveries == 24
    assert inputs.multicast == ({1: 2, 2: 2, 3: 6} if multicast else {1: 24})


def test_declared_links_replace_reads_of_the_parent():
    """Windows slide by one over PEs that stand one apart: after the first step only the last
    PE has a new word, the others take their neighbour's."""
    network = Network(multicast=False, links=True)
    case = two_levels(convolution(P=16, R=1), "P4", "", "P4", network=network)
    assert reads(case, "DRAM", "I") == 16
    case = two_levels(convolution(P=4, R=4), "R4", "", "P4", network=network)
    # R moves the tile by one: PE i needs what PE i+1 had.
    assert reads(case, "DRAM", "I") == 4 + 3
    rf = analyze(case).counts.levels[1].tensors["I"]
    assert (rf.link_transfers, rf.fills) == (9, 16)
    off = case.model_copy(update={"rules": Rules(link_transfers=False)})
    assert reads(off, "DRAM", "I") == 16


@pytest.mark.parametrize("reuse", list(Reuse))
def test_a_spatial_remainder_idles_the_last_unit(reuse):
    """M = 7 on four units in two rounds: 7 x 6 MACs, not 8 x 6; cycles of the padded nest."""
    case = two_levels(convolution(M=7, P=6), "M2 P6", "", "M4", rules=Rules(reuse=reuse))
    estimate = analyze(case)
    assert estimate.counts.compute.computes == 42
    assert estimate.cycles == 12
    assert estimate.utilization == 42 / (4 * 12)
    rf = estimate.counts.levels[1].tensors
    assert (rf["W"].reads, rf["I"].reads, rf["O"].updates) == (42, 42, 42)
    assert reads(case, "DRAM", "I") == 12


def test_without_elision_every_update_is_a_read():
    case = two_levels(convolution(C=4, M=2), "C4 M2")
    outputs = analyze(case).counts.levels[0].tensors["O"]
    assert (outputs.reads, outputs.updates) == (6, 8)
    plain = case.model_copy(update={"rules": Rules(first_read_elision=False)})
    outputs = analyze(plain).counts.levels[0].tensors["O"]
    assert (outputs.reads, outputs.updates) == (8, 8)


def test_the_slowest_port_is_named():
    case = two_levels(convolution(P=8), "P8", read_words_per_cycle="1/3")
    estimate = analyze(case)
    assert estimate.bound_by == "RF read bandwidth"
    # One weight and one input per MAC; the first output is not read.
    assert estimate.cycles == estimate.level_cycles["RF"] == 48
    assert estimate.compute_cycles == 8
    free = analyze(two_levels(convolution(P=8), "P8"))
    assert (free.bound_by, free.cycles) == ("compute", 8)


def table(**energies):
    components = {}
    for key, pj in energies.items():
        component, action = key.split("_")
        components.setdefault(component, []).append(Action(name=action, energy_pj=pj))
    return EnergyTable(
        components=tuple(
            ComponentEnergy(component=name, actions=tuple(actions), area_um2=2.0)
            for name, actions in components.items()
        )
    )


def test_without_a_table_energies_are_none():
    estimate = analyze(two_levels(convolution(P=8), "P8"))
    assert (estimate.energy_pj, estimate.ledger, estimate.missing) == (None, (), ())
    assert estimate.counts.levels[0].tensors["W"].energy_pj is None


def test_a_used_action_without_an_entry_is_reported_and_free():
    case = two_levels(convolution(P=8), "P8").model_copy(
        update={"energy": table(RF_read=1.0, RF_write=2.0, DRAM_read=10.0, DRAM_update=20.0)}
    )
    estimate = analyze(case)
    assert estimate.missing == ("MAC.compute",)
    # RF: 16 reads, 1 weight and 8 inputs filled, 8 updates at the price of a write.
    # DRAM: 9 reads, 8 updates.
    assert estimate.energy_pj == 16 * 1 + 9 * 2 + 8 * 2 + 9 * 10 + 8 * 20
    assert estimate.counts.levels[1].area_um2 == 2.0


def test_leakage_is_charged_to_used_instances_only_if_there_is_an_entry():
    case = two_levels(convolution(P=8), "P4", "", "P2").model_copy(
        update={"energy": table(RF_leak=0.5, MAC_compute=0.0)}
    )
    rf = analyze(case).counts.levels[1]
    assert rf.leakage_pj == 0.5 * 4 * 2
    assert analyze(case).counts.levels[0].leakage_pj is None


def test_blocks_are_rounded_up_for_reads_fills_and_updates_separately():
    case = two_levels(convolution(P=6), "P6", block_words=4).model_copy(
        update={"energy": table(RF_read=1.0, RF_write=10.0, RF_update=100.0)}
    )
    rf = analyze(case).counts.levels[1].tensors
    # W: 6 reads in 2 blocks, 1 fill in 1; O: 6 updates in 2 blocks, no read, no fill.
    assert (rf["W"].energy_pj, rf["O"].energy_pj) == (2 + 10, 200)


def test_any_counts_can_be_priced():
    """The simulator's counts go the same way: cycles matter for leakage alone."""
    case = two_levels(convolution(P=8), "P8").model_copy(
        update={"energy": table(RF_leak=1.0, RF_read=1.0)}
    )
    counts = analyze(case).counts
    assert price(case, counts, 100).energy_pj - price(case, counts, 8).energy_pj == 92


def test_bandwidths_are_exact_ratios_under_the_native_rule():
    """6656 words at 1/2 word per cycle are 13312 cycles; in Timeloop's doubles one more."""
    entry = next(e for e in SELECTION if e["case"]["name"] == "own_bw_glb_read_half")
    case = Case.model_validate(entry["case"])
    assert case.architecture.level("GLB").read_words_per_cycle == Fraction(1, 2)
    assert analyze(case).cycles == 13313
    native = case.model_copy(update={"rules": Rules()})
    words = sum(t.reads for t in analyze(native).counts.levels[1].tensors.values())
    assert analyze(native).level_cycles["GLB"] == max(2 * words, analyze(native).compute_cycles)
