"""The head of a native file: ``stallscope: 1``."""

from __future__ import annotations

from stallscope.mappings.fields import Fields

__all__ = ["FORMAT_VERSION", "take_version"]

FORMAT_VERSION = 1
"""Version of the native format, the value of ``stallscope:``."""


def take_version(fields: Fields) -> None:
    """Take the version from the top of a file; another one than ours is a fault."""
    version = fields.required("stallscope")
    if version is not None and version.value != FORMAT_VERSION:
        rule = f"format version must be {FORMAT_VERSION}"
        fields.findings.add(version, "stallscope", rule, "this stallscope reads no other")
