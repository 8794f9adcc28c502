"""Do sparse layers take what the reference says, executed and by closed form?

The figures: stallscope/validation/data/sparsity.json, its source named there. A part of them in the
default suite, all of them in the slow one.
"""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest

from stallscope.hw.simulate import simulate
from stallscope.mappings.sparsity.hardware import Mode
from stallscope.mappings.sparsity.passes import PassWork
from stallscope.mappings.sparsity.schedules import together
from stallscope.simcore.errors import SpecError
from stallscope.validation import sparsity_masked, sparsity_networks, validate
from stallscope.validation.sparsity_cases import WEIGHTS, layer_case, sparse
from stallscope.validation.sparsity_masks import described_mask
from stallscope.validation.sparsity_packing import pack
from stallscope.validation.sparsity_reading import is_of_networks

OWN = files("stallscope.validation") / "data" / "sparsity.json"
OURS = {sparsity_masked.MASKED, sparsity_masked.GIVEN, sparsity_networks.DENSE,
        sparsity_networks.SPARSE_ENERGY, sparsity_networks.FUSED, sparsity_networks.OVERHEAD,
        sparsity_networks.TOTALS, sparsity_networks.ROWS}  # fmt: skip


def documents():
    return json.loads(OWN.read_text(encoding="utf-8"))["documents"]


def networks():
    return next(one for one in documents() if is_of_networks(one))


def written(tmp_path, content, name="cases.json"):
    file = tmp_path / name
    file.write_text(json.dumps(content))
    return file


def a_part(document, names=("shufflenet/cifar10",)):
    """Two masked layers, one of given weights, a block of some networks, some rows."""
    masked = document["synthetic_mask_cases"]
    chosen = [masked["cases"][at] for at in (1, 26)]
    found = document | {
        "synthetic_mask_cases": masked | {"cases": chosen},
        "raw_per_PE_nonzeros": document["raw_per_PE_nonzeros"][12:13],
        "networks": {},
        "sparse_layers": [],
    }
    for name in names:
        network = document["networks"][name]
        short = {key: one[:1] for key, one in network.items() if isinstance(one, list)}
        found["networks"][name] = network | short | {
            "network_result_csv": network["network_result_csv"], "totals": sums(short)
        }  # fmt: skip
        found["sparse_layers"] += [
            row for row in document["sparse_layers"] if row["set"] == name and row["block"] < 6
        ]
    totals = document["network_totals_recomputed_from_result_csv"]
    found["network_totals_recomputed_from_result_csv"] = {
        name: totals[name] for name in found["networks"]
    }
    return found


def sums(tables):
    """Totals of the blocks that are left."""
    parts = {"dense": "baseline_dense_per_block", "sparse": "sparse_summary_as_labelled",
             "fusion": "fusion_per_block"}  # fmt: skip
    return {
        what: {
            name: sum(v for row in tables[table] for k, v in row.items() if k.lower().endswith(e))
            for name, e in (("cycles", "_c"), ("energy_uJ", "_e"))
        }
        for what, table in parts.items()
    }


def test_a_part_of_the_figures_is_met_exactly(tmp_path):
    """Every class, by both roads where there are two; what cannot be formed is left out by name."""
    report = validate("sparsity", written(tmp_path, a_part(networks())))
    assert report.misses == ()
    assert {point.kind for point in report.points} == OURS
    executed = [point for point in report.points if point.scored == "simulated"]
    assert all(point.simulated == pytest.approx(point.analytical) for point in executed)
    assert len(executed) == 26
    assert {one.why for one in report.excluded} == {
        "how often each of its units acts is not given; their sum and the weights are compared",
        "masks and weights per PE are given of some only, which are compared by themselves",
        "which traffic is scaled by the bits of a prediction, and how many those are, is not given",
    }


def test_what_does_not_add_up_is_left_out_by_name(tmp_path):
    """A mask in words, weights of another layer, rows at odds with themselves, no mapping."""
    document = a_part(networks(), ["mobilenet/cifar10"])
    cases = document["synthetic_mask_cases"]["cases"]
    document["synthetic_mask_cases"]["mask_definitions"]["mod5"] = "one in five or so"
    document["synthetic_mask_cases"]["cases"] = [
        cases[0],
        cases[1] | {"weight_shape_RSCM": [1] * 4},
    ]
    document["raw_per_PE_nonzeros"][0]["passes"] += 1
    document["sparse_layers"][0]["balanced_cycles"] += 2
    document["networks"]["mobilenet/cifar10"]["baseline_blocks"][0]["pixels"] = 7
    report = validate("sparsity", written(tmp_path, document))
    why = {one.case: one.why for one in report.excluded}
    assert "is not in a form that is known" in why[f"{cases[0]['layer']} mod5"]
    assert "covers another layer" in why[f"{cases[1]['layer']} {cases[1]['mask']}"]
    assert any("says otherwise" in one for one in why.values())
    assert any("are not balanced at" in one for one in why.values())
    assert why["mobilenet/cifar10 block 1 PW1"] == "the mapping that it ran with is not given"


