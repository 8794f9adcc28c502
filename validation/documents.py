"""Files of reference figures: JSON documents of others' making, and the project's own copies."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Json", "json_files", "own_copy", "read_document"]

Json = Mapping[str, Any]  # Any: a parsed JSON object of another tool's making


def own_copy(name: str) -> dict[str, Any]:
    """Return the project's own copy of the figures of a validation."""
    file = files("stallscope.validation") / "data" / f"{name}.json"
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def json_files(path: str | os.PathLike[str]) -> list[Path]:
    """Return a file, or all JSON files of a folder by name."""
    place = Path(path)
    return sorted(place.glob("*.json")) if place.is_dir() else [place]


def read_document(file: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        SpecError: If the file cannot be read, or holds another thing.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fault = Fault(place=str(file), value="", rule=f"cannot be read as JSON: {error}")
        raise SpecError([fault]) from error
    if not isinstance(document, dict):
        raise SpecError([Fault(place=str(file), value="", rule="needs one JSON object")])
    return document
