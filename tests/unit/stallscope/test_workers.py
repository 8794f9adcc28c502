"""Tasks in several processes: every result once, the first failure, and no process left."""

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence

import pytest

from stallscope.simcore.errors import DeadlockError, Fault, SimulationBug, SpecError, Waiter
from stallscope.workers import Workers

WAITER = Waiter(unit="u", awaits="x", have=0, need=1, since=3)
FAULTS = [Fault(place="a", value=1, rule="r"), Fault(place="b", value=2, rule="s")]


def square(task: int) -> int:
    time.sleep(0.02 * (task % 3))
    return task * task


def fail(task: str) -> str:
    """Do what the task says."""
    match task:
        case "spec":
            raise SpecError(FAULTS)
        case "deadlock":
            raise DeadlockError(7, [WAITER], "layer a: stuck")
        case "bug":
            raise SimulationBug("law L1")
        case "other":
            raise KeyError("missing")
        case "gone":
            os.kill(os.getpid(), signal.SIGKILL)
        case "slow":
            time.sleep(0.3)
    return task


def run(work, tasks: Sequence, jobs: int) -> Workers:
    return Workers(work, tasks, jobs=jobs, names=[f"task {task}" for task in tasks])


@pytest.mark.parametrize("jobs", [1, 2, 5, 20])
def test_every_task_is_done_once(jobs: int) -> None:
    found = dict(run(square, range(12), jobs).finished())
    assert found == {number: number * number for number in range(12)}
    assert multiprocessing.active_children() == []


def test_no_tasks_are_done_at_once() -> None:
    assert list(run(square, [], 3).finished()) == []


@pytest.mark.parametrize(("task", "error", "message"), [
    ("spec", SpecError, "a = 1: r\nb = 2: s"),
    ("deadlock", DeadlockError, "deadlock at cycle 7: layer a: stuck"),
    ("bug", SimulationBug, "law L1"),
    ("other", KeyError, "'missing'"),
])  # fmt: skip
def test_an_error_comes_through_as_it_was(task: str, error: type, message: str) -> None:
    with pytest.raises(error) as raised:
        list(run(fail, ["fine", task], 2).finished())
    assert str(raised.value).startswith(message)
    if isinstance(raised.value, SpecError):
        assert raised.value.faults == tuple(FAULTS)
    if isinstance(raised.value, DeadlockError):
        assert (raised.value.cycle, raised.value.waiters) == (7, (WAITER,))
    assert multiprocessing.active_children() == []


def test_the_first_failure_is_raised_and_what_is_before_it_finished() -> None:
    """The last of the tasks fails at once, the second later: it is the second that is raised."""
    runs = run(_late, ["slow", "bug late", "bug", "never"], 3).finished()
    assert next(runs) == (0, "slow")
    with pytest.raises(SimulationBug, match="late"):
        next(runs)


def _late(task: str) -> str:
    if task == "bug late":
        time.sleep(0.2)
        raise SimulationBug("late")
    if task == "bug":
        raise DeadlockError(1, [WAITER])
    return fail(task)


def test_a_worker_that_is_gone_is_named() -> None:
    with pytest.raises(ChildProcessError, match=r"at task gone( or task fine)?; .*--jobs"):
        list(run(fail, ["gone", "fine"], 2).finished())
    assert multiprocessing.active_children() == []


def test_who_stops_listening_leaves_no_process() -> None:
    runs = run(fail, ["fine", "slow", "slow", "slow"], 2).finished()
    assert next(runs) == (0, "fine")
    runs.close()
    assert multiprocessing.active_children() == []
