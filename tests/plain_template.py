"""A template of the simplest kind, for tests: every loop in time, all at the outermost level.

It maps anything on anything whose inner levels hold one word of each tensor. The innermost level
keeps the stationary tensor alone, as a systolic array's registers do.
"""

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Problem

STATIONARY = {"os": "Outputs", "ws": "Weights", "is": "Inputs"}


def map_plainly(
    problem: Problem, architecture: Architecture, *, dataflow: str | None = None
) -> Mapping:
    """Map a problem in time alone."""
    loops = tuple(
        Loop(dimension=name, extent=bound) for name, bound in problem.bounds.items() if bound > 1
    )
    tensors = tuple(tensor.name for tensor in problem.tensors)
    names = [level.name for level in architecture.levels]
    levels = [LevelMapping(level=names[0], temporal=loops, keep=tensors)]
    levels += [LevelMapping(level=name, keep=tensors) for name in names[1:-1]]
    if len(names) > 1:
        kept = (STATIONARY[dataflow or "ws"],)
        levels.append(LevelMapping(level=names[-1], keep=kept))
    return Mapping(levels=tuple(levels))
