"""Schedules executed on values: what is held is what is multiplied with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stallscope.hw.reram.execution import execute_on_values
from stallscope.hw.reram.values import Noise
from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip, LogicalCrossbar, Programming, Readout
from stallscope.mappings.reram.schedule import CrossbarSchedule
from stallscope.simcore.errors import SpecError
from stallscope.traces.reram.program import compile_crossbars
from stallscope.traces.reram.steps import program_steps
from stallscope.validation.function import reference

LAYER = ConvLayer(C=10, K=9, P=4, Q=3, R=2, S=2)
ALIKE = ConvLayer(C=24, K=9, P=4, Q=3, R=1, S=3)
"""Its loads are all of 4 channels: what one needs fits another."""
SPILLING = {"loops": ({"axis": "ko"}, {"axis": "h", "step": 2})}
HELD = {"loops": ({"axis": "h", "step": 2}, {"axis": "ko"}), "snake": True}


def a_case(layer=LAYER, schedule=SPILLING, **reading):
    chip = CrossbarChip(
        cores=2,
        crossbar=LogicalCrossbar(rows=4, columns=3, per_core=3),
        reading=Readout(read_ns=100, columns_per_adc=3, adc_gsps=1, **reading),
        writing=Programming(pulse_ns=50, whole_crossbars=False),
    )
    return CrossbarCase(layer=layer, chip=chip, schedule=CrossbarSchedule(**schedule))


def operands(case):
    generator = np.random.default_rng(7)
    problem = case.layer.problem()
    return {
        tensor.name: generator.integers(1, 128, size=tensor.tile_shape(problem.bounds))
        * generator.choice([-1, 1], size=tensor.tile_shape(problem.bounds))
        for tensor in problem.tensors
        if not tensor.is_output
    }


def run(case, steps=None, **options):
    drawn = operands(case)
    return execute_on_values(case, drawn["Weights"], drawn["Inputs"], steps=steps, **options)


def is_right(case, steps):
    expected = reference(case.layer.problem(), operands(case))
    return np.array_equal(expected, run(case, steps).outputs)


def steps_of(case):
    return list(program_steps(compile_crossbars(case)))


def visited(steps, **damage):
    """The steps, every visit of an output tile damaged."""
    return [step if step.opened is None else replace(step, opened=replace(step.opened, **damage))
            for step in steps]  # fmt: skip


@pytest.mark.parametrize("schedule", [SPILLING, HELD])
@pytest.mark.parametrize("stream", ["written", "brought"])
def test_cores_compute_with_what_they_hold_when_anything_brought_is_left_out(schedule, stream):
    case = a_case(ALIKE, schedule)
    steps = steps_of(case)
    assert is_right(case, steps)
    found = [at for at, step in enumerate(steps) if getattr(step, stream)]
    assert len(found) > 8
    # Nothing stands before what the first step brings.
    for at in found[1::3]:
        damaged = [*steps[:at], replace(steps[at], **{stream: None}), *steps[at + 1 :]]
        assert not is_right(case, damaged), at


@pytest.mark.parametrize("schedule", [SPILLING, HELD])
@pytest.mark.parametrize("stream", ["weights", "inputs", "outputs"])
def test_a_stream_that_lacks_its_innermost_loop_gives_another_result(schedule, stream):
    case = a_case(ALIKE, schedule)
    program = compile_crossbars(case)
    short = replace(program.walk, **{stream: getattr(program.walk, stream) - 1})
    assert not is_right(case, program_steps(replace(program, walk=short)))


@pytest.mark.parametrize("stream", ["written", "brought"])
def test_two_loads_brought_in_each_others_place_give_another_result(stream):
    case = a_case(ALIKE)
    steps = steps_of(case)
    first, second = [at for at, step in enumerate(steps) if getattr(step, stream)][:2]
    one, other = (getattr(steps[at], stream) for at in (first, second))
    steps[first] = replace(steps[first], **{stream: other})
    steps[second] = replace(steps[second], **{stream: one})
    assert not is_right(case, steps)


def test_a_tile_that_forgets_its_partial_sums_gives_another_result():
    case = a_case()
    assert not is_right(case, visited(steps_of(case), is_first=True))


def test_a_tile_that_comes_back_too_early_reads_what_nobody_wrote():
    case = a_case()
    assert not is_right(case, visited(steps_of(case), is_first=False))


def test_updates_and_spills_are_reported():
    """10 channels in blocks of 4 rows, 4 kernel positions on 3 crossbars: 6 loads; 2 steps of co.

    Every tile comes once per load: five times of six it leaves unfinished.
    """
    case = a_case()
    done = run(case)
    assert done.updates == 12
    assert done.spilled_words == done.refilled_words == 5 * 9 * 12
    assert done.multiplies == 6 * 12 * 3
    assert run(a_case(schedule=HELD)).spilled_words == 0


def test_bits_of_the_largest_sum_are_reported():
    """40 products of 127 and 127: 645 160 needs 20 bits and a sign."""
    weights, inputs = np.full((9, 10, 2, 2), 127), np.full((1, 10, 5, 4), 127)
    assert execute_on_values(a_case(), weights, inputs).sum_bits == 21


def test_a_batched_product_keeps_its_products_apart():
    case = a_case(GemmLayer(M=3, N=5, K=9, batch=3), {"filling": "packed"})
    drawn = operands(case)
    expected = np.einsum("bmk,bkn->bmn", drawn["Inputs"], drawn["Weights"])
    assert np.array_equal(expected, run(case).outputs)


def test_noise_makes_results_floating_and_repeats_with_its_seed():
    case = a_case()
    noise = Noise(programming_sigma=0.02, read_sigma=0.01, seed=3)
    one, again = run(case, noise=noise), run(case, noise=noise)
    other = run(case, noise=noise.model_copy(update={"seed": 4}))
    assert one.outputs.dtype == np.float64
    assert np.array_equal(one.outputs, again.outputs)
    assert not np.array_equal(one.outputs, other.outputs)


def test_every_fault_of_the_operands_is_reported_at_once():
    case = a_case()
    with pytest.raises(SpecError) as error:
        execute_on_values(case, np.full((9, 10, 2, 2), 128), np.zeros((10, 5, 4)))
    text = str(error.value)
    assert "tensors.Weights = 128: signed words of 8 bits lie in -128 ... 127" in text
    assert "tensors.Inputs.shape = (10, 5, 4): the layer needs (1, 10, 5, 4)" in text
    assert "tensors.Inputs.dtype = float64: must be integer" in text


def test_unsigned_inputs_may_use_the_top_bit_and_no_sign():
    case = a_case()
    weights = operands(case)["Weights"]
    inputs = np.full((1, 10, 5, 4), 255)
    done = execute_on_values(case, weights, inputs, signed_inputs=False)
    assert done.outputs[0, 0, 0, 0] == 255 * weights[0].sum()
    with pytest.raises(SpecError, match=r"unsigned words of 8 bits lie in 0 ... 255"):
        execute_on_values(case, weights, -inputs, signed_inputs=False)


def test_sums_past_sixty_three_bits_are_refused():
    case = a_case(input_bits=32)
    wide = case.chip.crossbar.model_copy(update={"weight_bits": 32})
    case = case.model_copy(update={"chip": case.chip.model_copy(update={"crossbar": wide})})
    with pytest.raises(SpecError, match="sums of 40 products may need 70 bits"):
        run(case)
