"""Work in several processes: tasks are begun in order, results come as they are done.

A task's result depends on nothing but the task, so the number of workers changes no result. When
a task fails, those before it are still finished, so that it is always the first failure in the
order of the tasks that is raised.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Generic, TypeVar

__all__ = ["Workers"]

Task = TypeVar("Task")
Found = TypeVar("Found")


class Workers(Generic[Task, Found]):
    """Processes that do one kind of work; they start at once and end with `finished`.

    Args:
        work: What is done: a function that can be pickled, as can tasks, what is found, and errors.
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
        self._names = names
        self._jobs = max(1, min(jobs, len(tasks)))
        # A fork shares what is imported, which costs a second; it is safe where we start no thread.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
        self._pool = ProcessPoolExecutor(self._jobs, context, initializer=_leave_interrupts)
        self._futures: list[Future[Found]] = [self._pool.submit(work, task) for task in tasks]

    def finished(self) -> Iterator[tuple[int, Found]]:
        """Return tasks by their number, with what was found, as they are done.

        Raises:
            ChildProcessError: If a worker is gone. Whatever else the work raises comes through.
        """
        left = dict(enumerate(self._futures))
        failed: int | None = None
        try:
            while left:
                done = wait(left.values(), return_when=FIRST_COMPLETED).done
                for number in [number for number, future in left.items() if future in done]:
                    error = left[number].exception()
                    if error is None:
                        yield number, left.pop(number).result()
                        continue
                    self._tell_of_loss(error, left)
                    failed = number
                    for future in self._futures[number + 1 :]:
                        future.cancel()
                    left = {before: left[before] for before in left if before < number}
                    break
            if failed is not None:
                self._futures[failed].result()
        finally:
            self._end()

    def _tell_of_loss(self, error: BaseException, left: dict[int, Future[Found]]) -> None:
        """Say what was under way when a worker was gone."""
        if isinstance(error, BrokenProcessPool):
            at = " or ".join(self._names[number] for number in list(left)[: self._jobs])
            raise ChildProcessError(
                f"a process is gone that was at {at}; if memory ran out, give fewer --jobs"
            ) from error

    def _end(self) -> None:
        """End what is under way; nobody waits for it any more."""
        if not all(future.done() for future in self._futures):
            for process in multiprocessing.active_children():
                process.terminate()
        self._pool.shutdown(cancel_futures=True)


def _leave_interrupts() -> None:
    """Whoever started us ends us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
