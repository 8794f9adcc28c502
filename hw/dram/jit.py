"""Compilation of the kernel, once per machine; without numba's compiler it runs as plain Python.

Helpers are compiled into the entry points that call them. An entry point is kept on disk under a
key that holds a digest of all the kernel's files: numba alone would notice a change only in the
entry point's own.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["STAMP", "Ints", "entry", "helper"]

Ints = npt.NDArray[np.int64]
"""A channel's configuration or state, or any other array of the kernel."""

Function = TypeVar("Function", bound=Callable[..., Any])  # Any: numba's decorators have no types


def helper(function: Function) -> Function:
    """Compile a function that only the kernel calls, as Python cannot.

    Without the wrappers for Python and C the kernel compiles in 26 s instead of 31 (CPU).
    """
    # Any: these options are not among those that numba's types know.
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast(Function, numba.njit(error_model="numpy", **options)(function))


def entry(function: Function) -> Function:
    """Compile a function that Python calls, and keep the code on disk."""
    return cast(Function, numba.njit(cache=True, error_model="numpy")(function))


def _stamp() -> int:
    digest = 0
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest = zlib.crc32(path.read_bytes(), digest)
    return digest | 1


STAMP = _stamp()
"""Digest of the kernel's source; never 0."""
