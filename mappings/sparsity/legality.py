"""Whether formats, and what PEs do about zeros, suit a problem and its mapping."""

from __future__ import annotations

from collections.abc import Iterable

from stallscope.mappings.architecture import Architecture, StorageLevel
from stallscope.mappings.fields import nearest
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Problem, Tensor
from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.tiles import format_of
from stallscope.simcore.errors import Fault

__all__ = ["hardware_faults", "returning_faults"]


def hardware_faults(problem: Problem, architecture: Architecture) -> list[Fault]:
    """What the architecture says of tensors and cannot be, whatever the mapping."""
    faults = []
    for level in architecture.levels:
        place = f"architecture.{level.name}.formats"
        names = [one.tensor for one in level.formats]
        faults += _unknown(names, problem, place)
        faults += [
            Fault(place=place, value=name, rule=f"{name} is given twice")
            for name in sorted({name for name in names if names.count(name) > 1})
        ]
        for one in level.formats:
            faults += _packs(one, level, f"{place}.{one.tensor}")
    return faults + _sparse_faults(problem, architecture)


def _sparse_faults(problem: Problem, architecture: Architecture) -> list[Fault]:
    compute = architecture.compute
    if compute.sparse is None:
        return []
    place, sparse = f"architecture.{compute.name}.sparse", compute.sparse
    if compute.systolic is not None:
        rule = "a systolic array passes every word on, zeros too"
        remedy = "leave sparse or systolic out"
        return [Fault(place=place, value="", rule=rule, remedy=remedy)]
    faults = []
    decoded = [one.tensor for one in sparse.decoders]
    for key, names in (("skips", sparse.skips), ("gates", sparse.gates), ("decoders", decoded)):
        faults += _unknown(names, problem, f"{place}.{key}")
        faults += [
            Fault(place=f"{place}.{key}", value=name, rule="is the output, no operand",
                  remedy=nearest("", [t.name for t in problem.tensors if not t.is_output]))
            for name in names if name == problem.output.name
        ]  # fmt: skip
    faults += [
        Fault(place=f"{place}.decoders", value=name, rule=f"{name} is given twice")
        for name in sorted({name for name in decoded if decoded.count(name) > 1})
    ]
    return faults


def _unknown(names: Iterable[str], problem: Problem, place: str) -> list[Fault]:
    known = [tensor.name for tensor in problem.tensors]
    return [
        Fault(place=place, value=name, rule="is no tensor of the problem",
              remedy=nearest(name, known))
        for name in names if name not in known
    ]  # fmt: skip


def _packs(form: TensorFormat, level: StorageLevel, place: str) -> list[Fault]:
    """A pack that holds no pair."""
    pair = form.run_bits + level.word_bits
    if form.format is not Format.RUN_LENGTH or form.pack_bits is None or form.pack_bits >= pair:
        return []
    rule = f"a run of {form.run_bits} bits and a word of {level.word_bits} need {pair} bits"
    return [Fault(place=f"{place}.pack_bits", value=form.pack_bits, rule=rule,
                  remedy=f"give {pair} or more, or pack_bits: none")]  # fmt: skip


def returning_faults(problem: Problem, architecture: Architecture, mapping: Mapping) -> list[Fault]:
    """Levels that store the output in a format, and to which partial sums return.

    Those change with every visit, and so would their zeros: not modelled. They return if a loop
    of the sum is outside one of the output's own, among the loops between the level and the next
    inner one that keeps the output; and to the level that serves the array, if there is any loop
    of the sum.
    """
    output = problem.output
    keepers = [at for at, level in enumerate(mapping.levels) if output.name in level.keep]
    faults = []
    for number, at in enumerate(keepers):
        spec = architecture.levels[at]
        if format_of(spec, output.name) is None:
            continue
        is_last = number + 1 == len(keepers)
        inner = len(mapping.levels) if is_last else keepers[number + 1]
        loop = _sum_outside(output, mapping.levels[:inner], is_last=is_last)
        if loop is not None:
            rule = f"partial sums return to {spec.name}, since the sum runs over "
            rule += f"{loop.dimension} outside the next inner tile; their zeros are not modelled"
            remedy = f"move {loop.dimension} to an inner level, or leave the format out"
            place = f"architecture.{spec.name}.formats.{output.name}"
            faults.append(Fault(place=place, value="", rule=rule, remedy=remedy))
    return faults


def _sum_outside(output: Tensor, levels: tuple[LevelMapping, ...], *, is_last: bool) -> Loop | None:
    """The loop of the sum that makes partial sums return; None if none does."""
    found: Loop | None = None
    for level in levels:
        for loop in level.temporal:
            if loop.extent == 1:
                continue
            if loop.dimension in output.dimensions:
                if found is not None:
                    return found
            else:
                found = found or loop
    return found if is_last else None
