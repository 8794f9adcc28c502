"""The expected-value model: words, metadata and cycles of a mapped layer with zeros.

Cycles are the largest of the MACs' and every level's words, metadata included, over its
bandwidth: perfect overlap, averages everywhere.

Not modelled: PEs that wait for each other (every PE has the average work); fill and drain; what
operands have in common beyond `PerIndex`; sparse results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from stallscope.mappings.analytical import Walk, analyze
from stallscope.mappings.case import Case
from stallscope.mappings.counts import LevelTensor
from stallscope.mappings.nest import Nest
from stallscope.mappings.sparsity.levels.densities import Dense, Density, all_nonzero
from stallscope.mappings.sparsity.levels.design import Design
from stallscope.mappings.sparsity.levels.groups import PackedGroup, packed_groups
from stallscope.mappings.sparsity.levels.words import LevelWords, Tally
from stallscope.mappings.traffic import is_exact, traffic

__all__ = ["ComputeWork", "LevelEstimate", "LevelsEstimate", "estimate_levels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeWork:
    """What the MACs do.

    Attributes:
        dense: Multiply-accumulates of the layer.
        effectual: Those whose exploited operands are not zero.
        utilized: MACs that are busy in a step, on average over the groups that are packed.
        steps: Steps on average: those of packed groups are whole, gated ones count.
        cycles: What the MACs take: the steps, or the effectual ones over the utilized MACs
            (`Design.work_over_use`); the same where every pass takes the same steps.
    """

    dense: int
    effectual: float
    utilized: float
    steps: float
    cycles: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelEstimate:
    """One storage level.

    Attributes:
        name: The level.
        tensors: Words per tensor it keeps, of an average used instance.
        read_words, write_words: Words that pass its ports, metadata included.
        cycles: What its bandwidth takes, at least the MACs'.
    """

    name: str
    tensors: Mapping[str, LevelWords]
    read_words: float
    write_words: float
    cycles: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelsEstimate:
    """A layer with zeros.

    Attributes:
        compute: What the MACs do.
        levels: Storage levels, outermost first.
        cycles: Of the layer: the largest of all.
    """

    compute: ComputeWork
    levels: tuple[LevelEstimate, ...]
    cycles: float

    def level(self, name: str) -> LevelEstimate:
        """Return the level called ``name``; KeyError if there is none."""
        for level in self.levels:
            if level.name == name:
                return level
        raise KeyError(name)


def estimate_levels(
    case: Case,
    design: Design,
    densities: Mapping[str, Density],
    *,
    walk: Walk = Walk.DEFAULT,
    whole_words: bool = False,
) -> LevelsEstimate:
    """Estimate a case with zeros.

    Args:
        case: A case whose mapping is legal; its own ``sparsity`` is not looked at.
        design: What is done about zeros.
        densities: Of the tensors that have zeros.
        walk: How the dense words are counted, see `analyze`.
        whole_words: Whether each count is rounded up to whole words before it takes time, as in
            a report that prints whole words.
    """
    nest = Nest(case)
    known = {tensor.name: densities.get(tensor.name, Dense()) for tensor in case.problem.tensors}
    groups = packed_groups(case, nest, design.packings, known)
    compute = _compute(case, nest, design, known, groups)
    tally = Tally(case, nest, design, known, groups, whole_words=whole_words)
    levels = tuple(
        _level(
            case,
            at,
            {name: tally.of(at, name, one) for name, one in level.items()},
            compute.cycles,
        )
        for at, level in enumerate(_dense(case, nest, design, walk))
    )
    cycles = max([compute.cycles, *(level.cycles for level in levels)])
    return LevelsEstimate(compute=compute, levels=levels, cycles=cycles)


def _dense(case: Case, nest: Nest, design: Design, walk: Walk) -> list[dict[str, LevelTensor]]:
    """Counts without zeros, per level, outermost first."""
    counts = [dict(level.tensors) for level in analyze(case, walk=walk).counts.levels]
    if not design.fills_results:
        return counts
    result = case.problem.output
    visits = traffic(case, nest, result, exact=is_exact(case, nest, walk)).shares
    for at, level in enumerate(counts):
        if result.name in level:
            filled = visits.get(at, Fraction(0))
            level[result.name] = replace(level[result.name], fills=int((2 * filled + 1) // 2))
    return counts


def _compute(
    case: Case,
    nest: Nest,
    design: Design,
    densities: Mapping[str, Density],
    groups: tuple[PackedGroup, ...],
) -> ComputeWork:
    effectual = case.problem.macs * all_nonzero([densities[n] for n in sorted(design.exploited)])
    used = nest.used_instances(len(nest.blocks)) / prod(group.units for group in groups)
    utilized = used * prod(group.packing.lanes * group.utilization for group in groups)
    executed = all_nonzero([densities[name] for name in sorted(design.skipped)])
    packed = prod(group.steps / group.iterations for group in groups)
    steps = nest.steps * executed * packed
    over_use = effectual / utilized if utilized else 0.0
    return ComputeWork(
        dense=case.problem.macs,
        effectual=effectual,
        utilized=utilized,
        steps=steps,
        cycles=over_use if design.work_over_use else steps,
    )


def _level(
    case: Case, at: int, tensors: Mapping[str, LevelWords], compute_cycles: float
) -> LevelEstimate:
    level = case.architecture.levels[at]
    read = sum(words.read_words for words in tensors.values())
    write = sum(words.write_words for words in tensors.values())
    widths = level.widths
    bounds = (
        _over(read, widths.read), _over(write, widths.write), _over(read + write, widths.shared)
    )  # fmt: skip
    return LevelEstimate(
        name=level.name,
        tensors=tensors,
        read_words=read,
        write_words=write,
        cycles=max(compute_cycles, *bounds),
    )


def _over(words: float, width: Fraction | None) -> float:
    return words / float(width) if width is not None else 0.0
