"""A case: one problem on one architecture by one mapping, with the counting rules.

A platform is the part of a case that does not depend on the problem: a program that names no
problem runs on it.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.layout import Layout
from stallscope.mappings.mapping import Mapping
from stallscope.mappings.problem import Problem
from stallscope.mappings.sparsity.operands import Sparsity
from stallscope.mappings.spec import Spec

__all__ = ["Case", "InputFile", "Platform", "Reuse", "Rules"]


class Reuse(StrEnum):
    """What a child is taken to hold already when its tile moves (docs/design.md)."""

    OVERLAP = "overlap"
    TIMELOOP = "timeloop"


class Rules(Spec):
    """How words are counted.

    Attributes:
        reuse: ``overlap``: the new tile minus the previous one; ``timeloop``: Timeloop's rule.
        link_transfers: Whether neighbours pass words to each other. True: everywhere; False:
            nowhere; None: where the architecture's networks declare links, and everywhere under
            the rule ``timeloop``, as Timeloop assumes.
        first_read_elision: Whether the first touch of an output word is not read.
    """

    reuse: Reuse = Reuse.OVERLAP
    link_transfers: bool | None = None
    first_read_elision: bool = True


class InputFile(Spec):
    """One input file and the digest of its bytes."""

    path: str
    sha256: str


class Platform(Spec):
    """What a program runs on.

    Attributes:
        energy: Energy and area, or None (energies are null then, with one warning).
        assumptions: Named assumptions made while reading, one sentence each.
        files: The files it was read from.
    """

    name: str = "case"
    architecture: Architecture
    energy: EnergyTable | None = None
    assumptions: tuple[str, ...] = ()
    files: tuple[InputFile, ...] = Field(default=())


class Case(Platform):
    """Everything a run depends on: the platform, and what is computed on it how.

    Attributes:
        sparsity: Which words of the operands are zero.
    """

    problem: Problem
    mapping: Mapping
    rules: Rules = Rules()
    layout: Layout = Layout()
    sparsity: Sparsity = Sparsity()
