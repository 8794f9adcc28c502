"""From our cycles to another convention's, rule by rule: what each of its rules is worth."""

from __future__ import annotations

from dataclasses import dataclass

from stallscope.hw.simulate import simulate
from stallscope.hw.systolic.rules import MEANING, OURS, ladder, rules_of
from stallscope.mappings.case import Case
from stallscope.mappings.systolic import Convention
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["RuleStep", "walk_rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStep:
    """One rule taken over from the other convention, beside all before it.

    Attributes:
        rule: Field of `FoldRules`; empty for our own rules.
        meaning: What the other convention does.
        cycles: Cycles of the run with it.
        added: Cycles more than with the rules before.
    """

    rule: str
    meaning: str
    cycles: int
    added: int


def walk_rules(
    case: Case, convention: Convention, *, fast_forward: bool = True
) -> tuple[RuleStep, ...]:
    """Run a case by our rules, then take over a convention's one after the other.

    Args:
        case: A case on a systolic array; its own convention does not matter.
        convention: Whose rules to end with.
        fast_forward: See `simulate`.

    Returns:
        Our run, then one step per rule that differs; the last one is the convention's figure.

    Raises:
        SpecError: If the array is not systolic.
    """
    if case.architecture.compute.systolic is None:
        rule = "is no systolic array: there are no folds to be charged for"
        place = "architecture.compute.systolic"
        raise SpecError([Fault(place=place, value=case.architecture.compute.name, rule=rule)])
    cycles = simulate(case, fold_rules=OURS, fast_forward=fast_forward).cycles
    steps = [RuleStep(rule="", meaning="our rules", cycles=cycles, added=0)]
    for name, rules in ladder(OURS, rules_of(convention)):
        then = simulate(case, fold_rules=rules, fast_forward=fast_forward).cycles
        steps.append(RuleStep(rule=name, meaning=MEANING[name], cycles=then, added=then - cycles))
        cycles = then
    return tuple(steps)
