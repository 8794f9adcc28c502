"""Machines made from a seed: long loops, narrow ports, small bursts, so that much repeats."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.simcore.errors import SpecError

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
    """A 1-D convolution of some thousand steps on two or three levels, always legal."""
    rng = Random(seed)
    count = rng.choice([2, 2, 3])
    bounds = dict.fromkeys("CMPR", 1)
    temporal: list[list[Loop]] = [[] for _ in range(count)]
    total = 1
    for _ in range(rng.randint(2, 5)):
        name, extent = rng.choice("CMPPR"), rng.choice([2, 3, 5, 8, 13, 24, 40])
        if total * extent > 2500:
            continue
        total *= extent
        bounds[name] *= extent
        temporal[rng.randrange(max(1, count - 1))].append(Loop(dimension=name, extent=extent))
    for name in "CR":
        extent = rng.choice([1, 1, 2, 4])
        bounds[name] *= extent
        temporal[-1].append(Loop(dimension=name, extent=extent))
    if rng.random() < 0.25 and bounds["P"] % 2 == 0:
        bounds["P"] -= bounds["P"] > 2
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
    case = Case(
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
    try:
        check_mapping(case.problem, case.architecture, case.mapping)
    except SpecError:
        return seeded_case(seed + 1_000_000)
    return case
