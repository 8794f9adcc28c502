"""CPU time of calls, as the least of several runs, taken in turn so that drift hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

__all__ = ["interleaved"]


def interleaved(calls: Sequence[Callable[[], object]], repeats: int = 3) -> list[float]:
    """Least CPU seconds of each call over ``repeats`` rounds."""
    best = [float("inf")] * len(calls)
    for _ in range(repeats):
        for index, call in enumerate(calls):
            began = time.process_time()
            call()
            best[index] = min(best[index], time.process_time() - began)
    return best
