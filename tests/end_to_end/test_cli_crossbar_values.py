"""Values of crossbars on the command line: verified, in error, written where they change."""

import json
from pathlib import Path

import numpy as np
import pytest

from stallscope.catalog import preset
from stallscope.verifying_crossbars import compared, normalised_rms_error

CHIP = str(preset("reram-tile-4").path)
GEMM = "stallscope: 1\nlayer: {gemm: {M: 16, N: 64, K: 64}}\n"
AWARE = ["--set", "crossbars.writing.data_aware=true"]


def test_only_what_changes_is_written_with_given_weights(desk) -> None:
    """All loads alike: only the first is written; what differs takes its pulses again."""
    layer = desk.write("gemm.yaml", "stallscope: 1\nlayer: {gemm: {M: 1, N: 64, K: 1152}}\n")
    file = desk.folder / "weights.npz"
    waits = []
    for last in (5, 6):
        weights = np.full((1152, 64), 5)
        weights[576:] = last  # the second load
        np.savez(file, Weights=weights, Inputs=np.zeros((1, 1152), dtype=np.int64))
        packed = ["--set", "schedule.filling=packed"]
        ran = desk.run("simulate", CHIP, layer, *AWARE, *packed, "--tensors", file, "--json")
        assert ran.code == 0, ran.err
        document = json.loads(ran.out)
        assert document["reram"]["activity"]["updates"] == 2
        assert document["inputs"]["files"][-1] == str(file)
        waits.append((document["reram"]["activity"]["pulses"],
                      document["reram"]["run"]["writing_cycles"]))  # fmt: skip
    # 5 -> 6: the last of four slices goes from level 1 to level 2, one pulse for each of its cells.
    assert waits[1][0] - waits[0][0] == 576 * 64
    assert waits[1][1] > waits[0][1] > 0


def test_tensors_that_nothing_uses_are_refused(desk) -> None:
    layer = desk.write("gemm.yaml", GEMM)
    file = desk.folder / "weights.npz"
    np.savez(file, Weights=np.zeros((1, 1)))
    ran = desk.run("simulate", CHIP, layer, "--tensors", file)
    assert (ran.code, ran.out) == (2, "")
    assert "has no use: a run depends on the weights only with data_aware writing" in ran.err
    ran = desk.run("simulate", *desk.files, "--tensors", file)
    assert ran.code == 2
    assert "is for crossbars that write only what changes" in ran.err
    ran = desk.run("simulate", CHIP, layer, *AWARE)
    assert ran.code == 2
    assert "give the weights (simulate --tensors FILE.npz)" in ran.err
    np.savez(file, Others=np.zeros((1, 1)))
    ran = desk.run("simulate", CHIP, layer, *AWARE, "--tensors", file)
    assert ran.code == 2
    assert "--tensors = Weights: is missing" in ran.err
    assert "--tensors = Others: is no operand" in ran.err
    assert desk.run("simulate", CHIP, layer, *AWARE, "--tensors", "none.npz").code == 2


def test_nothing_is_searched_where_the_weights_decide(desk) -> None:
    layer = desk.write("gemm.yaml", GEMM)
    for objective in ("updates", "wear"):
        ran = desk.run("explore", CHIP, layer, *AWARE, "--objective", objective)
        assert (ran.code, ran.out) == (2, "")
        assert "what writing takes depends on the weights" in ran.err


def test_a_schedule_is_verified_on_integers(desk) -> None:
    """Small enough for a moment: 7 x 5 pixels, two loads, partial sums that leave and return."""
    layer = desk.write(
        "layer.yaml",
        "stallscope: 1\nlayer: {conv: {C: 80, K: 70, P: 7, Q: 5, R: 3, S: 3, padding: 1}}\n"
        "schedule: {loops: [ko, {h: 2}], snake: true}\n",
    )
    ran = desk.run("verify", CHIP, layer, "--json", "--seed", "3")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert (found["correct"], found["mismatches"], found["seed"]) == (True, 0, 3)
    assert (found["words_compared"], found["updates"]) == (70 * 35, 2)
    assert found["spilled_words"] == found["refilled_words"] == 70 * 35
    assert found["multiplies"] == 35 * 2 * 2  # pixels x loads x cores with a block
    shown = desk.run("verify", CHIP, layer).out
    assert "all 2,450 words of the output are NumPy's, bit for bit" in shown


