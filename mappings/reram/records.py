"""The best schedules that searches found, kept in a file.

A record is the best known schedule of a layer on a chip for an objective: whatever a search was
asked to leave out, a record may come from one that was not. Figures are written for the reader;
when records are compared, schedules are estimated anew.

The file is JSON::

    {"crossbar_schedules": 1, "records": [{"layer", "chip_sha256", "objective", "schedule", ...}]}

Writers on one machine take turns, and a reader sees a whole file at any time.

Not modelled: writers on several machines that share a folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.layers import Shape
from stallscope.mappings.reading import read_plain
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.explore import Candidate, Objective, candidate_of
from stallscope.mappings.reram.schedule import CrossbarSchedule
from stallscope.mappings.spec import Spec
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["ScheduleRecord", "chip_digest", "keep_best", "read_records", "recorded"]

_AGAIN = "name a file that records were written to, or a new one"


class ScheduleRecord(Spec):
    """The best known schedule.

    Attributes:
        layer: The layer.
        chip_sha256: Digest of the chip, and of the energies where they matter (``chip_digest``).
        objective: What is small.
        schedule: The schedule.
        updates, cycles, energy_pj: Its figures when it was found.
    """

    layer: Shape
    chip_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    objective: Objective
    schedule: CrossbarSchedule
    updates: int = Field(ge=1)
    cycles: int = Field(ge=0)
    energy_pj: float | None = None

    @property
    def key(self) -> tuple[Shape, str, Objective]:
        """What the schedule is the best of."""
        return (self.layer, self.chip_sha256, self.objective)


class _RecordFile(Spec):
    crossbar_schedules: Literal[1] = 1
    records: tuple[ScheduleRecord, ...] = ()


def chip_digest(
    chip: CrossbarChip, objective: Objective, energy: EnergyTable | None = None
) -> str:  # fmt: skip
    """Return the digest of all that decides which schedule is best, but for the layer.

    Args:
        chip: The chip; its name does not matter.
        objective: With energy, the table matters, too.
        energy: The table.
    """
    content: dict[str, object] = {"chip": chip.model_dump(mode="json", exclude={"name"})}
    if objective is Objective.ENERGY and energy is not None:
        content["energy"] = energy.model_dump(mode="json", exclude={"source"})
    plain = json.dumps(content, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def read_records(path: str | os.PathLike[str]) -> tuple[ScheduleRecord, ...]:
    """Read the records of a file; none if there is no file.

    Raises:
        SpecError: If the file is no file of records, is damaged, or of another version.
    """
    if not os.path.lexists(path):
        return ()
    plain = read_plain(path)
    try:
        found = json.loads(plain.text)
    except ValueError as error:
        raise _refused(plain.path, "file", "", f"is not JSON: {error}") from error
    if not isinstance(found, dict) or "crossbar_schedules" not in found:
        raise _refused(plain.path, "file", "", "has no key 'crossbar_schedules'")
    if found["crossbar_schedules"] != 1 or isinstance(found["crossbar_schedules"], bool):
        version = str(found["crossbar_schedules"])[:40]
        raise _refused(plain.path, "crossbar_schedules", version, "this release reads version 1")
    try:
        records = _RecordFile.model_validate_json(plain.text).records
    except ValidationError as error:
        raise SpecError(
            [
                Fault(
                    place=".".join(map(str, one["loc"])), value=str(one["input"])[:40],
                    rule=one["msg"].lower(), remedy=_AGAIN, source=plain.path,
                )
                for one in error.errors()
            ]
        ) from error  # fmt: skip
    keys = [record.key for record in records]
    if len(set(keys)) < len(keys):
        raise _refused(plain.path, "records", "", "has two records of one layer, chip, objective")
    return records


def recorded(
    path: str | os.PathLike[str], layer: Shape, chip: CrossbarChip, objective: Objective, *,
    energy: EnergyTable | None = None,
) -> Candidate | None:  # fmt: skip
    """Return the best known schedule with its figures of today, or None.

    Raises:
        SpecError: If the file cannot be read, or what it says cannot run.
    """
    key = (layer, chip_digest(chip, objective, energy), objective)
    found = [record for record in read_records(path) if record.key == key]
    if not found:
        return None
    case = CrossbarCase(layer=layer, chip=chip, schedule=found[0].schedule, energy=energy)
    return candidate_of(case)


def keep_best(
    path: str | os.PathLike[str], layer: Shape, chip: CrossbarChip, objective: Objective,
    candidate: Candidate, *, energy: EnergyTable | None = None,
) -> Candidate:  # fmt: skip
    """Record a schedule if it is better than what is recorded; all other records stay.

    Args:
        path: The file of records; made if there is none, in a folder that exists.
        layer: The layer.
        chip: The chip.
        objective: What is to be small.
        candidate: A schedule that was found.
        energy: Energies; needed for that objective.

    Returns:
        The better of the two: what the file now holds.

    Raises:
        SpecError: If the file cannot be read or its folder is not there; then nothing is written.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise SpecError(
            [Fault(place="records", value=os.fspath(path), rule="its folder is not there",
                   remedy=f"make {target.parent}")]
        )  # fmt: skip
    with _turn(target.parent):
        known = recorded(path, layer, chip, objective, energy=energy)
        if known is not None and known.score(objective) <= candidate.score(objective):
            return known
        record = ScheduleRecord(
            layer=layer, chip_sha256=chip_digest(chip, objective, energy), objective=objective,
            schedule=candidate.schedule, updates=candidate.updates, cycles=candidate.cycles,
            energy_pj=candidate.energy_pj,
        )  # fmt: skip
        others = [one for one in read_records(path) if one.key != record.key]
        _write(target, _RecordFile(records=tuple(sorted([*others, record], key=_place))))
    return candidate


def _place(record: ScheduleRecord) -> tuple[str, str, str]:
    return (record.layer.model_dump_json(), record.chip_sha256, record.objective)


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait for other writers of a folder; a lock goes with its process."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(target: Path, content: _RecordFile) -> None:
    """Write a file under another name, then give it its own."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.write_text(content.model_dump_json(indent=1) + "\n", encoding="utf-8")
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _refused(source: str, place: str, value: str, rule: str) -> SpecError:
    return SpecError([Fault(place=place, value=value, rule=rule, remedy=_AGAIN, source=source)])
