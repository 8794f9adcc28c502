"""The page from the command line, and in a browser if one is installed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stallscope as ss
from stallscope.hw.simulate import Tracing, simulate
from stallscope.report.document import result_document
from stallscope.report.outputs import json_text

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom")  # fmt: skip
DRIVER = """<script>
var problems = [];
window.addEventListener("error", function (event) { problems.push(event.message); });
window.addEventListener("load", function () {
  var tip = document.getElementById("tip"), said = {};
  document.querySelectorAll(".chart").forEach(function (chart) {
    var name = chart.dataset.chart;
    said[name] = [];
    chart.focus();
    ["ArrowRight", "ArrowDown", "End", "ArrowUp", "Home", "PageDown", "PageUp"].forEach(
      function (key) {
        chart.dispatchEvent(new KeyboardEvent("keydown", {key: key, bubbles: true}));
        said[name].push(tip.hidden ? null : tip.innerText);
      });
    chart.querySelectorAll(".plot").forEach(function (plot) {
      var box = plot.getBoundingClientRect();
      [0.01, 0.5, 0.99].forEach(function (at) {
        chart.dispatchEvent(new PointerEvent("pointermove", {
          clientX: box.left + box.width * at, clientY: box.top + 5, bubbles: true}));
        said[name].push(tip.hidden ? null : tip.innerText);
      });
    });
    chart.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}));
    if (!tip.hidden) { problems.push("Escape leaves the tip open"); }
  });
  document.querySelectorAll("[data-zoom]").forEach(function (button) { button.click(); });
  var wide = document.querySelector(".slices");
  var made = document.createElement("pre");
  made.id = "driven";
  made.textContent = JSON.stringify({problems: problems, said: said,
    zoomed: wide ? wide.clientWidth / wide.parentNode.clientWidth : null,
    wide: document.documentElement.scrollWidth > window.innerWidth});
  document.body.appendChild(made);
});
</script>"""


@pytest.fixture
def run(desk) -> Path:
    """The folder of a traced run."""
    case = ss.load(*desk.files)
    folder = desk.folder / "run"
    folder.mkdir()
    tracing = Tracing(level="full", folder=folder / "trace")
    document = result_document(simulate(case, trace=tracing), case)
    (folder / "result.json").write_text(json_text(document))
    return folder


def test_report_writes_one_file_and_says_where_and_how_large(desk, run: Path) -> None:
    ran = desk.run("report", run)
    page = run / "report.html"
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"Written to {page}, {page.stat().st_size:,} bytes\n"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    again = desk.run("report", run)
    assert (again.code, again.out) == (2, "")
    assert "exists; name another file or give --force" in again.err
    assert desk.run("report", run, "--force", "--window", "10:40").code == 0
    assert "Cycles 10 to 40, slice by slice" in page.read_text(encoding="utf-8")


def test_report_of_a_simulated_folder_without_a_trace(desk) -> None:
    out = desk.folder / "out"
    assert desk.run("simulate", *desk.files, "--out", out).code == 0
    assert desk.run("report", out, "--out", desk.folder / "pages" / "page.html").code == 0
    assert "--trace full" in (desk.folder / "pages" / "page.html").read_text(encoding="utf-8")
    assert not (out / "report.html").exists()


def test_report_of_a_network_is_refused(desk) -> None:
    (desk.folder / "result.json").write_text(json.dumps({"layers": [], "total": {}}))
    ran = desk.run("report", desk.folder)
    assert (ran.code, ran.out) == (2, "")
    assert "is a network's result; the page explains one simulated case" in ran.err


@pytest.mark.parametrize("window", ["x", "9:9", "99999998:99999999"])
def test_a_window_that_is_none_is_refused(desk, run: Path, window: str) -> None:
    ran = desk.run("report", run, "--window", window)
    assert (ran.code, ran.out) == (2, "")
    assert "window" in ran.err
    assert not (run / "report.html").exists()


def test_report_is_quick_to_refuse(desk) -> None:
    code = ("import sys; sys.argv = ['stallscope', 'report', '--help']\n"
            "from stallscope.cli import main\n"
            "try:\n main()\nexcept SystemExit: pass\n"
            "print([m for m in ('numpy', 'pyarrow', 'jinja2') if m in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def browse(page: Path, profile: Path) -> tuple[str, str]:
    """Open a page in a browser; its content once it ran, and what it logged."""
    found = [path for path in map(shutil.which, BROWSERS) if path]
    if not found:
        pytest.skip("no browser installed: " + ", ".join(BROWSERS))
    command = [found[0], *QUIET, f"--user-data-dir={profile}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["traced", "untraced", "stopped"])
def test_the_page_opens_without_errors(desk, run: Path, tmp_path: Path, what: str) -> None:
    """Its own policy is in force here, so a style or script that it forbids is an error."""
    if what == "untraced":
        shutil.rmtree(run / "trace")
    if what == "stopped":
        meta = run / "trace" / "trace.json"
        meta.write_text(meta.read_text().replace('"is_complete": true', '"is_complete": false'))
        (run / "result.json").unlink()
    assert desk.run("report", run).code == 0
    content, logged = browse(run / "report.html", tmp_path / "profile")
    assert logged == ""
    assert ('class="cross"' in content) == (what != "untraced")


@pytest.mark.slow
def test_every_chart_answers_pointer_and_keys(desk, run: Path, tmp_path: Path) -> None:
    """A copy of the page without its policy, driven by a script of the test."""
    assert desk.run("report", run).code == 0
    text = (run / "report.html").read_text(encoding="utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', DRIVER, text)
    (run / "driven.html").write_text(text, encoding="utf-8")
    content, logged = browse(run / "driven.html", tmp_path / "profile")
    driven = re.search(r'<pre id="driven">(.*?)</pre>', content, re.DOTALL)
    assert driven is not None
    found = json.loads(driven[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
    assert (logged, found["problems"]) == ("", [])
    assert set(found["said"]) == {"units", "held", "power", "timeline"} - (
        set() if "power" in found["said"] else {"power"}
    )
    for said in found["said"].values():
        assert all(text and "cycles" in text for text in said)
    assert found["zoomed"] == pytest.approx(8, rel=0.01)
    assert not found["wide"]
