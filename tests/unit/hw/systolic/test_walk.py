"""The way from our cycles to another simulator's."""

from pathlib import Path

import pytest

from stallscope.hw.bottleneck import bottleneck
from stallscope.hw.simulate import simulate
from stallscope.hw.systolic.walk import walk_rules
from stallscope.mappings.case import Case
from stallscope.mappings.loading import load
from stallscope.mappings.systolic import Convention
from stallscope.simcore.errors import SpecError

CASE = Path(__file__).parents[3] / "data" / "systolic_case.yaml"


def case(*settings: str) -> Case:
    return load(CASE, overrides=settings)


def test_the_way_begins_with_our_cycles_and_ends_with_the_conventions() -> None:
    steps = walk_rules(case(), Convention.SCALE_SIM)
    assert steps[0].cycles == simulate(case()).cycles
    theirs = case("architecture.mac.systolic.convention=scale-sim")
    assert steps[-1].cycles == simulate(theirs).cycles
    assert steps[0].cycles + sum(step.added for step in steps) == steps[-1].cycles
    # The convention of the case itself does not matter.
    assert steps == walk_rules(theirs, Convention.SCALE_SIM)


def test_an_array_that_is_not_systolic_has_no_folds() -> None:
    plain = load(CASE.parent / "native_case.yaml")
    with pytest.raises(SpecError, match="is no systolic array"):
        walk_rules(plain, Convention.STONNE)


def test_edges_and_skew_can_be_made_ideal() -> None:
    narrow = case("architecture.mac.systolic.in_words_per_cycle=2")
    found = {(one.resource, one.ideal): one.saved for one in bottleneck(narrow)}
    assert found["mac", "edge ports"] > 0
    assert found["mac", "skew"] > 0
    best = max(found.values())
    assert found["", "everything"] == best
