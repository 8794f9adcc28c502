"""No cycle of a chip of crossbars is charged to what the chip does not have.

A port without a limit is never in the way, a path without latency delays nobody, crossbars that are
written in no time keep nobody waiting.
"""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.hw.reram.simulate import simulate_crossbars
from stallscope.mappings.reram.chip import MainMemory, Overlap
from tests.property.crossbar_machines import legal, machines


@st.composite
def whole_cycles(draw):
    """Machines whose transfers take whole cycles: no port moves more than a byte in one."""
    case = draw(machines())
    chip = case.chip
    parts = ("memory", "htree", "input_buffer", "partial_sums", "main_memory", "vector")
    update = {
        name: part.model_copy(update={
            field: min(rate, Fraction(1)) for field, rate in part
            if field.endswith("per_cycle") and rate is not None
        })
        for name in parts if (part := getattr(chip, name)) is not None
    }  # fmt: skip
    return legal(case.model_copy(update={"chip": chip.model_copy(update=update)}))


def absent(case):
    """Causes that nothing on the chip can be."""
    chip = case.chip
    main, writing = chip.main_memory, chip.writing
    if main is None:
        main = MainMemory()
    tree = (chip.htree.root_bytes_per_cycle, chip.htree.branch_bytes_per_cycle)
    ports = [
        rate for buffer in (chip.memory, chip.input_buffer, chip.partial_sums)
        for rate in (buffer.read_bytes_per_cycle, buffer.write_bytes_per_cycle)
    ]  # fmt: skip
    free_tree = tree == (None, None)
    possible = {
        "dram_latency": main.latency_cycles > 0,
        "dram_bandwidth": main.bandwidth_bytes_per_cycle is not None,
        "buffer_latency": chip.memory.latency_cycles > 0,
        "network_latency": chip.htree.hop_latency_cycles > 0 and chip.cores > 1,
        "network_bandwidth": not free_tree,
        "network_contention": not free_tree,
        "buffer_port": any(rate is not None for rate in ports),
        "reprogram": writing.pulse_ns + writing.verify_ns > 0,
        "imbalance": case.lowered.used_cores > 1,
        "reduction": (chip.vector.adds_per_cycle, chip.vector.activations_per_cycle)
        != (None, None),
    }
    return {cause for cause, is_possible in possible.items() if not is_possible}


def charged(case):
    """Absent causes that cycles are charged to, of the chip, its cores, and every unit."""
    result = simulate_crossbars(case)
    stacks = {
        "chip": result.cycle_stack,
        "cores": result.pe_stack,
        "fill": result.fill_causes,
        **{name: unit.charged for name, unit in result.units.items()},
    }
    return {
        (name, cause): stack[cause]
        for name, stack in stacks.items()
        for cause in sorted(absent(case))
        if stack.get(cause)
    }


@settings(max_examples=10)
@given(case=whole_cycles())
def test_nothing_is_charged_to_what_is_not_there(case):
    assert charged(case) == {}


@pytest.mark.slow
@settings(max_examples=300)
@given(case=whole_cycles())
def test_nothing_is_charged_to_what_is_not_there_on_many(case):
    """The same on many more."""
    assert charged(case) == {}


@settings(max_examples=10)
@given(case=machines())
def test_what_ends_within_a_cycle_is_charged_to_nothing_else_that_is_not_there(case):
    """Who waits for a transfer that others follow waits out its last cycle, which is latency."""
    assert {key for key in charged(case) if not key[1].endswith("_latency")} == set()


@settings(max_examples=10)
@given(case=machines())
def test_no_more_cycles_of_writing_are_waited_for_than_there_are(case):
    """What is hidden is a share of them.

    Cores that are written by themselves wait for each other, as inputs come to all of them at once:
    the writing of one may stop a whole tile.
    """
    account = simulate_crossbars(case).reram
    is_partial = case.chip.overlap is Overlap.PARTIAL
    stopped = min(case.chip.cores, case.lowered.used_cores) if is_partial else 1
    assert account.waiting_cycles <= stopped * account.writing_cycles
    assert account.hidden is None or 0 <= account.hidden <= 1
