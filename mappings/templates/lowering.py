"""A convolution as the product of two matrices: im2col in memory.

The matrix of inputs has a row per pixel and a column per element of its window, so it repeats an
input as often as windows cover it. It lies in main memory, and main memory is asked for all of it:
that is what the lowered problem counts.

Not modelled: making the matrix. It is there when the layer begins, as every other operand is.
"""

from __future__ import annotations

from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.templates.roles import Roles, roles_of

__all__ = ["lowered"]


def lowered(problem: Problem) -> Problem:
    """Return the matrix product that a convolution comes to.

    Tensors keep their names. Dimensions are M (pixels), N (output channels), K (elements of a
    window) and, where the problem has groups, G; each has as many indices as the dimensions that
    it stands for together.

    Args:
        problem: A convolution, or any product that a template maps.

    Raises:
        SpecError: As `roles_of`.
    """
    roles = roles_of(problem)
    grouped = ("G",) if roles.groups else ()
    sizes = {
        "G": roles.size(roles.groups),
        "M": roles.size(roles.pixels),
        "N": roles.size(roles.columns),
        "K": roles.size(roles.reduction),
    }
    return Problem(
        name=f"{problem.name} im2col"[:200],
        dimensions=tuple(Dimension(name=name, bound=sizes[name]) for name in (*grouped, *"MNK")),
        tensors=tuple(_matrix(tensor, roles, grouped) for tensor in problem.tensors),
    )


def _matrix(tensor: Tensor, roles: Roles, grouped: tuple[str, ...]) -> Tensor:
    names = {roles.inputs.name: "MK", roles.weights.name: "NK", roles.outputs.name: "MN"}
    ranks = tuple((Term(dimension=name),) for name in (*grouped, *names[tensor.name]))
    return tensor.model_copy(update={"ranks": ranks})
