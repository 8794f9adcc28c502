"""What the documents show works: examples run, links lead somewhere, lists are complete."""

import re
from pathlib import Path

import pytest

import stallscope as ss
from stallscope.hw.ports import Cause
from stallscope.report.bars import CLASSES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

pytestmark = pytest.mark.skipif(not PAGES[0].exists(), reason="no checkout around the tests")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_native_example_simulates(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(blocks(ROOT / "docs/formats.md", "yaml")[0])
    result = ss.simulate(ss.load(file))
    assert result.cycles >= result.estimate.cycles
    assert result.energy_pj is not None


def test_the_python_example_runs(desk, monkeypatch, capsys) -> None:
    monkeypatch.chdir(desk.folder)
    (example,) = blocks(ROOT / "README.md", "python")
    exec(compile(example, "README.md", "exec"), {})
    assert "simulated" in capsys.readouterr().out


def test_the_trace_example_runs(desk, monkeypatch, capsys) -> None:
    monkeypatch.chdir(desk.folder)
    (example,) = blocks(ROOT / "docs/traces.md", "python")
    exec(compile(example, "traces.md", "exec"), {})
    assert "the run ends with it" in capsys.readouterr().out


def test_the_rows_of_ones_own_run(desk, monkeypatch) -> None:
    monkeypatch.chdir(desk.folder)
    (rows,), (example,) = (blocks(ROOT / "docs/formats.md", kind) for kind in ("csv", "python"))
    desk.write("own.csv", rows)
    found: dict[str, object] = {"ss": ss}
    exec(compile(example, "formats.md", "exec"), found)
    assert isinstance(found["result"], ss.Result)
    assert found["result"].macs == 32


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_cause_has_a_glyph_and_stands_in_the_timing_page() -> None:
    page = (ROOT / "docs/timing.md").read_text(encoding="utf-8")
    for cause in Cause:
        assert cause.value in CLASSES
        assert f"`{cause.value}`" in page


def test_the_readme_shows_what_run_prints(desk) -> None:
    """The screen in the README is the present one; regenerate it if results change."""
    printed = desk.run("run", "--accelerator", "eyeriss-168").out
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in printed.splitlines():
        if re.match(r" ?(conv\d|total)", line):
            assert line.rstrip() in readme
