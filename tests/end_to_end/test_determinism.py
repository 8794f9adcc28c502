"""L7: the same bytes under every hash seed, the `simulation` block aside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CASE = Path(__file__).parents[1] / "data" / "native_case.yaml"


def _in_a_process(seed: str) -> str:
    command = "import sys; from stallscope.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", command, "simulate", str(CASE), "--json"],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return _without_simulation(done.stdout)


def _without_simulation(text: str) -> str:
    document = json.loads(text)
    del document["simulation"]
    return json.dumps(document)


def test_a_result_does_not_depend_on_the_hash_seed():
    assert _in_a_process("1") == _in_a_process("2")


def test_fast_forward_changes_no_byte_of_the_document(desk):
    on = desk.run("simulate", CASE, "--json").out
    off = desk.run("simulate", CASE, "--json", "--no-fast-forward").out
    assert _without_simulation(on) == _without_simulation(off)
