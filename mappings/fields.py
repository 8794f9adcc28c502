"""Reading a mapping key by key: every fault with file, line, path, value, rule and remedy.

``Findings`` gathers the faults of all files of a case, so that they are reported at once, and
remembers where every place of the specs was written. ``Fields`` hands out the keys of one YAML
mapping; a key that nobody asked for is a fault that names the nearest one.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from stallscope.mappings.reading import Node
from stallscope.mappings.spec import Spec
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["AnySpec", "Fields", "Findings", "nearest", "plain", "texts", "whole"]

AnySpec = TypeVar("AnySpec", bound=Spec)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a remedy that names the known word nearest to ``name``, or all of them."""
    words = sorted({str(word) for word in known})
    if not words:
        return ""
    lowered = {word.lower(): word for word in reversed(words)}
    close = difflib.get_close_matches(name.lower()[:100], lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean {lowered[close[0]]}?"
    shown = ", ".join(words[:12]) + (", ..." if len(words) > 12 else "")
    return f"known here: {shown}"


class Findings:
    """The faults, places and assumptions found while reading one case.

    Attributes:
        faults: Everything wrong so far.
        sources: ``file:line`` of every place that was read.
        assumptions: Named assumptions, one sentence each.
        unused: Timeloop attributes that nothing asked for, in order.
    """

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.sources: dict[str, str] = {}
        self.assumptions: list[str] = []
        self.unused: dict[str, None] = {}

    def add(self, node: Node | None, place: str, rule: str, remedy: str = "") -> None:
        """Record a fault at ``place``, whose value is ``node``."""
        source = node.source if node is not None else ""
        value = _shown(node) if node is not None else ""
        self.faults.append(Fault(place=place, value=value, rule=rule, remedy=remedy, source=source))

    def written(self, place: str, node: Node) -> None:
        """Remember where ``place`` was written, for faults found later."""
        self.sources.setdefault(place, node.source)

    def assume(self, sentence: str) -> None:
        """Record a named assumption once."""
        if sentence not in self.assumptions:
            self.assumptions.append(sentence)

    def take(self, error: SpecError) -> None:
        """Add the faults of ``error``, with file and line where the place is known."""
        for fault in error.faults:
            self.faults.append(self.located(fault))

    def check(self) -> None:
        """Raise every fault found so far; SpecError."""
        if self.faults:
            raise SpecError(self.faults)

    def build(
        self, spec: type[AnySpec], values: dict[str, Any], place: str, node: Node
    ) -> AnySpec | None:  # Any: pydantic checks the types
        """Make a spec; its faults are recorded and None returned."""
        try:
            return spec(**values)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._invalid(detail["loc"], detail["msg"], place, node)
            return None

    def _invalid(self, path: tuple[int | str, ...], message: str, place: str, node: Node) -> None:
        at, where = node, place
        for part in path:
            where = f"{where}[{part}]" if isinstance(part, int) else f"{where}.{part}"
            if isinstance(at.value, dict) and str(part) in at.value:
                at = at.value[str(part)]
            elif isinstance(at.value, tuple) and isinstance(part, int) and part < len(at.value):
                at = at.value[part]
        rule = message.removeprefix("Value error, ")
        self.add(at, where, rule[:1].lower() + rule[1:])

    def located(self, fault: Fault) -> Fault:
        """Return the fault with file and line, if its place was written somewhere."""
        place = fault.place
        while not fault.source and place:
            if place in self.sources:
                return Fault(
                    place=fault.place, value=fault.value, rule=fault.rule,
                    remedy=fault.remedy, source=self.sources[place],
                )  # fmt: skip
            place = place.rpartition(".")[0]
        return fault


class Fields:
    """The keys of one YAML mapping, taken one by one.

    Args:
        node: The mapping; anything else is a fault and reads as empty.
        place: Its path, for faults.
        findings: Where faults go.
        loose: Whether dashes and underscores are the same in keys (Timeloop).
    """

    def __init__(self, node: Node, place: str, findings: Findings, *, loose: bool = False) -> None:
        self.node, self.place, self.findings = node, place, findings
        self._loose = loose
        self._known: list[str] = []
        self._left: dict[str, Node] = {}
        if not isinstance(node.value, dict):
            findings.add(node, place, f"needs a mapping, has {node.kind}")
            return
        findings.written(place, node)
        for key, value in node.value.items():
            name = key.replace("-", "_") if loose else key
            if name in self._left:
                findings.add(value, f"{place}.{key}", "is given twice, as - and as _")
            self._left[name] = value

    def node_of(self, *names: str) -> Node | None:
        """Take the value of the first of ``names`` that is given; two at once are a fault."""
        self._known.extend(names)
        found: Node | None = None
        for name in names:
            if name not in self._left:
                continue
            value = self._left.pop(name)
            if found is not None:
                rule = f"says the same as {names[0]}"
                self.findings.add(value, self.at(name), rule, "give one of the two")
                continue
            self.findings.written(self.at(names[0]), value)
            found = value
        return found

    def at(self, name: str) -> str:
        """Path of the key called ``name``."""
        return f"{self.place}.{name}"

    def required(self, *names: str) -> Node | None:
        """Take a value that must be there."""
        node = self.node_of(*names)
        if node is None and isinstance(self.node.value, dict):
            rule = f"needs {names[0]}"
            fault = Fault(place=self.place, value="", rule=rule, source=self.node.source)
            self.findings.faults.append(fault)
        return node

    def text(self, *names: str) -> str | None:
        """Take a name or other text; a number is taken as written."""
        return self._as_text(self.node_of(*names), names[0])

    def required_text(self, *names: str) -> str | None:
        """Take a text that must be there."""
        return self._as_text(self.required(*names), names[0])

    def texts(self, *names: str) -> tuple[str, ...] | None:
        """Take a list of names."""
        node = self.node_of(*names)
        return None if node is None else texts(node, self.at(names[0]), self.findings)

    def whole(self, *names: str, least: int = 1) -> int | None:
        """Take a whole number of at least ``least``."""
        node = self.node_of(*names)
        return None if node is None else whole(node, self.at(names[0]), self.findings, least)

    def number(self, *names: str, least: float = 0.0) -> float | None:
        """Take a finite number of at least ``least``."""
        node = self.node_of(*names)
        if node is None:
            return None
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.findings.add(node, self.at(names[0]), f"needs a number, has {node.kind}")
        elif not math.isfinite(value) or value < least:
            self.findings.add(node, self.at(names[0]), f"needs a finite number >= {least:g}")
        else:
            return float(value)
        return None

    def one_of(self, known: Sequence[str], *names: str) -> str | None:
        """Take one of a closed set of words."""
        node = self.node_of(*names)
        if node is None:
            return None
        if node.text in known and isinstance(node.value, str):
            return node.text
        rule = "needs one of " + ", ".join(known)
        remedy = nearest(node.text, known) if node.text else ""
        self.findings.add(node, self.at(names[0]), rule, remedy)
        return None

    def flag(self, *names: str) -> bool | None:
        """Take true or false (in Timeloop files also yes or no)."""
        node = self.node_of(*names)
        if node is None or isinstance(node.value, bool):
            return None if node is None else bool(node.value)
        words = {"yes": True, "true": True, "no": False, "false": False}
        if self._loose and node.text.lower() in words:
            return words[node.text.lower()]
        self.findings.add(node, self.at(names[0]), f"needs true or false, has {node.kind}")
        return None

    def rest(self) -> dict[str, Node]:
        """Take all keys that are left."""
        left, self._left = self._left, {}
        return left

    def close(self) -> None:
        """Report every key that is left as unknown."""
        for key, node in self._left.items():
            remedy = nearest(key, self._known)
            self.findings.add(node, self.at(key), f"unknown key {key}", remedy)

    def _as_text(self, node: Node | None, name: str) -> str | None:
        if node is None:
            return None
        if isinstance(node.value, (tuple, dict)) or not node.text or len(node.text) > 200:
            self.findings.add(node, self.at(name), f"needs a name, has {node.kind}")
            return None
        return node.text


def whole(node: Node, place: str, findings: Findings, least: int = 1) -> int | None:
    """Read a whole number of at least ``least``; else record a fault."""
    value = node.value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 100:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        findings.add(node, place, f"needs a whole number, has {node.kind}")
    elif value < least:
        findings.add(node, place, f"needs a whole number >= {least}")
    else:
        return value
    return None


def texts(node: Node, place: str, findings: Findings) -> tuple[str, ...] | None:
    """Read a list of names; else record a fault."""
    if not isinstance(node.value, tuple):
        findings.add(node, place, f"needs a list of names, has {node.kind}")
        return None
    bad = [item for item in node.value if isinstance(item.value, (tuple, dict)) or not item.text]
    for item in bad:
        findings.add(item, place, f"needs a name, has {item.kind}")
    return None if bad else tuple(item.text for item in node.value)


def plain(node: Node) -> Any:  # Any: handed to pydantic, which checks it
    """Return the tree below ``node`` as plain Python values."""
    if isinstance(node.value, dict):
        return {key: plain(value) for key, value in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(item) for item in node.value]
    return node.value


def _shown(node: Node) -> object:
    if isinstance(node.value, dict):
        return ""
    if isinstance(node.value, tuple):
        if any(not item.text for item in node.value):
            return ""
        more = ", ..." if len(node.value) > 8 else ""
        return "[" + ", ".join(item.text[:20] for item in node.value[:8]) + more + "]"
    text = node.text if len(node.text) <= 60 else node.text[:57] + "..."
    return text.replace("\n", " ")
