"""Programs from a shell: compiled, looked into, expanded, executed from either form."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest


@pytest.fixture
def program(desk) -> Path:
    path = desk.folder / "layer.program"
    ran = desk.run("compile", *desk.files, "--out", path)
    assert ran.code == 0, ran.err
    return path


def test_a_compiled_program_executes_to_the_same_result(desk, program: Path) -> None:
    flat = desk.folder / "flat.parquet"
    assert desk.run("program", "expand", program, "--out", flat).code == 0
    documents = []
    for command in (("simulate", *desk.files),
                    ("execute", program, desk.files[0], desk.files[3]),
                    ("execute", flat, desk.files[0], desk.files[3])):  # fmt: skip
        document = json.loads(desk.run(*command, "--json").out)
        for key in ("simulation", "inputs"):
            del document[key]
        documents.append(document)
    assert documents[0] == documents[1] == documents[2]


def test_a_program_can_be_looked_into(desk, program: Path) -> None:
    assert desk.run("program", "info", program).code == 0
    assert json.loads(desk.run("program", "info", program, "--json").out)
    rows = json.loads(desk.run("program", "head", program, "--count", "3", "--json").out)["rows"]
    assert rows
    assert desk.run("program", "head", program).code == 0
    flat = desk.folder / "flat.parquet"
    assert desk.run("program", "expand", program, "--out", flat).code == 0
    assert pyarrow.parquet.read_table(flat).num_rows > 0
    assert desk.run("program", "info", flat).code == 0
    assert desk.run("program", "expand", program, "--out", flat).code == 2


def test_a_program_on_the_wrong_architecture_is_refused(desk, program: Path) -> None:
    wrong = desk.write("wrong.yaml", Path(desk.files[0]).read_text().replace("GLB", "L2"))
    ran = desk.run("execute", program, wrong)
    assert ran.code == 2
    assert desk.run("execute", desk.folder / "absent", desk.files[0]).code == 2
    assert desk.run("program", "info", desk.files[0]).code == 2
