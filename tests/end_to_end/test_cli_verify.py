"""Law L6 from a shell: cases and programs, drawn tensors and given ones, and what goes wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from stallscope.traces import storage
from tests.unit.traces.interpreter.interpreted import edited, recorded


@pytest.fixture
def program(desk) -> Path:
    path = desk.folder / "layer.program"
    assert desk.run("compile", *desk.files, "--out", path).code == 0
    return path


def test_a_case_is_verified(desk) -> None:
    ran = desk.run("verify", *desk.files)
    assert (ran.code, ran.err) == (0, "")
    assert "128 multiply-accumulates in" in ran.out
    assert "32 words of the output compared with NumPy, operands drawn with seed 0: all equal" in (
        ran.out
    )
    assert "Weights DRAM->GLB" in ran.out


def test_the_document_says_what_was_executed(desk) -> None:
    ran = desk.run("verify", *desk.files, "--json", "--seed", "7")
    document = json.loads(ran.out)
    assert (document["correct"], document["macs"], document["seed"]) == (True, 128, 7)
    assert (document["words_compared"], document["mismatches"]) == (32, 0)
    assert document["first_mismatch"] is None
    # GLB has 64 words: 16 weights, two columns of inputs and of outputs of 4 words each.
    assert document["peak_words"] == {"DRAM": 80, "GLB": 32}


def test_rules_and_figures_can_be_changed(desk) -> None:
    ran = desk.run("verify", *desk.files, "--reuse", "timeloop", "--link-transfers", "off",
                   "--first-read-elision", "off", "--set", "architecture.GLB.capacity=24",
                   "--json")  # fmt: skip
    document = json.loads(ran.out)
    assert document["correct"]
    assert document["peak_words"]["GLB"] <= 24
    refill = next(one for one in document["transfers"] if one["op"] == "REFILL")
    assert refill["parent_words"] == 32


def test_a_program_is_verified_in_both_forms(desk, program: Path) -> None:
    flat = desk.folder / "flat.parquet"
    assert desk.run("program", "expand", program, "--out", flat).code == 0
    alone = desk.run("verify", program)
    assert alone.code == 0
    assert "assumption: no architecture is named" in alone.out
    documents = [
        json.loads(desk.run("verify", file, desk.files[0], "--json").out)
        for file in (program, flat)
    ]
    assert documents[0] == documents[1]
    assert documents[0]["assumptions"] == []


def test_given_tensors_are_used(desk) -> None:
    path = desk.folder / "tensors.npz"
    np.savez(path, Weights=np.eye(4, dtype=int), Inputs=np.arange(32).reshape(4, 8))
    assert "operands from" in desk.run("verify", *desk.files, "--tensors", path).out
    np.savez(path, Weights=np.eye(4))
    ran = desk.run("verify", *desk.files, "--tensors", path)
    assert ran.code == 2
    assert "tensors.Weights.dtype = float64: must be integer" in ran.err
    assert "tensors.Inputs: is missing" in ran.err


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense", b"text"])
def test_what_holds_no_tensors_is_refused(desk, content) -> None:
    path = desk.write("tensors.npz", content)
    ran = desk.run("verify", *desk.files, "--tensors", path)
    assert ran.code == 2
    assert "is not a NumPy .npz file" in ran.err


def test_one_array_or_objects_are_refused(desk) -> None:
    path = desk.folder / "tensors.npy"
    np.save(path, np.arange(3))
    assert "holds one array" in desk.run("verify", *desk.files, "--tensors", path).err
    np.savez(desk.folder / "objects.npz", Weights=np.array([{}], dtype=object))
    ran = desk.run("verify", *desk.files, "--tensors", desk.folder / "objects.npz")
    assert (ran.code, ran.out) == (2, "")
    assert desk.run("verify", *desk.files, "--tensors", desk.folder / "absent").code == 2


def test_a_program_takes_no_rules_and_needs_its_problem(desk, program: Path) -> None:
    ran = desk.run("verify", program, "--reuse", "timeloop", "--set", "a.b=1")
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 2
    other = desk.write("wrong.yaml", Path(desk.files[0]).read_text().replace("GLB", "L2"))
    assert "no such level" in desk.run("verify", program, other).err
    beside = program.with_name(program.name + ".case.yaml")
    beside.write_text(beside.read_text().replace("P: 8", "P: 9"))
    ran = desk.run("verify", program)
    assert "program.dims = M=4 C=4 P=8: differs" in ran.err
    beside.unlink()
    assert "is missing: it has the problem" in desk.run("verify", program).err


def test_a_program_that_computes_something_else_ends_with_3(desk, program: Path) -> None:
    whole = storage.read(program)
    storage.save(recorded(whole, "Inputs", "GLB", 1, child_words=5), program)
    ran = desk.run("verify", program)
    assert ran.code == 3
    assert "Inputs DRAM->GLB, FILL step 1: record 1 says child_words 5, moved 4" in ran.err


def test_words_that_differ_end_with_3(desk) -> None:
    """C outside P: sums come down again, unless the program forgets that they are sums."""
    mapping = desk.write("outside.yaml", "stallscope: 1\nmapping:\n"
                         "  DRAM: {temporal: [C=4, P=8]}\n  GLB: {spatial_x: [M=4]}\n")  # fmt: skip
    path = desk.folder / "outside.program"
    assert desk.run("compile", *desk.files[:2], mapping, "--out", path).code == 0
    whole = storage.read(path)
    loops = whole.movers[-1].loops
    forgetful = tuple(
        type(loop)(dimension=loop.dimension, extent=loop.extent, step=loop.step) for loop in loops
    )
    storage.save(edited(whole, "Outputs", "GLB", loops=forgetful), path)
    ran = desk.run("verify", path)
    assert ran.code == 3
    assert "32 differ" in ran.out
    assert "the first, at [0, 0]: NumPy" in ran.out
    document = json.loads(desk.run("verify", path, "--json").out)
    assert (document["correct"], document["mismatches"]) == (False, 32)


def test_a_buffer_too_small_ends_with_3(desk, program: Path) -> None:
    small = desk.write("small.yaml", Path(desk.files[0]).read_text().replace("64", "23"))
    ran = desk.run("verify", program, small)
    assert ran.code == 3
    assert "deadlock of the program" in ran.err
    assert "Outputs GLB released" in ran.err
