"""The analytical model: counts, cycles and energy of a mapped layer, without running it.

Counts follow the case's reuse rule (docs/design.md). Cycles are the largest of the compute cycles
and every storage level's words over its bandwidth: perfect overlap, steady state.

Not modelled: fill and drain of the pipeline, bank conflicts, limits of networks, indivisible
accesses, buffering. That is what the simulator is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from stallscope.mappings.bandwidth import bound
from stallscope.mappings.case import Case, Reuse
from stallscope.mappings.counts import (
    ComputeCounts,
    Counts,
    LevelCounts,
    LevelTensor,
    NetworkCounts,
    NetworkTensor,
)
from stallscope.mappings.multicast import Load
from stallscope.mappings.nest import Nest
from stallscope.mappings.pricing import LedgerLine, price
from stallscope.mappings.problem import Tensor
from stallscope.mappings.traffic import Traffic, is_exact, traffic
from stallscope.mappings.walk import Walk

__all__ = ["Estimate", "Walk", "analyze"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the analytical model says of a case.

    Attributes:
        counts: Accesses per level, words per network, computes; energies filled in.
        cycles: Cycles of the whole run.
        compute_cycles: Cycles of the MACs alone: the product of all temporal extents (with the rule
            ``overlap`` without the iterations past a bound).
        bound_by: ``compute`` or ``<level> read|write|shared bandwidth``.
        energy_pj: Energy of the run, pJ, or None without an energy table.
        ledger: Every product of a count and an energy.
        missing: Actions used that the energy table has no entry for, ``component.action``.
        utilization: MACs / (all MAC units x cycles).
        level_cycles: Per storage level, the cycles its bandwidth allows, at least compute_cycles.
    """

    counts: Counts
    cycles: int
    compute_cycles: int
    bound_by: str
    energy_pj: float | None
    ledger: tuple[LedgerLine, ...]
    missing: tuple[str, ...]
    utilization: float
    level_cycles: Mapping[str, int]


def analyze(case: Case, *, walk: Walk = Walk.DEFAULT) -> Estimate:
    """Estimate a case.

    Args:
        case: A case whose mapping is legal for its problem and architecture.
        walk: With the rule ``timeloop``, DEFAULT gives the figures Timeloop v3.0.3 prints: its
            shortcut over temporal loops, averages per instance cut to whole words, hops left as
            they are when a level is bypassed. FULL gives the counts of every iteration, exactly.
            The rule ``overlap``, and any mapping with remainders, are always counted in full.
    """
    nest = Nest(case)
    exact = is_exact(case, nest, walk)
    flows = {
        tensor.name: traffic(case, nest, tensor, exact=exact)
        for tensor in case.problem.tensors
        if any(tensor.name in level.keep for level in case.mapping.levels)
    }
    counts = _counts(case, nest, flows, exact=exact)
    # Timeloop charges the padded loops of a mapping with remainders.
    compute_cycles = nest.steps if case.rules.reuse is Reuse.TIMELOOP else nest.walked
    limit = bound(case, counts, compute_cycles)
    priced = price(case, counts, limit.cycles)
    return Estimate(
        counts=priced.counts,
        cycles=limit.cycles,
        compute_cycles=compute_cycles,
        bound_by=limit.bound_by,
        energy_pj=priced.energy_pj,
        ledger=priced.ledger,
        missing=priced.missing,
        utilization=case.problem.macs / (case.architecture.compute.instances * limit.cycles),
        level_cycles=limit.level_cycles,
    )


def _counts(case: Case, nest: Nest, flows: Mapping[str, Traffic], *, exact: bool) -> Counts:
    """Make the counts of the traffic of all tensors."""
    return Counts(
        levels=_levels(case, nest, flows, exact=exact),
        networks=_networks(case, nest, flows, exact=exact),
        compute=ComputeCounts(
            name=case.architecture.compute.name,
            instances=case.architecture.compute.instances,
            used_instances=nest.used_instances(len(nest.blocks)),
            computes=case.problem.macs,
        ),
    )


