"""A network is its layers in series: identical ones simulated once, totals summed."""

import json
from pathlib import Path

import pytest

import stallscope
import stallscope.run as run_module
from stallscope import layer_cases
from stallscope.mappings.case import Case, InputFile
from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.layers import (
    PADDING_IS_STORED,
    ConvLayer,
    GemmLayer,
    Layer,
    LayerNetwork,
)
from stallscope.network_results import NetworkResults, Part
from stallscope.report.outputs import json_text
from stallscope.run import (
    LayerRun,
    LoadOptions,
    layer_row,
    load_layers,
    network_document,
    simulate_layers,
)
from stallscope.simcore.errors import DeadlockError, Fault, SpecError, Waiter
from tests.plain_template import map_plainly

ARCHITECTURE = """\
stallscope: 1
architecture:
  name: small
  levels:
    - {name: DRAM, kind: dram, shared_bandwidth: 2, read_latency: 5}
    - {name: BUF, shared_bandwidth: 4}
    - {name: REGS}
  compute: {name: MAC, instances: 6, mesh_x: 3}
"""
SMALL = ConvLayer(C=2, K=3, P=2, Q=2, R=2, S=2)
PADDED = SMALL.model_copy(update={"padding": (1, 1)})
OTHER = GemmLayer(M=3, N=2, K=4)


