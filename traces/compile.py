"""Compile a case into a program: one looped stream per unit."""

from __future__ import annotations

from itertools import pairwise

from stallscope.mappings.case import Case, Reuse
from stallscope.mappings.layout import strides_of
from stallscope.traces.bursts import compile_compute
from stallscope.traces.movers import compile_mover, stream_loops
from stallscope.traces.nest import Nest, resolve
from stallscope.traces.program import (
    BufferPlan,
    MoverStream,
    Program,
    SpatialBlock,
    TensorLayout,
)

__all__ = ["compile_case"]


def compile_case(case: Case) -> Program:
    """Compile the mapping of ``case`` into instruction streams.

    Args:
        case: A checked case (`stallscope.load` checks).

    Returns:
        The program; it depends on the case only and can be saved and executed elsewhere.
    """
    nest = resolve(case)
    is_systolic = case.architecture.compute.systolic is not None
    movers = []
    for tensor in case.problem.tensors:
        keepers = nest.keepers(tensor.name)
        for parent, child in pairwise(keepers):
            movers.append(compile_mover(nest, tensor, parent, child))
    return Program(
        name=case.name,
        dims=tuple(case.problem.bounds.items()),
        macs=case.problem.macs,
        output=case.problem.output.name,
        output_dimensions=tuple(sorted(case.problem.output.dimensions)),
        tensors=_layouts(case),
        blocks=_blocks(nest),
        shares_words=case.rules.reuse is Reuse.OVERLAP,
        movers=_outermost_first(movers, nest),
        compute=compile_compute(nest),
        buffers=_plans(nest),
        used_instances=tuple(
            (nest.level_name(level), nest.instances(level)) for level in range(nest.depth + 1)
        ),
        fanouts=tuple(
            (nest.level_name(level), nest.block(level).count) for level in range(nest.depth)
        ),
        registers=nest.level_name(nest.depth - 1) if is_systolic else None,
    )


def _outermost_first(movers: list[MoverStream], nest: Nest) -> tuple[MoverStream, ...]:
    """Unit order: by parent level, then by the order in which the problem declares tensors."""
    index = {nest.level_name(level): level for level in range(nest.depth)}
    return tuple(sorted(movers, key=lambda mover: index[mover.parent]))


def _layouts(case: Case) -> tuple[TensorLayout, ...]:
    return tuple(
        TensorLayout(
            name=tensor.name,
            ranks=tuple(
                tuple((term.dimension, term.coefficient) for term in rank) for rank in tensor.ranks
            ),
            shape=tensor.tile_shape(case.problem.bounds),
            strides=strides_of(
                tensor, tensor.tile_shape(case.problem.bounds), case.layout.of(tensor.name)
            ),
            base=case.layout.of(tensor.name).base_words,
            is_output=tensor.is_output,
        )
        for tensor in case.problem.tensors
    )


def _blocks(nest: Nest) -> tuple[SpatialBlock, ...]:
    return tuple(
        SpatialBlock(
            level=level.name,
            loops=stream_loops(nest, None, nest.block(index).loops),
            is_multicast=level.network.multicast,
        )
        for index, level in enumerate(nest.case.architecture.levels)
    )


def _plans(nest: Nest) -> tuple[BufferPlan, ...]:
    plans = []
    for level, mapped in enumerate(nest.case.mapping.levels):
        asked = {entry.tensor: entry.tiles for entry in mapped.buffering}
        spans = nest.spans(level)
        for name in mapped.keep:
            tensor = nest.case.problem.tensor(name)
            plans.append(
                BufferPlan(
                    level=mapped.level,
                    tensor=name,
                    tile_words=tensor.tile_words(spans),
                    tiles=asked.get(name),
                )
            )
    return tuple(plans)
