"""Random products and convolutions, and random systolic arrays with the buffers templates know."""

from __future__ import annotations

from hypothesis import strategies as st

from stallscope.mappings.architecture import Architecture, ComputeLevel, LevelKind, StorageLevel
from stallscope.mappings.dram_catalog import dram_device
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.systolic import Systolic

SMALL = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 12, 13])
WINDOW = st.sampled_from([1, 2, 3, 3, 5])


def plain(names):
    return tuple((Term(dimension=name),) for name in names)


@st.composite
def products(draw):
    """O[G.., M, N] += A[G.., M, K] B[G.., N, K]; each part of one or two dimensions."""
    parts = {}
    for part, most in (("G", 1), ("M", 2), ("N", 2), ("K", 2)):
        count = draw(st.integers(0 if part == "G" else 1, most))
        parts[part] = [f"{part.lower()}{at}" for at in range(count)]
    names = [name for part in parts.values() for name in part]
    bounds = {name: draw(SMALL if name[0] != "g" else st.integers(1, 3)) for name in names}
    ranks = {"A": "GMK", "B": "GNK", "O": "GMN"}
    tensors = [
        Tensor(
            name=name,
            ranks=plain([one for part in of for one in parts[part]]),
            is_output=name == "O",
        )
        for name, of in ranks.items()
    ]
    return Problem(
        dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
        tensors=tuple(draw(st.permutations(tensors))),
    )


@st.composite
def convolutions(draw):
    """Strided, dilated, grouped convolutions in one or two dimensions, tensors in any order."""
    flat = draw(st.booleans())
    bounds = {
        "N": draw(st.integers(1, 2)), "G": draw(st.sampled_from([1, 1, 2, 3])),
        "K": draw(SMALL), "C": draw(SMALL), "P": draw(SMALL), "R": draw(WINDOW),
        "Q": 1 if flat else draw(SMALL), "S": 1 if flat else draw(WINDOW),
    }  # fmt: skip
    stride, dilation = draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([1, 1, 2]))
    windows = tuple(
        (Term(dimension=pixel, coefficient=stride), Term(dimension=tap, coefficient=dilation))
        for pixel, tap in ("PR", "QS")
    )
    tensors = [
        Tensor(name="Weights", ranks=plain("GKCRS")),
        Tensor(name="Inputs", ranks=plain("NGC") + windows),
        Tensor(name="Outputs", ranks=plain("NGKPQ"), is_output=True),
    ]
    return Problem(
        dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
        tensors=tuple(draw(st.permutations(tensors))),
    )


def arrangements(first, second, output):
    """What buffers hold, outermost first; None: anything."""
    return [
        [(first, second), (output,)],
        [(output,), (first, second)],
        [None, (output,)],
        [None],
        [(first, second)],
        [(first,), (second,), (output,)],
        [(first,), (output,), (second,)],
        [(output,), (first,), (second,)],
    ]


@st.composite
def main_memories(draw, width, may_be_device):
    """A bandwidth, or a device with its controller."""
    device = draw(st.sampled_from([None, None, "hbm2", "ddr4-2400"])) if may_be_device else None
    if device is None:
        return StorageLevel(name="DRAM", kind=LevelKind.DRAM, word_bits=8,
                            shared_words_per_cycle=draw(width))  # fmt: skip
    memory = MainMemory(device=dram_device(device))
    return StorageLevel(name="DRAM", kind=LevelKind.DRAM, word_bits=8, memory=memory)


@st.composite
def systolic_arrays(draw, problem, roomy=False):
    """An array of a few PEs and one of the arrangements of buffers that templates know.

    Args:
        draw: Hypothesis's.
        problem: Whose tensors the buffers hold.
        roomy: Whether every buffer is unbounded.
    """
    output = problem.output.name
    first, second = (tensor.name for tensor in problem.tensors if not tensor.is_output)
    arrangement = draw(st.sampled_from(arrangements(first, second, output)))
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    width = st.sampled_from([None, 1, 2, 7, 16])
    capacity = st.none() if roomy else st.sampled_from([None, 12, 40, 100, 300, 1000])
    bits = draw(st.sampled_from([8, 32]))
    # A controller takes no outputs from the array itself.
    buffered = any(holds is None or output in holds for holds in arrangement)
    levels = [draw(main_memories(width, buffered))]
    for at, holds in enumerate(arrangement):
        levels.append(
            StorageLevel(
                name=f"B{at}", holds=holds, capacity_words=draw(capacity),
                word_bits=32 if holds == (output,) else 8,
                read_words_per_cycle=draw(width), write_words_per_cycle=draw(width),
            )
        )  # fmt: skip
    registers = draw(st.sampled_from([None, rows * columns, 2 * rows * columns]))
    levels.append(StorageLevel(name="REG", word_bits=bits, capacity_words=registers))
    return Architecture(
        clock_mhz=700,
        levels=tuple(levels),
        compute=ComputeLevel(
            name="mac", instances=rows * columns, mesh_x=columns, systolic=Systolic()
        ),
    )
