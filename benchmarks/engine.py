"""Engine: what one step of a stream costs, in bare SimPy timeouts of the same process."""

from __future__ import annotations

from fractions import Fraction

import simpy

from benchmarks.timing import interleaved
from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.traces.compile import compile_case

TILES = 20_000
TIMEOUTS = 100_000


def streaming_case(tiles: int = TILES) -> Case:
    """A matrix-vector product whose weights stream through a buffer, four words a tile."""
    weights = tuple((Term(dimension=name),) for name in "MC")
    return Case(
        problem=Problem(
            dimensions=(Dimension(name="M", bound=tiles), Dimension(name="C", bound=4)),
            tensors=(
                Tensor(name="Weights", ranks=weights),
                Tensor(name="Outputs", ranks=weights[:1], is_output=True),
            ),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(name="DRAM", kind="dram", read_words_per_cycle=Fraction(1)),
                StorageLevel(name="buffer"),
            ),
            compute=ComputeLevel(name="MAC"),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(
                    level="DRAM",
                    temporal=(Loop(dimension="M", extent=tiles),),
                    keep=("Weights", "Outputs"),
                ),
                LevelMapping(
                    level="buffer",
                    temporal=(Loop(dimension="C", extent=4),),
                    keep=("Weights", "Outputs"),
                ),
            )
        ),
    )


def bare_timeouts() -> None:
    """A SimPy process that does nothing but wait."""
    env = simpy.Environment()

    def waiting():
        for _ in range(TIMEOUTS):
            yield env.timeout(1)

    env.process(waiting())
    env.run()


def step_cost() -> tuple[str, float, str]:
    """(a) One stream step, fast-forward off, in bare timeouts."""
    case = streaming_case()
    program = compile_case(case)

    def run() -> None:
        cycles = Machine(program, case.architecture, FastForwardMode(False)).run()
        # One tile of 4 words at 1 word per cycle after the other, and the last burst's 4 MACs.
        assert cycles == 4 * TILES + 4, cycles

    bare, run_seconds = interleaved([bare_timeouts, run], repeats=4)
    steps = 4 * TILES  # fill, refill, burst and drain of every tile
    ratio = run_seconds / steps / (bare / TIMEOUTS)
    shown = f"{run_seconds / steps * 1e6:.2f} us a step, {bare / TIMEOUTS * 1e6:.2f} us a timeout"
    return "step in bare timeouts (fast-forward off)", ratio, shown
