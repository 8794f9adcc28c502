"""The laws of sparse arrays as functions over one case, shared by the quick and the slow suite."""

from __future__ import annotations

from collections import Counter
from itertools import product

from stallscope.hw.simulate import simulate
from stallscope.mappings.sparsity.hardware import Mode
from stallscope.mappings.sparsity.holding import tiles_at_pes
from stallscope.mappings.sparsity.imbalance import schedules
from stallscope.mappings.sparsity.masks import masks
from stallscope.mappings.sparsity.operands import Sparsity
from stallscope.mappings.sparsity.passes import PassWork
from stallscope.traces.compile import compile_case
from stallscope.traces.nest import resolve
from tests.property import laws
from tests.property.sparse import run, with_array


def stacks_sum(case, result):
    """The stacks sum, and every multiply-accumulate is somewhere."""
    units = case.architecture.compute.instances
    assert sum(result.cycle_stack.values()) == result.cycles
    assert sum(result.pe_stack.values()) == units * result.cycles
    found = result.sparsity
    assert found.executed_macs == result.pe_stack["compute"]
    assert found.active_macs + found.gated_macs == found.executed_macs
    assert found.executed_macs + found.skipped_macs == case.problem.macs
    compute = result.counts.compute
    assert (compute.computes, compute.gated, compute.skipped) == (
        found.active_macs, found.gated_macs, found.skipped_macs,
    )  # fmt: skip
    for account in result.units.values():
        assert account.busy + account.idle + sum(account.waiting.values()) == result.cycles
        assert sum(account.charged.values()) == account.busy + sum(account.waiting.values())


def dense_operands_change_nothing(case):
    """Operands without zeros: the dense run, in every figure; what is assumed may be more."""
    sparse = laws.figures(run(case))
    dense = laws.figures(simulate(with_array(case, None, Sparsity())))
    assert set(dense.pop("assumptions")) <= set(sparse.pop("assumptions"))
    assert sparse.pop("sparsity").skipped_macs == 0
    assert dense.pop("sparsity") is None
    assert dense == sparse


class Found:
    """Every iteration of a case, looked at one by one.

    Attributes:
        macs: Executed, active.
        steps: Steps executed, by PE and pass.
        reads: Words of every tensor that PEs read from levels of their own.
    """

    def __init__(self, case):
        self.case, self.nest = case, resolve(case)
        array = case.architecture.compute.sparse
        self.masks = masks(case.problem, case.sparsity)
        own = _own(case)
        inner = self.nest.depth - 1
        executed = set()
        self.macs = Counter()
        read = {tensor.name: set() for tensor in case.problem.tensors}
        for digits in product(*(range(loop.extent) for loop in self.nest.loops)):
            at = dict.fromkeys(case.problem.bounds, 0)
            for loop, digit in zip(self.nest.loops, digits, strict=True):
                at[loop.dimension] += loop.step * digit
            if any(at[name] >= bound for name, bound in case.problem.bounds.items()):
                continue
            if not all(self._is_set(name, at) for name in array.skips):
                continue
            pe, when, outside = [], [], []
            for loop, digit in zip(self.nest.loops, digits, strict=True):
                if not loop.is_spatial:
                    when.append(digit)
                    outside += [digit] if loop.level < own else []
                elif loop.level < inner:
                    pe.append(digit)
            pe, step = tuple(pe), (tuple(pe), tuple(outside), tuple(when))
            executed.add(step)
            is_active = all(self._is_set(name, at) for name in array.gates)
            self.macs.update(executed=1, active=int(is_active))
            for tensor in case.problem.tensors:
                if is_active or tensor.name in array.gates:
                    read[tensor.name].add((step, tensor.origin(at)))
        self.steps = Counter((pe, outside) for pe, outside, _ in executed)
        self.reads = {name: len(words) for name, words in read.items()}

    def _is_set(self, name, at):
        tensor = self.case.problem.tensor(name)
        return name not in self.masks or self.masks[name][tensor.origin(at)]

    def per_pe(self):
        """Steps of the PEs that have any, most first."""
        total = Counter()
        for (pe, _), steps in self.steps.items():
            total[pe] += steps
        return sorted(total.values(), reverse=True)


def _own(case):
    levels = case.architecture.levels
    return min(
        at for at in range(min(1, len(levels) - 1), len(levels))
        if all(one.instances == levels[-1].instances for one in levels[at:])
    )  # fmt: skip


def counts_are_those_of_all_iterations(case, result):
    """Steps, multiply-accumulates and reads at the PEs, iteration by iteration."""
    found = Found(case)
    assert found.macs["executed"] == result.sparsity.executed_macs
    assert found.macs["active"] == result.sparsity.active_macs
    assert found.per_pe() == sorted((n for n in result.sparsity.steps if n), reverse=True)
    multicast = case.architecture.levels[-1].network.multicast
    innermost = result.levels[-1]
    for name, counts in innermost.tensors.items():
        tensor = case.problem.tensor(name)
        if tensor.is_output:
            # Without zeros a sum may stay at its MAC, where links are declared.
            is_held = bool(case.rules.link_transfers)
            assert found.reads[name] == counts.updates or (is_held and not _has_zeros(case))
        elif multicast or all(not loop.is_spatial or loop.level < len(result.levels) - 1
                              for loop in found.nest.loops):  # fmt: skip
            assert found.reads[name] == counts.reads


def modes_take_what_closed_forms_say(case, result):
    """With unlimited bandwidth and no latency cycles are those of the schedule."""
    array, levels = case.architecture.compute.sparse, len(case.architecture.levels)
    work = PassWork(case, masks(case.problem, case.sparsity))
    found = schedules(work, tiles_at_pes(case), (array.fifo_depth,))
    assert sum(found.per_pe) == sum(result.sparsity.steps)
    cycles = result.cycles
    if array.mode is Mode.PACKED:
        assert cycles == found.packed_cycles
    elif array.mode is Mode.BARRIER:
        assert cycles >= found.barrier_cycles
        assert cycles == found.barrier_cycles or not is_plain(case)
    else:
        assert max(found.per_pe) <= cycles <= found.barrier_cycles
        closed = dict(found.queue_cycles)[array.fifo_depth]
        if levels == 2 and array.fifo_depth is None:
            assert cycles == closed or sums_return(case)
        if is_plain(case) and levels == 2:
            # Sums that return wait for every PE that adds to them; the closed form does not.
            assert cycles == closed or (sums_return(case) and cycles > closed)


def _has_zeros(case):
    return any(not mask.all() for mask in masks(case.problem, case.sparsity).values())


def sums_return(case):
    """Whether partial sums leave the PEs and come back: a loop of the sum outside the output's."""
    loops = resolve(case).temporal(_own(case))
    output = case.problem.output.dimensions
    kept = [loop.dimension in output for loop in loops]
    return any(not one and any(kept[at:]) for at, one in enumerate(kept))


def is_plain(case):
    """Whether bursts are whole passes, and tiles never slide."""
    program, nest = compile_case(case), resolve(case)
    outside = len(nest.temporal(_own(case)))
    return len(program.compute.loops) <= outside and not any(
        record.slides for stream in program.movers for record in stream.records
    )
