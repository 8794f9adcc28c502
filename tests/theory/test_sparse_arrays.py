"""Arrays of two PEs by hand: which PE waits for which, and what that costs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stallscope.hw.simulate import simulate
from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.hardware import Mode, SparseArray, TensorRate
from stallscope.mappings.sparsity.masks import pack
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.simcore.errors import SpecError

# Steps of the two PEs in four passes: the PEs take turns in being the slow one.
STEPS = ((4, 1), (1, 4), (4, 1), (1, 4))

ENERGIES = (Action(name="compute", energy_pj=2.0), Action(name="gated", energy_pj=0.5))


def _case(array, *, tiles=1, kept="WIO", steps=STEPS, **pe):
    """O[m] = sum over c of W[m, c] I[c]: every PE has an m; a pass is a chunk of four c."""
    weights = np.zeros((2, 4 * len(steps)), dtype=np.bool_)
    for at, chunk in enumerate(steps):
        for row, count in enumerate(chunk):
            weights[row, 4 * at : 4 * at + count] = True
    plain = {name: (Term(dimension=name),) for name in "MC"}
    buffering = tuple(Buffering(tensor=name, tiles=tiles) for name in kept)
    return Case(
        problem=Problem(
            dimensions=(Dimension(name="M", bound=2), Dimension(name="C", bound=4 * len(steps))),
            tensors=(
                Tensor(name="W", ranks=(plain["M"], plain["C"])),
                Tensor(name="I", ranks=(plain["C"],)),
                Tensor(name="O", ranks=(plain["M"],), is_output=True),
            ),
        ),
        architecture=Architecture(
            levels=(StorageLevel(name="GLB"), StorageLevel(name="PE", instances=2, **pe)),
            compute=ComputeLevel(name="MAC", instances=2, sparse=array),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(
                    level="GLB",
                    keep=("W", "I", "O"),
                    temporal=(Loop(dimension="C", extent=len(steps)),),
                    spatial_x=(Loop(dimension="M", extent=2),),
                ),
                LevelMapping(
                    level="PE",
                    keep=tuple(kept),
                    temporal=(Loop(dimension="C", extent=4),),
                    buffering=buffering,
                ),
            )
        ),
        sparsity=Sparsity(operands=(Operand(tensor="W", pattern=pack(weights)),)),
        energy=EnergyTable(components=(ComponentEnergy(component="MAC", actions=ENERGIES),)),
    )


def _skipping(mode, **options):
    return SparseArray(skips=("W",), mode=mode, **options)


@pytest.mark.parametrize(
    ("array", "tiles", "cycles"),
    [
        # Every pass takes its slower PE's 4 steps.
        (_skipping(Mode.BARRIER), 2, 16),
        # 5 steps on 2 PEs are 3 cycles.
        (_skipping(Mode.PACKED), 1, 12),
        # With one tile held nobody runs ahead.
        (_skipping(Mode.QUEUE), 1, 16),
        # With two, the PE that is done begins the next pass: free at (4, 1), (5, 5), (9, 6), ...
        (_skipping(Mode.QUEUE), 2, 10),
        (_skipping(Mode.QUEUE, fifo_depth=1), 1, 10),
        (_skipping(Mode.QUEUE, fifo_depth=None), 1, 10),
    ],
)
def test_who_waits_for_whom_decides_the_cycles(array, tiles, cycles):
    result = simulate(_case(array, tiles=tiles))
    assert cycles == result.cycles
    assert {"compute": cycles} == result.cycle_stack
    assert result.sparsity.steps == (10, 10)
    # 20 steps on two PEs are 10 cycles; what is beyond them was lost.
    assert cycles - 10 == result.sparsity.imbalance_cycles
    assert 2 * (cycles - 10) == result.pe_stack.get("imbalance", 0)
    assert (result.sparsity.dense_cycles, result.sparsity.ideal_cycles) == (16, 10)


def test_a_deeper_fifo_hides_a_longer_imbalance():
    """One PE has all of its work in the first two passes, the other in the last two."""
    steps = ((4, 0), (4, 0), (0, 4), (0, 4))
    cycles = [
        simulate(_case(_skipping(Mode.QUEUE, fifo_depth=depth), steps=steps)).cycles
        for depth in (0, 1, 2, 3, None)
    ]
    # With two tiles held the fourth pass waits for the second one, with three for the first.
    assert cycles == [16, 12, 8, 8, 8]


def test_gating_saves_no_cycle_but_the_work_and_the_other_reads():
    result = simulate(_case(SparseArray(gates=("W",))))
    assert result.cycles == 16
    found = result.sparsity
    assert (
        found.executed_macs, found.active_macs, found.gated_macs, found.skipped_macs,
    ) == (32, 20, 12, 0)  # fmt: skip
    pe = result.levels[1].tensors
    # Weights are looked at in every step; inputs where they are wanted; sums but for the first.
    assert (pe["W"].reads, pe["I"].reads, pe["O"].reads, pe["O"].updates) == (32, 20, 18, 20)
    mac = [(line.action, line.count, line.pj) for line in result.ledger if line.component == "MAC"]
    assert mac == [("compute", 20, 40.0), ("gated", 12, 6.0)]


def test_skipping_saves_the_reads_of_what_is_skipped():
    result = simulate(_case(_skipping(Mode.BARRIER)))
    pe = result.levels[1].tensors
    assert (pe["W"].reads, pe["I"].reads, pe["O"].reads, pe["O"].updates) == (20, 20, 18, 20)
    assert (result.sparsity.executed_macs, result.sparsity.skipped_macs) == (20, 12)


def test_a_pe_takes_as_long_as_its_own_slow_port():
    """Three words a step at 3/2 a cycle: two cycles a step, but for the first touch of the sum.

    11 words, 3, 12, 3 of one PE are 58/3 cycles; the sum, there from the next whole cycle on, is
    read to be written back in 2/3 of one.
    """
    slow = _case(_skipping(Mode.QUEUE, fifo_depth=None), read_words_per_cycle=Fraction(3, 2))
    assert simulate(slow).cycles == 20 + 1
    # Together: 11, 12, 12 and 12 words are 94/3 cycles.
    slow = _case(_skipping(Mode.BARRIER), tiles=2, read_words_per_cycle=Fraction(3, 2))
    assert simulate(slow).cycles == 32 + 1


def test_words_that_pes_share_cannot_be_skipped_out_of_step():
    with pytest.raises(SpecError, match="read by several PEs at once"):
        simulate(_case(_skipping(Mode.BARRIER), kept="WO"))


@pytest.mark.parametrize(
    ("mode", "depth", "rate", "cycles"),
    [
        # A PE reads 4, 1, 4, 1 weights in its passes, the other 1, 4, 1, 4: at half a word per
        # cycle the slower one of each pass takes 8 cycles.
        (Mode.BARRIER, 0, Fraction(1, 2), 32),
        (Mode.QUEUE, None, Fraction(1, 2), 20),
        # 5 words on two decoders: 3 words of one of them, 6 cycles.
        (Mode.PACKED, 0, Fraction(1, 2), 24),
        # A word per cycle is as fast as the MACs.
        (Mode.BARRIER, 0, Fraction(1), 16),
    ],
)
def test_decoders_of_pes_set_the_pace(mode, depth, rate, cycles):
    decoders = (TensorRate(tensor="W", words_per_cycle=rate),)
    array = _skipping(mode, fifo_depth=depth, decoders=decoders)
    result = simulate(_case(array, tiles=2))
    assert result.cycles == cycles
    assert sum(result.cycle_stack.values()) == cycles
    assert result.sparsity.executed_macs == 20


def test_waiting_for_a_decoder_is_decoding():
    decoders = (TensorRate(tensor="W", words_per_cycle=Fraction(1, 2)),)
    result = simulate(_case(_skipping(Mode.BARRIER, decoders=decoders), tiles=2))
    assert result.cycle_stack == {"compute": 16, "decoding": 16}


@pytest.mark.parametrize(
    ("mode", "depth", "rate", "cycles"),
    [
        # Of the inputs none is zero: a PE looks at 4 + 4 coordinates in a pass, or 1 + 4.
        (Mode.BARRIER, 0, 1, 4 * 8),
        (Mode.QUEUE, None, 1, 2 * 8 + 2 * 5),
        (Mode.PACKED, 0, 1, 4 * 7),
        (Mode.BARRIER, 0, 2, 4 * 4),
    ],
)
def test_intersection_units_look_at_both_operands(mode, depth, rate, cycles):
    array = SparseArray(skips=("W", "I"), mode=mode, fifo_depth=depth, intersections_per_cycle=rate)
    assert simulate(_case(array, tiles=2)).cycles == cycles


@pytest.mark.parametrize("mode", Mode)
def test_units_in_front_of_pes_repeat_as_they_are_skipped(mode):
    decoders = (TensorRate(tensor="W", words_per_cycle=Fraction(1, 3)),)
    array = SparseArray(
        skips=("W", "I"), mode=mode, decoders=decoders, intersections_per_cycle=Fraction(3, 2)
    )
    case = _case(array, tiles=2)
    results = [simulate(case, fast_forward=on, audit=audit) for on, audit in
               ((True, False), (False, False), (True, True))]  # fmt: skip
    assert len({(one.cycles, tuple(one.cycle_stack.items())) for one in results}) == 1


def test_waiting_for_a_port_of_ones_own_is_no_computing():
    case = _case(_skipping(Mode.QUEUE, fifo_depth=None), tiles=2, read_words_per_cycle=Fraction(1))
    result = simulate(case)
    assert result.sparsity.steps == (10, 10)
    # A step reads a weight, an input and the sum but for its first touch: 3 x 10 - 1 words at a
    # word per cycle, and each PE has done all its 10 steps in some of these cycles.
    assert result.cycle_stack == {"compute": 10, "buffer_port": 19, "drain": 1}
    assert result.pe_stack == {"compute": 20, "buffer_port": 38, "drain": 2}


@pytest.mark.parametrize(("mode", "busiest"), [(Mode.BARRIER, 4), (Mode.PACKED, 3)])
def test_words_that_zeros_leave_hold_ports_and_networks(mode, busiest):
    """In each of four passes the busiest PE has so many steps: words of weights, inputs, sums."""
    network = Network(words_per_cycle=Fraction(1))
    result = simulate(_case(_skipping(mode), tiles=2, network=network))
    assert result.cycles == 4 * 3 * busiest
    # The write port of a pad takes 4 + 4 words of every pass's tiles, and the pass's sums.
    result = simulate(_case(_skipping(mode), tiles=2, write_words_per_cycle=Fraction(1, 2)))
    assert result.cycles == 2 * 4 * (8 + busiest)
