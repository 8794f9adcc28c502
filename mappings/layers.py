"""Layers by their shapes, the problems that they are, and networks of layers in series.

A convolution has the dimensions N K C P Q R S, rows before columns (P and R are rows); one in
groups has G besides, with K and C those of a group. A matrix product has M N K, a batched one B
besides. All have the tensors Inputs, Weights and Outputs, declared in this order.

Inputs are taken as they are stored: padded. Words of padding are words like the others, which are
stored and moved; rows and columns of the input that no window reads are not part of the tensor.

Not modelled: activations, pooling, normalisation and element-wise additions.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from stallscope.mappings.case import InputFile
from stallscope.mappings.layout import Layout, TensorPlace
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.operands import Sparsity
from stallscope.mappings.spec import Name, Spec

__all__ = ["PADDING_IS_STORED", "ConvLayer", "GemmLayer", "Layer", "LayerNetwork", "Shape"]

PADDING_IS_STORED = "padding is stored with the inputs and moved like them"
"""The named assumption of every layer with padding."""


def _both(value: object) -> object:
    """Read one figure as that of both axes."""
    return (value, value) if isinstance(value, int) else value


def _pair(least: int) -> tuple[BeforeValidator, WithJsonSchema]:
    one = {"type": "integer", "minimum": least}
    both = {"type": "array", "items": one, "minItems": 2, "maxItems": 2}
    return BeforeValidator(_both), WithJsonSchema({"anyOf": [one, both]})


_Size = Annotated[int, Field(ge=1)]
Steps = Annotated[tuple[_Size, _Size], *_pair(1)]
"""Steps along rows and along columns; one number is both."""
Margins = Annotated[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], *_pair(0)]
"""Words added on each side along rows and along columns; one number is both."""


class ConvLayer(Spec):
    """A convolution; depthwise if ``groups`` is C.

    Attributes:
        N: Batch.
        C: Input channels of all groups.
        K: Output channels of all groups.
        P: Output rows.
        Q: Output columns.
        R: Rows of the filter.
        S: Columns of the filter.
        stride: Input words from one output to the next, along rows and columns.
        padding: Words added to the input on each side, along rows and columns.
        dilation: Input words from one weight to the next, along rows and columns.
        groups: Groups of channels; a divisor of C and of K.
    """

    N: _Size = 1
    C: _Size
    K: _Size
    P: _Size
    Q: _Size
    R: _Size
    S: _Size
    stride: Steps = (1, 1)
    padding: Margins = (0, 0)
    dilation: Steps = (1, 1)
    groups: _Size = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the layer."""
        return self.N * self.P * self.Q * self.weights

    @property
    def weights(self) -> int:
        """Words of the weights."""
        return self.K * self.C // self.groups * self.R * self.S

    @property
    def input_rows(self) -> int:
        """Rows of the padded input that windows reach over."""
        return self.stride[0] * (self.P - 1) + self.dilation[0] * (self.R - 1) + 1

    @property
    def input_columns(self) -> int:
        """Columns of the padded input that windows reach over."""
        return self.stride[1] * (self.Q - 1) + self.dilation[1] * (self.S - 1) + 1

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Named assumptions, one sentence each."""
        return (PADDING_IS_STORED,) if any(self.padding) else ()

    def problem(self) -> Problem:
        """Return the problem that the layer is."""
        bounds = {
            "N": self.N, "G": self.groups, "K": self.K // self.groups, "C": self.C // self.groups,
            "P": self.P, "Q": self.Q, "R": self.R, "S": self.S,
        }  # fmt: skip
        group = ["G"]
        if self.groups == 1:
            del bounds["G"]
            group = []
        rows = _window("P", self.stride[0], "R", self.dilation[0])
        columns = _window("Q", self.stride[1], "S", self.dilation[1])
        return _problem(
            bounds,
            weights=_plain(*group, "K", "C", "R", "S"),
            inputs=(*_plain("N", *group, "C"), rows, columns),
            outputs=_plain("N", *group, "K", "P", "Q"),
        )

    @property
    def layout(self) -> Layout:
        """Channels last: a pixel's channels, and a tap's weights, are consecutive words."""
        group = () if self.groups == 1 else ("G",)
        return Layout(
            tensors=(
                TensorPlace(tensor="Inputs", order=("N", "P", "Q", *group, "C")),
                TensorPlace(tensor="Weights", order=(*group, "R", "S", "C", "K")),
                TensorPlace(tensor="Outputs", order=("N", "P", "Q", *group, "K")),
            )
        )

    @model_validator(mode="after")
    def _whole_groups(self) -> ConvLayer:
        faults = [
            f"groups {self.groups} does not divide {name} {channels}"
            for name, channels in (("C", self.C), ("K", self.K))
            if channels % self.groups
        ]
        reach = (self.input_rows, self.input_columns)
        if any(size <= margin for size, margin in zip(reach, self.padding, strict=True)):
            faults.append("padding is all that the windows read: make it smaller")
        if faults:
            raise ValueError("; ".join(faults))
        return self


class GemmLayer(Spec):
    """A matrix product: Inputs of M x K, Weights of K x N, Outputs of M x N.

    Attributes:
        M: Rows of Inputs and Outputs.
        N: Columns of Weights and Outputs.
        K: What is summed over.
        batch: Products of this shape, each with operands of its own.
    """

    M: _Size
    N: _Size
    K: _Size
    batch: _Size = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the layer."""
        return self.batch * self.M * self.N * self.K

    @property
    def weights(self) -> int:
        """Words of the second operand."""
        return self.batch * self.N * self.K

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Named assumptions, one sentence each."""
        return ()

    def problem(self) -> Problem:
        """Return the problem that the layer is."""
        bounds = {"B": self.batch, "M": self.M, "N": self.N, "K": self.K}
        batch = ["B"]
        if self.batch == 1:
            del bounds["B"]
            batch = []
        return _problem(
            bounds,
            weights=_plain(*batch, "K", "N"),
            inputs=_plain(*batch, "M", "K"),
            outputs=_plain(*batch, "M", "N"),
        )

    @property
    def layout(self) -> Layout:
        """Row by row."""
        return Layout()


Shape = ConvLayer | GemmLayer


class Layer(Spec):
    """One layer of a network: the files of its problem and mapping, or its shape.

    Attributes:
        files: Native or Timeloop files; none for a layer by its shape.
        shape: What a template maps; None for a layer with files.
        sparsity: Which words of its operands are zero, beside what the accelerator says.
        repeat: How often it stands in the network, each time with operands of its own.
        remarks: Named assumptions of the file that it came from, one sentence each.
    """

    name: Name
    files: tuple[Path, ...] = ()
    shape: Shape | None = None
    sparsity: Sparsity = Sparsity()
    repeat: _Size = 1
    remarks: tuple[str, ...] = ()

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Named assumptions about the layer."""
        return self.remarks + (self.shape.assumptions if self.shape is not None else ())

    @model_validator(mode="after")
    def _one_of_two(self) -> Layer:
        if bool(self.files) == (self.shape is not None):
            raise ValueError(f"layer {self.name} needs either files or a shape")
        if self.files and self.sparsity.operands:
            raise ValueError(f"layer {self.name} has files: say there which words are zero")
        return self


