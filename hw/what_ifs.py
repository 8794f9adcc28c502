"""What can be made ideal, or chosen otherwise, of a level and of the network below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stallscope.mappings.architecture import ComputeLevel, Network, StorageLevel
from stallscope.mappings.main_memory import MainMemory

__all__ = ["COMPUTE_CHANGES", "Change", "changes"]

Change = Callable[[StorageLevel], StorageLevel]
ADDRESS_MAPS = ("rochrababgco", "rochrabacobg", "rochracobabg", "rorabachbgco")
"""Maps that are tried: rows in one bank, bank groups lowest, banks lowest, channels in between."""
IDEAL_WINDOW, IDEAL_BANK_QUEUE = 1024, 64
"""Requests that an ideal controller chooses among: the most there may be."""


def changes(level: StorageLevel) -> Iterator[tuple[str, Change, bool]]:
    """What can be changed of a level.

    Yields:
        Name, the change, and whether it is part of all that can be made ideal (what is of the
        controller is not: with ideal bandwidth there is none).
    """
    for name, change in _IDEAL.items():
        yield name, change, True
    if level.memory is not None:
        for name, change in _MEMORY.items():
            yield name, change, False
        for address_map in ADDRESS_MAPS:
            if address_map != level.memory.controller.address_map:
                yield f"address map {address_map}", _mapped(address_map), False


def _network(level: StorageLevel, **update: object) -> StorageLevel:
    network: Network = level.network.model_copy(update=update)
    return level.model_copy(update={"network": network})


def _formats(level: StorageLevel, **update: object) -> StorageLevel:
    formats = tuple(one.model_copy(update=update) for one in level.formats)
    return level.model_copy(update={"formats": formats})


def _one_bank(level: StorageLevel) -> StorageLevel:
    """The level with one bank as wide as all, if banks are interleaved."""
    if not level.is_interleaved or level.banks == 1:
        return level
    widths = level.widths
    return level.model_copy(
        update={
            "banks": 1,
            "ports": None,
            "port_words": None,
            "read_words_per_cycle": widths.read,
            "write_words_per_cycle": widths.write,
            "shared_words_per_cycle": widths.shared,
        }
    )


def _controller(level: StorageLevel, **update: object) -> StorageLevel:
    assert level.memory is not None
    controller = level.memory.controller.model_copy(update=update)
    memory: MainMemory = level.memory.model_copy(update={"controller": controller})
    return level.model_copy(update={"memory": memory})


def _mapped(address_map: str) -> Change:
    return lambda level: _controller(level, address_map=address_map)


_IDEAL: dict[str, Change] = {
    "bandwidth": lambda level: level.model_copy(
        update={
            "read_words_per_cycle": None,
            "write_words_per_cycle": None,
            "shared_words_per_cycle": None,
            "ports": None,
            "port_words": None,
            "memory": None,
        }
    ),
    "banks": _one_bank,
    "latency": lambda level: level.model_copy(
        update={"read_latency_cycles": 0, "write_latency_cycles": 0}
    ),
    "network bandwidth": lambda level: _network(
        level, words_per_cycle=None, topology=None, separate=()
    ),
    "network latency": lambda level: _network(
        level, hop_latency_cycles=0, fill_latency_cycles=0, drain_latency_cycles=0
    ),
    "decoding": lambda level: _formats(level, words_per_cycle=None),
    "metadata": lambda level: _formats(level, metadata=False),
}
_MEMORY: dict[str, Change] = {
    "refresh": lambda level: _controller(level, refresh=False),
    "window": lambda level: _controller(
        level, window=IDEAL_WINDOW, bank_queue=IDEAL_BANK_QUEUE, outstanding=None
    ),
}


def _no_fronts(compute: ComputeLevel) -> ComputeLevel:
    if compute.sparse is None:
        return compute
    free = {"decoders": (), "intersections_per_cycle": None}
    return compute.model_copy(update={"sparse": compute.sparse.model_copy(update=free)})


def _no_pipeline(compute: ComputeLevel) -> ComputeLevel:
    return compute.model_copy(update={"pipeline_cycles": 0})


def _wide_edges(compute: ComputeLevel) -> ComputeLevel:
    return _array(compute, in_words_per_cycle=None, out_words_per_cycle=None)


def _no_skew(compute: ComputeLevel) -> ComputeLevel:
    """One tile: a step reaches all PEs in its own cycle."""
    return _array(compute, tile_rows=compute.y, tile_columns=compute.x)


def _array(compute: ComputeLevel, **update: object) -> ComputeLevel:
    if compute.systolic is None:
        return compute
    return compute.model_copy(update={"systolic": compute.systolic.model_copy(update=update)})


COMPUTE_CHANGES: dict[str, Callable[[ComputeLevel], ComputeLevel]] = {
    "latency": _no_pipeline,
    "decoding": _no_fronts,
    "edge ports": _wide_edges,
    "skew": _no_skew,
}
"""What can be made ideal of the compute level, by name."""
