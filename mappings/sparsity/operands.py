"""Which words of the operands are zero: drawn with a seed, or given as they are.

A tensor that is not named is dense. A tensor's words are numbered as its ranks say (see `Tensor`):
the ``along`` of a distribution names a rank by its number, outermost first.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from stallscope.mappings.spec import Name, Spec

__all__ = ["Distribution", "Operand", "Pattern", "Sparsity"]


class Distribution(StrEnum):
    """How the words that are not zero are drawn (docs/sparsity.md).

    Exactly the rounded share of the words asked for is kept; of blocks, that of the blocks.
    """

    UNIFORM = "uniform"
    """Any words, all choices equally likely."""
    PER_CHANNEL = "per_channel"
    """Every index of the rank ``along`` has a density of its own, ``spread`` around the mean."""
    STRUCTURED = "structured"
    """``n`` of every ``m`` words that follow each other along the rank ``along``."""
    BLOCK = "block"
    """Whole blocks of ``block`` words per rank, all choices equally likely."""


class Pattern(Spec):
    """Given zeros: one bit per word, 1 where it is not zero.

    Attributes:
        shape: Words per rank.
        bits: The bits in row-major order, the first word in the highest bit (`numpy.packbits`).
        source: Where they come from, for the record.
    """

    shape: tuple[int, ...]
    bits: bytes = Field(repr=False)
    source: str = ""


_OF = {
    "spread": (Distribution.PER_CHANNEL,),
    "n": (Distribution.STRUCTURED,),
    "m": (Distribution.STRUCTURED,),
    "block": (Distribution.BLOCK,),
}
"""The distributions that a figure belongs to; the other figures belong to all."""


class Operand(Spec):
    """The zeros of one tensor: a ``pattern``, or what to draw one from.

    Attributes:
        tensor: The tensor.
        density: Share of its words that are not zero, 0 to 1; of structured ones it is n / m.
        distribution: How they are drawn.
        seed: Seed of the drawing.
        along: Rank, for the distributions that need one.
        spread: For ``per_channel``: standard deviation of the channels' densities.
        n, m: For ``structured``.
        block: For ``block``: words per rank.
        pattern: The zeros as they are, in place of all of this.
    """

    tensor: Name
    density: float | None = Field(default=None, ge=0, le=1)
    distribution: Distribution = Distribution.UNIFORM
    seed: int = Field(default=0, ge=0)
    along: int | None = Field(default=None, ge=0)
    spread: float = Field(default=0.0, ge=0, le=1)
    n: int | None = Field(default=None, ge=0)
    m: int | None = Field(default=None, ge=1)
    block: tuple[int, ...] = ()
    pattern: Pattern | None = None

    @model_validator(mode="after")
    def _complete(self) -> Operand:
        if self.pattern is not None:
            given = self.model_fields_set - {"tensor", "pattern"}
            others = sorted(name for name in given if self._is_changed(name))
            if others:
                raise ValueError(f"a pattern stands alone, without {', '.join(others)}")
            return self
        if self.distribution is Distribution.STRUCTURED:
            if self.n is None or self.m is None or self.along is None or self.n > self.m:
                raise ValueError("structured zeros need n, m (n of m words, n <= m) and along")
        elif self.density is None:
            raise ValueError("needs a density (0 to 1), or a pattern")
        if self.distribution is Distribution.PER_CHANNEL and self.along is None:
            raise ValueError("densities per channel need along, the channels' rank")
        if self.distribution is Distribution.BLOCK and not self.block:
            raise ValueError("blocks need block, words per rank")
        others = [name for name, kinds in _OF.items()
                  if self._is_changed(name) and self.distribution not in kinds]  # fmt: skip
        if others:
            kind, names = self.distribution.value, ", ".join(others)
            raise ValueError(f"zeros that are {kind} have no {names}: give another distribution")
        return self

    def _is_changed(self, name: str) -> bool:
        return bool(getattr(self, name) != type(self).model_fields[name].get_default())


class Sparsity(Spec):
    """The zeros of a problem's tensors; a tensor that is not named is dense."""

    operands: tuple[Operand, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Sparsity:
        names = [one.tensor for one in self.operands]
        if len(set(names)) != len(names):
            raise ValueError("operands names a tensor twice")
        return self

    def of(self, tensor: str) -> Operand | None:
        """The zeros of a tensor; None if it is dense."""
        return next((one for one in self.operands if one.tensor == tensor), None)