def _levels(
    case: Case, nest: Nest, flows: Mapping[str, Traffic], *, exact: bool
) -> tuple[LevelCounts, ...]:
    levels = []
    for at, level in enumerate(case.architecture.levels):
        used = nest.used_instances(at)
        extents = nest.extents(at)
        tensors = {}
        for name in case.mapping.by_level[level.name].keep:
            tensor = case.problem.tensor(name)
            peer = flows[name].links.get(at, Fraction(0))
            if not exact and at:
                # Timeloop divides one outer instance's transfers by all inner instances.
                peer /= nest.used_instances(at - 1)
            accesses = _accesses(case, nest, at, tensor, flows[name], peer)
            if not exact:
                accesses = _truncated(accesses, used, tensor)
            tile = tensor.tile_words(extents)
            tensors[name] = LevelTensor(
                tile_words=tile,
                peak_words=tile,
                link_transfers=_integer(flows[name].links.get(at, Fraction(0))),
                **{what: _integer(total) for what, total in accesses.items()},
            )
        levels.append(
            LevelCounts(
                name=level.name, instances=level.instances, used_instances=used, tensors=tensors
            )
        )
    return tuple(levels)


def _accesses(
    case: Case, nest: Nest, at: int, tensor: Tensor, flow: Traffic, peer: Fraction
) -> dict[str, Fraction]:
    """Reads, fills, updates and so on of one tensor at one level, totals.

    ``peer`` is the number of words taken from neighbours.

    Source: reference/timeloop/SEMANTICS.md, sections 4 and 5.
    """
    exchanged, share = flow.accesses[at], flow.shares.get(at, Fraction(0))
    if not tensor.is_output:
        return {"reads": exchanged + peer, "fills": share + peer}
    first = Fraction(0)
    if case.rules.first_read_elision:
        first = Fraction(nest.distinct_words(at, tensor.dimensions))
    reads = exchanged + peer - first
    return {
        "reads": reads,
        "fills": share + peer - first if at in flow.shares else Fraction(0),
        "updates": exchanged,
        "temporal_reductions": reads,
    }


def _truncated(accesses: dict[str, Fraction], used: int, tensor: Tensor) -> dict[str, Fraction]:
    """Timeloop's figures: averages per instance, cut (fills of inputs) or rounded, x instances."""
    return {
        what: Fraction(
            total // used if what == "fills" and not tensor.is_output else _integer(total / used)
        )
        * used
        for what, total in accesses.items()
    }


def _networks(
    case: Case, nest: Nest, flows: Mapping[str, Traffic], *, exact: bool
) -> tuple[NetworkCounts, ...]:
    names = [level.name for level in case.architecture.levels] + [case.architecture.compute.name]
    networks = []
    for at in range(len(nest.blocks)):
        tensors = {
            name: _network_tensor(
                case, nest, at, case.problem.tensor(name), flow.loads[at], exact=exact
            )
            for name, flow in flows.items()
            if at in flow.loads
        }
        networks.append(NetworkCounts(name=f"{names[at]} <==> {names[at + 1]}", tensors=tensors))
    return tuple(networks)


def _network_tensor(
    case: Case, nest: Nest, at: int, tensor: Tensor, load: Load, *, exact: bool
) -> NetworkTensor:
    additions = load.deliveries - load.entering if tensor.is_output else Fraction(0)
    entering, both_ways = load.entering, Fraction(1)
    if tensor.is_output and not _adds(case, at):
        # Old values come down and new ones go up; the first arrival has no old value.
        entering = 2 * entering - nest.distinct_words(at, tensor.dimensions)
        both_ways = entering / load.entering
        if not exact:
            additions *= both_ways  # Timeloop counts the words sent down as added, too.
    return NetworkTensor(
        words_in=_integer(entering),
        deliveries=_integer(load.deliveries),
        fanout=nest.blocks[at].fanout,
        multicast={reach: _integer(load.words[reach] * both_ways) for reach in sorted(load.words)},
        reductions=_integer(additions),
        link_transfers=_integer(Fraction(load.links)),
        hops_total=Fraction(load.half_hops, 2),
    )


def _adds(case: Case, at: int) -> bool:
    """Whether the level above a network adds what arrives to what it holds."""
    return case.architecture.levels[at].reduces


def _integer(value: Fraction) -> int:
    return int((2 * value + 1) // 2)
