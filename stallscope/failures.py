"""Exit codes: 0 done, 1 outside a tolerance, 2 bad input, 3 deadlock or a broken law of ours.

Every fault goes to stderr on a line of its own; the user never sees a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from stallscope.simcore.errors import DeadlockError, Fault, SimulationBug, SpecError

__all__ = ["BAD_INPUT", "BROKEN", "OUTSIDE", "STOPPED", "exit_codes", "not_built", "note", "warn"]

OUTSIDE = 1
BAD_INPUT = 2
BROKEN = 3
PIPE_CLOSED = 141
"""The reader of our output has gone, as shells count it."""
STOPPED = 130
"""A run stopped from the keyboard, as shells count it."""


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn the errors of a command into a message on stderr and an exit code."""
    try:
        yield
    except SpecError as error:
        for fault in error.faults:
            _say(f"error: {_one_line(str(fault))}")
        raise typer.Exit(BAD_INPUT) from error
    except DeadlockError as error:
        _say(str(error))
        raise typer.Exit(BROKEN) from error
    except SimulationBug as error:
        _say(f"internal error: a law of stallscope is broken, please report it: {error}")
        raise typer.Exit(BROKEN) from error
    except BrokenPipeError as error:  # the reader of our output, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(PIPE_CLOSED) from error
    except OSError as error:
        shown = f"{error.filename}: " if error.filename else ""
        _say(f"error: {shown}{error.strerror or error}")
        raise typer.Exit(BAD_INPUT) from error
    except KeyboardInterrupt as error:
        _say("stopped")
        raise typer.Exit(STOPPED) from error


def not_built(what: str, remedy: str = "") -> SpecError:
    """Return the error for something that a later version will have."""
    return SpecError([Fault(place=what, value="", rule="is not built yet", remedy=remedy)])


def note(message: str) -> None:
    """Write a remark to stderr."""
    _say(message)


def warn(message: str) -> None:
    """Write a warning to stderr."""
    _say(f"warning: {message}")


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def _say(message: str) -> None:
    typer.echo(message, err=True)