def test_a_wrong_figure_is_a_miss(tmp_path):
    document = a_part(networks())
    masked = document["synthetic_mask_cases"]
    masked["cases"] = [masked["cases"][0] | {"async_queue_cycles": 5119}]
    only = {"synthetic_mask_cases": masked}
    report = validate("sparsity", written(tmp_path, only))
    assert [(point.metric, point.figure) for point in report.misses] == [
        ("async_queue_cycles", 5120)
    ]


def test_files_of_other_things_are_refused_or_left_out(tmp_path):
    with pytest.raises(SpecError, match="has none of synthetic_mask_cases, raw_per_PE_nonzeros"):
        validate("sparsity", written(tmp_path, {"something": 1}))
    document = a_part(networks())
    only = {"raw_per_PE_nonzeros": document["raw_per_PE_nonzeros"][:1]}
    written(tmp_path, only, "weights.json")
    written(tmp_path, {"cases": documents()[1]["cases"][:1]}, "runs.json")
    report = validate("sparsity", tmp_path)
    assert [(one.case, one.why) for one in report.excluded] == [
        ("cases.json", "is of no known form")
    ]
    assert report.is_within


def test_the_own_copy_is_what_packing_makes_of_it():
    content = json.loads(OWN.read_text(encoding="utf-8"))
    assert pack(content["documents"], content["source"]) == OWN.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("all ones", [[1, 1, 1], [1, 1, 1]]),
        ("(c + m) mod 2 == 0", [[1, 0, 1], [0, 1, 0]]),
        ("c mod 2 == 1 (depthwise: m mod 3 == 0)", [[0, 0, 0], [1, 1, 1]]),
        ("x=3m+2^3*c; x^=x>>1; keep if x mod 4 < 2", [[1, 0, 1], [1, 0, 1]]),
    ],
)
def test_a_mask_is_written_in_a_line_of_arithmetic(text, kept):
    """x = 3m + 8c: 0 3 6 / 8 11 14, with x >> 1 under exclusive or 0 2 5 / 12 14 9."""
    assert described_mask(text, {"c": 2, "m": 3}).tolist() == np.array(kept, dtype=bool).tolist()


def test_a_depthwise_mask_has_a_line_of_its_own():
    assert described_mask("c mod 2 == 1 (depthwise: m mod 3 == 0)", {"m": 4}).tolist() == [
        True, False, False, True
    ]  # fmt: skip
    assert described_mask("(7c+m) mod 2 == 0 (c=0 for depthwise)", {"m": 2}).tolist() == [
        True, False
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "m", "m ==", "import os", "k == 1", "m.real == 1", "1; 2"])
def test_other_text_is_not_run(text):
    with pytest.raises(SpecError, match="is not in a form that is known"):
        described_mask(text, {"c": 2, "m": 3})


def test_partial_sums_that_come_back_can_hold_up_a_pe_that_runs_ahead():
    """Why the sums of every pass are kept apart: the reference's PEs wait for none of them."""
    masked = networks()["synthetic_mask_cases"]
    wanted = ("mobilenet_cifar10_b7_PW2", "channel")
    case = next(one for one in masked["cases"] if (one["layer"], one["mask"]) == wanted)
    _, _, channels, outputs = case["weight_shape_RSCM"]
    mask = np.zeros((channels, outputs, 1, 1), dtype=bool)
    mask[::5] = True
    cycles = {}
    for is_apart in (False, True):
        dense = layer_case("layer", case["mapping_outer_to_inner"], is_apart=is_apart)
        ahead = sparse(dense, mask, Mode.QUEUE, "every fifth channel")
        cycles[is_apart] = simulate(ahead).cycles
        assert together(PassWork(ahead, {WEIGHTS: mask})).unlimited == case["async_queue_cycles"]
    assert cycles[True] == case["async_queue_cycles"] < cycles[False]


@pytest.mark.slow
def test_every_figure_is_met_exactly():
    report = validate("sparsity")
    ours = [point for point in report.points if point.kind in OURS]
    assert [point for point in ours if not point.is_exact] == []
    assert len(ours) > 3000
    assert report.is_within
