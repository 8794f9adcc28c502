"""DRAM reference cases: systems of DRAMsim3 and Ramulator 2.1 as devices of ours, and traces.

The file is one JSON object with ``dramsim3`` and ``ramulator2``, each with ``systems`` (the preset
as ``ini`` and as the simulator ``resolved`` it, or the resolved timings) and ``cases`` (system,
trace, injection, result). The project's own copy is packed and unpacked into the same form.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from stallscope.mappings.dram import (
    DramController,
    DramDevice,
    DramOrganisation,
    DramTimings,
    RowPolicy,
)
from stallscope.simcore.errors import Fault, SpecError
from stallscope.validation.documents import Json, own_copy, read_document
from stallscope.validation.dram_packing import is_packed, unpack

__all__ = ["Json", "System", "read_cases", "read_system"]

DRAMSIM3, RAMULATOR = "dramsim3", "ramulator2"
_SHOWN = {DRAMSIM3: "DRAMsim3", RAMULATOR: "Ramulator 2.1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A reference's system as a device of ours.

    Attributes:
        device: The memory.
        options: Its controller.
        kind: ``""``, or the class that all its cases are in.
        excluded: Why its cases are left out; empty if they are not.
    """

    device: DramDevice | None = None
    options: DramController = field(default_factory=DramController)
    kind: str = ""
    excluded: str = ""


def read_cases(path: str | os.PathLike[str] | None) -> Json:
    """Return the document of reference cases, a file's or the project's own.

    Raises:
        SpecError: If the file is not there, no JSON, or not in the known form.
    """
    if path is None:
        return unpack(own_copy("dram"))
    document = read_document(Path(path))
    if is_packed(document):
        return unpack(document)
    for part in (DRAMSIM3, RAMULATOR):
        inside = document.get(part, {})
        if not isinstance(inside, dict) or (inside and not {"systems", "cases"} <= set(inside)):
            rule = f"needs {part} with systems and cases"
            raise _fault(str(path), part, rule, "in the form of docs/dram.md")
    if not any(document.get(part) for part in (DRAMSIM3, RAMULATOR)):
        raise _fault(str(path), "", f"needs {DRAMSIM3} or {RAMULATOR}, with systems and cases")
    return document


def read_system(part: str, name: str, system: Json) -> System:
    """Return a reference's system as a device of ours.

    Raises:
        SpecError: If a figure is missing or impossible.
    """
    read: Callable[[str, Json], System] = _dramsim3 if part == DRAMSIM3 else _ramulator
    try:
        return read(name, system)
    except KeyError as error:
        raise _fault(f"{part}.systems.{name}", "", f"needs {error}") from error
    except ValidationError as error:
        faults = [
            Fault(place=f"{part}.systems.{name}.{'.'.join(map(str, one['loc']))}",
                  value=one["input"], rule=one["msg"])
            for one in error.errors(include_url=False)
        ]  # fmt: skip
        raise SpecError(faults) from error


def _dramsim3(name: str, system: Json) -> System:
    """A preset's sections, with the overrides they may not have yet."""
    ini = {section: dict(values) for section, values in system["ini"].items()}
    for key, value in system.get("overrides", {}).items():
        section, _, entry = key.partition(".")
        ini.setdefault(section, {})[entry] = str(value)
    resolved, setup = system["resolved"], ini["system"]
    why = _unmodelled(setup)
    if why:
        return System(excluded=why)
    source = f"{_SHOWN[DRAMSIM3]} preset {system.get('preset', name)}"
    device = DramDevice(
        name=name,
        organisation=_organisation(ini, resolved, source),
        timings=_timings(ini["timing"], resolved, source),
    )
    is_closed = setup.get("row_buf_policy", "OPEN_PAGE") != "OPEN_PAGE"
    options = DramController(
        row_policy=RowPolicy.CLOSED if is_closed else RowPolicy.OPEN,
        address_map=setup["address_mapping"],
        window=int(setup.get("trans_queue_size", 32)),
        bank_queue=int(setup.get("cmd_queue_size", 8)),
    )
    return System(device=device, options=options, kind=_dramsim3_kind(name, setup, is_closed))


