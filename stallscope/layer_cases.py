"""Layers by their shapes as cases: each distinct problem is mapped once, by a template."""

from __future__ import annotations

from typing import Protocol

from stallscope.failures import not_built
from stallscope.mappings.accelerator import Accelerator
from stallscope.mappings.architecture import Architecture
from stallscope.mappings.case import Case, InputFile
from stallscope.mappings.dataflow import Dataflow, stationary
from stallscope.mappings.layers import Layer
from stallscope.mappings.mapping import Mapping
from stallscope.mappings.problem import Problem

__all__ = ["ShapeCases", "Template", "template"]


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
    try:
        from stallscope.mappings.templates import (  # type: ignore[import-not-found, unused-ignore]
            map_layer,
        )
    except ImportError as error:
        raise not_built("a layer by its shape", "give its mapping under files:") from error
    chosen: Template = map_layer
    return chosen


class ShapeCases:
    """Makes cases of layers by their shapes on one accelerator, each distinct problem mapped once.

    Args:
        accelerator: What they are put on.
        dataflow: Which tensor stays in the array; None leaves it to the template.
    """

    def __init__(self, accelerator: Accelerator, dataflow: Dataflow | None) -> None:
        self._accelerator = accelerator
        self._dataflow = dataflow
        self._mapped: dict[Problem, Case] = {}

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
        first = self._mapped.get(problem)
        if first is None:
            mapping = template()(
                problem, accelerator.platform.architecture, dataflow=self._dataflow
            )
            first = accelerator.case(problem, mapping, name=layer.name, files=files)
            self._mapped[problem] = first
        assumptions = (*first.assumptions, *layer.assumptions)
        case = first.model_copy(update={"name": layer.name, "assumptions": assumptions})
        return case, stationary(problem, case.mapping)
