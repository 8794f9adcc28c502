"""What the commands do with files of crossbars."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stallscope.loading_options import LoadOptions
from stallscope.mappings.case import InputFile
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.files import is_of_crossbars, load_crossbars
from stallscope.mappings.reram.legality import check_crossbars
from stallscope.simcore.errors import Fault, SpecError
from stallscope.tensor_files import read_weights

if TYPE_CHECKING:
    from stallscope.hw.result import Result
    from stallscope.hw.simulate import Tracing

__all__ = [
    "load_case", "load_case_to_run", "refuse_files", "refuse_rules", "refuse_tensors",
    "simulate_crossbar_case",
]  # fmt: skip


def load_case(
    files: Sequence[str], options: LoadOptions, *, has_weights: bool = False
) -> CrossbarCase:
    """Load a command's case on crossbars; SpecError with every fault, illegal schedules too.

    Args:
        files: The command's files.
        options: What the command line says about loading.
        has_weights: Whether the command knows the values of the weights.
    """
    refuse_rules(options)
    case = load_crossbars(*files, overrides=options.overrides)
    check_crossbars(case, has_weights=has_weights)
    return case


def load_case_to_run(
    files: Sequence[str], options: LoadOptions, tensors: Path | None
) -> CrossbarCase:
    """Load a case whose weights may be in a file, which is then one of the case's files.

    Raises:
        SpecError: As `load_case`; if there is a file and nothing uses its values.
        OSError: If it cannot be read.
    """
    case = load_case(files, options, has_weights=tensors is not None)
    if tensors is None:
        return case
    if not case.chip.writing.data_aware:
        rule = "has no use: a run depends on the weights only with data_aware writing"
        remedy = "leave it out, or set crossbars.writing.data_aware"
        raise SpecError([Fault(place="--tensors", value=str(tensors), rule=rule, remedy=remedy)])
    digest = hashlib.sha256(tensors.read_bytes()).hexdigest()
    file = InputFile(path=str(tensors), sha256=digest)
    return case.model_copy(update={"files": (*case.files, file)})


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
    if options.zeros is not None:
        rule = "zeros are of storage levels and PEs; crossbars have weights by their values"
        faults.append(Fault(place="--density, --weights", value="", rule=rule,
                            remedy="leave them out"))  # fmt: skip
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


def refuse_tensors(tensors: Path | None) -> None:
    """Refuse --tensors of `simulate` where there are no crossbars."""
    if tensors is None:
        return
    rule = "is for crossbars that write only what changes: no other run depends on values"
    remedy = "leave it out, or verify the files with it"
    raise SpecError([Fault(place="--tensors", value=str(tensors), rule=rule, remedy=remedy)])


def simulate_crossbar_case(
    case: CrossbarCase, *, fast_forward: bool, audit: bool, trace: Tracing,
    tensors: Path | None = None,
) -> Result:  # fmt: skip
    """Simulate a case, its weights from a file if one is given; see ``simulate_crossbars``."""
    from stallscope.hw.reram.simulate import simulate_crossbars  # SimPy: only who runs pays

    weights = None if tensors is None else read_weights(tensors)
    return simulate_crossbars(
        case, weights=weights, fast_forward=fast_forward, audit=audit, trace=trace
    )
