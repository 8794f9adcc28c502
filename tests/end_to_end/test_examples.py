"""Every example prints what is stored beside it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
LONG = ("03_where_the_cycles_go.py", "06_what_sparsity_brings.py")
"""Examples of whole networks, which take five to fifteen seconds."""


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.name in LONG else [])
        for one in EXAMPLES
    ],
)
def test_an_example_prints_its_stored_output(script, capsys):
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out == script.with_suffix(".txt").read_text(encoding="utf-8")
