"""What the commands about programs do with programs of crossbars.

They are compiled, saved, listed and expanded. A saved one is not executed: it says what the streams
are, and not what the chip is that executes them; `stallscope simulate` takes the files of the case.
"""

from __future__ import annotations

from pathlib import Path

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.reram.listing import read_program

__all__ = ["refuse_program"]


def refuse_program(file: Path, what: str) -> None:
    """Refuse a program of crossbars where none is of use.

    Args:
        file: Any file.
        what: The command that takes files of the case instead, ``simulate``.

    Raises:
        SpecError: If the file is a program of crossbars.
    """
    if read_program(file) is not None:
        rule = "is a program of crossbars: it says what is done, and not on which chip"
        remedy = f"use `stallscope {what}` with the files of the chip and the layer"
        raise SpecError([Fault(place="file", value="", rule=rule, remedy=remedy, source=str(file))])