def test_operands_may_be_given(desk) -> None:
    layer = desk.write("gemm.yaml", "stallscope: 1\nlayer: {gemm: {M: 2, N: 3, K: 4}}\n")
    given = desk.folder / "operands.npz"
    np.savez(given, Weights=np.ones((4, 3), dtype=np.int64), Inputs=np.arange(8).reshape(2, 4))
    assert desk.run("verify", CHIP, layer, "--tensors", given).code == 0
    np.savez(given, Weights=np.full((4, 3), 999), Other=np.ones(1))
    ran = desk.run("verify", CHIP, layer, "--tensors", given)
    assert ran.code == 2
    assert "--tensors = Inputs: is missing" in ran.err
    assert "--tensors = Other: is no operand" in ran.err


def test_words_that_differ_are_found() -> None:
    expected = np.arange(6).reshape(2, 3)
    actual = expected.copy()
    actual[1] += 1
    found = compared(expected, actual)
    assert (found["correct"], found["mismatches"]) == (False, 3)
    assert found["first_mismatch"] == {"at": [1, 0], "expected": 3, "actual": 4}


def test_cells_and_converters_may_err(desk) -> None:
    """Errors add up linearly; 8 bits have a code for every sum of 64 rows, 4 do not."""
    layer = desk.write("gemm.yaml", GEMM)

    def error(*options: str) -> float:
        ran = desk.run("verify", CHIP, layer, "--json", *options)
        assert ran.code == 0, ran.err
        document = json.loads(ran.out)
        assert "correct" not in document
        return document["normalised_rms_error"]

    small = error("--programming-sigma", "0.001")
    assert small > 0
    assert error("--programming-sigma", "0.002") == pytest.approx(2 * small, rel=1e-6)
    assert error("--programming-sigma", "0.001", "--seed", "1") != small
    assert error("--read-sigma", "0.001") > 0
    assert error("--programming-sigma", "0") == 0
    # 64 rows of one bit and cells up to 3 add up to 192 at most: a code for each with 8 bits.
    assert error("--adc") == 0
    assert error("--adc", "--set", "crossbars.reading.adc_bits=4") > 0
    shown = " ".join(desk.run("verify", CHIP, layer, "--adc", "--read-sigma", "0.01").out.split())
    assert "off by 0 of the largest conductance when written and 0.01 when read, " in shown
    assert ", converters of 8 bits, seed 0" in shown
    assert "normalised rms error of 1,024 words: " in shown


def test_errors_are_of_crossbars_with_figures(desk) -> None:
    layer = desk.write("gemm.yaml", GEMM)
    given = ["--programming-sigma", "-1", "--read-sigma", "nan"]
    ran = desk.run("verify", CHIP, layer, *given)
    assert (ran.code, ran.out) == (2, "")
    assert "--programming-sigma = -1.0: is no share" in ran.err
    assert "--read-sigma = nan: is no share" in ran.err
    text = Path(CHIP).read_text()
    chip = desk.write("chip.yaml", "\n".join(
        line for line in text.splitlines() if "adc_bits" not in line))  # fmt: skip
    ran = desk.run("verify", chip, layer, "--adc")
    assert (ran.code, ran.out) == (2, "")
    assert "the chip does not say how many bits its converters have" in ran.err
    ran = desk.run("verify", *desk.files, "--adc", "--read-sigma", "0.1")
    assert (ran.code, ran.out) == (2, "")
    assert "--adc = True: is about crossbars" in ran.err
    assert "--read-sigma = 0.1: is about crossbars" in ran.err


def test_sums_past_their_bits_are_warned_of(desk) -> None:
    layer = desk.write("gemm.yaml", GEMM)
    narrow = ["--set", "crossbars.partial_sum_bits=12"]
    ran = desk.run("verify", CHIP, layer, "--json", *narrow)
    assert ran.code == 0
    need = json.loads(ran.out)["sum_bits"]
    assert f"partial sums need {need} bits and have partial_sum_bits = 12" in ran.err
    enough = ["--set", f"crossbars.partial_sum_bits={need}"]
    assert "partial sums need" not in desk.run("verify", CHIP, layer, *enough).err


def test_an_error_is_normalised_by_what_is_expected() -> None:
    expected = np.array([[3, 4]])
    assert normalised_rms_error(expected, expected + np.array([[0.0, 5.0]])) == 1.0
    assert normalised_rms_error(np.zeros((1, 2), dtype=np.int64), expected) is None
