"""Both formats hold the same slices, counters and arrows, row for row those of the trace."""

from __future__ import annotations

import json
from collections import Counter as Multiset
from collections import defaultdict

import pyarrow
import pytest
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace as Packets
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TrackEvent

from stallscope.hw.simulate import simulate
from stallscope.simcore import counter
from stallscope.traces.events import expansion, picture
from stallscope.traces.events.chrome import export_chrome
from stallscope.traces.events.perfetto_export import export_perfetto
from tests.property.seeded import seeded_case
from tests.sets import some

SEEDS = some([3, 25, 0, 5, 6, 7, 8, 9, 11, 15, 17, 18, 24], quick=(3, 25))
NUMBERS = ("step", "words", "bytes", "wait_cycles", "delivered", "wait_class")


def rows_of(trace, start=None, end=None) -> list[tuple]:
    """The rows of a window as (lane, start, end, name, arguments), in order per lane."""
    found = []
    for row in trace.window(start, end).to_pylist():
        what = row["awaits"] if row["op"] == "WAIT" else row["tensor"]
        shown = {name: row[name] for name in NUMBERS if row[name] is not None}
        shown |= {name: n for name, n in row.items() if name.endswith("_cycles") and n}
        shown["wait_cycles"] = row["wait_cycles"]
        name = f"{row['op']} {what or ''}".rstrip()
        found.append((row["unit"], row["start"], row["end"], name, shown))
    return sorted(found, key=lambda one: (one[0], one[1], one[2]))


class Drawn:
    """An exported file as a viewer takes it: lanes with slices, counters, arrows.

    Attributes:
        slices: (lane, start, end, name, arguments).
        counters: Points per counter, in the order of the file.
        starts, ends: Slices at which each arrow starts and ends.
    """

    def __init__(self) -> None:
        self.slices: list[tuple] = []
        self.counters: dict[str, list[tuple]] = defaultdict(list)
        self.starts: dict[int, list[tuple]] = defaultdict(list)
        self.ends: dict[int, list[tuple]] = defaultdict(list)

    @property
    def rows(self) -> list[tuple]:
        return sorted(self.slices, key=lambda one: (one[0], one[1], one[2]))

    @property
    def arrows(self) -> dict[int, tuple]:
        assert self.starts.keys() == self.ends.keys()
        assert {len(found) for found in (*self.starts.values(), *self.ends.values())} <= {1}
        return {at: (self.starts[at][0][:4], self.ends[at][0][:4]) for at in self.starts}


def from_chrome(path) -> Drawn:
    drawn = Drawn()
    lanes, last = {}, {}
    for event in json.loads(path.read_text())["traceEvents"]:
        place = (event["pid"], event.get("tid"))
        match event["ph"]:
            case "M" if event["name"] == "thread_name":
                lanes[place] = event["args"]["name"]
            case "X":
                end = event["ts"] + event["dur"]
                last[place] = (lanes[place], event["ts"], end, event["name"], event["args"])
                drawn.slices.append(last[place])
            case "s" | "f":
                # What a reader does: the slice of the lane that came last in the file.
                one = last[place]
                assert one[1] <= event["ts"] <= one[2]
                (drawn.starts if event["ph"] == "s" else drawn.ends)[event["id"]].append(
                    (*one, event["ts"])
                )
            case "C":
                ((_, value),) = event["args"].items()
                drawn.counters[event["name"]].append((event["ts"], value))
    for number, ((*_, start),) in drawn.starts.items():
        assert start <= drawn.ends[number][0][-1]
    return drawn


