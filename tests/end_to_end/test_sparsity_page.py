"""The page on sparsity shows what runs, and its table is what formats take."""

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import stallscope as ss
from stallscope.mappings import native
from stallscope.mappings.native_network import read_network
from stallscope.mappings.problem import Tensor, Term
from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.masks import draw, masks
from stallscope.mappings.sparsity.operands import Distribution, Operand
from stallscope.mappings.sparsity.sizes import PieceSizes

PAGE = Path(__file__).parents[2] / "docs" / "sparsity.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="no checkout around the tests")


def section(name: str) -> str:
    """The text below a heading, up to the next one."""
    text = PAGE.read_text(encoding="utf-8")
    return text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def example(text: str, language: str) -> str:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[0]


def test_the_case_loads_and_is_written_back(tmp_path: Path) -> None:
    file = tmp_path / "pruned.yaml"
    file.write_text(example(PAGE.read_text(encoding="utf-8"), "yaml"), encoding="utf-8")
    case = ss.load(file, overrides=["sparsity.Weights.density=0.3"])
    assert [one.density for one in case.sparsity.operands] == [0.3, 0.45]
    assert native.read(native.dump(case)) == case.model_copy(update={"files": ()})


def test_the_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Operands", "Formats"):
        exec(compile(example(section(name), "python"), "sparsity.md", "exec"), {})
    shapes, sizes = capsys.readouterr().out.splitlines()
    assert shapes == "{'Weights': ((16, 16, 3, 3), 461), 'Inputs': ((1, 16, 8, 8), 461)}"
    assert sizes == "[7 6] [2 2]"


def test_the_network_is_read(tmp_path: Path) -> None:
    weights = np.random.default_rng(1).normal(size=(64, 64, 3, 3))
    save_file({"conv2.weight": weights}, tmp_path / "model.safetensors")
    file = tmp_path / "network.yaml"
    file.write_text(example(section("Operands"), "yaml"), encoding="utf-8")
    (layer,) = read_network(file).layers
    kept = masks(layer.shape.problem(), layer.sparsity)
    assert kept["Weights"].sum() == round(0.2 * weights.size)


def test_the_page_names_every_key_distribution_and_format() -> None:
    page = section("Operands") + section("Formats")
    words = [*Distribution, *Format]
    words += [name for name in Operand.model_fields if name not in ("tensor", "pattern")]
    words += [name for name in TensorFormat.model_fields if name != "tensor"]
    for word in words:
        assert f"`{word}`" in page


def test_the_table_is_what_the_formats_take() -> None:
    rows = re.findall(r"^\| ([0-9.]+) \|(.*)\|$", section("Formats"), re.MULTILINE)
    ranks = tuple((Term(dimension=name),) for name in "KCRS")
    weights = Tensor(name="Weights", ranks=ranks)
    head = re.findall(r"^\| density \|(.*)\|$", section("Formats"), re.MULTILINE)[0]
    forms = [cell.strip(" `") for cell in head.split("|")]
    assert sorted(forms) == sorted(Format)
    for density, cells in rows:
        mask = draw(
            weights, {"K": 16, "C": 16, "R": 3, "S": 3},
            Operand(tensor="Weights", density=float(density), seed=1),
        )  # fmt: skip
        found = []
        for form in forms:
            sizes = PieceSizes(mask, TensorFormat(tensor="Weights", format=form), 16)
            data, metadata = sizes.of(np.zeros((1, 4)), (8, 4, 3, 3))
            found.append(f"{data[0]} + {metadata[0]}")
        assert found == [cell.strip() for cell in cells.split("|")]
    assert len(rows) == 4
