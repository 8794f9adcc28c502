"""The closed forms of schedules on crossbars: what a walk step by step counts."""

from collections import Counter

import numpy as np
from hypothesis import given, settings

from stallscope.mappings.reram.activity import Activity
from stallscope.mappings.reram.counting import activity_of, counts_of, has_maps_on_chip
from stallscope.mappings.reram.schedule import Axis
from stallscope.mappings.reram.stretches import stretches_of
from stallscope.mappings.reram.updates import (
    input_visits,
    leaf_sizes,
    weight_updates,
    weight_visits,
)
from tests.property.crossbar_counting import (
    inputs_moved,
    multiplied,
    outputs_moved,
    pixel_runs,
    pixels_of,
    window_runs,
    written,
)
from tests.property.crossbars import changes, crossbar_cases, walked

PLACES = (Axis.N, Axis.KO, Axis.H, Axis.W, Axis.P)


@settings(max_examples=60)
@given(case=crossbar_cases())
def test_weights_are_written_where_a_walk_needs_others(case):
    """Any order, any blocking, cut pieces, turns: the same pieces, as often."""
    walk = case.walk
    expected = Counter(
        (step.at[Axis.CO], step.at[Axis.KO])
        for step in changes(walk, walk.weights, lambda s: (s.at[Axis.CO], s.at[Axis.KO]))
    )

    visits = weight_visits(walk)

    assert expected == Counter({at: int(visits[at]) for at in expected})
    assert sum(expected.values()) == weight_updates(walk)


@settings(max_examples=60)
@given(case=crossbar_cases())
def test_inputs_are_brought_where_a_walk_needs_others(case):
    """The same for windows and pixels, with sizes of whole and of cut tiles."""
    walk = case.walk
    by_bundle = len(set(case.lowered.owners)) > 1
    keys = (*PLACES, Axis.CO) if by_bundle else PLACES
    rows = leaf_sizes(walk, Axis.H)
    columns = leaf_sizes(walk, Axis.P if Axis.P in {o.axis for o in walk.loops} else Axis.W)
    expected = Counter(
        (step.at[Axis.CO], step.at[Axis.KO], step.size[Axis.H],
         step.size[Axis.W] * step.size[Axis.P])
        for step in changes(walk, walk.inputs, lambda s: tuple(s.at[axis] for axis in keys))
    )  # fmt: skip

    visits = input_visits(walk, by_bundle=by_bundle)

    found = Counter({
        (co, ko, rows[h], columns[w]): int(visits[co, ko, h, w])
        for co in range(visits.shape[0]) for ko in range(visits.shape[1])
        for h in (0, 1) for w in (0, 1) if visits[co, ko, h, w]
    })  # fmt: skip
    assert expected == found


@settings(max_examples=50)
@given(case=crossbar_cases())
def test_actions_are_those_of_every_step(case):
    """What the devices do: written, driven, read, converted, added."""
    expected = written(case) + multiplied(case)
    activity = activity_of(case)

    found = {
        name: getattr(activity, name)
        for name in Activity.__dataclass_fields__
        if not name.endswith("_runs")
    }
    assert {name: expected[name] for name in found} == found
    assert window_runs(case) == activity.window_runs
    assert pixel_runs(case) == activity.pixel_runs


@settings(max_examples=50)
@given(case=crossbar_cases())
def test_accesses_are_those_of_every_step(case):
    """Words at every level and on the tree, by tensor."""
    counts = counts_of(case)
    weights = written(case)["weights"]
    inputs, delivered, reach = inputs_moved(case)
    outputs, sums = outputs_moved(case), multiplied(case)
    leaving = outputs["unfinished"] + outputs["results"]
    passes = not has_maps_on_chip(case)
    has_main = case.chip.main_memory is not None

    found = {
        (level.name, name): (tensor.reads, tensor.fills, tensor.updates)
        for level in counts.levels
        for name, tensor in level.tensors.items()
    }

    expected = {
        ("memory", "Inputs"): (inputs, inputs * passes, 0),
        ("memory", "Weights"): (weights, weights * has_main, 0),
        ("memory", "Outputs"): (
            outputs["refilled"] + leaving * passes, outputs["refilled"] * passes, leaving
        ),
        ("input buffer", "Inputs"): (sums["inputs_read"], delivered, 0),
        ("partial sums", "Outputs"): (
            sums["added"] + leaving, outputs["refilled"], sums["accumulated"]
        ),
        ("crossbars", "Weights"): (0, weights, 0),
    }  # fmt: skip
    if has_main:
        expected["main", "Weights"] = (weights, 0, 0)
    if passes:
        expected["main", "Inputs"] = (inputs, 0, 0)
        expected["main", "Outputs"] = (outputs["refilled"], 0, leaving)
    assert expected == found
    tree = counts.networks[0].tensors
    assert (inputs, delivered) == (tree["Inputs"].words_in, tree["Inputs"].deliveries)
    assert dict(sorted(reach.items())) == tree["Inputs"].multicast
    assert weights == tree["Weights"].words_in
    assert leaving + outputs["refilled"] == tree["Outputs"].words_in
    assert outputs["results"] == activity_of(case).activations


@settings(max_examples=60)
@given(case=crossbar_cases())
def test_stretches_between_updates_are_those_of_every_step(case):
    """How much is computed before which weights are written, for every pair in turn."""
    walk = case.walk
    kinds = np.arange(walk.bounds[Axis.CO] * walk.bounds[Axis.KO]).reshape(
        walk.bounds[Axis.CO], walk.bounds[Axis.KO]
    )
    expected, pixels, before = Counter(), 0, None
    for step in walked(walk, walk.steps):
        kind = int(kinds[step.at[Axis.CO], step.at[Axis.KO]])
        if kind != before:
            expected[pixels, kind] += 1
            pixels = 0
        before = kind
        pixels += pixels_of(step) * step.size[Axis.N]

    stretches = stretches_of(walk, kinds)

    assert stretches.first == 0
    assert stretches.head == 0
    assert expected == stretches.between + Counter({(0, 0): 1})
    assert pixels == stretches.tail
