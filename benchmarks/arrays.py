"""Large arrays: what a layer on many MACs costs before it runs, compared with fewer."""

from __future__ import annotations

from benchmarks.timing import interleaved
from stallscope.mappings.analytical import analyze
from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.traces.compile import compile_case

REMAINDER = 19


def product_on_array(side: int) -> Case:
    """A matrix product with remainders in every dimension, weights held in side x side MACs."""
    bound = 3 * side + REMAINDER
    ranks = {"I": "MK", "W": "KN", "O": "MN"}
    tensors = tuple(
        Tensor(
            name=name,
            ranks=tuple((Term(dimension=one),) for one in dimensions),
            is_output=name == "O",
        )
        for name, dimensions in ranks.items()
    )
    four = Loop(dimension="M", extent=4)
    spad = (Loop(dimension="N", extent=4), Loop(dimension="K", extent=4))
    levels = (
        LevelMapping(level="DRAM", temporal=(four,), keep=("I", "W", "O")),
        LevelMapping(level="SPAD", temporal=spad, keep=("I", "W")),
        LevelMapping(level="ACC", keep=("O",)),
        LevelMapping(
            level="REGS",
            temporal=(Loop(dimension="M", extent=side),),
            spatial_y=(Loop(dimension="K", extent=side),),
            spatial_x=(Loop(dimension="N", extent=side),),
            keep=("W",),
        ),
    )
    return Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=name, bound=bound) for name in "MNK"), tensors=tensors
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(name="DRAM", kind="dram"),
                *(StorageLevel(name=name) for name in ("SPAD", "ACC", "REGS")),
            ),
            compute=ComputeLevel(name="MAC", instances=side * side, mesh_x=side),
        ),
        mapping=Mapping(levels=levels),
    )


def size_cost() -> tuple[str, float, str]:
    """Compiling and analyzing a layer on 128 x 128 MACs over the same on 32 x 32."""
    small, large = product_on_array(32), product_on_array(128)

    def run(case: Case) -> None:
        program, estimate = compile_case(case), analyze(case)
        assert {work.rows for work in program.compute.records} == {
            REMAINDER, case.mapping.levels[3].spatial_y[0].extent,
        }  # fmt: skip
        assert estimate.counts.compute.computes == case.problem.macs

    few, many = interleaved([lambda: run(small), lambda: run(large)], repeats=5)
    return "16 times the MACs: cost", many / few, f"{1e3 * many:.1f} ms, {1e3 * few:.1f} ms"
