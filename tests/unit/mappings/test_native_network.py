"""The network notation: shapes and files, defaults, and every fault at once with its line."""

from pathlib import Path

import pytest

from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.native_network import SHAPES, read_network
from stallscope.mappings.schema import schema
from stallscope.simcore.errors import SpecError


def written(folder: Path, *layers: str, name: str = "  name: small\n") -> Path:
    file = folder / "net.yaml"
    lines = "".join(f"    - {layer}\n" for layer in layers)
    file.write_text(f"stallscope: 1\nnetwork:\n{name}  layers:\n{lines}")
    return file


def faults(file: Path) -> list[str]:
    with pytest.raises(SpecError) as raised:
        read_network(file)
    return [str(fault).removeprefix(f"{file}:") for fault in raised.value.faults]


def test_layers_come_by_shape_or_by_files(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "{name: a, conv: {C: 3, K: 8, P: 4, Q: 5, R: 3, S: 1, stride: [2, 1], padding: 1}}",
        "{name: b, gemm: {M: 2, N: 3, K: 4, batch: 5}, repeat: 6}",
        "{name: c, files: [p.yaml, m.yaml]}",
    )
    network = read_network(file)
    assert network.name == "small"
    first, second, third = network.layers
    assert first.shape == ConvLayer(C=3, K=8, P=4, Q=5, R=3, S=1, stride=(2, 1), padding=(1, 1))
    assert (second.shape, second.repeat) == (GemmLayer(M=2, N=3, K=4, batch=5), 6)
    assert third.files == (tmp_path / "p.yaml", tmp_path / "m.yaml")
    assert [file.path for file in network.files] == [str(file)]
    assert len(network.files[0].sha256) == 64


def test_a_network_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    file = written(tmp_path, "{name: a, files: [b]}", name="")
    assert read_network(file).name == "net"
    assert read_network(file, "other").name == "other"


def test_every_fault_comes_with_its_line(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "{name: a, conv: {C: 3, K: 8, P: 4, R: 3, S: 3, strid: 2}}",
        "{name: b, conv: {C: 3, K: 8, P: 0, Q: x, R: 1, S: 1, stride: [1, 2, 3], "
        "padding: [-1, 0]}}",
        "{name: c, conv: {C: 3, K: 8, P: 4, Q: 4, R: 3, S: 3, groups: 2}}",
        "{name: d, gemm: {M: 1, N: 1, K: 1}, files: [a.yaml]}",
        "{name: d, repeat: 2}",
        "{name: e, gemm: 3}",
        "text",
    )
    assert faults(file) == [
        "5: network.layers[0].conv: needs Q",
        "5: network.layers[0].conv.strid = 2: unknown key strid; did you mean stride?",
        "6: network.layers[1].conv.P = 0: needs a whole number >= 1",
        "6: network.layers[1].conv.Q = x: needs a whole number, has text",
        "6: network.layers[1].conv.stride = [1, 2, 3]: needs one figure, or one for rows and one "
        "for columns, has 3",
        "6: network.layers[1].conv.padding[0] = -1: needs a whole number >= 0",
        "7: network.layers[2].conv: groups 2 does not divide C 3",
        "8: network.layers[3]: needs either files or a shape (conv, gemm), has files and gemm",
        "9: network.layers[4]: needs either files or a shape (conv, gemm), has none of them",
        "9: network.layers[4].name: d is there twice; use repeat: or rename",
        "10: network.layers[5].gemm = 3: needs a mapping, has a number",
        "11: network.layers[6] = text: needs a mapping, has text",
    ]


@pytest.mark.parametrize(("text", "rule"), [
    ("network: {layers: [{name: a, files: [b]}]}", "file: needs stallscope"),
    ("stallscope: 2\nnetwork: {layers: [{name: a, files: [b]}]}", "format version must be 1"),
    ("stallscope: 1", "file: needs network"),
    ("stallscope: 1\nnetwork: {}", "network: needs layers"),
    ("stallscope: 1\nnetwork: {layers: []}", "needs a list of layers"),
    ("stallscope: 1\nnetwork: {layers: {a: 1}}", "needs a list of layers"),
    ("stallscope: 1\nnetwork: {layers: [{files: [b]}]}", "needs name"),
])  # fmt: skip
def test_what_is_no_network_is_refused(tmp_path: Path, text: str, rule: str) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(text + "\n")
    assert any(rule in fault for fault in faults(file))


def test_the_schema_has_every_figure_of_every_shape() -> None:
    tree = schema("network")
    assert set(tree["properties"]) == {"stallscope", "network"}
    choices = tree["properties"]["network"]["properties"]["layers"]["items"]["anyOf"]
    kinds = {next(key for key in one["required"] if key != "name"): one for one in choices}
    assert set(kinds) == {"files", *SHAPES}
    for key, spec in SHAPES.items():
        shape = kinds[key]["properties"][key]
        assert set(shape["properties"]) == set(spec.model_fields)
        assert shape["required"] == [
            name for name, field in spec.model_fields.items() if field.is_required()
        ]
