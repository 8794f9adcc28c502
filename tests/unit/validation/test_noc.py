"""Reading of network cases, their classes, and what the report says of them."""

from __future__ import annotations

import pytest

from stallscope.simcore.errors import SpecError
from stallscope.validation import Limit, Point, Report, validate
from stallscope.validation.noc import LIMITS
from stallscope.validation.noc_cases import read_cases
from stallscope.validation.noc_runs import batch_bound, run_load, zero_load_cycles
from stallscope.validation.noc_tree import one_neuron_formula, run_tree
from tests.unit.validation.noc_file import BATCH, NEURON, RUN, write


def test_a_file_of_one_case_each(tmp_path):
    report = validate("noc", write(tmp_path, curves=[RUN], batch=[BATCH], trees=[NEURON]))
    assert [(p.kind, p.metric) for p in report.points] == [
        ("load curves", "packet_latency_cycles"), ("batch", "batch_cycles"),
        ("links reserved: batch", "batch_cycles"), ("stonne tree", "cycles"),
    ]  # fmt: skip
    assert [p.simulated for p in report.points[1:]] == [46, 46, 1024]
    assert report.is_within
    assert report.to_json()["limits"] == {
        "batch": {"worst_pct": 2.0}, "stonne tree": {"worst_pct": 0.0}
    }  # fmt: skip


def test_a_figure_outside_its_limit_fails(tmp_path):
    wrong = {**BATCH, "batch_duration": 48.0}
    report = validate("noc", write(tmp_path, batch=[BATCH, wrong]))
    assert not report.is_within
    assert [p.reference for p in report.misses] == [48.0]


@pytest.mark.parametrize(
    ("table", "changes", "kind"),
    [
        ("zero_load", {}, "zero load"),
        ("router_parameter_effect", {"routing_delay": 1}, "router parameters"),
        ("router_parameter_effect", {"st_final_delay": 2}, "switch traversal of several cycles"),
        ("other_curves", {"traffic": "uniform", "injection_rate": 0.3},
         "uniform below 60 % of saturation"),
        ("other_curves", {"traffic": "uniform", "injection_rate": 0.7}, "load curves"),
        ("other_curves", {"traffic": "uniform", "k": 5, "injection_rate": 0.6}, "load curves"),
        ("other_curves", {"num_vcs": 2}, "vc and buffers"),
        ("other_curves", {"traffic": "uniform", "wait_for_tail_credit": 1}, "load curves"),
    ],
)  # fmt: skip
def test_the_class_follows_from_the_case(tmp_path, table, changes, kind):
    (point,) = validate("noc", write(tmp_path, **{table: [RUN | changes]})).points
    assert point.kind == kind
    assert bool(point.scored) == (kind in LIMITS)


@pytest.mark.parametrize(
    ("traffic", "kind"),
    [("uniform", "batch of drawn destinations"), ("hotspot({5})", "batch"),
     ("hotspot({{5,6}})", "batch of drawn destinations"), ("bitcomp", "bit-complement batch"),
     ("tornado", "batch")],
)  # fmt: skip
def test_the_class_of_a_batch_follows_from_its_traffic(tmp_path, traffic, kind):
    row = {"params": BATCH["params"] | {"traffic": traffic, "batch_size": 2}, "batch_duration": 9.0}
    first, *second = validate("noc", write(tmp_path, batch=[row])).points
    assert first.kind == kind
    assert [point.kind for point in second] == (
        [] if "drawn" in kind else [f"links reserved: {kind}"]
    )


def test_a_saturated_run_is_reported_as_such(tmp_path):
    row = RUN | {"traffic": "uniform", "injection_rate": 0.95, "packet_latency_avg": None,
                 "hops_avg": None, "saturated": True}  # fmt: skip
    (point,) = validate("noc", write(tmp_path, curves=[row])).points
    assert (point.metric, point.reference, point.simulated) == ("saturated", 1.0, 1.0)


