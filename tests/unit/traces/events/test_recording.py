"""Recording: what is kept of a run, and what is left on disk however it ends."""

from __future__ import annotations

import pytest

from stallscope.hw.simulate import Tracing, execute, simulate
from stallscope.simcore.errors import DeadlockError, SimulationBug, SpecError
from stallscope.traces.compile import compile_case
from stallscope.traces.events import recording
from stallscope.traces.events.columns import EVENTS, META, REPEATS
from stallscope.traces.events.critical import critical_chain
from stallscope.traces.events.trace import read_trace
from tests.property.seeded import seeded_case
from tests.property.trace_laws import rows_of
from tests.sets import some
from tests.theory.test_attribution import layer


def test_a_trace_reads_as_a_timing_diagram():
    """One tile of outputs, a DRAM of a word a cycle: two tiles of a layer, every slice of it."""
    case = layer(weights=1, dram={"read_words_per_cycle": 1, "read_latency_cycles": 3})
    rows = simulate(case, trace="full").trace.window(0, 30).to_pylist()
    shown = [
        (row["start"], row["end"], row["unit"], row["op"], row["wait_class"], row["delivered"])
        for row in rows
        if row["unit"] in ("W DRAM->GLB", "W GLB->spad", "MAC")
    ]
    assert shown[:9] == [
        (0, 8, "W DRAM->GLB", "FILL", None, 11),
        (0, 11, "W GLB->spad", "WAIT", "dram_bandwidth", None),
        (11, 11, "W GLB->spad", "FILL", None, 11),
        (8, 11, "W DRAM->GLB", "WAIT", "buffer_capacity", None),
        (0, 11, "MAC", "WAIT", "dram_bandwidth", None),
        (11, 19, "W DRAM->GLB", "FILL", None, 22),
        (11, 19, "MAC", "COMPUTE", None, 19),
        (11, 22, "W GLB->spad", "WAIT", "dram_bandwidth", None),
        (22, 22, "W GLB->spad", "FILL", None, 22),
    ]
    wait = next(row for row in rows if row["unit"] == "MAC")
    assert (wait["dram_bandwidth_cycles"], wait["dram_latency_cycles"]) == (8, 3)
    assert wait["awaits"] == "W spad delivered"
    assert (wait["words"], wait["bytes"], wait["delivered"], wait["kind"]) == (None,) * 4


def test_memory_holds_one_batch(monkeypatch):
    whole = rows_of(simulate(seeded_case(420), trace="full").trace.window())
    monkeypatch.setattr(recording, "BATCH", 7)
    small = simulate(seeded_case(420), trace="full").trace
    assert rows_of(small.window()) == whole


def test_some_units_only(tmp_path):
    case = layer()
    tracing = Tracing(level="full", units=("MAC",), folder=tmp_path)
    trace = simulate(case, trace=tracing).trace
    full = simulate(case, trace="full").trace
    assert rows_of(full.window(units=["MAC"])) == rows_of(trace.window())
    assert trace.units == ("MAC",)
    with pytest.raises(SpecError, match="is not a unit of the trace; recorded: MAC"):
        trace.occupancy("W DRAM->GLB")
    with pytest.raises(SpecError, match="holds a part of the run only"):
        trace.tile_lifetimes("spad", "W")


def test_a_window_knows_what_it_holds():
    trace = simulate(layer(), trace="window", window=(20, 60)).trace
    assert (trace.begin, trace.end) == (20, 60)
    with pytest.raises(SpecError, match="must lie within the cycles recorded, 20:60"):
        trace.window(0, 60)


def test_an_empty_window_holds_nothing():
    trace = simulate(layer(), trace="full").trace
    assert len(trace.window(20, 20)) == 0


def test_what_begins_and_ends_as_the_run_ends_is_of_it():
    trace = simulate(layer(), trace="full").trace
    rows = trace.window().to_pylist()
    assert (rows[-1]["start"], rows[-1]["end"]) == (trace.cycles, trace.cycles)
    assert trace.rows == len(rows)


@pytest.mark.parametrize("every", some([1, 7], quick=[7]))
def test_a_recorded_window_ends_where_it_was_asked_to(every):
    """What repeats from inside a window on into what follows it is not shown."""
    case = seeded_case(1000)
    full = simulate(case, trace="full").trace
    for end in range(200, 280, every):
        part = simulate(case, trace="window", window=(100, end)).trace
        assert rows_of(part.window()) == rows_of(full.window(100, end)), end


