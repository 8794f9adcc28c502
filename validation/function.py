"""Law L6: what a program computes is what the layer computes, bit for bit.

The reference is NumPy's: one strided view per operand, so that the whole layer is one einsum. It
knows the problem and nothing of programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.case import Case
from stallscope.mappings.problem import Problem, Tensor
from stallscope.mappings.sparsity.masks import masks
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.compile import compile_case
from stallscope.traces.flat import FlatProgram
from stallscope.traces.interpreter.interpret import Execution, interpret
from stallscope.traces.program import Program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["Difference", "Verification", "draw", "reference", "verify", "verify_program",
           "with_zeros"]  # fmt: skip

_LARGEST = 99
"""Operands are drawn from 1 to this, either sign: never 0, which would hide a missing product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A word that differs: its coordinates, NumPy's value and the program's."""

    at: tuple[int, ...]
    expected: int
    actual: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What came of a comparison with NumPy.

    Attributes:
        name: Name of the case.
        macs: Multiply-accumulates of the layer.
        words: Words of the output compared.
        mismatches: How many of them differ.
        first: The first that differs, in row-major order; None if none does.
        execution: What the program did.
    """

    name: str
    macs: int
    words: int
    mismatches: int
    first: Difference | None
    execution: Execution

    @property
    def is_correct(self) -> bool:
        """Whether every word is equal."""
        return self.mismatches == 0

    def to_json(self) -> dict[str, Any]:
        """Return the document that `stallscope verify --json` prints."""
        execution, first = self.execution, self.first
        return {
            "name": self.name,
            "correct": self.is_correct,
            "macs": self.macs,
            "skipped": execution.skipped,
            "instructions": execution.instructions,
            "words_compared": self.words,
            "mismatches": self.mismatches,
            "first_mismatch": None if first is None else {
                "at": list(first.at), "expected": first.expected, "actual": first.actual,
            },
            "transfers": [
                {"unit": one.unit, "op": one.op.value, "tensor": one.tensor, "parent": one.parent,
                 "child": one.child, "steps": one.steps, "parent_words": one.parent_words,
                 "child_words": one.child_words}
                for one in execution.transfers
            ],
            "peak_words": dict(execution.peak_words),
            "tiles": [
                {"tensor": tensor, "level": level, "tiles": tiles}
                for (tensor, level), tiles in execution.tiles
            ],
        }  # fmt: skip


def reference(problem: Problem, operands: Mapping[str, Integers]) -> Integers:
    """Compute the layer with NumPy.

    Args:
        problem: Any sum over products of affinely indexed operands.
        operands: Per operand an integer array of shape ``tensor.tile_shape(problem.bounds)``.

    Returns:
        The output, int64, shape ``problem.output.tile_shape(problem.bounds)``.
    """
    names = [name for name, bound in problem.bounds.items() if bound > 1]
    number = {name: at for at, name in enumerate(names)}
    views: list[Any] = []
    used: set[str] = set()
    for tensor in problem.tensors:
        if not tensor.is_output:
            array = np.ascontiguousarray(operands[tensor.name], dtype=np.int64)
            mine = [name for name in names if name in tensor.dimensions]
            views += [_view(tensor, array, mine, problem.bounds), [number[name] for name in mine]]
            used.update(mine)
    # A dimension of no operand still counts one product per iteration.
    rest = [name for name in names if name not in used]
    views += [np.ones([problem.bounds[name] for name in rest], dtype=np.int64),
              [number[name] for name in rest]]  # fmt: skip
    output = problem.output
    kept = [name for name in names if name in output.dimensions]
    result = np.zeros(output.tile_shape(problem.bounds), dtype=np.int64)
    _view(output, result, kept, problem.bounds)[...] = np.einsum(
        *views, [number[name] for name in kept]
    )
    return result


def _view(
    tensor: Tensor, array: Integers, dimensions: Sequence[str], bounds: Mapping[str, int]
) -> Integers:
    """The tensor's words by iteration: one axis per dimension, words repeat where it slides."""
    strides = [
        sum(
            term.coefficient * array.strides[rank]
            for rank, terms in enumerate(tensor.ranks)
            for term in terms
            if term.dimension == name
        )
        for name in dimensions
    ]
    return as_strided(array, [bounds[name] for name in dimensions], strides)


def draw(problem: Problem, seed: int) -> dict[str, Integers]:
    """Draw integer operands: the same for the same problem and seed."""
    generator = np.random.default_rng(seed)
    drawn = {}
    for tensor in problem.tensors:
        if not tensor.is_output:
            shape = tensor.tile_shape(problem.bounds)
            sign = generator.choice(np.array([-1, 1], dtype=np.int64), size=shape)
            drawn[tensor.name] = sign * generator.integers(1, _LARGEST + 1, size=shape)
    return drawn


