"""The small languages inside a Timeloop directive: factors and permutations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from stallscope.mappings.fields import Findings, nearest
from stallscope.mappings.reading import Node

__all__ = ["Factor", "read_factors", "read_permutation"]

_FACTOR = re.compile(
    r"\s*,?\s*(?:([A-Za-z_]\w*?)\s*=\s*|([A-Za-z_]+)\s*)([0-9]{1,18})"
    r"(?:\s*,\s*([0-9]{1,18})(?![\w=]))?\s*,?"
)
_COUNTS = re.compile(r"\s*([0-9]{1,18})(?:\s*,\s*([0-9]{1,18}))?\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """Iterations of one loop: ``count``, and ``last`` when all outer loops are at their end."""

    count: int
    last: int


def read_factors(
    node: Node | None, place: str, dimensions: Iterable[str], findings: Findings
) -> dict[str, Factor]:
    """Read ``C=4 M=4,3``, the same as a list, or a mapping; what is not named is left out."""
    if node is None:
        return {}
    pairs: list[tuple[str, str, Node]] = []
    for part in node.value if isinstance(node.value, tuple) else (node,):
        if isinstance(part.value, dict):
            pairs += [(name, value.text, value) for name, value in part.value.items()]
        elif isinstance(part.value, str):
            pairs += _split(part, place, findings)
        elif part.value is not None:
            findings.add(part, place, f"needs factors such as C=4 M=2, has {part.kind}")
    known = list(dimensions)
    found: dict[str, Factor] = {}
    for name, text, where in pairs:
        match = _COUNTS.match(text)
        if name not in known:
            findings.add(where, place, f"no dimension {name}", nearest(name, known))
        elif name in found:
            findings.add(where, place, f"factor of {name} is given twice")
        elif match is None:
            findings.add(where, place, f"factor of {name} needs a whole number >= 0")
        else:
            found[name] = _factor(int(match[1]), match[2], name, where, place, findings)
    return found


def _factor(
    count: int, last: str | None, name: str, node: Node, place: str, findings: Findings
) -> Factor:
    if last is None:
        return Factor(count=count, last=count)
    if not 1 <= int(last) <= count:
        findings.add(node, place, f"the last iteration of {name}={count} must be 1 to {count}")
    return Factor(count=count, last=int(last))


def _split(node: Node, place: str, findings: Findings) -> list[tuple[str, str, Node]]:
    text, at = node.text, 0
    pairs = []
    while at < len(text.rstrip()):
        match = _FACTOR.match(text, at)
        if match is None:
            findings.add(node, place, f"cannot read {text[at:at + 20].strip()}",
                         "write factors as C=4 M=2")  # fmt: skip
            return []
        counts = match[3] if match[4] is None else f"{match[3]},{match[4]}"
        pairs.append((match[1] or match[2], counts, node))
        at = match.end()
    return pairs


def read_permutation(
    node: Node | None, place: str, dimensions: Iterable[str], findings: Findings
) -> tuple[str, ...]:
    """Read a permutation, inner first; dimensions it leaves out follow, outside."""
    known = list(dimensions)
    named: list[str] = []
    for name in _names(node, place, known, findings):
        if name not in known and node is not None:
            findings.add(node, place, f"no dimension {name}", nearest(name, known))
        elif name in named and node is not None:
            findings.add(node, place, f"dimension {name} stands twice")
        else:
            named.append(name)
    return (*named, *(name for name in known if name not in named))


def _names(node: Node | None, place: str, known: list[str], findings: Findings) -> list[str]:
    if node is None or node.value is None:
        return []
    if isinstance(node.value, tuple):
        return [item.text for item in node.value]
    if isinstance(node.value, dict):
        findings.add(node, place, "needs a permutation such as PQRS, inner first")
        return []
    words = [word for word in re.split(r"[\s,]+", node.text) if word]
    if len(words) != 1 or words[0] in known:
        return words
    return _letters(words[0], known)


def _letters(text: str, known: list[str]) -> list[str]:
    """Split a run of names, longest name first."""
    names = sorted(known, key=lambda name: (-len(name), name))
    found, at = [], 0
    while at < len(text):
        name = next((word for word in names if text.startswith(word, at)), text[at])
        found.append(name)
        at += len(name)
    return found
