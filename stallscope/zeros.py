"""Which zeros the layers of a network get: drawn at densities, or those of a file of weights.

Every layer draws for itself, from a seed made of the one given and the layer's name: two layers of
one shape have different zeros, and a layer has the same whichever other layers run beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stallscope.mappings.case import Case, InputFile
from stallscope.mappings.fields import nearest
from stallscope.mappings.layers import Layer, LayerNetwork, Shape
from stallscope.mappings.problem import Problem, Tensor
from stallscope.mappings.sparsity.files import read_operand
from stallscope.mappings.sparsity.operands import Distribution, Operand, Sparsity
from stallscope.mappings.templates.roles import roles_of
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["REPEATED", "WEIGHTS", "LayerZeros", "NetworkZeros", "Scatter"]

WEIGHTS = "Weights"
"""The tensor that a file of weights is about."""
REPEATED = "zeros: a layer that is repeated has the same zeros each time"
"""The named assumption of layers with zeros that stand in the network several times."""
_ENDS = (".weight", "/kernel", "/kernel:0", ".kernel", "")
"""What frameworks put behind the name of a layer to name its weights: Torch, Keras."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """How zeros are drawn (`Distribution`).

    Attributes:
        distribution: Which way.
        n, m: Of structured zeros, which follow each other along the dimension summed over.
        spread: Of densities per channel: channels that the output has of weights, those summed
            over of inputs.
        block: Of blocks, words per rank.
    """

    distribution: Distribution = Distribution.UNIFORM
    n: int | None = None
    m: int | None = None
    spread: float = 0.0
    block: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerZeros:
    """The zeros of one layer, the files that they come from, and what had to be assumed."""

    sparsity: Sparsity
    files: tuple[InputFile, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkZeros:
    """What the layers of a network get their zeros from.

    Attributes:
        densities: Share of a tensor's words that are not zero, by tensor; of every layer.
        scatters: How they are drawn, by tensor; uniformly where none is given. ``""``: all others.
        seed: Seed of all drawing.
        weights: File with arrays by the names of layers, whose zeros the weights have.
        prune: Share of the weights in the file, those of least magnitude, that are made zero
            first, layer by layer; None: they are taken as they are.
        layers: Densities by layer and tensor, in place of ``densities`` and ``prune``.
        given: Zeros by layer, in place of all of this.
        files: The files that it was read from, for the record.
    """

    densities: Mapping[str, float] = field(default_factory=dict)
    scatters: Mapping[str, Scatter] = field(default_factory=dict)
    seed: int = 0
    weights: Path | None = None
    prune: float | None = None
    layers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    given: Mapping[str, Sparsity] = field(default_factory=dict)
    files: tuple[InputFile, ...] = ()

    def __post_init__(self) -> None:
        faults = [*self._shares(), *self._weights()]
        if faults:
            raise SpecError(faults)

    def check(self, network: LayerNetwork) -> None:
        """Check that the layers named are the network's; SpecError if not."""
        known = [layer.name for layer in network.layers]
        faults = [
            Fault(place="densities", value=name, rule=f"is no layer of {network.name}",
                  remedy=nearest(name, known))
            for name in (*self.layers, *self.given) if name not in known
        ]  # fmt: skip
        if faults:
            raise SpecError(faults)

    def check_found(self, cases: Iterable[Case]) -> None:
        """Check that a layer has weights of the file; SpecError if none has."""
        if self.weights is None or any(case.sparsity.of(WEIGHTS) for case in cases):
            return
        rule = "has no array by the name of a layer"
        ends = ", ".join(f"LAYER{end}" for end in _ENDS)
        raise SpecError([Fault(place="weights", value=str(self.weights), rule=rule,
                               remedy=f"call them {ends}")])  # fmt: skip

    def of(self, layer: Layer, problem: Problem) -> LayerZeros:
        """Return the zeros of a layer; of a tensor that has none here, those of the network's file.

        Args:
            layer: The layer.
            problem: The problem that it is run as.

        Raises:
            SpecError: If the file of weights has an array of another shape, or a tensor is none of
                the problem's.
        """
        if layer.name in self.given:
            return self._repeated(layer, LayerZeros(sparsity=self.given[layer.name]))
        densities = {**self.densities, **self.layers.get(layer.name, {})}
        operands: list[Operand] = []
        files, said = self.files, tuple[str, ...]()
        if self.weights is not None:
            read = self._of_file(layer, problem, densities.pop(WEIGHTS, None))
            if read is None:
                said = (f"zeros: {self.weights.name} has no weights of this layer: dense",)
            else:
                operands.append(read[0])
                files += (read[1],)
        operands += [
            self._drawn(layer, problem, tensor, density)
            for tensor, density in densities.items() if density < 1 or self._is_structured(tensor)
        ]  # fmt: skip
        named = {one.tensor for one in operands} | densities.keys()
        operands += [one for one in layer.sparsity.operands if one.tensor not in named]
        zeros = LayerZeros(
            sparsity=Sparsity(operands=tuple(operands)), files=files, assumptions=said
        )
        return self._repeated(layer, zeros)

    def _repeated(self, layer: Layer, zeros: LayerZeros) -> LayerZeros:
        if layer.repeat == 1 or not zeros.sparsity.operands:
            return zeros
        return LayerZeros(
            sparsity=zeros.sparsity, files=zeros.files, assumptions=(*zeros.assumptions, REPEATED)
        )

    def _is_structured(self, tensor: str) -> bool:
        return self._scatter(tensor).distribution is Distribution.STRUCTURED

    def _scatter(self, tensor: str) -> Scatter:
        return self.scatters.get(tensor, self.scatters.get("", Scatter()))

    def _drawn(self, layer: Layer, problem: Problem, tensor: str, density: float) -> Operand:
        """An operand that is drawn."""
        scatter = self._scatter(tensor)
        is_structured = scatter.distribution is Distribution.STRUCTURED
        along = None
        if tensor in [one.name for one in problem.tensors]:
            along = _along(problem, problem.tensor(tensor), scatter.distribution)
        return Operand(
            tensor=tensor, density=None if is_structured else density,
            distribution=scatter.distribution, seed=_seed(self.seed, layer.name), along=along,
            spread=scatter.spread, n=scatter.n, m=scatter.m, block=scatter.block,
        )  # fmt: skip

    def _of_file(
        self, layer: Layer, problem: Problem, density: float | None
    ) -> tuple[Operand, InputFile] | None:
        """Weights of the file; None if it has none of the layer."""
        assert self.weights is not None  # the caller's question
        if density is None and self.prune is not None:
            density = round(1 - self.prune, 12)
        of: Problem | Shape = problem
        if layer.shape is not None and layer.shape.problem() == problem:
            of = layer.shape
        for end in _ENDS:
            try:
                return read_operand(
                    of, WEIGHTS, self.weights, layer.name + end, density=density,
                    place=f"weights.{layer.name}",
                )  # fmt: skip
            except SpecError as error:
                if not all(_is_absent(fault) for fault in error.faults):
                    raise
        return None

    def _shares(self) -> Iterable[Fault]:
        """Shares that are none."""
        named = [(f"density.{name}", share) for name, share in self.densities.items()]
        named += [("prune", self.prune)] if self.prune is not None else []
        for layer, shares in self.layers.items():
            named += [(f"densities.{layer}.{name}", share) for name, share in shares.items()]
        for place, share in named:
            if not 0 <= share <= 1:
                rule, remedy = "is not between 0 and 1", "give a share of the words"
                yield Fault(place=place, value=share, rule=rule, remedy=remedy)

    def _weights(self) -> Iterable[Fault]:
        """What is said of weights twice, or of a file that is not there."""
        if self.prune is not None and self.weights is None:
            rule = "prunes the weights of a file, and none is given"
            kept = round(1 - self.prune, 12)
            remedy = f"give --weights FILE, or --density {WEIGHTS}={kept:g} to draw them"
            yield Fault(place="prune", value=self.prune, rule=rule, remedy=remedy)
        if self.weights is not None and WEIGHTS in self.densities:
            rule = f"{WEIGHTS} have the zeros of {self.weights.name}"
            remedy = "give --prune to make more of them zero"
            yield Fault(place="density", value=self.densities[WEIGHTS], rule=rule, remedy=remedy)


def _is_absent(fault: Fault) -> bool:
    """Whether a file can be read and has no array of a name."""
    return fault.place.endswith(".entry") and " has 0 arrays " in fault.rule


def _seed(seed: int, layer: str) -> int:
    """A seed for one layer: 32 bits of the digest of both."""
    digest = hashlib.sha256(f"{seed} {layer}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _along(problem: Problem, tensor: Tensor, distribution: Distribution) -> int | None:
    """The rank that a distribution is about: what is summed over, or of weights the outputs'."""
    if distribution not in (Distribution.STRUCTURED, Distribution.PER_CHANNEL):
        return None
    roles = roles_of(problem)
    names = [*roles.reduction, *roles.groups]
    if distribution is Distribution.PER_CHANNEL and tensor.name == roles.weights.name:
        names = [*roles.columns, *roles.groups]
    for name in names:
        for at, rank in enumerate(tensor.ranks):
            if any(term.dimension == name for term in rank):
                return at
    return 0