def _dramsim3_kind(name: str, setup: Json, is_closed: bool) -> str:
    """Class of a system that schedules otherwise than the model."""
    if is_closed:
        return "closed page"
    if str(setup.get("unified_queue", "False")).lower() == "true":
        return "channels" if int(setup["channels"]) > 1 else ""
    return "stock" if name.endswith(".stock") else "split"


def _unmodelled(setup: Json) -> str:
    if setup.get("queue_structure", "PER_BANK") != "PER_BANK":
        return "one queue per rank is not modelled"
    if "BANK" in str(setup.get("refresh_policy", "")):
        return "refresh bank by bank is not modelled"
    return ""


def _organisation(ini: Json, resolved: Json, source: str) -> DramOrganisation:
    structure, setup = ini["dram_structure"], ini["system"]
    return DramOrganisation(
        channels=int(setup["channels"]),
        ranks=resolved["ranks"],
        bank_groups=int(structure["bankgroups"]),
        banks_per_group=int(structure["banks_per_group"]),
        rows=resolved["rows"],
        columns=resolved["columns"],
        device_width_bits=int(structure["device_width"]),
        bus_width_bits=int(setup["bus_width"]),
        burst_length=int(structure["BL"]),
        dual_command=bool(resolved["dual"]),
        source=source,
    )


def _timings(timing: Json, resolved: Json, source: str) -> DramTimings:
    def clocks(*names: str) -> int:
        """The first of several names that is there."""
        return int(timing[next((name for name in names if name in timing), names[0])])

    same = ("CL", "CWL", "tRP", "tRAS", "tCCD_S", "tCCD_L", "tRRD_S", "tRRD_L", "tFAW",
            "tWTR_S", "tWTR_L", "tWR", "tREFI", "tRFC")  # fmt: skip
    return DramTimings(
        tCK_ns=timing["tCK"],
        AL=int(timing.get("AL", 0)),
        tRCDRD=clocks("tRCDRD", "tRCD"),
        tRCDWR=clocks("tRCDWR", "tRCD"),
        tRTP=resolved["tRTP"],
        tRTRS=resolved["tRTRS"],
        tPPD=int(timing.get("tPPD", 0)),
        source=source,
        **{name: clocks(name) for name in same},
    )


def _ramulator(name: str, system: Json) -> System:
    """Resolved timings; only what has no pseudo channels and no clock to be synchronised."""
    if system["std"] != "DDR4":
        rules = {"LPDDR5": "its WCK clock", "HBM2": "pseudo channels that share commands"}
        return System(excluded=f"{rules.get(system['std'], system['std'])}: not modelled")
    resolved = system["resolved"]
    timing, built, setup = resolved["timing"], resolved["org"], resolved["cfg"]
    channels, ranks, groups, banks, rows, columns = built["count"]
    source = f"{_SHOWN[RAMULATOR]} {system['org']} {system['tim']}"
    organisation = DramOrganisation(
        channels=channels,
        ranks=ranks,
        bank_groups=groups,
        banks_per_group=banks,
        rows=rows,
        columns=columns,
        device_width_bits=built["dq"],
        bus_width_bits=resolved["channel_width"],
        burst_length=2 * timing["nBL"],
        source=source,
    )
    same = {
        "CL": "nCL", "CWL": "nCWL", "tRCDRD": "nRCD", "tRCDWR": "nRCD", "tRP": "nRP",
        "tRAS": "nRAS", "tCCD_S": "nCCDS", "tCCD_L": "nCCDL", "tRRD_S": "nRRDS",
        "tRRD_L": "nRRDL", "tFAW": "nFAW", "tWTR_S": "nWTRS", "tWTR_L": "nWTRL",
        "tRTP": "nRTP", "tWR": "nWR", "tRTRS": "nCS", "tREFI": "nREFI", "tRFC": "nRFC",
    }  # fmt: skip
    timings = DramTimings(
        tCK_ns=f"{timing['tCK_ps']}/1000",
        source=source,
        **{ours: timing[theirs] for ours, theirs in same.items()},
    )
    return System(
        device=DramDevice(name=name, organisation=organisation, timings=timings),
        options=DramController(
            window=setup["read_buffer_size"], refresh=system.get("refresh", True)
        ),
        kind="ramulator",
    )


def _fault(place: str, value: object, rule: str, remedy: str = "") -> SpecError:
    return SpecError([Fault(place=place, value=value, rule=rule, remedy=remedy)])
