"""Programs of crossbars on the command line: compiled, looked into, expanded, not executed."""

import json

import pyarrow.parquet
import pytest

from stallscope.catalog import preset

LAYER = """\
stallscope: 1
layer: {name: conv3, conv: {C: 128, K: 256, P: 6, Q: 28, R: 3, S: 3, padding: 1}}
schedule: {loops: [co, {h: 1}, ko]}
"""
CHIP = str(preset("reram-tile-4").path)


@pytest.fixture
def program(desk):
    place = desk.folder / "conv3.program"
    ran = desk.run("compile", CHIP, desk.write("layer.yaml", LAYER), "--out", place)
    assert ran.code == 0
    assert f"Written to {place}" in ran.out
    return place


def test_info_is_the_same_before_and_after_saving(desk, program) -> None:
    facts = json.loads(desk.run("program", "info", program, "--json").out)
    fresh = json.loads(desk.run("compile", CHIP, desk.folder / "layer.yaml", "--json").out)
    assert facts == fresh
    # Two loads for each of six rows, on four cores.
    assert facts["instructions"] == {
        "LOAD": 12 + 12, "PROGRAM": 12, "MVM": 48, "VADD": 48, "ACT": 24, "STORE": 24
    }  # fmt: skip
    assert facts["words"]["PROGRAM"] == 12 * 64 * 9 * 256
    assert facts["loops"] == "h:6 ko:2"
    shown = desk.run("program", "info", program).out
    assert "tile 0 core 3 results" in shown
    assert "LOAD=24 PROGRAM=12 MVM=48 VADD=48 ACT=24 STORE=24" in shown


def test_head_lists_the_first_instructions(desk, program) -> None:
    ran = desk.run("program", "head", program, "--unit", "tile 0 weights", "--count", "4", "--json")
    rows = json.loads(ran.out)["rows"]
    assert [(row["op"], row["step"], row["load"], row["words"]) for row in rows] == [
        ("LOAD", 0, 0, 147_456), ("PROGRAM", 0, 0, 147_456),
        ("LOAD", 1, 1, 147_456), ("PROGRAM", 1, 1, 147_456),
    ]  # fmt: skip
    assert "PROGRAM" in desk.run("program", "head", program).out
    ran = desk.run("program", "head", program, "--unit", "tile 1 weights")
    assert ran.code == 2
    assert "is not a unit of the program; units: tile 0 inputs, tile 0 weights" in ran.err


def test_a_program_expands_to_rows(desk, program) -> None:
    flat = desk.folder / "flat.parquet"
    assert desk.run("program", "expand", program, "--out", flat).code == 0
    assert len(pyarrow.parquet.read_table(flat)) == 24 + 12 + 48 + 48 + 24 + 24
    of_flat = desk.run("program", "info", flat, "--json").out
    assert of_flat == desk.run("program", "info", program, "--json").out


@pytest.mark.parametrize(("command", "instead"), [("execute", "simulate"), ("verify", "verify")])
def test_a_saved_program_is_not_executed(desk, program, command, instead) -> None:
    ran = desk.run(command, program, CHIP)
    assert ran.code == 2
    assert "is a program of crossbars: it says what is done, and not on which chip" in ran.err
    assert f"use `stallscope {instead}` with the files of the chip and the layer" in ran.err


def test_a_damaged_program_is_refused(desk, program) -> None:
    text = program.read_text()
    program.write_text(text.replace('"extent": 6', '"extent": 7'))
    ran = desk.run("program", "info", program)
    assert ran.code == 2
    assert "is not the digest of 'program': the file was damaged or edited" in ran.err
    document = json.loads(text)
    del document["sha256"]
    document["program"]["walk"]["bounds"]["ko"] = 3
    document["program"]["walk"]["outputs"] = 5
    document["program"]["tile_cores"] = 0
    program.write_text(json.dumps(document))
    ran = desk.run("program", "info", program)
    assert ran.code == 2
    assert "program.walk.bounds.ko = 3: the layer has 2" in ran.err
    assert "program.walk.outputs = 5: is not a number of loops" in ran.err
    assert "program.tile_cores = 0: must be at least 1" in ran.err
