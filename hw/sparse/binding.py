"""Bind movers of compressed tensors: servers, networks and decoders of what they carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from stallscope.hw.buffer.banks import Runs
from stallscope.hw.fabrics import Direction
from stallscope.hw.ports import Ports
from stallscope.hw.sparse.amounts import Amounts, Network, Sides
from stallscope.hw.sparse.formats import Formats, keys_of
from stallscope.hw.sparse.moving import Moving, Template
from stallscope.mappings.architecture import Architecture
from stallscope.simcore.servers import Server
from stallscope.traces.nest import Block
from stallscope.traces.program import Crossing, MoverStream, Program
from stallscope.traces.sharing import half_hops
from stallscope.traces.ways import Way

__all__ = ["bind"]


class _BoundNetwork(Network):
    """A network of the machine, as a tensor uses it in one direction."""

    def __init__(
        self, ports: Ports, name: str, tensor: str, block: Block, direction: Direction
    ) -> None:  # fmt: skip
        self._fabrics, self._name, self._block = ports.fabrics, name, block
        self._key = ports.fabrics.find(name, tensor)
        self._direction = direction

    def half_hops(self, group: tuple[int, ...]) -> int:
        """See `Network`."""
        if self._key is None:
            return half_hops(self._block, group)
        return int(2 * self._fabrics.hops(self._key, self._one(group), self._direction))

    def links(self, group: tuple[int, ...]) -> Mapping[str, int]:
        """See `Network`."""
        if self._key is None:
            return {}
        return dict(self._fabrics.loads(self._key, self._one(group), self._direction))

    def _one(self, group: tuple[int, ...]) -> Crossing:
        """One word on its way."""
        return Crossing(
            network=self._name, words_in=1, busiest_words=1, deliveries=len(group),
            multicast=((len(group), 1),), hops=Fraction(0), groups=((1, group),),
        )  # fmt: skip


def bind(
    formats: Formats,
    program: Program,
    architecture: Architecture,
    ports: Ports,
    stream: MoverStream,
    unit: str,
    *,
    is_up: bool,
    idle_cause: int,
) -> tuple[Moving, frozenset[str]]:
    """Bind a mover whose tensor is compressed at an end of its way.

    Args:
        formats: What is compressed where.
        program: The program.
        architecture: What it runs on.
        ports: Its servers.
        stream: The mover's stream.
        unit: Name of the mover.
        is_up: Whether it is the drain of an output.
        idle_cause: Number of the cause of a transfer that nothing limits.

    Returns:
        What its steps carry, and the names of all servers that it may hold.
    """
    way, tensor = Way(program, architecture, stream), stream.tensor
    direction = Direction.UP if is_up else Direction.DOWN
    networks = [
        _BoundNetwork(ports, name, tensor, block, direction)
        for name, block in zip(way.names, way.blocks, strict=True)
    ]
    sides = Sides(
        parent=formats.words(stream.parent, tensor), child=formats.words(stream.child, tensor)
    )
    moving = Moving(stream, keys_of(stream, way), way, sides, networks)
    parts = _merged(_columns(formats, ports, stream, unit, moving, is_up=is_up))
    burst = ports.burst_words((stream.parent, stream.child))
    moving.connect(Template(parts=parts, idle_cause=idle_cause, burst_words=burst))
    return moving, frozenset(server.name for server, _ in parts)


def _merged(
    columns: Iterable[tuple[Server, int]],
) -> tuple[tuple[Server, tuple[int, ...]], ...]:
    """The columns of each server, in the order of first mention."""
    merged: dict[str, tuple[Server, tuple[int, ...]]] = {}
    for server, column in columns:
        before = merged.get(server.name, (server, ()))[1]
        merged[server.name] = (server, (*before, column))
    return tuple(merged.values())


def _columns(
    formats: Formats, ports: Ports, stream: MoverStream, unit: str, moving: Moving, *, is_up: bool
) -> list[tuple[Server, int]]:
    """Servers on the way, each with a column of words that it moves, as `Binding` has them."""
    tensor, amounts = stream.tensor, moving.amounts
    outer, inner = ("write", "read") if is_up else ("read", "write")

    def port(level: str, which: str, column: int) -> list[tuple[Server, int]]:
        held = ports.access(unit, level, which, tensor, Runs.single(1))
        return [(server, column) for server, _ in held]

    found = port(stream.parent, outer, amounts.PARENT)
    for name, entry, links in zip(stream.networks, amounts.entries, moving.links, strict=True):
        servers = [(ports.entry(unit, name, tensor), entry)]
        servers += [(ports.find(unit, link), entry + 1 + at) for at, link in enumerate(links)]
        found += [(server, column) for server, column in servers if server is not None]
    found += port(stream.child, inner, amounts.CHILD)
    found += port(stream.child, "read", amounts.LINKS)
    for name, is_at_parent in _codecs(formats, stream, is_up=is_up):
        column = Amounts.PARENT_NONZERO if is_at_parent else Amounts.CHILD_NONZERO
        server = ports.find(unit, name)
        found += [(server, column)] if server is not None else []
    return found


def _codecs(formats: Formats, stream: MoverStream, *, is_up: bool) -> list[tuple[str, bool]]:
    """Encoders and decoders on the way, and whether they stand at the parent or at the child.

    What is compressed alike at both ends passes as it is. Words are encoded where they begin, and
    decoded where they arrive, and then encoded anew if that end has another format.
    """
    begin, end = stream.parent, stream.child
    if is_up:
        begin, end = end, begin
    tensor = stream.tensor
    given, taken = formats.words(begin, tensor), formats.words(end, tensor)
    if given is taken:
        return []
    encoder = f"{end}.encoder {tensor}"
    if given is None:
        return [(encoder, not is_up)]
    decoder = [(f"{begin}.decoder {tensor}", is_up)]
    return decoder if taken is None else [*decoder, (encoder, is_up)]