@pytest.fixture
def accelerator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An accelerator whose layers are mapped by the plain template."""
    monkeypatch.setattr(layer_cases, "template", lambda: map_plainly)
    file = tmp_path / "small.yaml"
    file.write_text(ARCHITECTURE)
    return file


def shapes(**layers: ConvLayer | GemmLayer) -> LayerNetwork:
    made = tuple(Layer(name=name, shape=shape, repeat=2) for name, shape in layers.items())
    file = InputFile(path="net.yaml", sha256="0" * 64)
    return LayerNetwork(name="net", layers=made, files=(file,))


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


# ---------------------------------------------------------------------- layers by their shapes


def test_equal_shapes_are_mapped_and_simulated_once(
    accelerator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped, simulated = [], []
    monkeypatch.setattr(
        layer_cases, "template",
        lambda: lambda problem, *rest, **how: (
            mapped.append(problem) or map_plainly(problem, *rest, **how)
        ),
    )  # fmt: skip
    real = run_module.simulate
    monkeypatch.setattr(
        run_module, "simulate", lambda case, **how: simulated.append(case.name) or real(case, **how)
    )
    layers = load_layers(shapes(a=SMALL, b=OTHER, c=PADDED, d=SMALL), [accelerator], LoadOptions())
    runs = list(simulate_layers(layers))
    assert mapped == [SMALL.problem(), OTHER.problem()]
    assert simulated == ["a", "b"]
    assert [(run.result.name, run.same_as) for run in runs] == [
        ("a", None), ("b", None), ("c", "a"), ("d", "a"),
    ]  # fmt: skip


def test_a_layer_like_another_keeps_its_own_assumptions(accelerator: Path) -> None:
    for order in ({"a": SMALL, "b": PADDED}, {"a": PADDED, "b": SMALL}):
        layers = load_layers(shapes(**order), [accelerator], LoadOptions())
        for run in simulate_layers(layers):
            assert (PADDING_IS_STORED in run.result.assumptions) == (
                order[run.layer.name] == PADDED
            )
            assert len(run.result.assumptions) == len(set(run.result.assumptions))
        alone = load_layers(shapes(b=order["b"]), [accelerator], LoadOptions())
        (single,) = simulate_layers(alone)
        assert single.result.assumptions == run.result.assumptions


def test_a_document_like_another_is_that_of_the_layer_alone(accelerator: Path) -> None:
    """What is shared between identical layers is what each would say by itself."""
    part = _part(shapes(a=PADDED, b=SMALL), accelerator)
    both = part.document()["layers"]
    (alone,) = _part(shapes(b=SMALL), accelerator).document()["layers"]
    assert both[1] | {"same_as": None, "simulation": None} == alone | {"simulation": None}


def _part(net: LayerNetwork, accelerator: Path, **how: int) -> Part:
    part = Part("small", load_layers(net, [accelerator], LoadOptions()))
    for run in simulate_layers(part.layers, **how):
        part.add(run)
    return part


def test_the_document_of_a_network_has_its_parts(accelerator: Path) -> None:
    part = _part(shapes(a=SMALL, b=OTHER, c=SMALL), accelerator)
    results = NetworkResults(network="net", layers=4, parts=[part, part])
    document = json.loads(json_text(results.document()))
    assert document == {
        "schema": 1, "stallscope": stallscope.__version__, "network": "net", "network_layers": 4,
        "accelerator": "small", "complete": True, **part.document(),
        "beside": [{"accelerator": "small", **part.document()}],
    }  # fmt: skip


def test_rows_and_documents_name_the_array_and_the_dataflow(accelerator: Path) -> None:
    for asked, expected in ((None, "ws"), (Dataflow.OS, "os"), (Dataflow.IS, "is")):
        options = LoadOptions(dataflow=asked)
        (layer,) = load_layers(shapes(a=SMALL), [accelerator], options)
        (run,) = simulate_layers([layer])
        row = layer_row(run, "small")
        assert (row["array"], row["dataflow"]) == ("2x3", expected)
        (document,) = network_document([run])["layers"]
        assert (document["array"], document["dataflow"]) == ("2x3", expected)
        assert run.layer.case.mapping.levels[-1].keep == (
            {"ws": "Weights", "os": "Outputs", "is": "Inputs"}[expected],
        )


def test_a_mapped_layer_has_no_dataflow_and_takes_none(tiny: Path) -> None:
    (layer,) = load_layers(network(tiny, "a"), [], LoadOptions())
    assert (layer.dataflow, layer.array) == (None, "1x4")
    with pytest.raises(SpecError, match="--dataflow = os: every layer comes with its mapping"):
        load_layers(network(tiny, "a"), [], LoadOptions(dataflow=Dataflow.OS))


def test_a_case_names_the_network_and_the_accelerator(accelerator: Path) -> None:
    (layer,) = load_layers(shapes(a=SMALL), [accelerator], LoadOptions(reuse="timeloop"))
    assert [file.path for file in layer.case.files] == [str(accelerator), "net.yaml"]
    assert layer.case.rules.reuse.value == "timeloop"
    assert layer.case.name == "a"


def test_an_accelerator_without_a_mapping_for_a_shape_says_so_once(
    accelerator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise SpecError([Fault(place="architecture.compute", value="", rule="has no template")])

    monkeypatch.setattr(layer_cases, "template", lambda: refuse)
    with pytest.raises(SpecError) as raised:
        load_layers(shapes(a=SMALL, b=OTHER), [accelerator], LoadOptions())
    assert [fault.rule for fault in raised.value.faults] == ["has no template"]


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_results_do_not_depend_on_the_number_of_processes(accelerator: Path, jobs: int) -> None:
    net = shapes(a=SMALL, b=OTHER, c=SMALL, d=OTHER.model_copy(update={"M": 5}))
    one, many = _part(net, accelerator), _part(net, accelerator, jobs=jobs)
    assert one.rows == many.rows
    assert [run.layer.name for run in many.runs] == ["a", "b", "c", "d"]
    for first, second in zip(one.document()["layers"], many.document()["layers"], strict=True):
        assert first | {"simulation": None} == second | {"simulation": None}


def test_a_deadlock_in_another_process_names_the_layer(
    accelerator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiter = Waiter(unit="u", awaits="x", have=0, need=1, since=3)
    real = run_module.simulate

    def stuck(case: Case, **how: object) -> object:
        if case.name == "b":
            raise DeadlockError(7, [waiter])
        return real(case, **how)

    monkeypatch.setattr(run_module, "simulate", stuck)
    layers = load_layers(shapes(a=SMALL, b=OTHER), [accelerator], LoadOptions())
    found: list[LayerRun] = []
    with pytest.raises(DeadlockError, match="deadlock at cycle 7: layer b: no pending event"):
        found.extend(simulate_layers(layers, jobs=2))
