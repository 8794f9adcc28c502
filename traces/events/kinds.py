"""The kinds of a unit's steps, numbered as they come up while it runs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

from stallscope.traces.events.columns import TraceKind

__all__ = ["Kinds"]


class Kinds(Sequence[TraceKind]):
    """A growing list of kinds; equal ones have one number.

    Numbers do not depend on what the fast-forward skips: a period has no kinds of its own.
    """

    def __init__(self) -> None:
        self._found: dict[TraceKind, int] = {}
        self._known: dict[Hashable, int] = {}

    def number(self, key: Hashable, make: Callable[[], TraceKind]) -> int:
        """Return the number of a kind.

        Args:
            key: What it depends on.
            make: Makes the kind of a key that was not asked for before.
        """
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = self._found.setdefault(make(), len(self._found))
        return number

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[TraceKind]:
        return iter(self._found)

    def __getitem__(self, index: int | slice) -> TraceKind | Sequence[TraceKind]:  # type: ignore[override]
        return list(self._found)[index]
