"""JSON text put together from parts, so that what is there already is not written anew.

The text is the one of `json_text`: the documents of a network's layers are long, and most of what
identical layers say is the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from stallscope.report.document import Document

__all__ = ["list_text", "member_texts", "object_text"]

Members = dict[str, str]


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
    return json.dumps(value, indent=2, allow_nan=False)
