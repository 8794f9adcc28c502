"""Safe YAML reading: a tree of nodes that know their file and line.

The text is YAML 1.2 (``1e-9`` is a number, ``N`` and ``no`` are text, a key given twice is an
error). ruamel.yaml's parser supplies events; the tree is built from them one by one, so a guard
stops a hostile file before it is expanded. Errors are one fault each, with file and line.

Not modelled: several documents in one file, keys that are not scalars, UTF-16.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError

from stallscope.simcore.errors import Fault, SpecError

__all__ = [
    "MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "Document", "Node", "PlainText", "read_file",
    "read_plain", "read_text",
]  # fmt: skip

MAX_BYTES = 16 * 1024 * 1024
"""Largest file read: far above any table of energies, far below a core dump."""
MAX_NODES = 500_000
"""Most nodes of a file after its aliases are expanded."""
MAX_DEPTH = 60
"""Deepest nesting; Timeloop's trees need about 20."""

_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_STANDARD = "tag:yaml.org,2002:"
_MERGE = "<<"  # mark of a plain merge key; a quoted one is a name like any other
_MAX_DIGITS = 300  # no count of words or cycles is longer; Python refuses 4 300


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a YAML file.

    Attributes:
        value: A scalar, a tuple of nodes, or a dictionary of nodes by key.
        text: The scalar as written, so that ``0.1`` can be read as 1/10; else empty.
        file: Name of the file, as the user gave it.
        line: Line of the value, from 1.
        tag: Application tag such as ``!Component``; else empty.
        size: Nodes below and including this one, aliases expanded.
        depth: Levels of nesting below and including this one, aliases expanded.
    """

    value: bool | int | float | str | tuple[Node, ...] | dict[str, Node] | None
    text: str
    file: str
    line: int
    tag: str = ""
    size: int = 1
    depth: int = 1

    @property
    def source(self) -> str:
        """``file:line`` of the value."""
        return f"{self.file}:{self.line}"

    @property
    def kind(self) -> str:
        """What the value is, in the user's words."""
        match self.value:
            case None:
                return "nothing"
            case bool():
                return "true or false"
            case int() | float():
                return "a number"
            case str():
                return "text"
            case tuple():
                return "a list"
        return "a mapping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One file: its name as given, the digest of its bytes, and its top mapping."""

    path: str
    sha256: str
    root: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainText:
    """One file: its name as given, the digest of its bytes, and its text."""

    path: str
    sha256: str
    text: str


def read_file(path: str | os.PathLike[str]) -> Document:
    """Read one YAML file.

    Args:
        path: The file; the name given here is the one that faults show.

    Returns:
        The file's tree; its top is a mapping.

    Raises:
        SpecError: One fault: no such file, a folder, over ``MAX_BYTES``, not UTF-8, bad YAML,
            empty, or no mapping at the top.
    """
    plain = read_plain(path)
    root = _tree(plain.text, plain.path)
    return Document(path=plain.path, sha256=plain.sha256, root=root)