def verify(
    case: Case, *, tensors: Mapping[str, NDArray[Any]] | None = None, seed: int = 0
) -> Verification:
    """Compile a case, execute its program on integers and compare the output with NumPy.

    Args:
        case: A checked case.
        tensors: Integer operands by name, shape per rank as in the problem (padding included);
            None draws them, with the zeros of the case.
        seed: Seed of the drawing.

    Returns:
        How many words were compared, how many differ, and what the program moved.

    Raises:
        SpecError: If the tensors do not fit the problem; all faults at once.
        DeadlockError: If the program cannot go on in the room it has.
        SimulationBug: If an instruction reads a word that is not there, or moves something else
            than it says; with the instruction and the word.
    """
    if tensors is None:
        tensors = with_zeros(draw(case.problem, seed), masks(case.problem, case.sparsity))
    return verify_program(
        compile_case(case), case.problem, architecture=case.architecture, tensors=tensors
    )


def with_zeros(
    operands: Mapping[str, Integers], zeros: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Integers]:
    """Put the zeros of masks (False: zero) into operands; masks of other tensors do not matter."""
    return {
        name: values * zeros[name] if name in zeros else values for name, values in operands.items()
    }


def verify_program(
    program: Program | FlatProgram,
    problem: Problem,
    *,
    architecture: Architecture | None = None,
    tensors: Mapping[str, NDArray[Any]] | None = None,
    seed: int = 0,
) -> Verification:
    """Execute a program on integers and compare the output with NumPy; see `verify`.

    Args:
        program: Looped, or flat: then row by row.
        problem: The problem it was compiled from.
        architecture: Where capacities come from; None: every level is unbounded.
        tensors: As for `verify`.
        seed: As for `verify`.
    """
    operands = draw(problem, seed) if tensors is None else _checked(problem, tensors)
    execution = interpret(program, operands, architecture=architecture)
    expected = reference(problem, operands)
    wrong = np.argwhere(expected != execution.output)
    first = None
    if len(wrong):
        at = tuple(int(index) for index in wrong[0])
        first = Difference(at=at, expected=int(expected[at]), actual=int(execution.output[at]))
    looped = program.program if isinstance(program, FlatProgram) else program
    return Verification(
        name=looped.name,
        macs=execution.macs,
        words=expected.size,
        mismatches=len(wrong),
        first=first,
        execution=execution,
    )


def _checked(problem: Problem, tensors: Mapping[str, NDArray[Any]]) -> dict[str, Integers]:
    """The user's tensors as int64; SpecError with every fault."""
    faults: list[Fault] = []
    wanted = {tensor.name: tensor for tensor in problem.tensors if not tensor.is_output}
    for name in tensors:
        if name == problem.output.name:
            faults.append(Fault(place=f"tensors.{name}", value="", rule="is the output",
                                remedy="leave it out: it is computed"))  # fmt: skip
        elif name not in wanted:
            faults.append(Fault(place=f"tensors.{name}", value="", rule="is no tensor of the layer",
                                remedy=f"tensors: {', '.join(wanted)}"))  # fmt: skip
    found: dict[str, Integers] = {}
    for name, tensor in wanted.items():
        shape = tensor.tile_shape(problem.bounds)
        if name not in tensors:
            faults.append(Fault(place=f"tensors.{name}", value="", rule="is missing",
                                remedy=f"give integers of shape {shape}"))  # fmt: skip
            continue
        given = np.asarray(tensors[name])
        if given.shape != shape:
            faults.append(Fault(place=f"tensors.{name}.shape", value=given.shape,
                                rule=f"the layer needs {shape}"))  # fmt: skip
        if not np.issubdtype(given.dtype, np.integer):
            faults.append(Fault(place=f"tensors.{name}.dtype", value=given.dtype,
                                rule="must be integer: the comparison is exact"))  # fmt: skip
        elif given.size and max(-int(given.min()), int(given.max())) >= 2**63:
            faults.append(Fault(place=f"tensors.{name}", value=int(given.max()),
                                rule="does not fit 64 bits"))  # fmt: skip
        else:
            found[name] = given.astype(np.int64)
    faults += [] if faults else _overflow(problem, found)
    if faults:
        raise SpecError(faults)
    return found


def _overflow(problem: Problem, operands: Mapping[str, Integers]) -> list[Fault]:
    """Whether a sum could leave 64 bits, whatever the order it is added in."""
    largest = prod(max(-int(array.min()), int(array.max()), 0) for array in operands.values())
    times = problem.macs // prod(problem.bounds[name] for name in problem.output.dimensions)
    if largest * times < 2**63:
        return []
    rule = f"sums of {times} products up to {largest} may not fit 64 bits"
    return [Fault(place="tensors", value="", rule=rule, remedy="give smaller integers")]
