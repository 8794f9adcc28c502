"""What the commands do with files of crossbars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stallscope.loading_options import LoadOptions
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.files import is_of_crossbars, load_crossbars
from stallscope.mappings.reram.legality import check_crossbars
from stallscope.simcore.errors import Fault, SpecError

if TYPE_CHECKING:
    from stallscope.hw.result import Result
    from stallscope.hw.simulate import Tracing

__all__ = ["load_case", "refuse_files", "refuse_rules", "simulate_crossbar_case"]


def load_case(files: Sequence[str], options: LoadOptions) -> CrossbarCase:
    """Load a command's case on crossbars; SpecError with every fault, illegal schedules too."""
    refuse_rules(options)
    case = load_crossbars(*files, overrides=options.overrides)
    check_crossbars(case)
    return case


def refuse_rules(options: LoadOptions) -> None:
    """Refuse options that crossbars have no use for."""
    given = {
        "--reuse": options.reuse,
        "--link-transfers": options.link_transfers,
        "--first-read-elision": options.first_read_elision,
        "--dataflow": options.dataflow,
    }
    faults = [
        Fault(place=name, value=value, rule="is a rule of storage levels, not of crossbars",
              remedy="leave it out")
        for name, value in given.items() if value is not None
    ]  # fmt: skip
    if faults:
        raise SpecError(faults)


def refuse_files(files: Sequence[str], remedy: str) -> None:
    """Refuse files of crossbars where a command takes none.

    Args:
        files: The command's files.
        remedy: What to use instead.

    Raises:
        SpecError: If they describe crossbars.
    """
    if is_of_crossbars(files):
        rule = "describes crossbars, which have a schedule and no mapping"
        shown = next(file for file in files if is_of_crossbars([file]))
        raise SpecError([Fault(place="files", value=shown, rule=rule, remedy=remedy)])


def simulate_crossbar_case(
    case: CrossbarCase, *, fast_forward: bool, audit: bool, trace: Tracing
) -> Result:
    """Simulate a case; see ``simulate_crossbars``."""
    from stallscope.hw.reram.simulate import simulate_crossbars  # SimPy: only who runs pays

    return simulate_crossbars(case, fast_forward=fast_forward, audit=audit, trace=trace)
