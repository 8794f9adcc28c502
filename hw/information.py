"""How a run itself went."""

from __future__ import annotations

import resource
import sys
import time

from stallscope.hw.result import SimulationInfo
from stallscope.simcore.environment import Environment
from stallscope.simcore.fast_forward import FastForward

__all__ = ["information"]


def information(env: Environment, forward: FastForward | None, began: float) -> SimulationInfo:
    """How the run of an environment went, since CPU second ``began`` of this process."""
    return SimulationInfo(
        cpu_seconds=time.process_time() - began,
        events=env.processed,
        fast_forwarded_cycles=forward.skipped_cycles if forward else 0,
        peak_memory_bytes=_peak_memory(),
    )


def _peak_memory() -> int:
    """Largest resident size of this process so far, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
