"""What every native file may have: its version, and assumptions."""

from __future__ import annotations

from stallscope.mappings.fields import Fields, Findings
from stallscope.mappings.reading import Node

__all__ = ["FORMAT_VERSION", "read_assumptions", "take_version"]

FORMAT_VERSION = 1
"""Version of the native format, the value of ``stallscope:``."""


def take_version(fields: Fields) -> None:
    """Take the version from the top of a file; another one than ours is a fault."""
    version = fields.required("stallscope")
    if version is not None and version.value != FORMAT_VERSION:
        rule = f"format version must be {FORMAT_VERSION}"
        fields.findings.add(version, "stallscope", rule, "this stallscope reads no other")


def read_assumptions(node: Node, findings: Findings) -> None:
    """Read the ``assumptions:`` section: sentences."""
    if not isinstance(node.value, tuple):
        findings.add(node, "assumptions", "needs a list of sentences")
        return
    for item in node.value:
        findings.assume(item.text)
