"""Every family of errors has its exit code and its words."""

import pytest
import typer

from stallscope.failures import exit_codes, not_built
from stallscope.simcore.errors import DeadlockError, Fault, SimulationBug, SpecError, Waiter

FAULT = Fault(place="architecture.GLB", value=3, rule="needs 8", remedy="shrink K")
WAITER = Waiter(unit="u", awaits="x", have=0, need=1, since=3)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (SpecError([FAULT, FAULT]), 2, "error: architecture.GLB = 3: needs 8; shrink K\n" * 2),
        (not_built("stallscope map"), 2, "error: stallscope map: is not built yet\n"),
        (FileNotFoundError(2, "No such file", "a.yaml"), 2, "error: a.yaml: No such file\n"),
        (DeadlockError(7, [WAITER]), 3, "deadlock at cycle 7: no pending event\n"),
        (SimulationBug("5 in, 4 out"), 3, "internal error: a law of stallscope is broken"),
        (KeyboardInterrupt(), 130, "stopped\n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_becomes_a_message_and_a_code(
    error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as raised, exit_codes():
        raise error
    assert raised.value.exit_code == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(words)


def test_a_fault_of_several_lines_stays_on_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), exit_codes():
        raise SpecError([Fault(place="a", value="x\ny", rule="is odd")])
    assert capsys.readouterr().err == "error: a = x y: is odd\n"
