"""Main memories whose address maps do not begin with the row, and chunks of a word."""

from __future__ import annotations

from random import Random

import pytest

from stallscope.hw.simulate import simulate
from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.dram import DramController
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from tests.property.detailed import detailed_case, small_device
from tests.property.laws import figures
from tests.property.trace_laws import all_trace_laws
from tests.sets import some

pytestmark = pytest.mark.usefixtures("dram_kernel")

MAPS = ("rochrababgco", "chrorabgbaco", "corabachbgro", "bachrocorabg")


def _tensor(name, *dimensions, is_output=False):
    ranks = tuple((Term(dimension=one),) for one in dimensions)
    return Tensor(name=name, ranks=ranks, is_output=is_output)


def _memory(address_map):
    device = small_device(Random(1), refresh=False, ratio=False)
    controller = DramController(address_map=address_map, refresh=False)
    return MainMemory(device=device, controller=controller)


def _again_and_again(address_map):
    """A product of which all tiles are read at the same addresses in every iteration of N."""
    keep = ("W", "I", "O")
    loops = {"N": 24, "M": 8, "C": 4}
    return Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in loops.items()),
            tensors=(_tensor("W", "M", "C"), _tensor("I", "C"), _tensor("O", "M", is_output=True)),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(name="L0", kind="dram", word_bits=64, memory=_memory(address_map)),
                StorageLevel(name="L1", kind="buffer", word_bits=64),
            ),
            compute=ComputeLevel(name="MAC"),
            clock_mhz=1000.0,
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(
                    level="L0", keep=keep,
                    temporal=tuple(Loop(dimension=name, extent=n) for name, n in loops.items()),
                ),
                LevelMapping(level="L1", keep=keep),
            )
        ),
    )  # fmt: skip


@pytest.mark.parametrize("address_map", MAPS)
def test_tensors_are_placed_and_time_is_skipped_whatever_the_address_map(address_map):
    """Nothing moves by rows if the row does not lead; what stands still is skipped all the same."""
    case = _again_and_again(address_map)
    result = simulate(case)
    assert result.simulation.fast_forwarded_cycles > 0
    assert figures(simulate(case, fast_forward=False)) == figures(result)
    simulate(case, audit=True)


@pytest.mark.parametrize("address_map", MAPS)
def test_a_row_of_all_banks_is_as_large_whatever_the_address_map(address_map):
    memory = _memory(address_map)
    built = memory.device.organisation
    row = built.columns * built.bus_width_bits // 8
    banks = built.channels * built.ranks * built.bank_groups * built.banks_per_group
    assert row * banks == memory.stripe_bytes


@pytest.mark.parametrize("seed", some([40013, 40022, 40000, 40003], quick=[40013, 40022]))
def test_trace_laws_hold_where_tiles_land_word_by_word(seed):
    """A tile that lands in chunks is one tile."""
    case = detailed_case(seed, ("rows", "ratio"))
    memory = case.architecture.levels[0].memory.model_copy(update={"chunk_bytes": 1})
    outermost = case.architecture.levels[0].model_copy(update={"memory": memory})
    levels = (outermost, *case.architecture.levels[1:])
    architecture = case.architecture.model_copy(update={"levels": levels})
    all_trace_laws(case.model_copy(update={"architecture": architecture}), seed)
