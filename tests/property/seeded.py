"""Machines made from a seed: long loops, narrow ports, small bursts, so that much repeats."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term

RATES = [None, *map(Fraction, ("1/2", "1", "2", "3", "3/10", "4", "5/3"))]


def _level(rng: Random, at: int) -> StorageLevel:
    return StorageLevel(
        name=f"L{at}",
        kind="buffer" if at else "dram",
        read_words_per_cycle=rng.choice(RATES),
        write_words_per_cycle=rng.choice(RATES),
        shared_words_per_cycle=rng.choice([None, None, Fraction(2)]),
        read_latency_cycles=rng.choice([0, 0, 2, 9, 30]),
        write_latency_cycles=rng.choice([0, 0, 3]),
        burst_words=rng.choice([None, 1, 2, 5]),
        network=Network(words_per_cycle=rng.choice(RATES)),
    )


def seeded_case(seed: int) -> Case:
    """A 1-D convolution of some thousand multiply-accumulates on two or three levels."""
    rng = Random(seed)
    count = rng.choice([2, 2, 3])
    bounds = dict.fromkeys("CMPR", 1)
    temporal: list[list[Loop]] = [[] for _ in range(count)]
    total = 1
    for _ in range(rng.randint(2, 5)):
        name, extent = rng.choice("CMPPR"), rng.choice([2, 3, 4, 5, 7, 10, 16])
        if total * extent > 6000:
            continue
        total *= extent
        bounds[name] *= extent
        temporal[rng.randrange(count)].append(Loop(dimension=name, extent=extent))
    if rng.random() < 0.25:
        bounds["P"] = max(1, bounds["P"] - 1)
    column = (Term(dimension="P"), Term(dimension="R"))
    plain = {name: (Term(dimension=name),) for name in "CMP"}
    levels = []
    for at in range(count):
        keep = [name for name in "WIO" if at == 0 or rng.random() < 0.8]
        held = tuple(Buffering(tensor=name, tiles=rng.choice([1, 2, 2, 3])) for name in keep)
        levels.append(
            LevelMapping(
                level=f"L{at}", temporal=tuple(temporal[at]), keep=tuple(keep), buffering=held
            )
        )
    return Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=n, bound=b) for n, b in bounds.items()),
            tensors=(
                Tensor(name="W", ranks=(plain["M"], plain["C"], (Term(dimension="R"),))),
                Tensor(name="I", ranks=(plain["C"], column)),
                Tensor(name="O", ranks=(plain["M"], plain["P"]), is_output=True),
            ),
        ),
        architecture=Architecture(
            levels=tuple(_level(rng, at) for at in range(count)),
            compute=ComputeLevel(name="MAC", pipeline_cycles=rng.choice([0, 0, 3])),
        ),
        mapping=Mapping(levels=tuple(levels)),
        rules=Rules(reuse=rng.choice(list(Reuse))),
    )
