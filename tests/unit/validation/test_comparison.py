"""Is every difference between closed form and execution shown, once, with its cause?"""

from __future__ import annotations

import pytest

from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.sparsity.hardware import SparseArray
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.validation import compare
from stallscope.validation.figures import Key

NAMES = ("own_bw_multi", "own_bw_latency", "own_2l_imperfect_P7", "fuzz_1_009", "own_3l_spPR")


def causes(comparison):
    """Place, tensor and figure of every count that differs, with its cause."""
    return {
        (row.place, row.tensor, row.figure): row.cause
        for row in comparison.differences
        if row.figure not in ("cycles", "energy_pj")
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_sum_to_the_difference_of_the_cycles(references, name):
    comparison = compare(references[name].load())
    whole, *parts = [row for row in comparison.rows if row.figure == "cycles"]
    assert whole.difference == whole.simulated - whole.analytical
    assert whole.difference == sum(part.difference for part in parts)
    assert all(part.cause for part in parts)


def test_a_throttled_run_says_which_class_costs_what(references):
    rows = compare(references["own_bw_multi"].load()).rows
    parts = {row.cause: row.difference for row in rows if row.figure == "cycles"}
    assert parts["buffer_port"] > 0
    assert parts["in the analytical bound: GLB write bandwidth"] == 4608 - 10944


def test_an_unlimited_case_has_no_difference(references):
    comparison = compare(references["own_3l_spPR"].load())
    assert comparison.differences == ()
    assert {row.cause for row in comparison.rows} == {""}


@pytest.mark.parametrize(
    ("name", "place", "tensor", "figure", "cause"),
    [
        ("fuzz_2_072", "DRAM", "Inputs", "reads", "default walk"),
        ("own_byp_rf_I", "GLB <==> RF", "Inputs", "hops", "hops after bypass"),
        ("fuzz_1_009", "RF", "Inputs", "fills", "shared links"),
        ("own_nored", "GLB <==> RF", "Outputs", "spatial_reductions", "outer level cannot add"),
        ("fuzz_3_119", "PEB", "Inputs", "reads", "rounding per instance"),
    ],
)
def test_a_quirk_of_the_closed_form_is_named(references, name, place, tensor, figure, cause):
    found = causes(compare(references[name].load()))
    assert found[place, tensor, figure] == cause


def test_energy_has_the_cause_of_its_counts(references):
    comparison = compare(references["fuzz_1_009"].load())
    energies = {row.place: row for row in comparison.differences if row.figure == "energy_pj"}
    assert energies["RF"].cause == energies["run"].cause == "shared links"
    # 14 reads more at 1 pJ and 18 fills at 1.25 pJ, in blocks of two words.
    assert energies["RF"].difference == energies["run"].difference == 13.5


def test_a_longer_run_leaks_more(references):
    case = references["own_bw_multi"].load()
    leaking = ComponentEnergy(component="GLB", actions=(Action(name="leak", energy_pj=2.0),))
    case = case.model_copy(update={"energy": EnergyTable(components=(leaking,))})
    rows = {(row.place, row.figure): row for row in compare(case).rows}
    extra = rows["GLB", "leakage_pj"]
    cycles = next(row for row in compare(case).rows if row.figure == "cycles")
    assert (extra.difference, extra.cause) == (2.0 * cycles.difference, "cycles")
    assert rows["run", "energy_pj"].cause == "leakage"


def test_the_table_has_a_row_per_figure(references):
    comparison = compare(references["own_bw_multi"].load())
    table = comparison.to_pandas()
    assert list(table.columns) == [
        "place", "tensor", "figure", "analytical", "simulated", "difference", "cause",
    ]  # fmt: skip
    assert len(table) == len(comparison.rows)
    reads = table[(table.place == "DRAM") & (table.figure == "reads")]
    assert list(reads.tensor) == ["Weights", "Inputs", "Outputs"]


def test_keys_sort_by_place():
    assert sorted([Key("b", "", "x"), Key("a", "z", "x")])[0].place == "a"


def test_zeros_are_the_cause_where_hardware_minds_them(references):
    case = references["own_3l_spPR"].load()
    name = next(one.name for one in case.problem.tensors if not one.is_output)
    zeros = Sparsity(operands=(Operand(tensor=name, density=0.5),))
    compute = case.architecture.compute.model_copy(update={"sparse": SparseArray(skips=(name,))})
    architecture = case.architecture.model_copy(update={"compute": compute})
    found = causes(compare(case.model_copy(update={"sparsity": zeros})))
    assert not found
    update = {"sparsity": zeros, "architecture": architecture}
    found = causes(compare(case.model_copy(update=update)))
    assert found
    assert set(found.values()) == {"zeros"}
