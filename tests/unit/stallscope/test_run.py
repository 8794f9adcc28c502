"""A network is its layers in series: identical ones simulated once, totals summed."""

from pathlib import Path

import pytest

import stallscope.run as run_module
from stallscope.mappings.layers import Layer, LayerNetwork
from stallscope.run import LoadOptions, load_layers, network_document, simulate_layers
from stallscope.simcore.errors import DeadlockError, SpecError, Waiter


def network(tiny: Path, *names: str) -> LayerNetwork:
    layers = tuple(Layer(name=name, files=(tiny,), repeat=2) for name in names)
    return LayerNetwork(name="net", layers=layers)


def test_identical_layers_are_simulated_once(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = run_module.simulate
    monkeypatch.setattr(
        run_module, "simulate", lambda case, **how: calls.append(case.name) or real(case, **how)
    )
    layers = load_layers(network(tiny, "a", "b"), [], LoadOptions())
    runs = list(simulate_layers(layers))
    assert calls == ["a"]
    assert [(run.result.name, run.same_as) for run in runs] == [("a", None), ("b", "a")]
    assert runs[0].result.cycles == runs[1].result.cycles


def test_the_total_counts_every_repeat(tiny: Path) -> None:
    runs = list(simulate_layers(load_layers(network(tiny, "a", "b"), [], LoadOptions())))
    document = network_document(runs)
    one = document["layers"][0]
    total = document["total"]
    assert total["layers"] == 4
    assert total["cycles"] == 4 * one["cycles"] == sum(total["cycle_stack"].values())
    assert total["energy_pj"] == pytest.approx(4 * one["energy_pj"])
    assert total["utilization"] == pytest.approx(one["utilization"])
    assert total["simulation"]["events"] == one["simulation"]["events"]


def test_faults_of_all_layers_come_together(tiny: Path) -> None:
    absent = Layer(name="c", files=(tiny.parent / "absent.yaml",))
    more = LayerNetwork(name="net", layers=(*network(tiny, "a").layers, absent))
    options = LoadOptions(overrides=("architecture.GLB.capacity=1",))
    with pytest.raises(SpecError) as raised:
        load_layers(more, [], options)
    assert "absent.yaml" in str(raised.value)
    assert "GLB" in str(raised.value)


def test_a_deadlock_names_the_layer(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiter = Waiter(unit="u", awaits="x", have=0, need=1, since=3)

    def stuck(case: object, **_: object) -> object:
        raise DeadlockError(7, [waiter])

    monkeypatch.setattr(run_module, "simulate", stuck)
    layers = load_layers(network(tiny, "a"), [], LoadOptions())
    with pytest.raises(DeadlockError, match="deadlock at cycle 7: layer a: no pending event"):
        list(simulate_layers(layers))
