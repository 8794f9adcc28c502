"""An array of two rows of two PEs: what each has to do, where it is, what rebalancing does."""

from __future__ import annotations

import numpy as np

from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.hardware import SparseArray
from stallscope.mappings.sparsity.holding import tiles_at_pes
from stallscope.mappings.sparsity.passes import PassWork, PeNest
from stallscope.mappings.sparsity.rebalancing import rebalance
from stallscope.mappings.sparsity.schedules import together


def loop(dimension, extent):
    return Loop(dimension=dimension, extent=extent)


def ranks(names):
    return tuple((Term(dimension=name),) for name in names)


def chip(*, capacity=None, buffering=(), lanes=True):
    """K and C across 2 x 3 PEs, each with a buffer of weights and a register of the output."""
    problem = Problem(
        dimensions=tuple(Dimension(name=n, bound=b) for n, b in {"K": 6, "C": 8, "N": 3}.items()),
        tensors=(
            Tensor(name="W", ranks=ranks("KC")),
            Tensor(name="I", ranks=ranks("NC")),
            Tensor(name="O", ranks=ranks("NK"), is_output=True),
        ),
    )
    pairs = (loop("C", 2),)
    levels = (
        StorageLevel(name="DRAM", kind="dram"),
        StorageLevel(name="GLB"),
        StorageLevel(name="row", instances=2, mesh_x=1),
        StorageLevel(name="pad", instances=8, mesh_x=4, capacity_words=capacity),
        StorageLevel(name="register", instances=8, mesh_x=4),
    )
    compute = ComputeLevel(name="MAC", instances=16, mesh_x=8, sparse=SparseArray(skips=("W",)))
    mapped = (
        LevelMapping(level="DRAM", temporal=(loop("N", 3),), keep=("W", "I", "O")),
        LevelMapping(level="GLB", temporal=(loop("C", 2),), spatial_y=(loop("C", 2),)),
        LevelMapping(level="row", spatial_x=(loop("K", 3),)),
        LevelMapping(level="pad", temporal=(loop("K", 2),), keep=("W", "I"), buffering=buffering),
        LevelMapping(
            level="register",
            temporal=() if lanes else pairs,
            spatial_x=pairs if lanes else (),
            keep=("O",),
        ),
    )
    return Case(
        problem=problem,
        architecture=Architecture(levels=levels, compute=compute),
        mapping=Mapping(levels=mapped),
    )


def test_a_pe_is_all_levels_with_as_many_instances_as_the_innermost():
    nest = PeNest(chip())
    assert (nest.own, nest.pes, nest.lanes) == (3, 6, (("C", 2, 1),))
    assert [(one.dimension, one.extent) for one in nest.passes] == [("N", 3), ("C", 2)]
    assert nest.spans == {"K": 2, "C": 2, "N": 1}


def test_a_pe_stands_where_the_spatial_loops_place_it():
    """Rows of four, of which the mapping uses three."""
    nest = PeNest(chip())
    assert nest.mesh == (2, 4)
    assert nest.places().tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]


def test_lanes_in_lock_step_take_a_cycle_if_any_has_a_product():
    """One word of each pair of lanes is enough; N repeats the two passes over C."""
    weights = np.zeros((6, 8), dtype=bool)
    weights[0, :2], weights[3, 3], weights[5, 4] = True, True, True
    work = PassWork(chip(), {"W": weights})
    passes = [[1, 0, 0, 0, 1, 0], [0, 0, 1, 0, 0, 0]]
    assert passes == np.concatenate([*work.distinct()]).tolist()
    assert (work.repeats, work.count) == (3, 6)
    assert [passes[at] for block in work.ordered() for at in block.where] == passes * 3


def test_channels_are_dealt_longest_first_to_the_tile_with_least():
    """K: loads 8 6 5 4 1 0 over three tiles of two: 8+0, 6+1, 5+4 instead of 8+6, 5+4, 1+0."""
    weights = np.zeros((6, 8), dtype=bool)
    for channel, load in enumerate((8, 6, 5, 4, 1, 0)):
        weights[channel, :load] = True
    case = chip(lanes=False)
    masks, order = rebalance(case, {"W": weights})
    assert order["K"].tolist() == [0, 5, 1, 4, 2, 3]
    assert (masks["W"] == weights[np.ix_(order["K"], order["C"])]).all()
    before, after = (together(PassWork(case, {"W": one})) for one in (weights, masks["W"]))
    assert (before.barrier, after.barrier, after.ideal) == (24, 15, 12)


def test_tiles_that_wait_at_a_pe_are_those_its_buffer_holds():
    """Two by default; one where a second does not fit; as said; one where nobody keeps it."""
    assert tiles_at_pes(chip()) == {"W": 2, "I": 2, "O": 2}
    # A tile of W has 4 words, one of I 2: the second of W fits, that of I does not.
    assert tiles_at_pes(chip(capacity=11)) == {"W": 2, "I": 1, "O": 2}
    asked = (Buffering(tensor="W", tiles=5),)
    assert tiles_at_pes(chip(capacity=24, buffering=asked)) == {"W": 5, "I": 2, "O": 2}
