"""Counts, rates and energies of the page as rows of cells, simulated beside analytical."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose

from stallscope.report.page.reading import Level, LevelTensor, Network, NetworkTensor, Rate, Run
from stallscope.report.tables import energy, whole

__all__ = [
    "Cell", "ComponentEnergy", "Port", "Row", "Table", "component_energies", "level_table",
    "network_table", "ports",
]  # fmt: skip

_LEVEL = {"reads": "reads", "fills": "fills", "updates": "updates",
          "link_transfers": "from neighbours"}  # fmt: skip
_NETWORK = {"words_in": "words in", "deliveries": "deliveries", "reductions": "reductions",
            "link_transfers": "neighbour links"}  # fmt: skip
"""Counts that are shown, and their headings."""
_NOTHING = ("0", "0.00", "-")
_SAME = 1e-9
"""Relative difference of sums of energies that is the last bits of a float."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure: simulated, and analytical where there is one."""

    simulated: str
    analytical: str | None = None
    differs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A tensor at a level or in a network; ``span``: rows that its place has, 0 after the first."""

    place: str
    note: str
    span: int
    tensor: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under headings; a column per heading."""

    heads: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def differences(self) -> int:
        """Number of cells whose figures differ."""
        return sum(cell.differs for row in self.rows for cell in row.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """Average rate of a port of a used instance; ``share`` of its limit, None if unlimited."""

    level: str
    direction: str
    achieved: float
    peak: float | None

    @property
    def share(self) -> float | None:
        """Share of the limit, 0 to 1."""
        return None if not self.peak else self.achieved / self.peak


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentEnergy:
    """Energy of a component: its sum, its share of all, and (action and tensor, pJ)."""

    component: str
    picojoules: float
    share: float
    parts: tuple[tuple[str, float], ...]


def level_table(run: Run) -> Table:
    """Return a row per level and tensor."""
    estimates = {level.name: level for level in run.analytical.levels}
    heads = ("tile", "held at most", *_LEVEL.values(), "energy")
    rows = [
        Row(
            place=level.name,
            note=_note(level),
            span=0 if index else len(level.tensors),
            tensor=tensor,
            cells=_level_cells(figures, _beside(estimates.get(level.name), tensor)),
        )
        for level in run.levels
        for index, (tensor, figures) in enumerate(level.tensors.items())
    ]
    return _without_empty(heads, rows)


def network_table(run: Run) -> Table:
    """Return a row per network and tensor."""
    estimates = {network.name: network for network in run.analytical.networks}
    heads = (*_NETWORK.values(), "hops, mean", "energy")
    rows = [
        Row(
            place=network.name,
            note="",
            span=0 if index else len(network.tensors),
            tensor=tensor,
            cells=_network_cells(figures, _network_beside(estimates.get(network.name), tensor)),
        )
        for network in run.networks
        for index, (tensor, figures) in enumerate(network.tensors.items())
    ]
    return _without_empty(heads, rows)


def ports(run: Run) -> list[Port]:
    """Return the ports that moved anything or have a limit."""
    found = []
    for level in run.levels:
        rates: Mapping[str, Rate] = {
            "read": level.read_words_per_cycle,
            "write": level.write_words_per_cycle,
            "both": level.shared_words_per_cycle,
        }
        for direction, rate in rates.items():
            if rate.peak is not None or (rate.achieved and direction != "both"):
                found.append(
                    Port(level=level.name, direction=direction, achieved=rate.achieved,
                         peak=rate.peak)
                )  # fmt: skip
    return found


def component_energies(run: Run) -> list[ComponentEnergy]:
    """Return the ledger by component, in its order; leakage under its component."""
    parts: dict[str, dict[str, float]] = {}
    for line in run.ledger:
        what = f"{line.action} {line.tensor}" if line.tensor else line.action
        mine = parts.setdefault(line.component, {})
        mine[what] = mine.get(what, 0.0) + line.pj
    total = run.energy_pj or 1.0
    return [
        ComponentEnergy(
            component=component,
            picojoules=sum(mine.values()),
            share=sum(mine.values()) / total,
            parts=tuple(mine.items()),
        )
        for component, mine in parts.items()
    ]


def _without_empty(heads: Sequence[str], rows: Sequence[Row]) -> Table:
    """Leave out columns in which nothing was counted."""
    kept = [
        at
        for at in range(len(heads))
        if any(row.cells[at].simulated not in _NOTHING or row.cells[at].differs for row in rows)
    ]
    return Table(
        heads=tuple(heads[at] for at in kept),
        rows=tuple(replace(row, cells=tuple(row.cells[at] for at in kept)) for row in rows),
    )


def _note(level: Level) -> str:
    used = f"{level.used_instances:,} of {level.instances:,}"
    return f"{used}, {level.capacity_words:,} words" if level.capacity_words else used


def _beside(level: Level | None, tensor: str) -> LevelTensor | None:
    return None if level is None else level.tensors.get(tensor)


def _network_beside(network: Network | None, tensor: str) -> NetworkTensor | None:
    return None if network is None else network.tensors.get(tensor)


def _level_cells(ours: LevelTensor, theirs: LevelTensor | None) -> tuple[Cell, ...]:
    counts = (
        _count(getattr(ours, key), None if theirs is None else getattr(theirs, key))
        for key in _LEVEL
    )
    return (
        Cell(whole(ours.tile_words)),
        Cell(whole(ours.peak_words)),
        *counts,
        _energy(ours.energy_pj, None if theirs is None else theirs.energy_pj),
    )


def _network_cells(ours: NetworkTensor, theirs: NetworkTensor | None) -> tuple[Cell, ...]:
    counts = (
        _count(getattr(ours, key), None if theirs is None else getattr(theirs, key))
        for key in _NETWORK
    )
    hops = None if theirs is None else theirs.hops_average
    differs = hops is not None and not isclose(ours.hops_average, hops, rel_tol=_SAME)
    return (
        *counts,
        Cell(f"{ours.hops_average:.2f}", None if hops is None else f"{hops:.2f}", differs),
        _energy(ours.energy_pj, None if theirs is None else theirs.energy_pj),
    )


def _count(ours: int, theirs: int | None) -> Cell:
    differs = theirs is not None and ours != theirs
    return Cell(whole(ours), None if theirs is None else whole(theirs), differs)


def _energy(ours: float | None, theirs: float | None) -> Cell:
    if ours is None:
        return Cell("-")
    differs = theirs is not None and not isclose(ours, theirs, rel_tol=_SAME)
    return Cell(energy(ours), None if theirs is None else energy(theirs), differs)