def test_what_is_not_modelled_is_left_out_by_name(tmp_path):
    rows = [RUN | {"routing_function": "valiant"}, RUN | {"alloc_iters": 3},
            RUN | {"traffic": "shuffle"}]  # fmt: skip
    conv = {**NEURON, "op": "CONV"}
    report = validate("noc", write(tmp_path, curves=rows, batch=[BATCH], trees=[conv]))
    assert [point.kind for point in report.points] == ["batch", "links reserved: batch"]
    assert [entry.why.split(";")[0] for entry in report.excluded] == [
        "the inputs of a convolution pass between multipliers, which the tree does not describe",
        "not modelled: routing_function=valiant",
        "not modelled: alloc_iters=3",
        "traffic = shuffle: is no pattern of this mesh",
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [("{", r"--cases = .*cases.json: is not in the form of validation/data/noc.json \(JSON"),
     ("[]", r"is not in the form of validation/data/noc.json \(AttributeError"),
     ("{}", r"holds no cases; see docs/networks.md"),
     ('{"booksim": {"curves": [{"k": 4}]}}', r"is not in the form .* \(KeyError"),
     ('{"stonne_tree": {"rows": [{"op": "DenseGEMM"}]}}', r"is not in the form .* \(KeyError")],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, text, rule):
    file = tmp_path / "cases.json"
    file.write_text(text)
    with pytest.raises(SpecError, match=rule):
        validate("noc", file)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        validate("noc", tmp_path / "absent.json")


def test_the_seed_moves_a_mean_by_less_than_a_percent(tmp_path):
    """What is compared is the latency at a given average of hops."""
    row = RUN | {"traffic": "uniform", "injection_rate": 0.4}
    (case,) = read_cases(write(tmp_path, curves=[row])).meshes
    hop = case.pipeline.router_delay_cycles
    means = [load.latency_cycles - hop * load.hops
             for load in (run_load(case, seed) for seed in (1, 2, 3))]  # fmt: skip
    assert max(means) - min(means) < 0.01 * run_load(case).latency_cycles
    assert run_load(case) == run_load(case)


def test_arithmetic_of_a_batch_and_of_an_empty_mesh(tmp_path):
    """Gather: the port's 256 flits and the way of the nearest, 6 cycles."""
    gather = {"params": BATCH["params"] | {"traffic": "hotspot({5})"}, "batch_duration": 262.0}
    run, batch = read_cases(write(tmp_path, curves=[RUN], batch=[gather])).meshes
    assert batch_bound(batch) == 262
    assert zero_load_cycles(run, 3.5) == 2 + 4 * 3.5


def tree(tmp_path, hardware, dim, tile):
    row = {"op": "DenseGEMM", "hw": dict(zip(("num_ms", "dn_bw", "rn_bw"), hardware, strict=True)),
           "dim": dict(zip("MNK", dim, strict=True)),
           "tile": dict(zip(("T_M", "T_N", "T_K"), tile, strict=True)), "cycles": 1}  # fmt: skip
    (case,) = read_cases(write(tmp_path, trees=[row])).trees
    return case


@pytest.mark.parametrize("multipliers", [2, 8, 32, 128])
@pytest.mark.parametrize("share", [1, 2, 8])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (5, 3)])
def test_one_neuron_executed_is_one_neuron_by_formula(tmp_path, multipliers, share, m, n):
    """Two roads: words and sums on links of trees, and the closed form."""
    words = max(1, multipliers // share)
    case = tree(tmp_path, (multipliers, words, words), (m, n, multipliers), (1, 1, multipliers))
    assert case.is_one_neuron
    assert run_tree(case) == one_neuron_formula(case)


def test_words_that_a_sub_tree_shares_are_sent_once(tmp_path):
    """16 multipliers, ports of 4: four neurons of four. Same column: 1 + 4 words per port."""
    shared = tree(tmp_path, (16, 4, 4), (4, 1, 4), (4, 1, 4))
    apart = tree(tmp_path, (16, 4, 4), (1, 4, 4), (1, 4, 4))
    # one vector to keep and one to stream, 4 cycles each, then 2 + 1 + 2 + 1
    assert run_tree(shared) == run_tree(apart) == 4 + 4 + 6
    # with one port the four neurons keep the same 4 words, but stream 16
    narrow = tree(tmp_path, (16, 1, 4), (4, 1, 4), (4, 1, 4))
    assert run_tree(narrow) == 4 + 16 + 6


def test_a_limit_is_for_its_class_alone():
    def point(kind, simulated):
        return Point(case="c", where="", kind=kind, metric="cycles", reference=100.0,
                     simulated=simulated, analytical=None, tolerance=0.0)  # fmt: skip

    limits = {"near": Limit(worst_pct=2.0)}
    report = Report(validation="x", points=(point("near", 98.0), point("far", 100.0)),
                    limits=limits)  # fmt: skip
    assert report.is_within
    outside = (point("near", 97.9), point("far", 99.0))
    report = Report(validation="x", points=outside, limits=limits)
    assert report.misses == outside
