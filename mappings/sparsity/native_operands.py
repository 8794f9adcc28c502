"""The native notation of zeros: per tensor what they are drawn from, or where they come from.

    sparsity:
      Weights: {density: 0.2, seed: 1}                    # or 0.2 alone
      Inputs: {file: acts.npz, entry: conv1}

Keys are those of `Operand`; ``along`` may be a dimension that one rank alone depends on. Beside a
``file`` stand ``entry``, ``layout``, ``padding``, ``threshold`` and ``density`` (`read_operand`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stallscope.mappings.case import InputFile
from stallscope.mappings.fields import Fields, Findings, whole
from stallscope.mappings.layers import Shape
from stallscope.mappings.problem import Problem, Tensor
from stallscope.mappings.reading import Node
from stallscope.mappings.sparsity.files import read_operand
from stallscope.mappings.sparsity.masks import sparsity_faults
from stallscope.mappings.sparsity.operands import Distribution, Operand, Pattern, Sparsity
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["SparsityDraft", "Zeros", "read_sparsity", "settled"]

Zeros = tuple[Sparsity, tuple[InputFile, ...]]
"""Zeros, and the files that they are from."""
SparsityDraft = Callable[[Problem | Shape], Zeros | None]
"""What remains to be done once the problem, or the layer that is it, is known; None after a
fault. A layer says how its inputs are padded."""

_FileDraft = Callable[[Problem | Shape, str, list[InputFile]], Pattern | None]


def settled(draft: SparsityDraft, findings: Findings) -> Callable[[Problem | Shape], Zeros]:
    """Return what makes zeros of a draft, or raises its faults; SpecError."""

    def resolve(of: Problem | Shape) -> Zeros:
        found = draft(of)
        if found is None:
            faults = tuple(findings.faults)
            findings.faults.clear()
            raise SpecError(faults)
        return found

    return resolve


def read_sparsity(
    node: Node, findings: Findings, section: str = "sparsity"
) -> SparsityDraft | None:
    """Read the ``sparsity:`` of a case, or of a layer; None if it has faults.

    Args:
        node: A mapping from tensors to their zeros.
        findings: Where faults go.
        section: Its path, for faults.
    """
    before = len(findings.faults)
    drafts = []
    for tensor, value in Fields(node, section, findings).rest().items():
        place = f"{section}.{tensor}"
        findings.written(place, value)
        drafts.append((tensor, place, value, _operand(value, place, findings)))
    if len(findings.faults) > before:
        return None

    def resolve(of: Problem | Shape) -> Zeros | None:
        problem = of if isinstance(of, Problem) else of.problem()
        known = {tensor.name: tensor for tensor in problem.tensors}
        started = len(findings.faults)
        operands: list[Operand] = []
        files: list[InputFile] = []
        for tensor, place, value, draft in drafts:
            so_far = len(findings.faults)
            figures = dict(draft)
            file = figures.pop("file", None)
            if tensor in known:
                _resolve_along(figures, known[tensor], f"{place}.along", findings)
                if file is not None:
                    figures["pattern"] = file(of, tensor, files)
            else:  # only the name counts: it is a fault
                figures = {"density": 1.0}
            if len(findings.faults) == so_far:
                made = findings.build(Operand, {"tensor": tensor, **figures}, place, value)
                operands += [made] if made is not None else []
        sparsity = Sparsity(operands=tuple(operands))
        findings.take(SpecError(sparsity_faults(problem, sparsity, section)))
        return None if len(findings.faults) > started else (sparsity, tuple(files))

    return resolve


def _operand(node: Node, place: str, findings: Findings) -> dict[str, Any]:
    """The figures of one tensor; ``along`` may still be a name, and ``file`` is a draft."""
    # Any: pydantic checks the types
    if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return {"density": node.value}
    fields = Fields(node, place, findings)
    figures: dict[str, Any] = {}
    file, pattern = fields.node_of("file"), fields.node_of("pattern")
    if file is not None:
        figures["file"] = _file_draft(file, fields)
    elif pattern is not None:
        figures["pattern"] = _pattern(pattern, fields.at("pattern"), findings)
        for key, other in fields.rest().items():
            rule = "stands beside zeros that are given as they are"
            remedy = f"give all of {place} anew, as in {place}={{density: 0.5}}"
            findings.add(other, fields.at(key), rule, remedy)
    else:
        figures |= _drawn(fields)
    fields.close()
    return {name: value for name, value in figures.items() if value is not None}


def _file_draft(node: Node, fields: Fields) -> _FileDraft | None:
    """Take what stands beside the name of a file, which is relative to the YAML file."""
    findings, place = fields.findings, fields.place
    figures: dict[str, Any] = {  # Any: `read_operand` has their types
        "entry": fields.text("entry"),
        "layout": fields.text("layout"),
        "threshold": fields.number("threshold") or 0.0,
        "density": fields.number("density"),
    }
    padding = fields.node_of("padding")
    if padding is not None:
        items = padding.value if isinstance(padding.value, tuple) else (padding, padding)
        figures["padding"] = [whole(item, fields.at("padding"), findings, 0) for item in items]
    if not isinstance(node.value, str) or not node.text:
        findings.add(node, fields.at("file"), f"needs the name of a file, has {node.kind}")
        return None

    def pattern(of: Problem | Shape, tensor: str, files: list[InputFile]) -> Pattern | None:
        path = Path(node.file).parent / node.text
        try:
            operand, file = read_operand(of, tensor, path, place=place, **figures)
        except SpecError as error:
            findings.take(error)
            return None
        files += [file] if file not in files else []
        return operand.pattern

    return pattern


def _drawn(fields: Fields) -> dict[str, Any]:  # Any: as above
    """What is drawn, and how."""
    return {
        "density": fields.number("density"),
        "distribution": fields.one_of([one.value for one in Distribution], "distribution"),
        "seed": fields.whole("seed", least=0),
        "along": fields.text("along"),
        "spread": fields.number("spread"),
        "n": fields.whole("n", least=0),
        "m": fields.whole("m"),
        "block": _block(fields),
    }


def _block(fields: Fields) -> tuple[int | None, ...] | None:
    node = fields.node_of("block")
    if node is None:
        return None
    if not isinstance(node.value, tuple):
        rule = f"needs a list of words per rank, has {node.kind}"
        fields.findings.add(node, fields.at("block"), rule, "as in block: [4, 4, 1, 1]")
        return None
    return tuple(
        whole(item, f"{fields.at('block')}[{rank}]", fields.findings)
        for rank, item in enumerate(node.value)
    )


def _resolve_along(
    figures: dict[str, Any], tensor: Tensor, place: str, findings: Findings
) -> None:  # Any: as above
    """Put the number of the rank in place of the dimension that names it."""
    name = figures.get("along")
    if name is None:
        return
    if name.isascii() and name.isdigit() and len(name) < 10:
        figures["along"] = int(name)
        return
    ranks = [
        rank
        for rank, terms in enumerate(tensor.ranks)
        if name in {term.dimension for term in terms}
    ]
    if len(ranks) == 1:
        figures["along"] = ranks[0]
        return
    rule = f"{name} names {len(ranks)} ranks of {tensor.name}, must name one"
    remedy = f"give a dimension of one rank, or the rank's number, 0 to {len(tensor.ranks) - 1}"
    fault = Fault(place=place, value=name, rule=rule, remedy=remedy)
    findings.faults.append(findings.located(fault))


def _pattern(node: Node, place: str, findings: Findings) -> Pattern | None:
    """Read zeros as they are: the shape, and the bits in base 64."""
    fields = Fields(node, place, findings)
    shape, bits, source = fields.required("shape"), fields.required("bits"), fields.text("source")
    fields.close()
    if shape is None or bits is None:
        return None
    if not isinstance(shape.value, tuple):
        findings.add(shape, fields.at("shape"), f"needs words per rank, has {shape.kind}")
        return None
    sizes = [whole(item, f"{fields.at('shape')}[{at}]", findings)
             for at, item in enumerate(shape.value)]  # fmt: skip
    try:
        data = base64.b64decode(bits.text, validate=True)
    except (binascii.Error, ValueError) as error:
        findings.add(bits, fields.at("bits"), f"is not base 64 ({error})")
        return None
    values = {"shape": tuple(sizes), "bits": data, "source": source or ""}
    return None if None in sizes else findings.build(Pattern, values, place, node)
