"""What the fast-forward needs to know of a component, and nothing more."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

__all__ = ["Component"]


class Component(Protocol):
    """A part of the machine with state.

    Contract: `relative` and `marks` may bring accounts up to the present but change nothing that
    matters later; they are called with nothing due in the present cycle. `relative` must show
    everything that future behaviour, or a future row of the trace, depends on. `shift` is called
    with the clock already moved.
    """

    name: str
    stamp: int
    """Grows whenever anything in the component changes."""

    def relative(self, level: int, base: int) -> Hashable:
        """State relative to the present and to iteration ``base`` of loop ``level``."""

    def marks(self) -> list[int]:
        """Integers that grow linearly: positions, counts, accounts."""

    def phase(self) -> list[int]:
        """Integers that `limit` compares: loop indices, a countdown."""

    def deadline(self) -> int:
        """Cycle of the component's own earliest pending action, or FOREVER."""

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """Most periods of ``iterations`` of loop ``level`` that may be skipped; 0: no match.

        ``before`` and ``now`` are the phases at the period's two ends.
        """

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods of ``cycles`` in which the marks grew by ``growth``."""

    def resume(self) -> None:
        """After all moving components have shifted: re-plan what depends on several of them."""
