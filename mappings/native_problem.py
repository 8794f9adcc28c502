"""The native notation of a problem: dimensions with bounds, tensors as sums per rank.

problem:
  dimensions: {M: 8, C: 4, P: 14, R: 3}
  tensors:
    Weights: [M, C, R]
    Inputs: [C, 2*P + R]
    Outputs: [M, P]
  output: Outputs
"""

from __future__ import annotations

import re

from stallscope.mappings.fields import Fields, Findings, nearest, whole
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.reading import Node

__all__ = ["PLAIN_NAME", "read_problem"]

PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
"""A name that the short notations (``2*P + R``, ``M=4``) can hold."""
_TERM = re.compile(
    r"\s*(?:([0-9]{1,18})\s*\*\s*)?([A-Za-z_][A-Za-z0-9_.]*)(?:\s*\*\s*([0-9]{1,18}))?\s*\Z"
)


def read_problem(node: Node, findings: Findings) -> Problem | None:
    """Read the ``problem:`` section; None if it has faults."""
    before = len(findings.faults)
    fields = Fields(node, "problem", findings)
    name = fields.text("name")
    dimensions = _dimensions(fields.required("dimensions"), findings)
    names = [dimension.name for dimension in dimensions]
    table = fields.required("tensors")
    output = fields.required_text("output")
    tensors = _tensors(table, output, names, findings)
    fields.close()
    if output is not None and tensors and output not in [tensor.name for tensor in tensors]:
        remedy = nearest(output, [tensor.name for tensor in tensors])
        findings.add(_child(node, "output"), "problem.output", "is not a tensor", remedy)
    if len(findings.faults) > before:
        return None
    values = {"name": name} if name is not None else {}
    return findings.build(
        Problem, {"dimensions": dimensions, "tensors": tensors, **values}, "problem", node
    )


def _child(node: Node, key: str) -> Node:
    return node.value[key] if isinstance(node.value, dict) else node


def _dimensions(node: Node | None, findings: Findings) -> tuple[Dimension, ...]:
    if node is None:
        return ()
    fields = Fields(node, "problem.dimensions", findings)
    taken = []
    for name, value in fields.rest().items():
        place = fields.at(name)
        findings.written(f"problem.{name}", value)
        bound = whole(value, place, findings)
        made = findings.build(Dimension, {"name": name, "bound": bound or 1}, place, value)
        taken.append(made or Dimension(name="?", bound=1))
    if not taken and isinstance(node.value, dict):
        findings.add(node, "problem.dimensions", "needs at least one dimension")
    return tuple(taken)


def _tensors(
    node: Node | None, output: str | None, dimensions: list[str], findings: Findings
) -> tuple[Tensor, ...]:
    if node is None:
        return ()
    fields = Fields(node, "problem.tensors", findings)
    taken = []
    for name, value in fields.rest().items():
        place = f"problem.{name}"
        ranks, bits = value, None
        if isinstance(value.value, dict):
            inner = Fields(value, place, findings)
            ranks, bits = inner.required("ranks") or value, inner.whole("word_bits")
            inner.close()
        values = {
            "name": name, "ranks": _ranks(ranks, place, dimensions, findings),
            "is_output": name == output, "word_bits": bits,
        }  # fmt: skip
        tensor = findings.build(Tensor, values, place, value)
        if tensor is not None:
            taken.append(tensor)
    return tuple(taken)


def _ranks(
    node: Node, place: str, dimensions: list[str], findings: Findings
) -> tuple[tuple[Term, ...], ...]:
    if not isinstance(node.value, tuple):
        if not isinstance(node.value, dict):  # else already reported: ranks is missing
            rule = f"needs a list of ranks such as [C, 2*P + R], has {node.kind}"
            findings.add(node, place, rule)
        return ()
    return tuple(
        _rank(rank, f"{place}[{index}]", dimensions, findings)
        for index, rank in enumerate(node.value)
    )


def _rank(node: Node, place: str, dimensions: list[str], findings: Findings) -> tuple[Term, ...]:
    if isinstance(node.value, tuple):
        found = [_long_term(item, place, findings) for item in node.value]
        terms = [term for term in found if term is not None]
    else:
        terms = _terms(node, place, findings)
    for term in terms:
        if term.dimension not in dimensions:
            remedy = nearest(term.dimension, dimensions)
            findings.add(node, place, f"{term.dimension} is not a dimension", remedy)
    return tuple(terms)


def _terms(node: Node, place: str, findings: Findings) -> list[Term]:
    taken = []
    for part in node.text.split("+"):
        match = _TERM.match(part)
        if match is None or (match[1] and match[3]) or isinstance(node.value, dict):
            findings.add(node, place, "needs a sum such as 2*P + R")
            return []
        coefficient = int(match[1] or match[3] or 1)
        term = findings.build(
            Term, {"dimension": match[2], "coefficient": coefficient}, place, node
        )
        if term is not None:
            taken.append(term)
    return taken


def _long_term(node: Node, place: str, findings: Findings) -> Term | None:
    """Read ``{dimension: P, coefficient: 2}``, for names the short notation cannot hold."""
    fields = Fields(node, place, findings)
    name = fields.required_text("dimension")
    coefficient = fields.whole("coefficient")
    fields.close()
    if name is None:
        return None
    values = {"dimension": name, "coefficient": coefficient or 1}
    return findings.build(Term, values, place, node)
