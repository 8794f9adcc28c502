"""Options that several commands share, and what the command line's switches mean."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stallscope.simcore.errors import Fault, SpecError

__all__ = [
    "Audit",
    "Beside",
    "Converters",
    "DataflowChoice",
    "Dataflows",
    "Elision",
    "Files",
    "Force",
    "Jobs",
    "Json",
    "Layers",
    "Links",
    "NetworkName",
    "NoFast",
    "OnOff",
    "Out",
    "ProgrammingSigma",
    "ReadSigma",
    "Records",
    "Reuse",
    "ReuseRule",
    "Schedule",
    "ScheduleChoice",
    "Set",
    "Tensors",
    "Trace",
    "TraceLevel",
    "Units",
    "Window",
    "is_on",
    "read_window",
]


class ReuseRule(StrEnum):
    """Choices of --reuse."""

    OVERLAP = "overlap"
    TIMELOOP = "timeloop"


class OnOff(StrEnum):
    """A switch that may also be left to the files."""

    ON = "on"
    OFF = "off"


class TraceLevel(StrEnum):
    """Choices of --trace."""

    OFF = "off"
    SUMMARY = "summary"
    WINDOW = "window"
    FULL = "full"


class Dataflows(StrEnum):
    """Choices of --dataflow."""

    AUTO = "auto"
    OS = "os"
    WS = "ws"
    IS = "is"


class ScheduleChoice(StrEnum):
    """Choices of --schedule."""

    DEFAULT = "default"
    UPDATES = "updates"
    CYCLES = "cycles"
    ENERGY = "energy"
    WEAR = "wear"


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="Problem, architecture, mapping, energy: native or Timeloop YAML, in any split; "
        "or crossbars, layer, schedule, energy.",
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder to write results to.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
Force = Annotated[bool, typer.Option("--force", help="Write into a folder that is not empty.")]
NoFast = Annotated[
    bool, typer.Option("--no-fast-forward", help="Simulate every cycle; same figures, slower.")
]
Audit = Annotated[
    bool, typer.Option("--audit-fast-forward", help="Check every stretch that would be skipped.")
]
Reuse = Annotated[ReuseRule | None, typer.Option("--reuse", help="Counting rule of reuse.")]
Links = Annotated[
    OnOff | None, typer.Option("--link-transfers", help="Whether neighbours pass words on.")
]
Elision = Annotated[
    OnOff | None,
    typer.Option("--first-read-elision", help="Whether outputs start from zero without a read."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a figure, as in architecture.GLB.capacity=8 KiB.",
    ),
]
Tensors = Annotated[
    Path | None, typer.Option("--tensors", help="Integer operands by name, a NumPy .npz file.")
]
ProgrammingSigma = Annotated[
    float | None,
    typer.Option(
        "--programming-sigma",
        metavar="SHARE",
        help="On crossbars: deviation of written cells, of the largest conductance.",
    ),
]
ReadSigma = Annotated[
    float | None,
    typer.Option("--read-sigma", metavar="SHARE", help="The same, drawn in every read."),
]
Converters = Annotated[
    bool, typer.Option("--adc", help="On crossbars: converters of the chip's adc_bits, not ideal.")
]
Window = Annotated[
    str | None,
    typer.Option("--window", metavar="A:B", help="Cycles A to B - 1 only."),
]
NetworkName = Annotated[
    str | None,
    typer.Option("--network", metavar="NAME|FILE", help="Else the preset's example."),
]
Beside = Annotated[
    str | None,
    typer.Option(
        "--beside",
        metavar="NAME|FILE|none",
        help="Accelerator beside it; else the preset's twin.",
    ),
]
DataflowChoice = Annotated[
    Dataflows,
    typer.Option("--dataflow", help="Tensor that stays in the array, of layers by their shapes."),
]
Layers = Annotated[
    list[str] | None,
    typer.Option("--layers", metavar="PATTERN", help="Only these, as layer1.*; may be repeated."),
]
Schedule = Annotated[
    ScheduleChoice | None,
    typer.Option(
        "--schedule",
        help="On crossbars: the files' schedule (default), or the best found for this.",
    ),
]
Records = Annotated[
    Path | None,
    typer.Option(
        "--records", metavar="FILE", help="Keep the best schedules here, with those of others."
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Processes; the result is the same.")]
Trace = Annotated[
    TraceLevel,
    typer.Option("--trace", help="Events to record into --out: none, of a --window, or all."),
]
Units = Annotated[
    list[str] | None,
    typer.Option("--unit", metavar="NAME", help="Only this unit; may be repeated."),
]


def is_on(switch: OnOff | None) -> bool | None:
    """What a switch says; None if nothing."""
    return None if switch is None else switch is OnOff.ON


def read_window(text: str) -> tuple[int, int]:
    """Read ``A:B`` as a range of cycles.

    Raises:
        SpecError: If it is none, or holds no cycle.
    """
    first, _, last = text.partition(":")
    rule, remedy = "is not a range of cycles", "give A:B, as 1000:5000"
    if first.isascii() and first.isdecimal() and last.isascii() and last.isdecimal():
        if int(first) < int(last):
            return int(first), int(last)
        rule, remedy = "holds no cycle", "give A smaller than B"
    raise SpecError([Fault(place="--window", value=text, rule=rule, remedy=remedy)])
