"""Energy of a run on crossbars: every action times its figure, to be told by hand."""

import pytest

from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.layers import GemmLayer
from stallscope.mappings.reram.counting import activity_of, counts_of
from stallscope.mappings.reram.estimate import analyze_crossbars
from stallscope.mappings.reram.pricing import price_crossbars
from tests.unit.mappings.reram.tile import case, tile

# Five pixels, 70 inputs (two loads: 64 and 6 rows), 20 outputs: one core.
LAYER = GemmLayer(M=5, N=20, K=70)


def table(**components):
    """Energies as ``component=dict(action=pJ)``; underscores of components are spaces."""
    return EnergyTable(
        components=tuple(
            ComponentEnergy(
                component=name.replace("_", " "),
                actions=tuple(Action(name=action, energy_pj=pj) for action, pj in figures.items()),
            )
            for name, figures in components.items()
        )
    )


def priced(energy, **chip):
    one = case(LAYER, chip=tile(**chip), energy=energy)
    return price_crossbars(one, counts_of(one), activity_of(one), cycles=1000)


def lines(energy, **chip):
    return {(o.component, o.action, o.tensor): o.count for o in priced(energy, **chip).ledger}


def test_nothing_is_priced_without_a_table():
    """No figure is made up."""
    assert priced(None).energy_pj is None
    assert priced(None).missing == ()


def test_multiplies_are_priced_by_their_devices():
    """Eight steps; four slices; a conversion per used column and slice."""
    found = lines(table(crossbars={"dac": 1, "cell_read": 1, "adc": 1, "sample_hold": 1}))

    pixels_rows = 5 * (64 + 6)
    assert found == {
        ("crossbars", "dac", ""): pixels_rows * 8,
        ("crossbars", "cell_read", ""): pixels_rows * 20 * 4 * 8,
        ("crossbars", "sample_hold", ""): 5 * 2 * 20 * 4 * 8,
        ("crossbars", "adc", ""): 5 * 2 * 20 * 4 * 8,
    }


def test_writing_is_priced_by_pulses_not_words():
    """Two loads of one crossbar: whole ones, or the rows and columns in use."""
    energy = table(crossbars={"pulse": 2, "verify": 0.5, "write": 1000})

    whole = lines(energy, writing={"iterations": 3, "verify_ns": 1})
    used = lines(energy, writing={"iterations": 3, "whole_crossbars": False})

    assert set(whole.values()) == {2 * 64 * 64 * 4 * 3}
    assert set(used.values()) == {(64 + 6) * 20 * 4 * 3}
    assert {action for _, action, _ in whole} == {"pulse", "verify"}
    assert {action for _, action, _ in used} == {"pulse"}


def test_bytes_pass_the_root_in_their_own_widths():
    """Results have 8 bits, partial sums that leave and return have 16."""
    energy = table(**{"h-tree": {"byte": 1}})
    outside = case(LAYER, "ko h", energy=energy)

    inside = lines(energy)
    spilled = price_crossbars(outside, counts_of(outside), activity_of(outside), cycles=1)

    assert inside["h-tree", "byte", "Outputs"] == 5 * 20
    assert inside["h-tree", "byte", "Weights"] == 70 * 20
    assert inside["h-tree", "byte", "Inputs"] == 5 * 70
    outputs = [line.count for line in spilled.ledger if line.tensor == "Outputs"]
    assert outputs == [5 * 20 * (1 + 2 * 2)]


def test_buffers_are_priced_by_their_words():
    """Partial sums: an update per multiply; the second one reads what it adds to."""
    energy = table(
        partial_sums={"read": 1, "update": 1}, input_buffer={"read": 1, "write": 1, "leak": 2}
    )

    found = lines(energy)

    assert found["partial sums", "update", "Outputs"] == 5 * 20 * 2
    assert found["partial sums", "read", "Outputs"] == 5 * 20 + 5 * 20
    assert found["input buffer", "read", "Inputs"] == 5 * 70
    assert found["input buffer", "write", "Inputs"] == 5 * 70
    assert found["input buffer", "leak", ""] == 1000


def test_the_ledger_is_all_there_is():
    """Energies of levels, tree, multiplies and vector unit sum to the ledger."""
    energy = table(
        memory={"read": 3, "write": 4},
        crossbars={"adc": 5, "pulse": 7},
        vector={"add": 11, "activation": 13},
        **{"h-tree": {"byte": 17}},
    )
    result = priced(energy)

    parts = [t.energy_pj for level in result.counts.levels for t in level.tensors.values()]
    parts += [t.energy_pj for t in result.counts.networks[0].tensors.values()]
    vector = 5 * 20 * (11 * 1 + 13)

    assert pytest.approx(sum(parts) + result.counts.compute.energy_pj + vector) == result.energy_pj
    assert result.energy_pj == sum(line.pj for line in result.ledger)


def test_missing_figures_are_named():
    """Actions that are used and have no figure; and pulses that nobody knows."""
    result = priced(table(crossbars={"pulse": 1, "verify": 1}), writing={"data_aware": True})

    assert "crossbars.adc" in result.missing
    assert "h-tree.byte" in result.missing
    assert "vector.add" in result.missing
    assert "crossbars.pulse" in result.missing
    assert "partial sums.update" in result.missing


def test_an_estimate_carries_its_energy():
    """The same ledger, with the estimate's cycles for leakage."""
    one = case(LAYER, energy=table(crossbars={"leak": 1}))

    estimate = analyze_crossbars(one)

    assert estimate.energy_pj == estimate.cycles
