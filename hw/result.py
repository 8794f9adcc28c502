"""The frozen result of one simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from stallscope.mappings.analytical import Estimate
from stallscope.mappings.case import InputFile
from stallscope.mappings.counts import Counts, LevelCounts, NetworkCounts
from stallscope.mappings.pricing import LedgerLine
from stallscope.mappings.reram.activity import Activity
from stallscope.traces.events.trace import Trace

if TYPE_CHECKING:
    import pandas

__all__ = [
    "ArrayAccount",
    "CrossbarAccount",
    "MemoryAccount",
    "MemoryStream",
    "Result",
    "SimulationInfo",
    "SparsityAccount",
    "UnitAccount",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitAccount:
    """Where one unit's cycles went.

    Attributes:
        busy: Cycles in which it moved words (or multiplied).
        idle: Cycles after its last step.
        waiting: Cycles per state it waited in (docs/timing.md); busy + idle + these sum to the
            run's cycles.
        charged: The cycles it was not idle, by the class of what set the pace: while it worked its
            slowest server, while it waited whatever held up what it waited for. They sum to
            busy and waiting.
    """

    busy: int
    idle: int
    waiting: Mapping[str, int]
    charged: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationInfo:
    """How the run itself went; the only part of a result that differs between equal runs."""

    cpu_seconds: float
    events: int
    fast_forwarded_cycles: int
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryStream:
    """What one tensor moved to or from a main memory with a controller.

    Attributes:
        tensor: The tensor.
        action: ``read`` or ``write``.
        words: Words moved.
        segments: Runs of consecutive words they were in (DMA segments).
        bursts: Bursts asked for.
        efficiency: Bytes that were wanted over bytes of these bursts.
        activates: Rows that were opened for them.
        row_hits: Column commands that found their row open.
        row_conflicts: Rows that had to be closed for them first.
    """

    tensor: str
    action: str
    words: int
    segments: int
    bursts: int
    efficiency: float
    activates: int
    row_hits: int
    row_conflicts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryAccount:
    """What a main memory with a controller did.

    Attributes:
        level: Its name.
        device: Name of the device.
        bytes_per_cycle: Bytes of all bursts over the run's cycles.
        peak_bytes_per_cycle: What all channels move at most.
        commands: Commands and row hits, by name.
        cycles: Per channel, where the cycles went: bandwidth, turnaround, row, refresh, latency
            (data on its way), idle; each sums to the run.
        energy_pj: Energy by action, or None if the device has no currents.
        streams: What each tensor moved.
    """

    level: str
    device: str
    bytes_per_cycle: float
    peak_bytes_per_cycle: float
    commands: Mapping[str, int]
    cycles: tuple[Mapping[str, int], ...]
    energy_pj: Mapping[str, float] | None
    streams: tuple[MemoryStream, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayAccount:
    """What a systolic array did.

    Attributes:
        rows: PEs of the array along Y.
        columns: The same along X.
        stationary: Tensor that its registers kept.
        convention: Whose rules say what a fold takes.
        folds: Tiles of that tensor that were in the array.
        mapped: Mean share of the PEs that a fold used.
        multiplied_until: Cycle after the last multiply-accumulate of any PE.
    """

    rows: int
    columns: int
    stationary: str
    convention: str
    folds: int
    mapped: float
    multiplied_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SparsityAccount:
    """What zeros made of an array's work.

    Attributes:
        mode: Which PEs waited for which.
        pes: PEs that the mapping uses.
        mesh: Rows and columns of all PEs.
        places: Per PE that is used, its row and column.
        executed_macs: Multiply-accumulates that took a cycle of a MAC.
        active_macs: Of these, those that were done.
        gated_macs: The others: for a zero nothing moved.
        skipped_macs: Those that took no cycle.
        steps: Per PE, steps that it executed; its MACs are in step.
        imbalance_cycles: Array cycles in which a PE computed, less the mean of the PEs' steps.
        dense_cycles: Array cycles that computing would take if no word were zero.
        ideal_cycles: Least array cycles for the steps, dealt to the PEs evenly.
    """

    mode: str
    pes: int
    mesh: tuple[int, int]
    places: tuple[tuple[int, int], ...]
    executed_macs: int
    active_macs: int
    gated_macs: int
    skipped_macs: int
    steps: tuple[int, ...]
    imbalance_cycles: float
    dense_cycles: int
    ideal_cycles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossbarAccount:
    """What a chip of crossbars did.

    Attributes:
        activity: Its actions, as executed.
        interval_cycles: From one multiply of a core to the next.
        latency_cycles: From the first read of a multiply to its result.
        writing_cycles: Cycles that writing would stop cores if nothing overlapped, summed over the
            cores written, or all that share their drivers.
        waiting_cycles: Cycles that cores waited for writing, their own or others' that held up
            what they share, summed likewise; not those before steps in which they have nothing
            to do.
        hidden: Share of the writing that nobody waited for, at least 0; None if nothing was
            written.
        until: Cycle after the last multiply: the crossbars are free from then on.
    """

    activity: Activity
    interval_cycles: int
    latency_cycles: int
    writing_cycles: int
    waiting_cycles: int
    hidden: float | None
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a simulation found.

    Attributes:
        name: The case's name.
        files: Input files with their digests.
        dims: Bound of every dimension; none for rows of the user's own.
        macs: Multiply-accumulates of the problem.
        cycles: Cycles from start to the last write-back.
        seconds_at_clock: The same in seconds, or None without a clock.
        utilization: macs / (all MAC units x cycles).
        cycle_stack: Array cycles per class; sums to cycles.
        pe_stack: PE-cycles per class; sums to MAC units x cycles.
        counts: Executed accesses, with energies.
        units: Account of every unit.
        energy_pj: Total energy, pJ, or None without a table.
        ledger: Every product that the energy sums.
        estimate: The analytical figures of the same case; None for rows of the user's own, which
            name no problem.
        assumptions: Named assumptions the result rests on.
        simulation: How the run went.
        port_words: Words that every limited port, bank or network moved at its busiest instance.
        fill_causes: What the cycles before the first multiply-accumulate went to, per cause.
        drain_causes: What the cycles after the last one went to, per cause.
        memory: What main memory did, if it has a controller.
        systolic: What the array did, if it is a systolic one.
        reram: What the chip did, if it is one of crossbars.
        sparsity: What zeros made of the array's work, if its PEs mind them.
        trace: Events of the run, if they were recorded.
    """

    name: str
    files: tuple[InputFile, ...]
    dims: Mapping[str, int]
    macs: int
    cycles: int
    seconds_at_clock: float | None
    utilization: float
    cycle_stack: Mapping[str, int]
    pe_stack: Mapping[str, int]
    counts: Counts
    units: Mapping[str, UnitAccount]
    energy_pj: float | None
    ledger: tuple[LedgerLine, ...]
    estimate: Estimate | None
    assumptions: tuple[str, ...]
    simulation: SimulationInfo
    port_words: Mapping[str, int]
    fill_causes: Mapping[str, int]
    drain_causes: Mapping[str, int]
    memory: MemoryAccount | None = None
    systolic: ArrayAccount | None = None
    reram: CrossbarAccount | None = None
    sparsity: SparsityAccount | None = None
    trace: Trace | None = None

    @property
    def analytical(self) -> Estimate:
        """The estimate of a case; ValueError where there is none."""
        if self.estimate is None:
            raise ValueError(f"{self.name} is a program of its own: it has no analytical estimate")
        return self.estimate

    @property
    def levels(self) -> tuple[LevelCounts, ...]:
        """Accesses and energy per storage level, outermost first."""
        return self.counts.levels

    @property
    def networks(self) -> tuple[NetworkCounts, ...]:
        """Words, hops and energy per network, outermost first."""
        return self.counts.networks

    def to_pandas(self) -> pandas.DataFrame:
        """Accesses per level and tensor, one row each.

        Columns: ``level``, ``tensor``, ``instances`` (used), ``tile_words``, ``reads``,
        ``fills``, ``updates``, ``link_transfers``, ``temporal_reductions``, ``peak_words``
        (all words, totals over the used instances), ``energy_pj`` (null without a table) and the
        words of metadata among them: ``metadata_reads``, ``metadata_fills``, ``metadata_updates``.
        """
        import pandas  # costs 0.4 s: only who asks for a table pays

        rows = [
            {"level": level.name, "tensor": name, "instances": level.used_instances}
            | {field.name: getattr(tensor, field.name) for field in fields(tensor)}
            for level in self.counts.levels
            for name, tensor in level.tensors.items()
        ]
        return pandas.DataFrame(rows)