def read_plain(path: str | os.PathLike[str]) -> PlainText:
    """Read one text file, whatever is in it.

    Args:
        path: The file; the name given here is the one that faults show.

    Raises:
        SpecError: One fault: no such file, a folder, over ``MAX_BYTES``, a NUL byte, not UTF-8.
    """
    name = os.fspath(path)
    data = _bytes(name)
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise _error(name, line, "holds a NUL byte", "is it a binary file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _error(name, line, "is not UTF-8", "save it as UTF-8") from error
    return PlainText(path=name, sha256=hashlib.sha256(data).hexdigest(), text=text)


@lru_cache(maxsize=16)  # a network's layers all name the same accelerator; nobody changes a tree
def _tree(text: str, name: str) -> Node:
    return _mapping(read_text(text, name))


def read_text(text: str, name: str = "<text>") -> Node:
    """Read YAML text into a tree, of any kind at the top.

    Args:
        text: The document.
        name: Name shown in faults.

    Raises:
        SpecError: One fault with its line.
    """
    try:
        return _Builder(name).build(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        problem = " ".join(str(error.problem or error.context or "malformed").split())
        raise _error(name, line, f"is not valid YAML: {problem}") from error
    except (YAMLError, YAMLStreamError) as error:
        raise _error(name, 1, f"is not valid YAML: {' '.join(str(error).split())}") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, SpecError):
            raise
        # ruamel.yaml answers some malformed directives and escapes with a bare Python error.
        raise _error(name, 1, f"is not valid YAML: {type(error).__name__}") from error


def _error(name: str, line: int, rule: str, remedy: str = "") -> SpecError:
    source = f"{name}:{line}" if line else name
    return SpecError([Fault(place="file", value=None, rule=rule, remedy=remedy, source=source)])


def _bytes(name: str) -> bytes:
    try:
        status = Path(name).stat()
        if stat.S_ISDIR(status.st_mode):
            raise _error(name, 0, "is a folder, not a file", "name the YAML files in it")
        if not stat.S_ISREG(status.st_mode):
            raise _error(name, 0, "is not a regular file")
        if status.st_size > MAX_BYTES:
            limit = f"{MAX_BYTES // 2**20} MiB"
            raise _error(
                name, 0, f"has {status.st_size / 2**20:.1f} MiB, the limit is {limit}",
                "is it the right file?",
            )  # fmt: skip
        return Path(name).read_bytes()
    except OSError as error:
        raise _error(name, 0, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        if isinstance(error, SpecError):
            raise
        raise _error(repr(name), 0, f"is not a file name: {error}") from error


def _mapping(root: Node) -> Node:
    if root.value is None:
        raise _error(root.file, root.line, "is empty", "needs a section such as problem:")
    if not isinstance(root.value, dict):
        raise _error(
            root.file, root.line, f"holds {root.kind} at the top, needs a mapping",
            "start with a section such as problem:",
        )  # fmt: skip
    return root


class _Open:
    """A list or mapping whose end has not been seen yet."""

    def __init__(self, anchor: str | None, tag: str, line: int, *, is_list: bool) -> None:
        self.anchor, self.tag, self.line = anchor, tag, line
        self.is_list = is_list
        self.items: list[Node] = []
        self.table: dict[str, Node] = {}
        self.merged: list[Node] = []
        self.key: Node | None = None


class _Builder:
    """Builds the tree from parser events, with a stack instead of recursion."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None
        self._nodes = 0

    def build(self, events: Iterator[Any]) -> Node:  # Any: ruamel.yaml has no types
        documents = 0
        for event in events:
            kind = type(event).__name__
            line = event.start_mark.line + 1
            if kind == "ScalarEvent":
                self._close(event.anchor, self._scalar(event, line))
            elif kind == "AliasEvent":
                self._add(self._alias(event.anchor, line))
            elif kind in ("SequenceStartEvent", "MappingStartEvent"):
                self._start(event, line, is_list=kind == "SequenceStartEvent")
            elif kind in ("SequenceEndEvent", "MappingEndEvent"):
                self._end()
            elif kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise _error(self._name, line, "holds a second document", "one per file")
        return self._root or Node(None, "", self._name, 1)

    def _start(self, event: Any, line: int, *, is_list: bool) -> None:  # Any: as above
        if len(self._stack) >= MAX_DEPTH:
            raise _error(self._name, line, f"is nested deeper than {MAX_DEPTH} levels")
        if self._stack and not self._stack[-1].is_list and self._stack[-1].key is None:
            raise _error(self._name, line, "has a key that is a list or mapping", "use text")
        self._stack.append(_Open(event.anchor, _tag(event), line, is_list=is_list))

    def _end(self) -> None:
        done = self._stack.pop()
        if done.is_list:
            inside: list[Node] = done.items
            node = self._node(tuple(inside), done, inside)
        else:
            for other in done.merged:
                for key, value in _merge_tables(other).items():
                    done.table.setdefault(key, value)
            inside = list(done.table.values())
            node = self._node(done.table, done, inside)
        self._close(done.anchor, node)

    def _node(
        self, value: tuple[Node, ...] | dict[str, Node], done: _Open, inside: list[Node]
    ) -> Node:
        size = 1 + sum(item.size for item in inside)
        depth = 1 + max((item.depth for item in inside), default=0)
        if size > MAX_NODES:
            raise _error(self._name, done.line, f"expands to over {MAX_NODES} values")
        if depth > MAX_DEPTH:
            raise _error(self._name, done.line, f"is nested deeper than {MAX_DEPTH} levels")
        return Node(value, "", self._name, done.line, done.tag, size, depth)

    def _alias(self, anchor: str, line: int) -> Node:
        if anchor in self._anchors:
            return self._anchors[anchor]
        inside = any(level.anchor == anchor for level in self._stack)
        rule = f"alias *{anchor} refers to itself" if inside else f"alias *{anchor} has no anchor"
        raise _error(self._name, line, rule)

    def _close(self, anchor: str | None, node: Node) -> None:
        if anchor:
            self._anchors[anchor] = node
        self._add(node)

    def _add(self, node: Node) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _error(self._name, node.line, f"holds over {MAX_NODES} values")
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if top.is_list:
            top.items.append(node)
        elif top.key is None:
            if isinstance(node.value, (tuple, dict)):
                raise _error(self._name, node.line, "has a key that is a list or mapping")
            top.key = node
        else:
            self._pair(top, top.key, node)
            top.key = None

    def _pair(self, top: _Open, key: Node, value: Node) -> None:
        if key.tag == _MERGE:
            self._merge(top, value, key.line)
        elif key.text in top.table:
            first = top.table[key.text].line
            raise _error(
                self._name, key.line, f"key {key.text!r} is given twice", f"first on line {first}"
            )
        else:
            top.table[key.text] = value

    def _merge(self, top: _Open, value: Node, line: int) -> None:
        sources = value.value if isinstance(value.value, tuple) else (value,)
        if not all(isinstance(source.value, dict) for source in sources):
            raise _error(self._name, line, "<< needs a mapping or a list of mappings")
        top.merged.extend(sources)

    def _scalar(self, event: Any, line: int) -> Node:  # Any: as above
        text, tag = str(event.value), _tag(event)
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise _error(self._name, line, "holds half of a surrogate pair", "use \\U escapes")
        plain = bool(event.implicit[0])
        if tag.startswith(_STANDARD):
            plain, tag = tag != _STANDARD + "str", ""
        value = self._resolved(text, line) if plain and not tag else text
        if plain and text == "<<" and not tag:
            tag = _MERGE
        return Node(value, text, self._name, line, tag)

    def _resolved(self, text: str, line: int) -> bool | int | float | str | None:
        if text in _WORDS:
            return _WORDS[text]
        if not (text[0] in "+-." or text[0].isdigit()):
            return text
        if _INT.match(text):
            if len(text) > _MAX_DIGITS:
                raise _error(self._name, line, f"has a number of {len(text)} digits")
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.match(text):
            return float(text)
        if _SPECIAL.match(text):
            return float(text.lower().replace(".", "", 1))
        return text


def _merge_tables(node: Node) -> dict[str, Node]:
    return node.value if isinstance(node.value, dict) else {}


def _tag(event: Any) -> str:  # Any: ruamel.yaml has no types
    tag = event.tag
    return "" if tag is None or str(tag) == "!" else str(tag)
