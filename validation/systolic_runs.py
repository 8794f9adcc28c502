"""Matrix products on systolic arrays, as the reference simulators lay them out."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from stallscope.mappings.architecture import Architecture, ComputeLevel, LevelKind, StorageLevel
from stallscope.mappings.case import Case, InputFile, Reuse, Rules
from stallscope.mappings.layers import GemmLayer
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Problem
from stallscope.mappings.scalesim_architecture import architecture_of
from stallscope.mappings.scalesim_config import Interface, ScaleSimConfig
from stallscope.mappings.systolic import Convention, Systolic
from stallscope.mappings.templates import map_layer

__all__ = ["BUFFER", "FLOWS", "behind_memory", "matrix_product", "on_array"]

FLOWS = {
    "os": ("Outputs", "M", "N", "K"),
    "ws": ("Weights", "K", "N", "M"),
    "is": ("Inputs", "K", "M", "N"),
}
"""Stationary tensor, and the dimensions of rows, columns and steps, by dataflow."""
BUFFER = "SRAM"


def matrix_product(shape: tuple[int, int, int]) -> Problem:
    """Return Inputs (M x K) times Weights (K x N); M, N, K as given."""
    rows, columns, depth = shape
    return GemmLayer(M=rows, N=columns, K=depth).problem()


def on_array(
    shape: tuple[int, int, int],
    array: tuple[int, int],
    dataflow: str,
    convention: Convention,
    widths: tuple[int | None, int | None] = (None, None),
) -> Case:
    """Return a matrix product on an array behind one buffer that holds and feeds everything.

    Args:
        shape: M, N, K.
        array: Rows and columns.
        dataflow: os, ws or is.
        convention: Whose rules say what a fold takes.
        widths: Words that enter and leave the array per cycle; None: no limit.
    """
    kept, row, column, step = FLOWS[dataflow]
    bounds = dict(zip("MNK", shape, strict=True))
    rows, columns = min(array[0], bounds[row]), min(array[1], bounds[column])
    everything = ("Inputs", "Weights", "Outputs")
    folds = [(column, ceil(bounds[column] / columns)), (row, ceil(bounds[row] / rows))]
    mapping = Mapping(
        levels=(
            LevelMapping(level="DRAM", keep=everything),
            LevelMapping(level=BUFFER, temporal=_loops(*folds), keep=everything),
            LevelMapping(
                level="array",
                temporal=_loops((step, bounds[step])),
                spatial_y=_loops((row, rows)),
                spatial_x=_loops((column, columns)),
                keep=(kept,),
            ),
        )
    )
    return Case(
        problem=matrix_product(shape),
        architecture=_machine(array, convention, widths),
        mapping=mapping,
        rules=Rules(reuse=Reuse.OVERLAP),
    )


def _machine(
    array: tuple[int, int], convention: Convention, widths: tuple[int | None, int | None]
) -> Architecture:
    """An array with two tiles of registers behind one buffer of any size and speed."""
    entering, leaving = (None if width is None else Fraction(width) for width in widths)
    return Architecture(
        levels=(
            StorageLevel(name="DRAM", kind=LevelKind.DRAM),
            StorageLevel(name=BUFFER),
            StorageLevel(name="array", capacity_words=2 * array[0] * array[1]),
        ),
        compute=ComputeLevel(
            name="mac",
            instances=array[0] * array[1],
            mesh_x=array[1],
            systolic=Systolic(
                in_words_per_cycle=entering, out_words_per_cycle=leaving, convention=convention
            ),
        ),
    )


def behind_memory(
    shape: tuple[int, int, int],
    array: tuple[int, int],
    dataflow: str,
    sram_kb: tuple[int, int, int],
    widths: tuple[int, int],
) -> Case:
    """Return a matrix product on SCALE-Sim's machine with main memory of limited bandwidth.

    Tiles and loops are those that our template chooses for its buffers.

    Args:
        shape: M, N, K.
        array: Rows and columns.
        dataflow: os, ws or is.
        sram_kb: Ifmap, filter and ofmap buffer.
        widths: Words per cycle that main memory reads per operand, and writes.
    """
    ifmap, weights, ofmap = sram_kb
    config = ScaleSimConfig(
        array_height=array[0],
        array_width=array[1],
        ifmap_sram_kb=ifmap,
        filter_sram_kb=weights,
        ofmap_sram_kb=ofmap,
        interface=Interface.USER,
        ifmap_bank_bandwidth=widths[0],
        filter_bank_bandwidth=widths[0],
        bandwidths=(widths[1],),
        file=InputFile(path="reference case", sha256=""),
    )
    problem, architecture = matrix_product(shape), architecture_of(config)
    return Case(
        problem=problem,
        architecture=architecture,
        mapping=map_layer(problem, architecture, dataflow=dataflow),
        rules=Rules(reuse=Reuse.OVERLAP),
    )


def _loops(*pairs: tuple[str, int]) -> tuple[Loop, ...]:
    return tuple(Loop(dimension=name, extent=extent) for name, extent in pairs if extent > 1)
