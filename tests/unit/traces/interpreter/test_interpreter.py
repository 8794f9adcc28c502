"""The interpreter: what it moves, how much levels hold, and both forms of a program."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from stallscope.simcore.errors import DeadlockError
from stallscope.traces.flat import FlatProgram, FlatStream, read_flat, unit_streams
from stallscope.traces.interpreter.instruction import FunctionError, word
from stallscope.traces.interpreter.interpret import interpret
from stallscope.traces.listing import expand
from stallscope.traces.program import TensorLayout
from stallscope.validation.function import draw, reference, verify_program
from tests.unit.traces.interpreter.interpreted import (
    DIAGONAL,
    PLAIN,
    REMAINDERS,
    STANDING,
    program_of,
)

VARIANTS = {
    "plain": {},
    "timeloop": {"reuse": "timeloop"},
    "diagonal": DIAGONAL,
    "diagonal by timeloop": DIAGONAL | {"reuse": "timeloop"},
    "remainders": REMAINDERS,
    "standing": STANDING,
    "standing by timeloop": STANDING | {"reuse": "timeloop"},
    "no multicast": {"multicast": "false"},
    "no elision": {"rules": ", first_read_elision: false"},
    "reduction": {"dims": "M: 2, C: 8, P: 12, R: 3", "glb": "C=2, P=2, M=2", "spatial": "C=4"},
    "two ranks slide": {
        "channel": "M + C",
        "dims": "M: 8, C: 4, P: 12, R: 3",
        "dram": "M=2, P=2",
        "glb": "C=4, P=6",
    },
    "bypass": {"keep": ", keep: [Weights, Outputs]"},
}


def _run(case, program, **options):
    return interpret(program, draw(case.problem, 0), architecture=case.architecture, **options)


def _flat(program, folder):
    expand(program, folder / "flat.parquet")
    return read_flat(folder / "flat.parquet")


def _same(one, other):
    return (
        np.array_equal(one.output, other.output)
        and dataclasses.replace(one, output=None) == dataclasses.replace(other, output=None)
    )  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_looped_and_flat_form_compute_the_layer_and_move_the_same(tmp_path, name):
    case, program = program_of(tmp_path, **VARIANTS[name])
    looped = _run(case, program)
    assert np.array_equal(reference(case.problem, draw(case.problem, 0)), looped.output)
    assert _same(looped, _run(case, _flat(program, tmp_path)))


def test_transfers_are_those_of_the_mapping(tmp_path):
    """Eight weights stay; inputs slide; sums go up four times and come down three."""
    case, program = program_of(tmp_path, dims="M: 2, C: 4, P: 4, R: 1", dram="", glb="C=4, P=4",
                               spatial="M=2", rf="")  # fmt: skip
    moved = {one.unit: (one.steps, one.parent_words, one.child_words)
             for one in _run(case, program).transfers}  # fmt: skip
    assert moved == {
        "Weights DRAM->GLB": (1, 8, 8),
        "Inputs DRAM->GLB": (1, 16, 16),
        "Outputs DRAM->GLB": (1, 0, 0),
        "Outputs GLB->DRAM": (1, 8, 8),
        "Weights GLB->RF": (4, 8, 8),
        "Inputs GLB->RF": (16, 16, 32),
        "Outputs GLB->RF": (16, 24, 24),
        "Outputs RF->GLB": (16, 32, 32),
    }


def test_a_run_says_what_it_did(tmp_path):
    case, program = program_of(tmp_path)
    done = _run(case, program)
    steps = sum(unit.steps for unit in unit_streams(program))
    assert (8 * 4 * 12 * 3, steps) == (done.macs, done.instructions)
    assert dict(done.peak_words)["DRAM"] == 8 * 4 * 3 + 4 * 14 + 8 * 12
    # All weights; three tiles of inputs, two words of four being new; two tiles of outputs.
    assert dict(done.peak_words)["GLB"] == 96 + (16 + 8 + 8) + 2 * 16
    assert done.peak_words == _run(case, program).peak_words


# ---------------------------------------------------------------------- room


def test_prefetching_fills_the_room_and_no_more(tmp_path):
    """One tile more of room is one tile more that is held; the result does not change."""
    case, program = program_of(tmp_path)
    one, two = (_run(case, program, tiles={("Weights", "RF"): n}) for n in (1, 2))
    assert np.array_equal(one.output, two.output)
    assert dict(two.peak_words)["RF"] - dict(one.peak_words)["RF"] == 3


def test_two_tiles_are_the_default_as_far_as_they_fit(tmp_path):
    """GLB has 408 words for tiles of 96 + 16 + 16: two of each; RF holds 3 + 3 + 1 of 10."""
    case, program = program_of(tmp_path, rf_capacity=11)
    tiles = dict(_run(case, program).tiles)
    assert {key: n for key, n in tiles.items() if key[1] != "DRAM"} == {
        ("Weights", "GLB"): 2,
        ("Inputs", "GLB"): 2,
        ("Outputs", "GLB"): 2,
        ("Weights", "RF"): 2,
        ("Inputs", "RF"): 1,
        ("Outputs", "RF"): 2,
    }


def _with_capacity(case, name, words):
    levels = tuple(
        level.model_copy(update={"capacity_words": words}) if level.name == name else level
        for level in case.architecture.levels
    )
    architecture = case.architecture.model_copy(update={"levels": levels})
    return case.model_copy(update={"architecture": architecture})


def test_a_level_too_small_ends_in_a_deadlock_with_its_table(tmp_path):
    case, program = program_of(tmp_path)
    with pytest.raises(DeadlockError, match="deadlock of the program") as caught:
        _run(_with_capacity(case, "RF", 6), program)
    waits = {waiter.unit: (waiter.awaits, waiter.have, waiter.need)
             for waiter in caught.value.waiters}  # fmt: skip
    assert waits["Outputs GLB->RF"] == ("Outputs RF released", 0, 1)
    assert waits["MAC"] == ("Outputs RF delivered", 0, 1)
    assert "Outputs RF delivered" in str(caught.value)


def test_more_than_a_level_has_is_an_error(tmp_path):
    case, program = program_of(tmp_path)
    with pytest.raises(FunctionError, match=r"Weights GLB->RF, FILL step \d+: RF instance 0 holds "
                                            r"66 words, its capacity is 64"):  # fmt: skip
        _run(case, program, tiles={("Weights", "RF"): 30})


def test_an_outermost_level_too_small_is_an_error(tmp_path):
    case, program = program_of(tmp_path)
    with pytest.raises(FunctionError, match="Outputs DRAM: DRAM instance 0 holds 248 words"):
        _run(_with_capacity(case, "DRAM", 247), program)


def test_without_an_architecture_levels_are_unbounded(tmp_path):
    case, program = program_of(tmp_path, rf_capacity=7)
    assert np.array_equal(
        _run(case, program).output, interpret(program, draw(case.problem, 0)).output
    )


# ---------------------------------------------------------------------- flat programs


def _without(flat, unit, at):
    """The flat program without one row."""
    rows = flat.streams[unit]
    cut = [FlatStream(*(list(part[:at]) + list(part[at + 1 :])
                        for part in (rows.records, rows.loops)))]  # fmt: skip
    return FlatProgram(flat.program, {**flat.streams, unit: cut[0]})


UNITS = ["Weights GLB->RF", "Inputs GLB->RF", "Outputs GLB->RF", "Outputs RF->GLB",
         "Inputs DRAM->GLB", "Outputs DRAM->GLB", "Outputs GLB->DRAM", "MAC"]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("at", [1, 3, -1])
def test_a_row_left_out_is_caught(tmp_path, unit, at):
    case, program = program_of(tmp_path)
    flat = _flat(program, tmp_path)
    with pytest.raises((FunctionError, DeadlockError)) as caught:
        _run(case, _without(flat, unit, at % len(flat.streams[unit].records)))
    assert unit.split(" ")[0] in str(caught.value) or unit == "MAC"


def test_a_unit_without_rows_is_an_error(tmp_path):
    case, program = program_of(tmp_path)
    flat = _flat(program, tmp_path)
    streams = {name: rows for name, rows in flat.streams.items() if name != "MAC"}
    with pytest.raises(FunctionError, match="MAC: has no rows"):
        _run(case, FlatProgram(program, streams))


def test_a_row_of_a_record_that_is_not_there_is_an_error(tmp_path):
    case, program = program_of(tmp_path)
    flat = _flat(program, tmp_path)
    rows = flat.streams["MAC"]
    broken = FlatStream([*rows.records[:5], 9, *rows.records[6:]], rows.loops)
    with pytest.raises(FunctionError, match="row 5: is missing, or names a record"):
        _run(case, FlatProgram(program, {**flat.streams, "MAC": broken}))


# ---------------------------------------------------------------------- names


def test_a_word_is_named_by_coordinates_and_address():
    layout = TensorLayout(
        name="W", ranks=((), ()), shape=(3, 5), strides=(5, 1), base=None, is_output=False
    )
    assert word(layout, (2, 4)) == "W[2, 4] (word address 14)"
    assert word(layout, (3, 0)) == "W[3, 0] (outside the tensor)"
    assert word(dataclasses.replace(layout, ranks=(), shape=()), ()) == "W[] (word address 0)"


def test_every_variant_is_another_case(tmp_path):
    """The variants above are no accident of defaults: each has streams of its own."""
    seen = {program_of(tmp_path, **changes)[1] for changes in VARIANTS.values()}
    assert len(seen) >= len(VARIANTS) - 1
    assert PLAIN["reuse"] == "overlap"


def test_a_broken_sum_is_found_by_comparing(tmp_path):
    case, program = program_of(tmp_path)
    found = verify_program(program, case.problem)
    assert (found.is_correct, found.words, found.mismatches, found.first) == (True, 96, 0, None)
