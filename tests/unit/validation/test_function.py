"""The reference is NumPy's, tensors are checked, and a verification says what differs."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import stallscope as ss
from stallscope.mappings.problem import Dimension, Problem
from stallscope.simcore.errors import SpecError
from stallscope.traces.compile import compile_case
from stallscope.validation.function import draw, reference, verify, verify_program
from tests.property.layers import KINDS, tensor
from tests.unit.traces.interpreter.interpreted import case_of, computing, edited


def _problem(tensors, **bounds):
    return Problem(
        dimensions=tuple(Dimension(name=n, bound=b) for n, b in bounds.items()), tensors=tensors
    )


def _by_hand(problem, operands):
    """The layer, one multiply-accumulate at a time."""
    out = np.zeros(problem.output.tile_shape(problem.bounds), dtype=object)
    for point in product(*(range(bound) for bound in problem.bounds.values())):
        at = dict(zip(problem.bounds, point, strict=True))
        value = 1
        for one in problem.tensors:
            if not one.is_output:
                value *= int(operands[one.name][one.origin(at)])
        out[problem.output.origin(at)] += value
    return out


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("kind", dict.fromkeys(KINDS), ids=lambda kind: kind.__name__)
def test_the_reference_is_the_sum_of_products(kind, stride, dilation):
    names, tensors = kind(stride, dilation)
    sizes = dict(zip(dict.fromkeys(names), (2, 3, 2, 3, 1, 2, 2), strict=False))
    problem = _problem(tensors, **sizes)
    operands = draw(problem, 3)
    expected = _by_hand(problem, operands)
    assert expected.tolist() == reference(problem, operands).tolist()


def test_the_reference_of_a_convolution_is_a_convolution():
    """Against numpy.convolve, which slides the other way round."""
    names, tensors = KINDS[5]()
    problem = _problem(tensors, **dict.fromkeys(names, 1) | {"P": 6, "R": 3})
    operands = {"W": np.array([[[2, -1, 3]]]), "I": np.arange(8).reshape(1, 8)}
    expected = np.convolve(np.arange(8), [3, -1, 2], mode="valid")
    assert expected.tolist() == reference(problem, operands)[0].tolist()


def test_scalars_and_dimensions_of_no_operand_are_summed():
    tensors = (tensor("A"), tensor("O", is_output=True))
    problem = _problem(tuple(t.model_copy(update={"ranks": ()}) for t in tensors), K=5)
    assert reference(problem, {"A": np.array(3)}) == 15


def test_drawn_operands_have_no_zero_and_depend_on_the_seed(tmp_path):
    problem = case_of(tmp_path).problem
    one, again, other = draw(problem, 1), draw(problem, 1), draw(problem, 2)
    assert all((array != 0).all() and np.abs(array).max() <= 99 for array in one.values())
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not np.array_equal(one["Inputs"], other["Inputs"])


def test_a_case_is_verified(tmp_path):
    found = ss.verify(case_of(tmp_path), seed=5)
    assert found.is_correct
    assert (found.macs, found.words, found.mismatches, found.first) == (1152, 96, 0, None)
    document = found.to_json()
    assert document["correct"]
    assert document["transfers"][0]["unit"] == "Weights DRAM->GLB"


def test_tensors_of_the_user_are_used(tmp_path):
    case = case_of(tmp_path)
    ones = {"Weights": np.ones((8, 4, 3), np.int8), "Inputs": np.ones((4, 14), np.uint8)}
    found = verify(case, tensors=ones)
    assert found.is_correct
    assert (found.execution.output == 12).all()


def test_every_fault_of_the_tensors_is_reported(tmp_path):
    case = case_of(tmp_path)
    with pytest.raises(SpecError) as caught:
        verify(case, tensors={"Weights": np.ones((8, 4)), "Outputs": np.ones(1), "Bias": [1]})
    places = [(fault.place, fault.rule) for fault in caught.value.faults]
    assert places == [
        ("tensors.Outputs", "is the output"),
        ("tensors.Bias", "is no tensor of the layer"),
        ("tensors.Weights.shape", "the layer needs (8, 4, 3)"),
        ("tensors.Weights.dtype", "must be integer: the comparison is exact"),
        ("tensors.Inputs", "is missing"),
    ]


@pytest.mark.parametrize(
    ("weight", "message"),
    [(np.array(2**63, np.uint64), "does not fit 64 bits"),
     (np.array(2**60, np.int64), "sums of 12 products up to .* may not fit 64 bits")],
)  # fmt: skip
def test_integers_too_large_are_refused(tmp_path, weight, message):
    tensors = {"Weights": np.broadcast_to(weight, (8, 4, 3)), "Inputs": np.ones((4, 14), int)}
    with pytest.raises(SpecError, match=message):
        verify(case_of(tmp_path), tensors=tensors)


def test_the_first_word_that_differs_is_named(tmp_path):
    """The refill of a tile that is there already starts at zero: the sums so far are lost."""
    case = case_of(tmp_path)
    program = compile_case(case)

    def forgetful(mover):
        return tuple(
            loop.__class__(dimension=loop.dimension, extent=loop.extent, step=loop.step)
            for loop in mover.loops
        )

    broken = edited(program, "Outputs", "RF", loops=forgetful)
    operands = draw(case.problem, 0)
    found = verify_program(broken, case.problem)
    last = operands["Weights"][0, 3, :] @ operands["Inputs"][3, :3]
    assert (found.mismatches, found.first.at) == (96, (0, 0))
    assert found.first.expected == reference(case.problem, operands)[0, 0]
    assert found.first.actual == last
    assert found.to_json()["first_mismatch"]["actual"] == last


def test_a_compute_stream_of_other_products_is_not_correct(tmp_path):
    """Two words of every tile exchanged by walking the array's loops in another order."""
    case = case_of(tmp_path, rf="M=2, R=3", glb="C=4, P=2", reuse="timeloop")
    program = compile_case(case)
    assert verify_program(program, case.problem).is_correct
    loops = program.compute.inner
    same = computing(program, inner=(loops[1], loops[0]))
    assert verify_program(same, case.problem).is_correct  # the order inside a burst is free
