"""Which cases of a test are in the default suite, and which in the slow one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pytest


def some(values: Iterable, quick: Collection) -> list:
    """All values as parameters of a test; those not in ``quick`` are slow."""
    return [
        value if value in quick else pytest.param(value, marks=pytest.mark.slow)
        for value in values
    ]  # fmt: skip
