"""Drains: when the words of an output tile leave, and when its room is free."""

from __future__ import annotations

import pytest

from stallscope.hw.simulate import simulate
from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term


def matrix_product(reuse):
    """C is walked outside the last piece of M, which is clipped to one: its tile stays for it."""
    names = {"W": "MC", "I": "CP", "O": "MP"}
    loops = (("P", 2), ("M", 2), ("C", 3), ("M", 2))
    return Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=name, bound=size) for name, size in
                             (("M", 3), ("C", 3), ("P", 2))),
            tensors=tuple(
                Tensor(
                    name=name,
                    ranks=tuple((Term(dimension=rank),) for rank in ranks),
                    is_output=name == "O",
                )
                for name, ranks in names.items()
            ),
        ),
        architecture=Architecture(
            levels=(StorageLevel(name="DRAM", kind="dram"), StorageLevel(name="GLB")),
            compute=ComputeLevel(name="MAC"),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(
                    level="DRAM",
                    temporal=tuple(Loop(dimension=name, extent=size) for name, size in loops),
                    keep=("W", "I", "O"),
                ),
                LevelMapping(
                    level="GLB", keep=("O",), buffering=(Buffering(tensor="O", tiles=1),)
                ),
            )
        ),
        rules=Rules(reuse=reuse),
    )  # fmt: skip


@pytest.mark.parametrize("reuse", list(Reuse))
def test_a_tile_that_stays_leaves_and_makes_room_when_it_is_done(reuse):
    """Steps 6, 7, 8 are one tile: its one word leaves with the last of them, and so its room."""
    trace = simulate(matrix_product(reuse), trace="full").trace
    released = trace.meta.counters.index(("O GLB released", "O"))
    drains = [row for row in trace.window(units=["O GLB->DRAM"]).to_pylist() if row["op"] != "WAIT"]
    freed = [
        sum(by for counter, by, _ in trace.meta.outcomes[row["outcome"]] if counter == released)
        for row in drains
    ]
    if reuse is Reuse.OVERLAP:
        assert [(row["words"], words) for row, words in zip(drains, freed, strict=True)][6:9] == [
            (0, 0), (0, 0), (1, 1),
        ]  # fmt: skip
    held = 0
    refills = [
        row for row in trace.window(units=["O DRAM->GLB"]).to_pylist() if row["op"] != "WAIT"
    ]
    kinds = next(unit for unit in trace.meta.units if unit.name == "O DRAM->GLB").kinds
    for refill, words in zip(refills, freed, strict=True):
        held += kinds[refill["kind"]].room
        assert held == 1, "the tile in use has its room until it leaves"
        held -= words
