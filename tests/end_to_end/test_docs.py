"""What the documents show works: examples run, links lead somewhere, lists are complete."""

import re
from pathlib import Path

import pytest

import stallscope as ss
from stallscope.hw.ports import Cause
from stallscope.mappings.dram import DramController
from stallscope.mappings.dram_catalog import DEVICES
from stallscope.mappings.native_topology import KINDS
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


@pytest.mark.usefixtures("dram_kernel")
def test_the_example_of_a_memory_simulates_and_can_be_set(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(blocks(ROOT / "docs/formats.md", "yaml")[1])
    result = ss.simulate(ss.load(file))
    assert result.cycles >= result.estimate.cycles
    slower = ss.load(file, overrides=["dram_device.timings.tCK=83 ns"])
    assert ss.simulate(slower).cycles > result.cycles
    timeloop = ROOT / "tests/data/timeloop_twins"
    settings = [
        "architecture.DRAM.memory.device=DDR4-2400", "architecture.clock=200 MHz",
        "architecture.DRAM.read_bandwidth=null", "architecture.DRAM.write_bandwidth=null",
        "architecture.DRAM.shared_bandwidth=null",
    ]  # fmt: skip
    files = (timeloop / "problem.yaml", timeloop / "06_bandwidths_03.yaml")
    assert ss.simulate(ss.load(*files, overrides=settings)).cycles > 0


def test_the_page_names_every_device_and_kind_of_topology() -> None:
    page = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    for name in (*DEVICES, *KINDS, *DramController.model_fields):
        assert f"`{name}`" in page


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


def test_the_readme_shows_what_run_prints(preset_run) -> None:
    """The screen in the README is the present one; regenerate it if results change."""
    printed = preset_run.out
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in printed.splitlines():
        if re.match(r" ?(conv\d|total)", line):
            assert line.rstrip() in readme
