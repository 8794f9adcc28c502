"""Export of an event trace as a Perfetto trace, a stream of protobuf packets.

Tracks are nested: the run, its groups, their lanes and counters. One cycle is one microsecond, as
in Chrome JSON. Every slice is a pair of begin and end, or an instant where it took no time; an
arrow's number stands at the begin of the step and at the end of the wait, since readers take the
earlier event for the source. Needs the package ``perfetto`` (extra ``report``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.events.curves import Curve
from stallscope.traces.events.picture import Exported, Picture, Slice
from stallscope.traces.storage import PathLike, replacing

if TYPE_CHECKING:
    from stallscope.traces.events.trace import Trace

__all__ = ["export_perfetto"]

_NS_PER_CYCLE = 1000
_SEQUENCE = 1
_RUN = 1
"""Number of the track of the run; the others follow."""


def export_perfetto(
    trace: Trace,
    path: PathLike,
    *,
    start: int | None = None,
    end: int | None = None,
    units: Iterable[str] | None = None,
    every: int | None = None,
) -> Exported:
    """Write a trace, or a window of it, for Perfetto; the file appears complete or not at all.

    Args:
        trace: The trace.
        path: The file.
        start: First cycle; None: the first one recorded.
        end: Cycle after the last; None: the end of the run.
        units: Names of the units shown; None: all.
        every: Cycles between points of counters; None: as many as give 2000 points at most.

    Returns:
        What was written.

    Raises:
        SpecError: If the window, a unit or ``every`` makes no sense, or the package ``perfetto``
            is missing.
        OSError: If the place cannot be written.
    """
    builder, schema = _perfetto()
    picture = Picture(trace, start=start, end=end, units=units, every=every)
    with replacing(path) as temporary, temporary.open("wb") as file:
        writer = _Writer(builder(file), schema, picture)
        writer.tracks()
        for place, (_, curve) in enumerate(picture.curves):
            writer.curve(place, curve)
        for one in picture.slices():
            writer.slice(one)
    return picture.exported()


def _perfetto() -> tuple[Any, Any]:  # Any: the package has no types for its builder
    """The package's streaming builder, and its protobuf messages."""
    try:
        from perfetto.protos.perfetto.trace import perfetto_trace_pb2
        from perfetto.trace_builder.proto_builder import StreamingTraceProtoBuilder
    except ImportError as error:
        rule = f"needs the package perfetto, which is not installed ({error})"
        remedy = "pip install 'stallscope[report]', or export Chrome JSON, which needs nothing"
        fault = Fault(place="format", value="perfetto", rule=rule, remedy=remedy)
        raise SpecError([fault]) from error
    return StreamingTraceProtoBuilder, perfetto_trace_pb2


class _Writer:
    """Writes packets; names are written once, and numbers instead of them afterwards."""

    def __init__(self, builder: Any, schema: Any, picture: Picture) -> None:  # Any: see `_perfetto`
        self._builder = builder
        self._event, self._order = schema.TrackEvent, schema.TrackDescriptor
        self._flags = schema.TracePacket
        self._picture = picture
        self._groups = _RUN + 1
        self._lanes = self._groups + len(picture.groups) - 1  # lanes count from 1
        self._curves = self._lanes + len(picture.lanes) + 1
        self._names: dict[str, dict[str, int]] = {}

    def tracks(self) -> None:
        """Write the tracks, and on the first one what the trace is of."""
        picture = self._picture
        about = "\n".join(f"{name}: {value}" for name, value in picture.about.items())
        packet = self._track(_RUN, None, str(picture.about["trace of"]) or "run", 0)
        packet.track_descriptor.description = about
        packet.sequence_flags = self._flags.SEQ_INCREMENTAL_STATE_CLEARED
        packet.first_packet_on_sequence = True
        self._builder.write_packet(packet)
        for number, name in enumerate(picture.groups):
            self._builder.write_packet(self._track(self._groups + number, _RUN, name, number))
        for lane in picture.lanes:
            group = self._groups + lane.group
            track = self._track(self._lanes + lane.number, group, lane.name, lane.number)
            self._builder.write_packet(track)
        for number, (place, curve) in enumerate(picture.curves):
            track = self._track(self._curves + number, self._groups + place, curve.name, number)
            track.track_descriptor.counter.unit_name = curve.unit
            self._builder.write_packet(track)
        packet = self._packet(picture.start, _RUN, self._event.TYPE_INSTANT)
        self._name(packet, "stallscope", "about")
        for name, value in picture.about.items():
            self._argument(packet, name, value)
        self._builder.write_packet(packet)

    def curve(self, place: int, curve: Curve) -> None:
        """Write the points of a counter."""
        for cycle, value in curve.points:
            packet = self._packet(cycle, self._curves + place, self._event.TYPE_COUNTER)
            packet.track_event.double_counter_value = value
            self._builder.write_packet(packet)

    def slice(self, one: Slice) -> None:
        """Write a slice."""
        track = self._lanes + one.lane.number
        takes_time = one.end > one.start
        kind = self._event.TYPE_SLICE_BEGIN if takes_time else self._event.TYPE_INSTANT
        packet = self._packet(one.start, track, kind)
        self._name(packet, one.name, one.category)
        for name, value in one.arguments.items():
            self._argument(packet, name, value)
        packet.track_event.flow_ids.extend(one.starts)
        self._builder.write_packet(packet)
        if takes_time:
            packet = self._packet(one.end, track, self._event.TYPE_SLICE_END)
            if one.ends is not None:
                packet.track_event.terminating_flow_ids.append(one.ends.number)
            self._builder.write_packet(packet)

    # ------------------------------------------------------------------ parts of packets

    def _track(self, number: int, parent: int | None, name: str, rank: int) -> Any:
        packet = self._builder.create_packet()
        packet.trusted_packet_sequence_id = _SEQUENCE
        track = packet.track_descriptor
        track.uuid = number
        if parent is not None:
            track.parent_uuid = parent
        track.name = name
        track.child_ordering = self._order.EXPLICIT
        track.sibling_order_rank = rank
        return packet

    def _packet(self, cycle: int, track: int, kind: int) -> Any:
        packet = self._builder.create_packet()
        packet.timestamp = cycle * _NS_PER_CYCLE
        packet.trusted_packet_sequence_id = _SEQUENCE
        packet.sequence_flags = self._flags.SEQ_NEEDS_INCREMENTAL_STATE
        event = packet.track_event
        event.track_uuid = track
        event.type = kind
        return packet

    def _name(self, packet: Any, name: str, category: str) -> None:
        packet.track_event.name_iid = self._number(packet, "event_names", name)
        if category:
            number = self._number(packet, "event_categories", category)
            packet.track_event.category_iids.append(number)

    def _argument(self, packet: Any, name: str, value: float | str) -> None:
        note = packet.track_event.debug_annotations.add()
        note.name_iid = self._number(packet, "debug_annotation_names", name)
        if isinstance(value, str):
            note.string_value = value
        elif isinstance(value, int):
            note.int_value = value
        else:
            note.double_value = value

    def _number(self, packet: Any, table: str, name: str) -> int:
        """Number of a name; at its first use the packet says what it means."""
        known = self._names.setdefault(table, {})
        number = known.get(name)
        if number is None:
            number = known[name] = len(known) + 1
            entry = getattr(packet.interned_data, table).add()
            entry.iid, entry.name = number, name
        return number