def test_a_window_may_reach_past_the_end_of_the_run():
    trace = simulate(layer(), trace="window", window=(100, 10**9)).trace
    assert trace.end == trace.cycles == 160


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trace": "all"}, "must be one of off, summary, window, full"),
        ({"trace": "window"}, "needs a range of cycles; give one"),
        ({"trace": "full", "window": (0, 5)}, "does not go with the trace full; give the trace"),
        ({"trace": "window", "window": (5, 5)}, "must be a first cycle of at least 0"),
    ],
)
def test_what_makes_no_sense_is_refused(options, said):
    with pytest.raises(SpecError, match=said):
        simulate(layer(), **options)


def test_an_unknown_unit_is_refused_with_the_known_ones():
    with pytest.raises(SpecError, match="is no unit; units: W DRAM->GLB, O DRAM->GLB"):
        simulate(layer(), trace=Tracing(level="full", units=("PE",)))


def test_a_temporary_trace_goes_with_its_result():
    trace = simulate(layer(), trace="full").trace
    folder = trace.folder
    assert (folder / META).exists()
    del trace
    assert not folder.exists()


def test_a_deadlock_leaves_the_trace_of_what_came_before(tmp_path):
    case = layer()
    program = compile_case(case)
    levels = case.architecture.levels
    tight = levels[2].model_copy(update={"capacity_words": 4})
    architecture = case.architecture.model_copy(update={"levels": (*levels[:2], tight)})
    stuck = case.model_copy(update={"architecture": architecture})
    with pytest.raises(DeadlockError):
        execute(program, stuck, trace=Tracing(level="full", folder=tmp_path))
    trace = read_trace(tmp_path)
    assert not trace.meta.is_complete
    assert trace.meta.rows == len(trace.window())


def test_a_run_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(self, cycles):
        raise SimulationBug("planted")

    monkeypatch.setattr("stallscope.hw.machine.Machine.check", fail)
    with pytest.raises(SimulationBug):
        simulate(layer(), trace=Tracing(level="full", folder=tmp_path / "trace"))
    assert [path.name for path in (tmp_path / "trace").iterdir()] == []


@pytest.mark.parametrize("name", [EVENTS, REPEATS, META])
def test_the_files_of_a_trace(tmp_path, name):
    simulate(layer(), trace=Tracing(level="full", folder=tmp_path))
    assert (tmp_path / name).stat().st_size > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([EVENTS, REPEATS, META])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a trace's metadata"),
        ("[]", "is not a trace of a version"),
        ('{"stallscope_trace": 99}', "is not a trace of a version this release reads"),
        ('{"stallscope_trace": 1}', "is damaged: name"),
    ],
)
def test_metadata_that_are_none(tmp_path, text, said):
    (tmp_path / META).write_text(text)
    with pytest.raises(SpecError, match=said):
        read_trace(tmp_path)


def test_equal_runs_leave_equal_bytes(tmp_path):
    for name in ("one", "two"):
        simulate(seeded_case(3), trace=Tracing(level="full", folder=tmp_path / name))
    for file in (EVENTS, REPEATS, META):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_window_of_the_whole_run_is_the_whole_run():
    """What begins and ends as the run ends is of it, asked for or not."""
    trace = simulate(layer(), trace="full").trace
    assert rows_of(trace.window()) == rows_of(trace.window(0, trace.cycles))


def test_execute_takes_the_name_of_a_trace_too():
    case = layer()
    trace = execute(compile_case(case), case, trace="window", window=(5, 9)).trace
    assert rows_of(trace.window()) == rows_of(simulate(case, trace="full").trace.window(5, 9))


def test_a_chain_without_latencies_has_no_way():
    """A broken last cycle is the step's own: bandwidths of 5/2 words, no latency anywhere."""
    case = layer(dram={"read_words_per_cycle": "5/2"}, glb={"write_words_per_cycle": "5/3"})
    trace = simulate(case, trace="full").trace
    assert {one.doing for one in critical_chain(trace)} <= {"FILL", "COMPUTE", "DRAIN", "held up"}
