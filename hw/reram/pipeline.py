"""The pipeline of a core's multiplies, executed stage by stage.

Read, conversion and shift-and-add of every step follow each other; between two stages stands one
latch, so a stage hands over only when the next one is free. In a synchronous pipeline all stages
take as long as the slowest.
"""

from __future__ import annotations

from collections.abc import Iterator

from stallscope.mappings.reram.timing import MultiplyTiming

__all__ = ["run_pipeline"]


def run_pipeline(timing: MultiplyTiming, multiplies: int) -> list[int]:
    """Run successive multiplies; returns the cycle in which each one's result is there.

    Args:
        timing: Times of the stages, whole cycles.
        multiplies: How many, at least 1.
    """
    stages = (timing.read, timing.convert, timing.add)
    if timing.is_synchronous:
        stages = (timing.stage,) * 3
    ends = list(_ends([int(length) for length in stages], multiplies * timing.steps))
    return ends[timing.steps - 1 :: timing.steps]


def _ends(stages: list[int], items: int) -> Iterator[int]:
    """Cycles in which successive items leave the last stage."""
    busy = [0] * len(stages)  # cycle until which a stage holds the item before
    for _ in range(items):
        at = busy[0]
        for stage, length in enumerate(stages):
            done = at + length
            if stage + 1 < len(stages):
                # It stays in the latch until the next stage takes it.
                taken = max(done, busy[stage + 1])
                busy[stage] = taken if length else done
                at = taken
            else:
                busy[stage] = done
                at = done
        yield at
