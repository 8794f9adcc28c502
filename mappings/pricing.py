"""Energy and area of any counts, estimated or simulated: count x figure, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

from stallscope.mappings.architecture import Network, StorageLevel
from stallscope.mappings.case import Platform
from stallscope.mappings.counts import (
    Counts,
    LevelCounts,
    LevelTensor,
    NetworkCounts,
    NetworkTensor,
)
from stallscope.mappings.energy import EnergyTable

__all__ = ["Book", "LedgerLine", "Priced", "price", "priced_level"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One product: ``count`` actions of a component at ``pj_each`` pJ.

    Actions of a level: read, write (fills), update, leak (instance-cycles), and of compressed
    tensors metadata_read and metadata_write (fills and updates); of the MACs: compute, gated (a
    zero keeps one still for a cycle);
    of a network: hop, router, ingress, link. ``count`` is in accesses of a whole block after
    sharing within a cluster. ``tensor`` is empty where no tensor is meant.
    """

    component: str
    action: str
    tensor: str
    count: int | float
    pj_each: float
    pj: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Counts with energies and areas filled in.

    Attributes:
        counts: The same counts; energies None without a table.
        ledger: Every product that was added.
        energy_pj: Sum of the ledger, pJ, or None without a table.
        missing: Used actions that the table has no entry for (counted as 0 pJ), as
            ``component.action``.
    """

    counts: Counts
    ledger: tuple[LedgerLine, ...]
    energy_pj: float | None
    missing: tuple[str, ...]


def price(
    case: Platform, counts: Counts, cycles: int, commands: Sequence[LedgerLine] = ()
) -> Priced:  # fmt: skip
    """Price counts by the case's energy table and its networks' figures.

    Args:
        case: Energy table, block and cluster sizes, network energies.
        counts: From the analytical model or the simulator; totals over used instances.
        cycles: Cycles of the run, for leakage.
        commands: What a memory's commands took; they stand in place of its accesses.

    Source: reference/timeloop/SEMANTICS.md, sections 7 and 9.
    """
    if case.energy is None:
        return Priced(counts=counts, ledger=(), energy_pj=None, missing=())
    book = Book(case.energy)
    book.lines += commands
    by_command = {line.component for line in commands}
    levels = tuple(
        _price_level(book, spec, level, cycles, by_command=spec.name in by_command)
        for spec, level in zip(case.architecture.levels, counts.levels, strict=True)
    )
    networks = tuple(
        _price_network(book, spec.network, network)
        for spec, network in zip(case.architecture.levels, counts.networks, strict=True)
    )
    computing = counts.compute
    energy = book.enter(computing.name, "compute", "", computing.computes)
    if book.table.energy_pj(computing.name, "gated") is not None:
        energy += book.enter(computing.name, "gated", "", computing.gated)
    return Priced(
        counts=Counts(
            levels=levels, networks=networks, compute=replace(computing, energy_pj=energy)
        ),
        ledger=tuple(book.lines),
        energy_pj=sum(line.pj for line in book.lines),
        missing=tuple(book.missing),
    )


class Book:
    """The ledger while it is written.

    Attributes:
        table: Energies per action.
        lines: Lines so far.
        missing: Used actions without an energy, in order, as ``component.action``.
    """

    def __init__(self, table: EnergyTable) -> None:
        self.table = table
        self.lines: list[LedgerLine] = []
        self.missing: dict[str, None] = {}

    def enter(
        self, component: str, action: str, tensor: str, count: int, instead: str | None = None
    ) -> float:
        """Add a line for a component's action (or the one to use ``instead``), if there is any."""
        if not count:
            return 0.0
        each = self.table.energy_pj(component, action)
        if each is None and instead is not None:
            each = self.table.energy_pj(component, instead)
        if each is None:
            self.missing[f"{component}.{action}"] = None
            return 0.0
        return self.add(component, action, tensor, count, each)

    def add(
        self, component: str, action: str, tensor: str, count: int | float, each: float
    ) -> float:
        """Add a line at a given price."""
        pj = count * each
        self.lines.append(
            LedgerLine(
                component=component, action=action, tensor=tensor, count=count, pj_each=each, pj=pj
            )
        )
        return pj


def _price_level(
    book: Book, spec: StorageLevel, level: LevelCounts, cycles: int, *, by_command: bool
) -> LevelCounts:  # fmt: skip
    tensors = dict(level.tensors)
    if not by_command:
        for name, tensor in level.tensors.items():
            pj = _price_tensor(book, spec, level.used_instances, name, tensor)
            tensors[name] = replace(tensor, energy_pj=pj)
    return priced_level(book, level, tensors, cycles)


def priced_level(
    book: Book, level: LevelCounts, tensors: dict[str, LevelTensor], cycles: int
) -> LevelCounts:
    """Return a level with its tensors priced, its leakage (added to the book) and its area."""
    leakage = None
    if book.table.energy_pj(level.name, "leak") is not None:
        leakage = book.enter(level.name, "leak", "", cycles * level.used_instances)
    area = book.table.area_um2(level.name)
    return replace(
        level,
        tensors=tensors,
        leakage_pj=leakage,
        area_um2=None if area is None else area * level.instances,
    )


def _price_tensor(
    book: Book, spec: StorageLevel, used: int, name: str, tensor: LevelTensor
) -> float:
    def blocks(words: int) -> int:
        return _blocks(words, used, spec)

    written = blocks(tensor.metadata_fills) + blocks(tensor.metadata_updates)
    lines: Iterable[tuple[str, int, str | None]] = (
        ("read", blocks(tensor.reads - tensor.metadata_reads), None),
        ("write", blocks(tensor.fills - tensor.metadata_fills), None),
        ("update", blocks(tensor.updates - tensor.metadata_updates), "write"),
        ("metadata_read", blocks(tensor.metadata_reads), "read"),
        ("metadata_write", written, "write"),
    )
    return sum(book.enter(spec.name, action, name, n, instead) for action, n, instead in lines)


def _blocks(words: int, used: int, spec: StorageLevel) -> int:
    """Block accesses of all instances; those of one cluster share them.

    Each instance's words are rounded up to whole blocks. Instances are taken to have equal
    shares, clusters to be filled one after the other.
    """
    if spec.block_words == 1 and spec.cluster_size == 1:
        return words
    clusters = ceil(Fraction(used, spec.cluster_size))
    return ceil(Fraction(words, used * spec.block_words)) * clusters


def _price_network(book: Book, spec: Network, network: NetworkCounts) -> NetworkCounts:
    figures = (spec.energy_per_hop_pj, spec.router_energy_pj, spec.ingress_energy_pj)
    if all(figure is None for figure in figures):
        return network
    hop, router, ingress = (figure or 0.0 for figure in figures)
    tensors = {}
    for name, tensor in network.tensors.items():
        lines: Iterable[tuple[str, int | float, float]] = (
            ("hop", float(tensor.hops_total), hop),
            ("router", _routers(tensor), router),
            ("ingress", tensor.words_in, ingress),
            ("link", tensor.link_transfers, hop + 2 * router),
        )
        energy = sum(
            book.add(network.name, action, name, count, each)
            for action, count, each in lines
            if count and each
        )
        tensors[name] = replace(tensor, energy_pj=energy)
    return replace(network, tensors=tensors)


def _routers(tensor: NetworkTensor) -> int:
    """Routers passed: one more than the whole hops of an average word, for every word."""
    if not tensor.words_in:
        return 0
    return (1 + floor(tensor.hops_total / tensor.words_in)) * tensor.words_in
