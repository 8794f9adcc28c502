"""A saved program reads back equal; a file that is not one is refused with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from stallscope.mappings.loading import load
from stallscope.simcore.errors import SpecError
from stallscope.traces import storage
from stallscope.traces.compile import compile_case
from tests.property.strategies import cases

NATIVE = Path(__file__).parents[2] / "data" / "native_case.yaml"


def _program():
    return compile_case(load(NATIVE))


def _document(program):
    return json.loads(storage.to_text(program))


def _write(folder, document):
    path = folder / "program.json"
    path.write_text(json.dumps(document))
    return path


def _message(path):
    with pytest.raises(SpecError) as caught:
        storage.read(path)
    assert all(fault.source == str(path) for fault in caught.value.faults)
    return str(caught.value)


@settings(max_examples=15, deadline=None, derandomize=True,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(case=cases())
def test_what_is_saved_reads_back_equal(tmp_path, case):
    what_is_saved_reads_back_equal(tmp_path, case)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_of_many_what_is_saved_reads_back_equal(tmp_path, case):
    what_is_saved_reads_back_equal(tmp_path, case)


def what_is_saved_reads_back_equal(tmp_path, case):
    program = compile_case(case)
    storage.save(program, tmp_path / "p.json")
    assert program == storage.read(tmp_path / "p.json")


def test_ratios_stay_exact(tmp_path):
    """A third of a hop is a third, not 0.333."""
    program = _program()
    crossing = replace(program.movers[0].records[0].crossings[0], hops=Fraction(10**20 + 1, 3))
    record = replace(program.movers[0].records[0], crossings=(crossing,))
    mover = replace(program.movers[0], records=(record,))
    changed = replace(program, movers=(mover, *program.movers[1:]))
    storage.save(changed, tmp_path / "p.json")
    assert changed == storage.read(tmp_path / "p.json")


def test_a_layer_of_a_thousand_million_steps_is_a_page(tmp_path):
    path = tmp_path / "big.yaml"
    text = NATIVE.read_text().replace("P: 14", "P: 2000000000").replace("P=7", "P=1000000000")
    path.write_text(text)
    assert len(storage.to_text(compile_case(load(path)))) < 40_000


def test_the_file_begins_with_what_it_is(tmp_path):
    storage.save(_program(), tmp_path / "p.json")
    lines = (tmp_path / "p.json").read_text().splitlines()
    assert lines[:2] == ["{", ' "stallscope_program": 4,']
    assert max(len(line) for line in lines) <= 120


def test_equal_programs_give_equal_bytes():
    assert storage.to_text(_program()) == storage.to_text(_program())


def test_a_failing_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "p.json"
    path.write_text("old")

    def half():
        with storage.replacing(path) as temporary:
            temporary.write_text("new")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert path.read_text() == "old"
    assert [path] == list(tmp_path.iterdir())


def test_an_edited_file_needs_its_digest_removed(tmp_path):
    document = _document(_program())
    document["program"]["name"] = "mine"
    assert "the file was damaged or edited" in _message(_write(tmp_path, document))
    del document["sha256"]
    assert storage.read(_write(tmp_path, document)).name == "mine"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a whole JSON text"),
        (b'{"stallscope_program": 4, "progr', "is not a whole JSON text"),
        (b"[" * 100_000, "is not a whole JSON text"),
        (b"[]", "has no key 'stallscope_program'"),
        (b'{"layers": 1}', "has no key 'stallscope_program'"),
        (b'{"stallscope_program": 1}', r"stallscope_program = 1: is not a version .* reads \(4\)"),
        (b'{"stallscope_program": true}', "is not a version"),
        (b'{"stallscope_program": 4}', "program: is missing"),
        (b'{"stallscope_program": 4, "program": {}, "x": 1}', "x: is not a key of a program file"),
        (b'{"stallscope_program": 4, "program": {}}', "program.movers.*field required"),
        (b'{"stallscope_program": 4, "program": 3}', "program = 3"),
        ("{\"näme\": 1}".encode("latin-1"), "is not UTF-8"),
        (b"PAR1\xff\xfe", "is not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_not_a_program_is_refused(tmp_path, content, message):
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=message):
        storage.read(path)


def test_missing_files_folders_and_huge_files_are_refused(tmp_path):
    assert "cannot be read: No such file" in _message(tmp_path / "none")
    assert "is not a file" in _message(tmp_path)
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(storage.MAX_BYTES + 1)
    assert "is larger than" in _message(huge)


def _mover(body):
    return body["movers"][-1]


EDITS = {
    "a number as text": (lambda b: b.update(macs="12"), "macs = 12: input should be a valid"),
    "a key too many": (lambda b: _mover(b).update(colour=1), "has keys or values that"),
    "a division by zero": (
        lambda b: b["movers"][0]["records"][0]["crossings"][0].update(hops="1/0"), "hops = 1/0"),
    "a record that is not there": (lambda b: _mover(b).update(first=99), "does not exist"),
    "a table too short": (lambda b: _mover(b).update(table=[]), "movers.6.table|movers.5.table"),
    "a loop over nothing": (
        lambda b: _mover(b)["loops"][0].update(dimension="Z"), "= Z: is not a dimension"),
    "a loop that stands still": (lambda b: _mover(b)["loops"][0].update(step=0), "at least 1"),
    "a level that is not there": (lambda b: _mover(b).update(child="L9"), "L9: is not a level"),
    "a mover twice": (lambda b: b["movers"].append(_mover(b)), "two movers bring"),
    "a tile nobody brings": (lambda b: b["movers"].pop(0), "nothing brings Weights there"),
    "a parent of too many loops": (lambda b: _mover(b).update(parent_depth=9), "parent_depth = 9"),
    "an operand of too many loops": (
        lambda b: b["compute"]["operands"][0].update(depth=9), "operands.0.depth = 9"),
    "no output": (lambda b: b["compute"]["operands"][2].update(is_output=False), "one output"),
    "no accesses": (lambda b: b["compute"]["records"][0].update(accesses=[]), "one per operand"),
    "a bound without classes": (lambda b: _mover(b).update(bounds=[["M", 8]]), "differ in number"),
    "a bound of another size": (
        lambda b: _mover(b).update(bounds=[["M", 9]], classes=[[0]], grain=[1]), "M 9"),
    "no grain": (
        lambda b: _mover(b).update(bounds=[["M", 8]], classes=[[0]], grain=[0]), "grain = "),
    "a tensor that nobody lays out": (lambda b: b["tensors"].pop(0), "every tensor once"),
    "a rank of nothing": (
        lambda b: b["tensors"][0].update(ranks=[[["Z", 1]]]), "has unknown dimensions"),
    "a tensor of another size": (
        lambda b: b["tensors"][0].update(shape=[8, 4, 4]), "is not that of its ranks"),
    "an output too many": (lambda b: b["tensors"][0].update(is_output=True), "have one output"),
    "a level without instances": (lambda b: b["blocks"].pop(), "those of the levels"),
    "instances over nothing": (
        lambda b: b["blocks"][1]["loops"][0].update(dimension="Z"), "blocks.1.loops = Z"),
    "a burst over nothing": (
        lambda b: b["compute"]["inner"][0].update(extent=0), "compute.inner = 0 of 1"),
    "a tile without a dimension": (lambda b: _mover(b).update(spans=[["M", 1]]), "spans = 1"),
    "a tile of nothing": (
        lambda b: _mover(b)["spans"][0].__setitem__(1, 0), "spans: must be at least 1"),
    "a kind of step that is not there": (
        lambda b: _mover(b).update(keyed=[[9, [], 0, 0, 0]]), "keyed = 9"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_inconsistent_program_is_refused(tmp_path, name):
    edit, message = EDITS[name]
    document = _document(_program())
    del document["sha256"]
    edit(document["program"])
    with pytest.raises(SpecError, match=message):
        storage.read(_write(tmp_path, document))


def test_every_fault_is_reported_at_once(tmp_path):
    document = _document(_program())
    del document["sha256"]
    _mover(document["program"]).update(first=99, parent_depth=9)
    path = _write(tmp_path, document)
    assert len(_message(path).splitlines()) == 2