class Reader:
    """Takes packets as the trace processor does: sorted by time, ties in the order of the file."""

    def __init__(self, path) -> None:
        self.drawn = Drawn()
        self.open: dict[int, tuple] = {}
        self.names: dict[tuple[str, int], str] = {}
        self.tracks: dict[int, str] = {}
        packets = Packets.FromString(path.read_bytes()).packet
        for packet in packets:
            for table in ("event_names", "event_categories", "debug_annotation_names"):
                for entry in getattr(packet.interned_data, table):
                    self.names[table, entry.iid] = entry.name
            if packet.HasField("track_descriptor"):
                self.tracks[packet.track_descriptor.uuid] = packet.track_descriptor.name
        events = [packet for packet in packets if packet.HasField("track_event")]
        for packet in sorted(events, key=lambda packet: packet.timestamp):
            assert packet.timestamp % 1000 == 0
            self.event(packet.timestamp // 1000, packet.track_event)
        assert not self.open

    def event(self, cycle: int, event: TrackEvent) -> None:
        lane = self.tracks[event.track_uuid]
        if event.type == TrackEvent.TYPE_COUNTER:
            self.drawn.counters[lane].append((cycle, event.double_counter_value))
        elif event.type == TrackEvent.TYPE_SLICE_END:
            begun = self.open.pop(event.track_uuid)
            one = (begun[0], begun[1], cycle, *begun[3:])
            self.drawn.slices.append(one)
            for number in event.terminating_flow_ids:
                assert number in self.drawn.starts, "an end before its start is dropped"
                self.drawn.ends[number].append(one)
        else:
            self.begin(lane, cycle, event)

    def begin(self, lane: str, cycle: int, event: TrackEvent) -> None:
        assert event.track_uuid not in self.open
        values = {
            self.names["debug_annotation_names", note.name_iid]: getattr(
                note, note.WhichOneof("value")
            )
            for note in event.debug_annotations
        }
        one = (lane, cycle, cycle, self.names["event_names", event.name_iid], values)
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            self.open[event.track_uuid] = one
        elif one[3] != "stallscope":
            assert event.type == TrackEvent.TYPE_INSTANT
            self.drawn.slices.append(one)
        for number in event.flow_ids:
            self.drawn.starts[number].append(one)


def from_perfetto(path) -> Drawn:
    drawn = Reader(path).drawn
    # At its start the end of a slice is not known yet.
    known = {(one[0], one[1], one[3], one[4]["step"]): one for one in drawn.slices}
    for number, ((lane, start, _, name, values),) in drawn.starts.items():
        drawn.starts[number] = [known[lane, start, name, values["step"]]]
    return drawn


def unknown_fields(message: Message) -> int:
    """Unknown fields anywhere in a message."""
    count = len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if field.is_repeated else [value]:
                count += unknown_fields(one)
    return count


@pytest.fixture(scope="module", params=SEEDS)
def exported(request, tmp_path_factory):
    """A random machine's trace and its two files."""
    folder = tmp_path_factory.mktemp("export")
    trace = simulate(seeded_case(request.param), trace="full").trace
    made = export_chrome(trace, folder / "chrome.json")
    assert export_perfetto(trace, folder / "perfetto.pftrace") == made
    chrome, packets = (
        from_chrome(folder / "chrome.json"),
        from_perfetto(folder / "perfetto.pftrace"),
    )
    return trace, folder, made, chrome, packets


def test_both_formats_hold_the_rows_of_the_trace(exported) -> None:
    trace, _, made, chrome, packets = exported
    rows = rows_of(trace)
    assert chrome.rows == rows
    assert packets.rows == rows
    assert made.slices == len(rows) == trace.rows


def test_slices_of_a_lane_never_overlap(exported) -> None:
    *_, chrome, packets = exported
    for drawn in (chrome, packets):
        for one, following in zip(drawn.rows, drawn.rows[1:], strict=False):
            assert one[0] != following[0] or one[2] <= following[1]


def test_packets_have_no_unknown_fields(exported) -> None:
    """Also those of the smallest part: a field that the package does not know would be lost."""
    packets = Packets.FromString((exported[1] / "perfetto.pftrace").read_bytes())
    assert len(packets.packet) > 10
    assert unknown_fields(packets) == 0


def test_unknown_fields_would_be_found() -> None:
    packets = Packets()
    packets.packet.add().track_event.MergeFromString(b"\xfa\xff\x0f\x01x")
    assert unknown_fields(packets) == 1


def test_every_wait_for_a_unit_has_one_arrow(exported) -> None:
    trace, _, made, chrome, packets = exported
    waits = Multiset(
        (row["unit"], row["start"])
        for row in trace.window().to_pylist()
        if row["awaits"] not in (None, "delay")
    )
    assert made.waits_without_flow == 0
    assert made.flows == waits.total()
    assert Multiset(wait[:2] for _, wait in chrome.arrows.values()) == waits
    assert {
        number: ((*source[:2], source[3]), wait) for number, (source, wait) in chrome.arrows.items()
    } == {
        number: ((*source[:2], source[3]), wait)
        for number, (source, wait) in packets.arrows.items()
    }


def test_counters_go_on_in_time_and_are_those_of_the_trace(exported) -> None:
    trace, _, made, chrome, packets = exported
    assert chrome.counters == packets.counters
    assert made.counters == sum(map(len, chrome.counters.values()))
    every = max(1, -(-trace.cycles // 2000))
    for name, points in chrome.counters.items():
        cycles = [cycle for cycle, _ in points]
        assert cycles == sorted(set(cycles))
        if name.endswith("held"):
            level, tensor, _ = name.split()
            table = trace.held(level, tensor, every=every).to_pydict()
            value = dict(points)
            shown = None
            for cycle, words in zip(table["cycle"], table["words"], strict=True):
                shown = value.get(cycle, shown)
                assert words == shown


@pytest.mark.parametrize("seed", SEEDS)
def test_fast_forward_changes_no_byte(seed, tmp_path) -> None:
    files = []
    for is_on in (True, False):
        trace = simulate(seeded_case(seed), trace="full", fast_forward=is_on).trace
        for export in (export_chrome, export_perfetto):
            files.append(tmp_path / f"{export.__name__}-{is_on}")
            export(trace, files[-1])
    chrome, packets, plain_chrome, plain_packets = (file.read_bytes() for file in files)
    assert chrome == plain_chrome
    assert packets == plain_packets


@pytest.mark.parametrize("seed", SEEDS)
def test_a_window_is_the_window_of_the_trace(seed, tmp_path) -> None:
    """Row for row; and its arrows are those of the whole whose two slices lie in it."""
    trace = simulate(seeded_case(seed), trace="full").trace
    export_chrome(trace, tmp_path / "all")
    arrows = from_chrome(tmp_path / "all").arrows
    length = max(1, trace.cycles // 7)
    for start in (0, trace.cycles // 3, trace.cycles - length):
        end = start + length
        made = export_chrome(trace, tmp_path / "chrome", start=start, end=end)
        assert made == export_perfetto(trace, tmp_path / "packets", start=start, end=end)
        chrome, packets = from_chrome(tmp_path / "chrome"), from_perfetto(tmp_path / "packets")
        rows = rows_of(trace, start, end)
        assert chrome.rows == packets.rows == rows
        shown = {one[:4] for one in rows}
        assert chrome.arrows == {
            number: ends for number, ends in arrows.items() if shown.issuperset(ends)
        }
        assert made.flows == len(chrome.arrows) == len(packets.arrows)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_recorded_window_has_no_other_arrows_than_the_run(seed, tmp_path) -> None:
    """What was not recorded may have been due in the same cycle: then there is no arrow."""
    case = seeded_case(seed)
    trace = simulate(case, trace="full").trace
    export_chrome(trace, tmp_path / "all")
    arrows = from_chrome(tmp_path / "all").arrows
    missing = []
    for start in range(0, trace.cycles, max(1, trace.cycles // 9)):
        window = (start, min(start + max(9, trace.cycles // 11), trace.cycles))
        part = simulate(case, trace="window", window=window).trace
        made = export_chrome(part, tmp_path / "part")
        found = from_chrome(tmp_path / "part").arrows
        assert found.items() <= arrows.items()
        inside = export_chrome(trace, tmp_path / "inside", start=window[0], end=window[1])
        assert made.slices == inside.slices
        missing.append(inside.flows - made.flows)
    assert missing[0] <= len(trace.meta.counters)
    assert min(missing) >= 0


@pytest.mark.parametrize("seed", SEEDS)
def test_how_much_is_in_memory_does_not_matter(seed, tmp_path, monkeypatch) -> None:
    """A few slices at a time: arrows lead from part to part, and no part is much too large."""
    trace = simulate(seeded_case(seed), trace="full").trace
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for export in (export_chrome, export_perfetto):
        export(trace, whole, end=trace.cycles // 2)
        with monkeypatch.context() as patch:
            patch.setattr(expansion, "CHUNK", 50)
            patch.setattr(picture, "_PART", 7)
            export(trace, parts, end=trace.cycles // 2)
        assert whole.read_bytes() == parts.read_bytes()


@pytest.mark.parametrize("fast_forward", [True, False])
def test_a_trace_is_expanded_in_parts(fast_forward, monkeypatch) -> None:
    """Also what repeats many times at once, and many rows of which nothing repeats."""
    trace = simulate(seeded_case(14), trace="full", fast_forward=fast_forward).trace
    rows = trace.window()
    assert len(rows) > 1000
    monkeypatch.setattr(expansion, "CHUNK", 50)
    batches = list(trace.batches())
    assert max(batch.num_rows for batch in batches) < 2 * 50
    assert pyarrow.concat_tables(batches).equals(rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_arrows_start_at_the_step_that_woke_the_unit(seed, tmp_path, monkeypatch) -> None:
    """Checked against the counters themselves, as they grow in the run."""
    woken: dict[tuple[str, int, str], tuple[int, int]] = {}
    grown: Multiset[int] = Multiset()
    add = counter.Counter.add

    def watched(self, amount: int) -> None:
        grown[self.number] += amount > 0
        for need, waiter, _ in self._waiting:
            if self.value + amount >= need:
                # A second wait in the cycle would be of length 0, and no row.
                key = (waiter.name, self._env._now, self.name)
                woken.setdefault(key, (self.number, grown[self.number]))
        add(self, amount)

    monkeypatch.setattr(counter.Counter, "add", watched)
    trace = simulate(seeded_case(seed), trace="full", fast_forward=False).trace
    export_chrome(trace, tmp_path / "out")
    changes = defaultdict(list)
    for row in trace.window().to_pylist():
        for number, amount, _ in () if row["op"] == "WAIT" else trace.meta.outcomes[row["outcome"]]:
            changes[number] += [(row["unit"], row["start"], row["end"])] * (amount > 0)
    arrows = from_chrome(tmp_path / "out").arrows
    assert arrows
    for source, wait in arrows.values():
        number, count = woken[wait[0], wait[2], wait[3].removeprefix("WAIT ")]
        assert source[:3] == changes[number][count - 1]
