"""Energy of the expected accesses: count x figure, as far as the case's table has figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stallscope.mappings.case import Case
from stallscope.mappings.pricing import LedgerLine
from stallscope.mappings.sparsity.levels.model import LevelsEstimate
from stallscope.mappings.sparsity.levels.words import LevelWords

__all__ = ["LevelsEnergy", "price_levels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelsEnergy:
    """What an estimate takes.

    Attributes:
        energy_pj: Sum of the ledger, pJ.
        ledger: Every product of a count and a figure; counts are averages, not whole numbers.
        missing: Used actions without a figure (counted as 0 pJ), as ``component.action``.
    """

    energy_pj: float
    ledger: tuple[LedgerLine, ...]
    missing: tuple[str, ...]


def price_levels(case: Case, estimate: LevelsEstimate) -> LevelsEnergy | None:
    """Price an estimate by the case's table; None without one.

    A level's words of a block are one access (``block_words``). Metadata words cost what
    ``metadata_read`` and ``metadata_write`` say, else as much as data. A gated access costs what
    ``gated_read`` or ``gated_update`` says, else nothing; a skipped one nothing.

    Not modelled: leakage, networks, instances that share an access.
    """
    table = case.energy
    if table is None:
        return None
    lines: list[LedgerLine] = []
    missing: dict[str, None] = {}
    for component, tensor, action, instead, count in _counts(case, estimate):
        each = table.energy_pj(component, action)
        if each is None and instead is not None:
            each = table.energy_pj(component, instead)
        if each is not None and count:
            lines.append(
                LedgerLine(
                    component=component, action=action, tensor=tensor, count=count, pj_each=each,
                    pj=count * each,
                )
            )  # fmt: skip
        elif count and not action.startswith("gated"):
            missing[f"{component}.{action}"] = None
    return LevelsEnergy(
        energy_pj=sum(line.pj for line in lines), ledger=tuple(lines), missing=tuple(missing)
    )


def _counts(
    case: Case, estimate: LevelsEstimate
) -> Iterator[tuple[str, str, str, str | None, float]]:
    """Component, tensor, action, the action to charge instead, count over all instances."""
    for level, spec in zip(estimate.levels, case.architecture.levels, strict=True):
        for tensor, words in level.tensors.items():
            times = words.instances / spec.block_words
            for action, instead, count in _actions(words):
                yield level.name, tensor, action, instead, count * times
    yield case.architecture.compute.name, "", "compute", None, estimate.compute.effectual


def _actions(words: LevelWords) -> Iterator[tuple[str, str | None, float]]:
    yield "read", None, words.reads
    yield "metadata_read", "read", words.metadata_reads
    yield "gated_read", None, words.gated_reads
    yield "write", None, words.fills
    yield "metadata_write", "write", words.metadata_fills
    yield "update", "write", words.updates
    yield "gated_update", None, words.gated_updates
