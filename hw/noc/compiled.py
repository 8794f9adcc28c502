"""Compilation of kernels over plain arrays.

The same functions run as plain Python when compilation is disabled (``NUMBA_DISABLE_JIT=1``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba

__all__ = ["kernel"]

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compile a function; its code is kept beside it, so that only the first run waits."""
    made: _Function = numba.njit(cache=True)(function)
    return made
