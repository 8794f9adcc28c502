"""The page about crossbars: its example runs, its tables name all there is."""

import re
from pathlib import Path

import pytest

import stallscope as ss
from stallscope.mappings.reram.chip import CrossbarChip, Programming
from stallscope.mappings.reram.devices import RERAM_DEVICES, reram_device
from stallscope.mappings.reram.native import COMPONENTS
from stallscope.mappings.reram.native_values import keys_of
from stallscope.mappings.reram.schedule import Axis, Filling, InputForm
from stallscope.report.crossbars import crossbar_estimate

PAGE = Path(__file__).parents[2] / "docs" / "reram.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="no checkout around the tests")


def blocks(language: str) -> list[str]:
    page = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    file = tmp_path / "example.yaml"
    file.write_text(blocks("yaml")[0])
    return file


def test_the_example_runs(example: Path, monkeypatch, capsys) -> None:
    """Updates of the reference's worked example: 56 and 29, 14 and 8."""
    monkeypatch.chdir(example.parent)
    code, _ = blocks("python")
    exec(compile(code, "reram.md", "exec"), {})
    *lines, run, best = (line.split() for line in capsys.readouterr().out.splitlines())
    # Eight writes of 38.4 us, the first one counted as fill; all of them waited for.
    assert (int(run[1]), float(run[2])) == (7 * 38_400, 0.0)
    assert best[0] == "8"
    assert [(rows, snake, updates) for rows, snake, updates, *_ in lines] == [
        ("1", "false", "56"), ("4", "false", "14"), ("1", "true", "29"), ("4", "true", "8"),
    ]  # fmt: skip
    cycles = [int(line[3]) for line in lines]
    assert sorted(cycles, reverse=True) == [cycles[0], cycles[2], cycles[1], cycles[3]]


def test_the_values_of_the_page_run(example: Path, monkeypatch, capsys) -> None:
    """Ideal: exact. Errors of cells add up linearly, so ten times sigma is ten times off."""
    monkeypatch.chdir(example.parent)
    _, code = blocks("python")
    exec(compile(code, "reram.md", "exec"), {})
    exact, *off = (line.split() for line in capsys.readouterr().out.splitlines())
    assert exact[:2] == ["True", "4"]  # strict: a load of 64 of 200 rows at a time
    (small, large) = (float(line[1]) for line in off)
    assert 0.001 < small < 0.1
    assert large == pytest.approx(10 * small, rel=1e-6)


def test_the_page_names_every_key(example: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for field in CrossbarChip.model_fields:
        if field != "name":
            assert f"`{keys_of(field)[-1]}`" in page, field
    for field in Programming.model_fields:
        assert f"`{keys_of(field)[-1]}`" in page, field
    for word in (*Axis, *Filling, *InputForm):
        assert f"`{word.value}`" in page
    for name in COMPONENTS:
        assert f"`{name}`" in page
    case = ss.load_crossbars(example)
    for key in crossbar_estimate(ss.analyze_crossbars(case), case)["reram"]:
        assert f"`{key}`" in page, key


def test_the_page_says_what_devices_have() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in RERAM_DEVICES:
        (row,) = re.findall(rf"\| `{name}` \|.*", page)
        energy = reram_device(name).pulse_pj
        assert f"{energy} pJ" in row if energy is not None else "pJ" not in row
