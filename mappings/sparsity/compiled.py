"""Compilation of kernels over plain arrays, at their first call: most runs need none of them.

The same functions run as plain Python when compilation is disabled (``NUMBA_DISABLE_JIT=1``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

__all__ = ["compiled"]

_Function = TypeVar("_Function", bound=Callable[..., object])


@cache
def compiled(function: _Function) -> _Function:
    """Compile a function that allocates nothing; its code is kept beside it for later runs."""
    import numba  # costs 0.25 s, and only some cases need it

    # Any: "_nrt" is not among the options that numba's types know.
    options: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}
    try:
        made: _Function = numba.njit(**options)(function)
    except RuntimeError:  # nowhere to keep the code: every process compiles
        made = numba.njit(**options | {"cache": False})(function)
    return made
