"""Actions and words of a run on crossbars, counted step by step and core by core."""

from __future__ import annotations

from collections import Counter

from stallscope.mappings.reram.schedule import Axis, InputForm
from stallscope.mappings.reram.timing import multiply_timing
from stallscope.mappings.reram.walk import walk_of
from tests.property.crossbars import changes, walked

PLACES = (Axis.N, Axis.KO, Axis.H, Axis.W, Axis.P)


def blocks_at(case, co):
    """Core and column block of every core that has one."""
    held = ((core, case.lowered.block(co, core)) for core in range(case.chip.all_cores))
    return [(core, block) for core, block in held if block is not None]


def pixels_of(step):
    return step.size[Axis.H] * step.size[Axis.W] * step.size[Axis.P]


def written(case):
    """Everything about updates."""
    chip, layer, counts = case.chip, case.lowered, Counter()
    whole = chip.writing.whole_crossbars
    for step in changes(case.walk, case.walk.weights, lambda s: (s.at[Axis.CO], s.at[Axis.KO])):
        load = layer.loads[step.at[Axis.KO]]
        counts["updates"] += 1
        for _, block in blocks_at(case, step.at[Axis.CO]):
            counts["core_loads"] += 1
            counts["weights"] += layer.macs_per_pixel(block, load)
            columns = chip.crossbar.columns if whole else layer.blocks[block]
            for used in load.slots:
                counts["crossbar_loads"] += 1
                for _ in range(chip.crossbar.slices):
                    rows = chip.crossbar.rows if whole else used
                    counts["rows_written"] += rows
                    counts["cells_written"] += rows * columns
    counts["pulses"] = counts["cells_written"] * chip.writing.iterations * chip.writing.passes
    return counts


def multiplied(case):
    """Everything about multiplies and sums."""
    chip, layer, counts = case.chip, case.lowered, Counter()
    slices, steps = chip.crossbar.slices, multiply_timing(chip).steps
    seen = set()
    for step in walked(case.walk, case.walk.steps):
        load, pixels = layer.loads[step.at[Axis.KO]], pixels_of(step)
        place = tuple(step.at[axis] for axis in (Axis.N, Axis.CO, Axis.H, Axis.W, Axis.P))
        is_first = place not in seen
        seen.add(place)
        counts["compute"] += pixels
        for _, block in blocks_at(case, step.at[Axis.CO]):
            columns = layer.blocks[block]
            counts["multiplies"] += pixels
            counts["rows_driven"] += pixels * load.rows * steps
            counts["cells_read"] += pixels * load.rows * columns * slices * steps
            counts["conversions"] += pixels * len(load.slots) * columns * slices * steps
            counts["adds"] += pixels * columns * (len(load.slots) - 1 + (not is_first))
            counts["activations"] += pixels * columns if is_first else 0
            counts["inputs_read"] += pixels * load.rows
            counts["accumulated"] += pixels * columns
            counts["added"] += 0 if is_first else pixels * columns
    return counts


def brought(case, walk, measure):
    """A measure of the inputs brought: once per bundle and tile, and once per core; by reach."""
    by_bundle = len(set(case.lowered.owners)) > 1
    keys = (*PLACES, Axis.CO) if by_bundle else PLACES
    once, delivered, reach = 0, 0, Counter()
    for step in changes(walk, walk.inputs, lambda s: tuple(s.at[axis] for axis in keys)):
        load = case.lowered.loads[step.at[Axis.KO]]
        amount = measure(load, step.size[Axis.H], step.size[Axis.W])
        needed = Counter(
            (core // case.chip.cores, case.lowered.owners[block])
            for core, block in blocks_at(case, step.at[Axis.CO])
        )
        for cores in needed.values():
            once += amount
            delivered += amount * cores
            reach[cores] += amount
    return once, delivered, reach


def window_runs(case):
    if any(loop.axis is Axis.P for loop in case.schedule.loops):
        return None
    return brought(case, _in_form(case, InputForm.WINDOW), case.lowered.window_runs)[0]


def pixel_runs(case):
    walk = _in_form(case, InputForm.PIXEL)
    return brought(case, walk, lambda load, rows, columns: case.lowered.pixel_runs(load))[0]


def _in_form(case, form):
    schedule = case.schedule.model_copy(update={"inputs": form})
    return walk_of(schedule, case.lowered, case.chip)


def inputs_moved(case):
    def words(load, rows, columns):
        return case.lowered.window_words(load, rows, columns) if case.walk.by_window else load.rows

    return brought(case, case.walk, words)


def outputs_moved(case):
    """Words that come back as partial sums, that leave as such, and that leave as results."""
    counts = Counter()
    for step in walked(case.walk, case.walk.outputs):
        loads = [(index, extent) for axis, index, extent in step.indices if axis is Axis.KO]
        pixels = pixels_of(step)
        words = sum(
            pixels * case.lowered.blocks[block] for _, block in blocks_at(case, step.at[Axis.CO])
        )
        if any(index for index, _ in loads):
            counts["refilled"] += words
        if all(index == extent - 1 for index, extent in loads):
            counts["results"] += words
        else:
            counts["unfinished"] += words
    return counts
