"""Timeloop's problem: a shape (dimensions, data spaces, coefficients) and an instance.

A projection is a list of ranks, each a list of products ``[dimension]`` or
``[dimension, coefficient]``. A coefficient takes the instance's value, else its default.

Not modelled: densities (counts are dense), projections written as text.
"""

from __future__ import annotations

from stallscope.mappings.fields import Fields, Findings, nearest, texts, whole
from stallscope.mappings.problem import Problem
from stallscope.mappings.reading import Node

__all__ = ["read_problem"]

Terms = list[dict[str, object]]


def read_problem(node: Node, findings: Findings) -> Problem | None:
    """Read Timeloop's ``problem:`` section; None if it has faults."""
    before = len(findings.faults)
    fields = Fields(node, "problem", findings, loose=True)
    fields.node_of("version")
    name = fields.text("name")
    shape_node, instance_node = fields.required("shape"), fields.required("instance")
    fields.close()
    if shape_node is None or instance_node is None:
        return None
    shape = Fields(shape_node, "problem.shape", findings, loose=True)
    name = shape.text("name") or name
    dimensions = texts_of(shape.required("dimensions"), "problem.shape.dimensions", findings)
    defaults = _defaults(shape.node_of("coefficients"), findings)
    spaces = shape.required("data_spaces", "dataspaces")
    shape.close()
    values = _instance(instance_node, dimensions, defaults, findings)
    tensors = _tensors(spaces, dimensions, defaults, values, findings)
    if len(findings.faults) > before:
        return None
    bounds = [{"name": dimension, "bound": values[dimension]} for dimension in dimensions]
    made = {"name": name} if name is not None else {}
    return findings.build(
        Problem, {"dimensions": bounds, "tensors": tensors, **made}, "problem", node
    )


def texts_of(node: Node | None, place: str, findings: Findings) -> tuple[str, ...]:
    """Read a list of names; an empty tuple if it is missing or faulty."""
    return (texts(node, place, findings) or ()) if node is not None else ()


def _defaults(node: Node | None, findings: Findings) -> dict[str, int | None]:
    """Return the default of every coefficient; None for one without."""
    if node is None:
        return {}
    if not isinstance(node.value, tuple):
        findings.add(node, "problem.shape.coefficients", "needs a list of name and default")
        return {}
    found: dict[str, int | None] = {}
    for index, item in enumerate(node.value):
        place = f"problem.shape.coefficients[{index}]"
        fields = Fields(item, place, findings, loose=True)
        name, default = fields.required_text("name"), fields.whole("default")
        fields.close()
        if name is not None:
            found[name] = default
    return found


def _instance(
    node: Node, dimensions: tuple[str, ...], defaults: dict[str, int | None], findings: Findings
) -> dict[str, int]:
    fields = Fields(node, "problem.instance", findings)
    values: dict[str, int] = {}
    for name in (*dimensions, *defaults):
        given = fields.node_of(name)
        if given is not None:
            findings.written(f"problem.{name}", given)
            values[name] = whole(given, fields.at(name), findings) or 1
        elif name in dimensions:
            findings.add(node, fields.at(name), f"dimension {name} has no bound", f"add {name}:")
            values[name] = 1
    if fields.node_of("densities", "sparse") is not None:
        findings.assume("problem.instance.densities is not used: counts are dense")
    fields.close()
    return values


def _tensors(
    node: Node | None,
    dimensions: tuple[str, ...],
    defaults: dict[str, int | None],
    values: dict[str, int],
    findings: Findings,
) -> list[dict[str, object]]:
    if node is None:
        return []
    if not isinstance(node.value, tuple):
        findings.add(node, "problem.shape.data-spaces", "needs a list of data spaces")
        return []
    known = {name: values.get(name, default) for name, default in defaults.items()}
    tensors: list[dict[str, object]] = []
    for index, item in enumerate(node.value):
        place = f"problem.shape.data-spaces[{index}]"
        fields = Fields(item, place, findings, loose=True)
        name, projection = fields.required_text("name"), fields.required("projection")
        output = fields.flag("read_write") or False
        fields.close()
        place = f"problem.{name}" if name else place
        ranks = _ranks(projection, place, dimensions, known, findings)
        tensors.append({"name": name or "?", "ranks": ranks, "is_output": output})
    return tensors


def _ranks(
    node: Node | None,
    place: str,
    dimensions: tuple[str, ...],
    coefficients: dict[str, int | None],
    findings: Findings,
) -> list[Terms]:
    if node is None:
        return []
    if not isinstance(node.value, tuple):
        findings.add(node, place, "needs a projection such as [[[C]], [[R], [P, stride]]]")
        return []
    ranks = []
    for rank in node.value:
        terms: Terms = []
        for product in rank.value if isinstance(rank.value, tuple) else (rank,):
            term = _term(product, place, dimensions, coefficients, findings)
            if term is not None:
                terms.append(term)
        ranks.append(terms)
    return ranks


def _term(
    node: Node,
    place: str,
    dimensions: tuple[str, ...],
    coefficients: dict[str, int | None],
    findings: Findings,
) -> dict[str, object] | None:
    if not isinstance(node.value, tuple) or not node.value:
        findings.add(node, place, "needs a product such as [P] or [P, stride]")
        return None
    dimension, factor = "", 1
    for part in node.value:
        if part.text in dimensions and not dimension:
            dimension = part.text
        elif part.text in coefficients:
            value = coefficients[part.text]
            if value is None:
                findings.add(part, place, f"coefficient {part.text} has no value and no default")
            factor *= value or 1
        elif isinstance(part.value, int) and not isinstance(part.value, bool) and part.value > 0:
            factor *= part.value
        elif part.text in dimensions:
            findings.add(part, place, "a product of two dimensions is not an affine projection")
        else:
            remedy = nearest(part.text, [*dimensions, *coefficients])
            findings.add(part, place, f"no dimension or coefficient {part.text}", remedy)
            return None
    if not dimension:
        findings.add(node, place, "needs a dimension in every product")
        return None
    return {"dimension": dimension, "coefficient": factor}
