"""What an exported trace shows, on a machine of two units that can be followed by hand."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from stallscope.hw.simulate import Tracing, execute, simulate
from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.simcore.errors import DeadlockError, SpecError
from stallscope.traces.compile import compile_case
from stallscope.traces.events.chrome import export_chrome
from stallscope.traces.events.perfetto_export import export_perfetto
from stallscope.traces.events.picture import Exported, Picture
from stallscope.traces.events.trace import read_trace

WEIGHTS, MAC = "W DRAM->GLB", "MAC"
EVERYTHING = {"start": None, "end": None, "units": None, "every": None}


def one_tile_at_a_time() -> Case:
    """Three tiles of four weights at 1 word per cycle, 10 cycles latency, room for one of them.

    Inputs and outputs stay in the DRAM: a burst of 4 reads 4 weights from the buffer and 4 inputs
    from the DRAM, and writes what it must there.
    """
    ranks = {name: (Term(dimension=name),) for name in "MC"}
    return Case(
        problem=Problem(
            dimensions=(Dimension(name="M", bound=3), Dimension(name="C", bound=4)),
            tensors=(
                Tensor(name="W", ranks=(ranks["M"], ranks["C"])),
                Tensor(name="I", ranks=(ranks["C"],)),
                Tensor(name="O", ranks=(ranks["M"],), is_output=True),
            ),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(
                    name="DRAM",
                    kind="dram",
                    read_words_per_cycle=Fraction(1),
                    read_latency_cycles=10,
                ),
                StorageLevel(name="GLB", kind="buffer"),
            ),
            compute=ComputeLevel(name=MAC),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(
                    level="DRAM",
                    temporal=(Loop(dimension="M", extent=3),),
                    keep=("W", "I", "O"),
                ),
                LevelMapping(
                    level="GLB",
                    temporal=(Loop(dimension="C", extent=4),),
                    keep=("W",),
                    buffering=(Buffering(tensor="W", tiles=1),),
                ),
            )
        ),
    )


@pytest.fixture(scope="module")
def trace():
    return simulate(one_tile_at_a_time(), trace="full").trace


def drawn(picture: Picture) -> tuple[list[tuple], list[tuple]]:
    """Slices, and arrows as (from slice, to slice)."""
    slices = list(picture.slices())
    source = {number: one for one in slices for number in one.starts}
    arrows = [
        (
            (source[one.ends.number].lane.name, source[one.ends.number].start),
            (one.lane.name, one.start),
        )
        for one in slices
        if one.ends is not None
    ]
    return [(one.start, one.end, one.lane.name, one.name, one.category) for one in slices], arrows


def test_slices_and_arrows_are_those_of_the_timing_diagram(trace) -> None:
    """A tile arrives 10 cycles after its transfer; the next one's room is free after the burst."""
    slices, arrows = drawn(Picture(trace, **EVERYTHING))
    assert slices == [
        (0, 4, WEIGHTS, "FILL W", "FILL"),
        (0, 14, MAC, "WAIT W GLB delivered", "dram_latency"),
        (14, 21, MAC, "COMPUTE", "COMPUTE"),
        (4, 21, WEIGHTS, "WAIT W GLB released", "buffer_capacity"),
        (21, 25, WEIGHTS, "FILL W", "FILL"),
        (21, 35, MAC, "WAIT W GLB delivered", "dram_latency"),
        (35, 42, MAC, "COMPUTE", "COMPUTE"),
        (25, 42, WEIGHTS, "WAIT W GLB released", "buffer_capacity"),
        (42, 46, WEIGHTS, "FILL W", "FILL"),
        (42, 56, MAC, "WAIT W GLB delivered", "dram_latency"),
        (56, 63, MAC, "COMPUTE", "COMPUTE"),
    ]
    assert arrows == [
        ((WEIGHTS, 0), (MAC, 0)),
        ((MAC, 14), (WEIGHTS, 4)),
        ((WEIGHTS, 21), (MAC, 21)),
        ((MAC, 35), (WEIGHTS, 25)),
        ((WEIGHTS, 42), (MAC, 42)),
    ]


def test_a_window_leaves_out_arrows_from_before_it(trace) -> None:
    """The burst of cycles 35-42 frees room in the window; what it waited for lies before it."""
    picture = Picture(trace, start=26, end=43, units=None, every=None)
    slices, arrows = drawn(picture)
    assert [one[:3] for one in slices] == [
        (21, 35, MAC), (35, 42, MAC), (25, 42, WEIGHTS), (42, 46, WEIGHTS), (42, 56, MAC),
    ]  # fmt: skip
    assert arrows == [((MAC, 35), (WEIGHTS, 25)), ((WEIGHTS, 42), (MAC, 42))]
    assert picture.exported().waits_without_flow == 1


