"""What the command line says about every case that is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stallscope.mappings.dataflow import Dataflow
from stallscope.options import ScheduleChoice
from stallscope.zeros import NetworkZeros

__all__ = ["LoadOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """What the command line says about every case that is loaded; None leaves it to the files.

    ``check`` is whether a mapping must be legal (see `load`). ``dataflow`` is the tensor that
    stays in the array where a template makes the mapping; None: it chooses. ``schedule`` is which
    schedule layers get on crossbars; None: the files', or the default. ``records`` is the file that
    the best schedules are kept in. ``zeros`` is what the layers of a network get their zeros from;
    None: the files, or none.
    """

    reuse: str | None = None
    link_transfers: bool | None = None
    first_read_elision: bool | None = None
    overrides: tuple[str, ...] = ()
    check: bool = True
    dataflow: Dataflow | None = None
    schedule: ScheduleChoice | None = None
    records: Path | None = None
    zeros: NetworkZeros | None = None
