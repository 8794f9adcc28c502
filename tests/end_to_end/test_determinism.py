"""L7: the same bytes under every hash seed, the `simulation` block aside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CASE = Path(__file__).parents[1] / "data" / "native_case.yaml"


def _document(seed: str, *options: str) -> str:
    command = "import sys; from stallscope.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", command, "simulate", str(CASE), "--json", *options],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(done.stdout)
    del document["simulation"]
    return json.dumps(document)


def test_a_result_does_not_depend_on_the_hash_seed():
    assert _document("1") == _document("2")


def test_fast_forward_changes_no_byte_of_the_document():
    assert _document("1") == _document("1", "--no-fast-forward")
