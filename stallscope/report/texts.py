"""JSON text put together from parts, so that what is there already is not written anew.

The text is the one of `json_text`: the documents of a network's layers are long, and most of what
identical layers say is the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from stallscope.report.document import Document

__all__ = ["list_text", "member_texts", "object_text"]

Members = dict[str, str]

_MEMBERS = json.JSONEncoder(allow_nan=False, separators=(",\n  ", ": "))


def member_texts(
    document: Document, like: tuple[Document, Mapping[str, str]] | None = None
) -> Members:
    """Return the text of every member of a document.

    Args:
        document: The document.
        like: One that shares members with it, and the texts of its members.
    """
    other, texts = like if like is not None else ({}, {})
    return {
        key: texts[key] if key in texts and other[key] is value else _text(value)
        for key, value in document.items()
    }


def object_text(members: Mapping[str, str]) -> str:
    """Return the text of an object, given those of its members."""
    return _joined("{", [f"{json.dumps(key)}: {text}" for key, text in members.items()], "}")


def list_text(items: Sequence[str]) -> str:
    """Return the text of a list, given those of its items."""
    return _joined("[", items, "]")


def _joined(head: str, parts: Sequence[str], tail: str) -> str:
    """Join texts, indented by a step; a line break within a string is written as an escape."""
    if not parts:
        return head + tail
    inside = ",\n".join(parts).replace("\n", "\n  ")
    return f"{head}\n  {inside}\n{tail}"


def _text(value: object) -> str:
    """Return the text of a value. The encoder in C knows no indents, but any separator."""
    if isinstance(value, dict) and value:
        if _is_flat(value.values()):
            return f"{{\n  {_MEMBERS.encode(value)[1:-1]}\n}}"
        return object_text({key: _text(item) for key, item in value.items()})
    if isinstance(value, list) and value:
        if _is_flat(value):
            return f"[\n  {_MEMBERS.encode(value)[1:-1]}\n]"
        return list_text([_text(item) for item in value])
    return _MEMBERS.encode(value)


def _is_flat(values: Iterable[object]) -> bool:
    return all(value is None or isinstance(value, str | int | float) for value in values)
