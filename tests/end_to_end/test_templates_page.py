"""The page on templates shows what runs, and says what is there."""

import re
from pathlib import Path

import pytest

from stallscope.catalog import ACCELERATORS
from stallscope.mappings.loading import load_platform
from stallscope.mappings.templates import Dataflow
from stallscope.mappings.templates.planning import SLACK

PAGE = Path(__file__).parents[2] / "docs" / "templates.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="no checkout around the tests")


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "templates.md", "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["os", "ws", "None"]
    # 14 x 14 windows of 32 x 9 elements, where the image has 32 x 16 x 16.
    assert "{'M': 196, 'N': 64, 'K': 288} {'Inputs': 56448" in lines[3]


def test_the_page_names_every_data_flow_and_preset() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for flow in Dataflow:
        assert f"| `{flow}` |" in page
    for entry in ACCELERATORS:
        if load_platform(entry.path).architecture.compute.systolic is not None:
            assert f"| `{entry.name}` |" in page
    assert f"within {SLACK:.0%}".replace("%", " %") in page
