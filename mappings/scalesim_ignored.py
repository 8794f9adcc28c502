"""What an importer of SCALE-Sim's files leaves out, by name."""

from __future__ import annotations

from stallscope.mappings.spec import Spec

__all__ = ["Ignored"]


class Ignored(Spec):
    """A part of a file that nothing is made of.

    Attributes:
        field: The key or column, as the file spells it.
        value: Its value, or how many rows have one.
        why: The reason.
        source: ``file:line``.
    """

    field: str
    value: str
    why: str
    source: str

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        return f"{self.source}: {self.field} ({self.value}) is ignored: {self.why}"
