"""Layers by their shapes as cases: each distinct problem is mapped once, by a template."""

from __future__ import annotations

from typing import Protocol

from stallscope.mappings.accelerator import Accelerator
from stallscope.mappings.architecture import Architecture
from stallscope.mappings.case import Case, InputFile
from stallscope.mappings.dataflow import Dataflow, stationary, stays_in_pads
from stallscope.mappings.layers import Layer, Shape
from stallscope.mappings.layout import Layout
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.mapping import Mapping
from stallscope.mappings.problem import Problem
from stallscope.mappings.sparsity.operands import Sparsity
from stallscope.mappings.templates import lowered, map_layer
from stallscope.zeros import LayerZeros, NetworkZeros

__all__ = ["CHANNELS_LAST", "LOWERED", "ShapeCases", "Template", "template", "with_zeros"]

CHANNELS_LAST = "layout: channels are last, consecutive in main memory"
"""The named assumption of convolutions in a main memory with addresses."""
LOWERED = "im2col: layers are matrix products, the windows' words copied in main memory"
"""The named assumption of machines that know matrix products only."""
LOWERED_ZEROS = "zeros: words of lowered operands are taken as they come, zeros as others"
"""The named assumption about the zeros of convolutions on such machines."""


class Template(Protocol):
    """Maps a problem on an architecture.

    Contract: a pure function of what it is given; the mapping is legal, or the error says what no
    mapping of this kind can meet.
    """

    def __call__(
        self, problem: Problem, architecture: Architecture, *, dataflow: str | None = None
    ) -> Mapping:
        """Return the mapping; None as dataflow leaves the choice to it. SpecError if none."""


def template() -> Template:
    """Return the template that maps layers: the one place that knows where it is."""
    return map_layer


class ShapeCases:
    """Makes cases of layers by their shapes on one accelerator, each distinct problem mapped once.

    Layers of one shape with different zeros are different cases of one mapping.

    Args:
        accelerator: What they are put on.
        dataflow: Which tensor stays in the array; None leaves it to the template.
        zeros: What the layers get their zeros from; of the tensors that it says nothing of, the
            network's file or the accelerator's says it.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        dataflow: Dataflow | None,
        zeros: NetworkZeros | None = None,
    ) -> None:
        self._accelerator = accelerator
        self._zeros = zeros
        self._dataflow = dataflow or accelerator.dataflow
        self._mappings: dict[Problem, Mapping] = {}
        self._cases: dict[tuple[Problem, Sparsity], Case] = {}

    def case(self, layer: Layer, files: tuple[InputFile, ...]) -> tuple[Case, Dataflow | None]:
        """Return a layer's case, and which tensor stays in the array.

        Args:
            layer: A layer with a shape.
            files: The network's files, for the record.

        Raises:
            SpecError: If the accelerator has no mapping for it.
        """
        if layer.shape is None:
            raise ValueError(f"layer {layer.name} has files")
        accelerator, problem = self._accelerator, layer.shape.problem()
        layout = layer.shape.layout
        asked = LayerZeros(sparsity=layer.sparsity)
        if self._zeros is not None:
            asked = self._zeros.of(layer, problem)
        sparsity, arrays = accelerator.sparsity(layer.shape, asked.sparsity)
        arrays = (*asked.files, *arrays)
        how = self._placed(layer.shape)
        if accelerator.lowers:
            how = (LOWERED, LOWERED_ZEROS) if sparsity.operands else (LOWERED,)
            problem, layout, sparsity = lowered(problem), Layout(), Sparsity()
        first = self._cases.get((problem, sparsity))
        if first is None:
            first = accelerator.case(
                problem, self._mapping(problem), name=layer.name, files=(*files, *arrays),
                layout=layout, sparsity=sparsity,
            )  # fmt: skip
            self._cases[problem, sparsity] = first
        assumptions = (*first.assumptions, *layer.assumptions, *how, *asked.assumptions)
        case = first.model_copy(update={"name": layer.name, "assumptions": assumptions})
        if case.architecture.levels[-1].instances > 1:
            return case, stays_in_pads(problem, case.architecture, case.mapping)
        return case, stationary(problem, case.mapping)

    def _mapping(self, problem: Problem) -> Mapping:
        if problem not in self._mappings:
            self._mappings[problem] = template()(
                problem, self._accelerator.platform.architecture, dataflow=self._dataflow
            )
        return self._mappings[problem]

    def _placed(self, shape: Shape) -> tuple[str, ...]:
        """Say where tensors lie, if it matters and no file says it."""
        accelerator = self._accelerator
        has_addresses = accelerator.platform.architecture.levels[0].memory is not None
        is_chosen = has_addresses and shape.layout.tensors and not accelerator.layout.tensors
        return (CHANNELS_LAST,) if is_chosen else ()


def with_zeros(case: Case, layer: Layer, zeros: NetworkZeros) -> Case:
    """Return the case of a layer that comes with its files, with the zeros of a network.

    Raises:
        SpecError: If they do not suit its tensors, or its tiles do not fit as they are stored.
    """
    found = zeros.of(layer, case.problem)
    own = [one for one in case.sparsity.operands if found.sparsity.of(one.tensor) is None]
    sparsity = Sparsity(operands=(*found.sparsity.operands, *own))
    check_mapping(case.problem, case.architecture, case.mapping, sparsity)
    return case.model_copy(
        update={
            "sparsity": sparsity,
            "files": (*case.files, *found.files),
            "assumptions": (*case.assumptions, *found.assumptions),
        }
    )