def test_arguments_are_the_columns_that_are_not_null(trace) -> None:
    fill, wait, burst, *_ = Picture(trace, **EVERYTHING).slices()
    assert fill.arguments == {
        "step": 0, "words": 4, "bytes": 8, "wait_cycles": 0, "delivered": 14,
    }  # fmt: skip
    assert wait.arguments == {
        "step": 0, "wait_cycles": 14, "wait_class": "dram_latency", "dram_bandwidth_cycles": 4,
        "dram_latency_cycles": 10,
    }  # fmt: skip
    assert burst.arguments["words"] == 4
    assert "bytes" not in burst.arguments


def test_counters_say_what_is_held_and_what_moves(trace) -> None:
    picture = Picture(trace, **EVERYTHING)
    curves = {curve.name: dict(curve.points) for _, curve in picture.curves}
    assert curves["GLB W held"] == {0: 4, 63: 0}
    assert curves["GLB write"][0] == 1.0
    assert curves["GLB write"][4] == 0.0
    assert curves["GLB read"][14] == pytest.approx(4 / 7, abs=1e-3)
    assert picture.groups == ("DRAM - GLB", MAC, "words held", "words per cycle")


def test_the_distance_of_points_can_be_given(trace) -> None:
    curves = Picture(trace, **EVERYTHING | {"every": 21}).curves
    written = next(curve for _, curve in curves if curve.name == "GLB write")
    assert written.points[0] == (0, pytest.approx(4 / 21, abs=1e-3))
    assert Picture(trace, **EVERYTHING | {"every": 21}).about["counters every"] == "21 cycles"


def test_a_part_of_a_run_says_that_words_held_are_not_known() -> None:
    tracing = Tracing(level="window", window=(10, 40), units=(MAC,))
    trace = simulate(one_tile_at_a_time(), trace=tracing).trace
    picture = Picture(trace, **EVERYTHING)
    slices, arrows = drawn(picture)
    assert [one[2] for one in slices] == [MAC] * len(slices)
    assert arrows == []
    assert "held" not in {curve.name.rpartition(" ")[2] for _, curve in picture.curves}
    assert str(picture.about["words held"]).startswith("left out")
    assert picture.about["window"] == "10:40"


def test_the_trace_of_a_deadlock_says_so(tmp_path) -> None:
    """The second tile waits for a room that its consumer never leaves."""
    case = one_tile_at_a_time()
    program = compile_case(case)
    outer, inner = case.architecture.levels
    tight = inner.model_copy(update={"capacity_words": 3})
    narrow = case.architecture.model_copy(update={"levels": (outer, tight)})
    stuck = case.model_copy(update={"architecture": narrow})
    with pytest.raises(DeadlockError):
        execute(program, stuck, trace=Tracing(level="full", folder=tmp_path / "trace"))
    picture = Picture(read_trace(tmp_path), **EVERYTHING)
    assert picture.about["run"] == "stopped: deadlock"
    assert len(list(picture.slices())) == picture.exported().slices
    for export in (export_chrome, export_perfetto):
        assert export(read_trace(tmp_path), tmp_path / "out") == picture.exported()


@pytest.mark.parametrize("export", [export_chrome, export_perfetto])
def test_what_makes_no_sense_is_refused_and_nothing_is_written(trace, tmp_path, export) -> None:
    for wrong, rule in (
        ({"start": 5, "end": 4}, "must lie within the cycles recorded"),
        ({"units": ["none"]}, "is not a unit of the trace"),
        ({"every": 0}, "must be at least 1 cycle"),
    ):
        with pytest.raises(SpecError, match=rule):
            export(trace, tmp_path / "out", **wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("export", [export_chrome, export_perfetto])
def test_a_failing_export_leaves_the_old_file(trace, tmp_path, export, monkeypatch) -> None:
    file = tmp_path / "out"
    file.write_text("old")

    def broken(self):
        raise OSError("no space")
        yield

    monkeypatch.setattr(Picture, "slices", broken)
    with pytest.raises(OSError, match="no space"):
        export(trace, file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("export", [export_chrome, export_perfetto])
def test_an_empty_window_is_no_error(trace, tmp_path, export) -> None:
    made = export(trace, tmp_path / "out", start=20, end=20)
    assert made.slices == trace.window(20, 20).num_rows


def test_without_the_package_the_extra_is_named(trace, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "perfetto.trace_builder.proto_builder", None)
    with pytest.raises(SpecError, match=r"stallscope\[report\]"):
        export_perfetto(trace, tmp_path / "out")


def test_chrome_json_says_what_it_is(trace, tmp_path: Path) -> None:
    made = export_chrome(trace, tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["otherData"]["time"] == "1 us is one cycle"
    assert document["otherData"]["window"] == "0:73"
    assert made == Exported(
        slices=11,
        counters=sum(event["ph"] == "C" for event in document["traceEvents"]),
        flows=5,
        waits_without_flow=0,
    )
