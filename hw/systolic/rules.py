"""Whose rules say what a fold takes: ours, and those of other simulators, rule by rule.

A **fold** is one tile of the stationary tensor in the array, and the steps that are streamed past
it. Every simulator charges something else for what happens around the steps; each difference is
one field here, so that the way from our figure to another's can be walked rule by rule.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from stallscope.mappings.systolic import Convention

__all__ = ["MEANING", "OURS", "FoldRules", "ladder", "rules_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldRules:
    """What is charged for a fold.

    Attributes:
        whole_array: Rows and columns of the whole array are charged, not only those in use.
        overlaps: The next fold's first step follows this fold's last one, while results are still
            on their way through the array. Else it waits until the last result is out.
        prefetches: The next stationary tile is shifted in behind the one in use.
        shifts_out: Outputs accumulated in place leave the array a row per cycle. Else they are
            gone at once.
        hides_last_step: Where a step takes several cycles to enter, those of the last one pass
            while the fold's first results are already on their way.
        writes_behind_skew: Outputs accumulated in place leave while the fold's last waves pass;
            only what takes longer than rows + columns cycles is charged.
        lead_cycles: Cycles per fold before its first step.
        lead_if_narrow: Cycles more, if a step takes several cycles to enter.
        lead_if_line: Cycles more, if the fold uses one row or one column only.
    """

    whole_array: bool = False
    overlaps: bool = True
    prefetches: bool = True
    shifts_out: bool = True
    hides_last_step: bool = False
    writes_behind_skew: bool = False
    lead_cycles: int = 0
    lead_if_narrow: int = 0
    lead_if_line: int = 0


OURS = FoldRules()

MEANING = {
    "whole_array": "every fold is charged all rows and columns",
    "overlaps": "no fold begins before the last result of the one before is out",
    "prefetches": "no stationary tile is shifted in or out behind another fold",
    "shifts_out": "outputs accumulated in place take no time to leave",
    "hides_last_step": "the last step's operands enter behind the first results",
    "writes_behind_skew": "outputs are written while the last waves pass",
    "lead_cycles": "cycles per fold for reads before its first step",
    "lead_if_narrow": "one more where a step takes several cycles to enter",
    "lead_if_line": "one less where a fold is a single row or column",
}
"""What a convention does that departs from ours, by the rule's name."""

# SCALE-Sim 3.0.0: T + R + C - 2 a fold output-stationary, T + 2R + C - 2 else, with R and C of the
# whole array in every fold; the weights' R cycles are never hidden, outputs take none to leave.
# Source: the formulas published with its case files, which all its dense cases obey.
_SCALE_SIM = FoldRules(whole_array=True, overlaps=False, prefetches=False, shifts_out=False)

# STONNE (22634b8b), output-stationary mesh: with s cycles to read a step's operands a tile of r
# rows and c columns takes s (K - 1) + r + c + 4 cycles, 1 more if s > 1, 1 less if r or c is 1, and
# what writing its outputs takes longer than r + c.
# Source: measured on its mesh, full and narrow ports.
_STONNE = FoldRules(
    overlaps=False,
    prefetches=False,
    shifts_out=False,
    hides_last_step=True,
    writes_behind_skew=True,
    lead_cycles=5,
    lead_if_narrow=1,
    lead_if_line=-1,
)


def rules_of(convention: Convention) -> FoldRules:
    """Return the rules of a convention."""
    match convention:
        case Convention.STALLSCOPE:
            return OURS
        case Convention.SCALE_SIM:
            return _SCALE_SIM
        case Convention.STONNE:
            return _STONNE


def ladder(start: FoldRules, end: FoldRules) -> list[tuple[str, FoldRules]]:
    """Return the way from one set of rules to another: every rule that differs, and all so far."""
    steps, rules = list[tuple[str, FoldRules]](), start
    for field in fields(FoldRules):
        there = getattr(end, field.name)
        if getattr(rules, field.name) != there:
            rules = replace(rules, **{field.name: there})
            steps.append((field.name, rules))
    return steps
