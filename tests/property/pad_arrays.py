"""Random arrays of PEs with scratch pads of their own, with the levels that templates know."""

from __future__ import annotations

from hypothesis import strategies as st

from stallscope.mappings.architecture import (
    Architecture,
    ComputeLevel,
    LevelKind,
    Network,
    StorageLevel,
)

WIDTH = st.sampled_from([None, 1, 2, 7, 16])


@st.composite
def pads(draw, names, instances, mesh_x, roomy):
    """Levels of a PE: one for all, one each that say so, two, three that do not say."""
    arrangement = draw(st.sampled_from([
        [None], [(names[0],), (names[1],), (names[2],)], [(names[2],), (names[0], names[1])],
        [(names[1],), None], [None, None, None],
    ]))  # fmt: skip
    capacity = st.none() if roomy else st.sampled_from([None, 1, 3, 6, 12, 16, 40, 192])
    return [
        StorageLevel(
            name=f"PAD{at}", instances=instances, mesh_x=mesh_x, holds=holds,
            capacity_words=draw(capacity), word_bits=draw(st.sampled_from([16, 16, 24])),
            read_words_per_cycle=draw(WIDTH), write_words_per_cycle=draw(WIDTH),
        )
        for at, holds in enumerate(arrangement)
    ]  # fmt: skip


@st.composite
def pad_arrays(draw, problem, roomy=False):
    """A mesh of a few PEs, with or without a level per column, below shared buffers or none.

    Args:
        draw: Hypothesis's.
        problem: Whose tensors the buffers hold.
        roomy: Whether every buffer is unbounded.
    """
    names = draw(st.permutations([tensor.name for tensor in problem.tensors]))
    x, y, lanes = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.sampled_from([1, 1, 2]))
    levels = [StorageLevel(name="DRAM", kind=LevelKind.DRAM, shared_words_per_cycle=draw(WIDTH))]
    capacity = st.none() if roomy else st.sampled_from([None, 12, 100, 300, 1000])
    shared = draw(st.sampled_from([[], [None], [None], [(names[0],), (names[1], names[2])]]))
    for at, holds in enumerate(shared):
        levels.append(
            StorageLevel(
                name=f"B{at}", holds=holds, capacity_words=draw(capacity),
                read_words_per_cycle=draw(WIDTH), write_words_per_cycle=draw(WIDTH),
                network=Network(multicast=draw(st.sampled_from([True, True, False]))),
            )
        )  # fmt: skip
    if draw(st.booleans()) and x > 1 and y > 1:
        levels.append(StorageLevel(name="COLUMN", instances=x, mesh_x=x))
    levels += draw(pads(names, x * y, x, roomy))
    compute = ComputeLevel(name="mac", instances=x * y * lanes, mesh_x=x * lanes)
    return Architecture(clock_mhz=200, levels=tuple(levels), compute=compute)
