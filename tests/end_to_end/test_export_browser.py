"""A browser takes an exported Chrome JSON: it parses, checks and draws every slice of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.simulate import simulate
from stallscope.mappings.loading import load
from stallscope.traces.events.chrome import export_chrome

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--dump-dom",
)  # fmt: skip
SECONDS = 120
PAGE = (Path(__file__).parent / "export_page.html").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason=f"no browser here: looked for {BROWSERS}"),
]


def opened(document: str, folder: Path) -> tuple[dict[str, int], list[str]]:
    """Open a page that holds the document; returns what it counted, and the console's lines."""
    page = folder / "page.html"
    page.write_text(PAGE.replace("DOCUMENT", document.replace("<", "\\u003c")), encoding="utf-8")
    command = [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, errors = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, errors
    console = [line for line in errors.splitlines() if "CONSOLE" in line]
    counted = re.search(r'data-drawn="([^"]*)"', out)
    pairs = re.findall(r"(\w+)=(\d+)", counted[1] if counted else "")
    return {name: int(value) for name, value in pairs}, console


def test_a_window_of_a_layer_opens_without_errors(tmp_path) -> None:
    layers = {layer.name: layer for layer in load_network(network_of("alexnet-conv")).layers}
    case = load(accelerator_of("eyeriss-168").path, *layers["conv3"].files)
    trace = simulate(case, trace="full").trace
    made = export_chrome(trace, tmp_path / "trace.json", start=1_000_000, end=1_010_000)
    counted, console = opened((tmp_path / "trace.json").read_text(encoding="utf-8"), tmp_path)
    assert console == []
    lit = counted.pop("pixels")
    assert counted == {
        "slices": made.slices,
        "counters": made.counters,
        "flows": made.flows,
        "lanes": len(trace.units),
    }
    assert lit > 1000


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('{"traceEvents":[', "SyntaxError"),
        (
            '{"traceEvents":[{"ph":"X","pid":1,"tid":1,"ts":0,"dur":5,"name":"a","args":{}},'
            '{"ph":"X","pid":1,"tid":1,"ts":4,"dur":5,"name":"b","args":{}}]}',
            "overlap",
        ),
        (
            '{"traceEvents":[{"ph":"X","pid":1,"tid":1,"ts":0,"dur":5,"name":"a","args":{}},'
            '{"ph":"f","pid":1,"tid":1,"ts":4,"id":1}]}',
            "no start",
        ),
    ],
)
def test_the_page_finds_faults(document, message, tmp_path) -> None:
    """What is wrong does reach the console: silence above means something."""
    _, console = opened(document, tmp_path)
    assert message in " ".join(console)