class LayerNetwork(Spec):
    """Layers in series, each starting with empty buffers.

    Attributes:
        files: The files it was read from, with their digests.
        notes: What became of parts of the files that say more than the layers do.
    """

    name: Name
    layers: tuple[Layer, ...] = Field(min_length=1)
    files: tuple[InputFile, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all layers by their shapes, repeats included."""
        return sum(layer.repeat * layer.shape.macs for layer in self.layers if layer.shape)

    @model_validator(mode="after")
    def _unique(self) -> LayerNetwork:
        names = [layer.name for layer in self.layers]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"layer {', '.join(twice)} is there twice")
        return self


_Ranks = tuple[tuple[Term, ...], ...]


def _plain(*names: str) -> _Ranks:
    return tuple((Term(dimension=name),) for name in names)


def _window(place: str, stride: int, weight: str, dilation: int) -> tuple[Term, ...]:
    """Return one axis of the input: where a window stands, and where in it a weight."""
    return (
        Term(dimension=place, coefficient=stride),
        Term(dimension=weight, coefficient=dilation),
    )


def _problem(
    bounds: dict[str, int], *, weights: _Ranks, inputs: _Ranks, outputs: _Ranks
) -> Problem:
    return Problem(
        dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
        tensors=(
            Tensor(name="Inputs", ranks=inputs),
            Tensor(name="Weights", ranks=weights),
            Tensor(name="Outputs", ranks=outputs, is_output=True),
        ),
    )
