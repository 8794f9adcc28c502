"""Request traces of the DRAM reference cases, from their formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Batch", "batches"]

Ints = npt.NDArray[np.int64]
Trace = Mapping[str, Any]  # Any: a parsed JSON object of another tool's making


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive requests of one direction, offered from a clock on.

    Attributes:
        not_before: First clock at which they are offered.
        addresses: Byte addresses, int64, shape (requests,).
        is_write: Whether they are writes.
    """

    not_before: int
    addresses: Ints
    is_write: bool


def batches(trace: Trace) -> list[Batch]:
    """Return a trace as batches, in order.

    Raises:
        SpecError: If the trace is of no known kind, or an entry of it is missing.
    """
    kind = trace.get("fn")
    try:
        if kind == "isolated":
            return [
                Batch(int(clock), np.array([address], dtype=np.int64), op == "W")
                for clock, address, op in trace["items"]
            ]
        if kind in _TRACES:
            addresses, writes = _TRACES[kind](trace)
            return list(_split(addresses.astype(np.int64), writes))
    except KeyError as error:
        rule = f"a trace of kind {kind} needs {error}"
        raise SpecError([Fault(place="trace", value=kind, rule=rule)]) from error
    rule = f"no such kind of trace; known: {', '.join((*_TRACES, 'isolated'))}"
    raise SpecError([Fault(place="trace.fn", value=kind, rule=rule)])


def _split(addresses: Ints, writes: npt.NDArray[np.bool_]) -> Iterator[Batch]:
    """Cut where the direction changes."""
    edges = [0, *(np.flatnonzero(writes[1:] != writes[:-1]) + 1).tolist(), len(addresses)]
    for start, end in pairwise(edges):
        yield Batch(0, addresses[start:end], bool(writes[start]))


Requests = tuple[Ints, npt.NDArray[np.bool_]]


def _same(addresses: Ints, op: str) -> Requests:
    return addresses, np.full(len(addresses), op == "W")


def _seq(trace: Trace) -> Requests:
    count = trace["bytes"] // trace["R"]
    return _same(trace.get("base", 0) + np.arange(count) * trace["R"], trace["op"])


def _strided(trace: Trace) -> Requests:
    addresses = trace.get("base", 0) + np.arange(trace["count"]) * trace["stride"]
    return _same(addresses, trace["op"])


def _rand(trace: Trace) -> Requests:
    value, size, bursts = trace["seed"], trace["R"], trace["region"] // trace["R"]
    addresses = np.empty(trace["count"], dtype=np.int64)
    for k in range(trace["count"]):
        value = (6364136223846793005 * value + 1442695040888963407) % 2**64
        addresses[k] = (value >> 33) % bursts * size
    every = trace.get("write_every")
    if not every:
        return _same(addresses, trace["op"])
    return addresses, np.arange(len(addresses)) % every == every - 1


def _tiles(trace: Trace) -> Requests:
    tile, size = trace["tile"], trace["R"]
    inside = np.arange(tile // size) * size
    tiles = np.arange(trace["ntiles"])[:, None, None] * tile
    bases = np.array(trace["bases"])[None, :, None]
    addresses = tiles + bases + inside[None, None, :]
    ops = np.array([op == "W" for op in trace["ops"]])[None, :, None]
    return addresses.ravel(), np.broadcast_to(ops, addresses.shape).ravel()


def _round_robin(trace: Trace) -> Requests:
    steps = np.arange(trace["bytes"] // trace["R"])[:, None] * trace["R"]
    addresses = steps + np.array(trace["bases"])[None, :]
    ops = np.array([op == "W" for op in trace["ops"]])[None, :]
    return addresses.ravel(), np.broadcast_to(ops, addresses.shape).ravel()


def _tile2d(trace: Trace) -> Requests:
    rows, row_bytes = trace["rows"], trace["row_bytes"]
    ty, tx, r, j = np.ogrid[: trace["nty"], : trace["ntx"], :rows, : row_bytes // trace["R"]]
    addresses = (ty * rows + r) * trace["pitch"] + tx * row_bytes + j * trace["R"]
    return _same(trace.get("base", 0) + addresses.ravel(), trace["op"])


_TRACES: dict[str, Callable[[Trace], Requests]] = {
    "seq": _seq, "strided": _strided, "rand": _rand, "tiles": _tiles, "rr": _round_robin,
    "tile2d": _tile2d,
}  # fmt: skip
