"""Which template maps a layer: that of systolic arrays, or that of PEs with pads of their own."""

from __future__ import annotations

from collections.abc import Mapping

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.mapping import Mapping as LayerMapping
from stallscope.mappings.problem import Problem
from stallscope.mappings.templates.pads.planning import plan_on_pads
from stallscope.mappings.templates.planning import asked_dataflow
from stallscope.mappings.templates.planning import map_layer as map_on_systolic
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["map_layer"]


def map_layer(
    problem: Problem,
    architecture: Architecture,
    *,
    dataflow: str | None = None,
    blocking: Mapping[str, int] | LayerMapping | None = None,
) -> LayerMapping:
    """Map a matrix product or a convolution onto an array.

    Args:
        problem: A product of two operands summed over the dimensions they share.
        architecture: A systolic array, or PEs with storage of their own.
        dataflow: ``os``, ``ws`` or ``is``: the tensor that stays in the array, or in the PEs from
            pass to pass; None: the one with the best estimate.
        blocking: On a systolic array, extents of the tiles that main memory sends (see
            `stallscope.mappings.templates.planning.map_layer`). Or a whole mapping, which is
            checked.

    Raises:
        SpecError: The problem or the architecture is none that a template knows, or nothing fits.
    """
    if architecture.compute.systolic is not None:
        return map_on_systolic(problem, architecture, dataflow=dataflow, blocking=blocking)
    if isinstance(blocking, LayerMapping):
        check_mapping(problem, architecture, blocking)
        return blocking
    if blocking:
        rule = "extents of tiles are taken for systolic arrays alone"
        shown = ", ".join(f"{name}={extent}" for name, extent in blocking.items())
        raise SpecError([Fault(place="blocking", value=shown, rule=rule,
                               remedy="leave it out, or give a whole mapping")])  # fmt: skip
    asked = None if dataflow is None else asked_dataflow(dataflow)
    return plan_on_pads(problem, architecture, dataflow=asked).mapping
