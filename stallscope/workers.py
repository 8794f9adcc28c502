"""Work in several processes: tasks are handed out in order, results come as they are done.

A task's result depends on nothing but the task, so the number of workers changes no result. When
a task fails, those before it are still finished, so that it is always the first failure in the
order of the tasks that is raised.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from stallscope.simcore.errors import DeadlockError, SimulationBug, SpecError

__all__ = ["Workers"]

Task = TypeVar("Task")
Found = TypeVar("Found")


@dataclass(slots=True)
class _Worker:
    """A process, our end of its pipe, and the task it is at."""

    process: BaseProcess
    pipe: Connection
    task: int | None = None


@dataclass(frozen=True, slots=True)
class _Failure:
    """An error as it crosses a pipe: the arguments that make it anew, or a text for any other."""

    kind: type[BaseException]
    arguments: tuple[object, ...]

    def error(self) -> BaseException:
        """Return the error."""
        return self.kind(*self.arguments)


class Workers(Generic[Task, Found]):
    """Processes that do one kind of work; they start at once and end with `finished`.

    Args:
        work: What is done: a function that can be pickled, as can tasks and what is found.
        tasks: What it is done with.
        jobs: Processes at most.
        names: Names of the tasks, for a worker that is gone.
    """

    def __init__(
        self,
        work: Callable[[Task], Found],
        tasks: Sequence[Task],
        *,
        jobs: int,
        names: Sequence[str],
    ) -> None:
        self._tasks = tasks
        self._names = names
        self._next = 0
        # A fork shares what is imported, which costs a second; it is safe where we start no thread.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
        self._workers: list[_Worker] = []
        for _ in range(min(jobs, len(tasks))):
            ours, theirs = multiprocessing.Pipe()
            process = context.Process(target=_serve, args=(work, ours, theirs), daemon=True)
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours))

    def finished(self) -> Iterator[tuple[int, Found]]:
        """Return tasks by their number, with what was found, as they are done.

        Raises:
            SpecError: Whatever the work raises, likewise DeadlockError and SimulationBug.
            ChildProcessError: If a worker is gone.
        """
        failed: tuple[int, BaseException] | None = None
        try:
            for worker in self._workers:
                self._hand_out(worker)
            while busy := self._busy(failed):
                for worker in self._heard(busy):
                    number, answer = self._answer(worker)
                    if isinstance(answer, _Failure):
                        if failed is None or number < failed[0]:
                            failed = number, answer.error()
                        continue
                    if failed is None:
                        self._hand_out(worker)
                    yield number, answer
            if failed is not None:
                raise failed[1]
        finally:
            self._end()

    def _busy(self, failed: tuple[int, BaseException] | None) -> list[_Worker]:
        """Workers to wait for: all at work, or those at a task before the one that failed."""
        limit = len(self._tasks) if failed is None else failed[0]
        return [one for one in self._workers if one.task is not None and one.task < limit]

    def _heard(self, busy: Sequence[_Worker]) -> list[_Worker]:
        """Wait until any of the workers has something to say; in the order of their tasks."""
        ready = wait([worker.pipe for worker in busy])
        heard = [worker for worker in busy if worker.pipe in ready]
        return sorted(heard, key=lambda worker: worker.task or 0)

    def _hand_out(self, worker: _Worker) -> None:
        if self._next < len(self._tasks):
            worker.task = self._next
            worker.pipe.send(self._tasks[self._next])
            self._next += 1

    def _answer(self, worker: _Worker) -> tuple[int, Found | _Failure]:
        number = worker.task or 0
        try:
            answer: Found | _Failure = worker.pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            worker.process.join()
            reason = f"exit code {worker.process.exitcode}"
            raise ChildProcessError(
                f"the process that was at {self._names[number]} is gone ({reason}); if memory ran "
                "out, give fewer --jobs"
            ) from error
        worker.task = None
        return number, answer

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()


def _serve(work: Callable[[Task], Found], ours: Connection, theirs: Connection) -> None:
    """Do tasks until the other end is gone."""
    ours.close()  # a fork has it too, and would never see the end of the pipe
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us ends us
    while True:
        try:
            task: Task = theirs.recv()
        except EOFError:
            return
        theirs.send(_tried(work, task))


def _tried(work: Callable[[Task], Found], task: Task) -> Found | _Failure:
    try:
        return work(task)
    except SpecError as error:
        return _Failure(SpecError, (error.faults,))
    except DeadlockError as error:
        return _Failure(DeadlockError, (error.cycle, error.waiters, error.reason))
    except SimulationBug as error:
        return _Failure(SimulationBug, (str(error),))
    except Exception as error:  # ours, whatever it is: the one who waits reports it
        return _Failure(RuntimeError, (f"{type(error).__name__}: {error}",))
