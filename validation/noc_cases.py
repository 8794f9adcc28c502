"""Cases of networks on chip: BookSim's configurations and runs, STONNE's trees.

A file is JSON in the form of the project's own copy, ``data/noc.json``: ``booksim`` with a
``base_config``, tables of rows that list what differs from it, and ``batch``; ``stonne_tree`` with
``rows``. Any part may be missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from stallscope.mappings.topology import RouterPipeline
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["MeshCase", "NocCases", "TreeCase", "read_cases"]

Json = dict[str, Any]  # Any: parsed documents of others' making

_PIPELINE = {
    "num_vcs": "channels", "vc_buf_size": "buffer_flits", "routing_delay": "routing_cycles",
    "vc_alloc_delay": "channel_allocation_cycles", "sw_alloc_delay": "switch_allocation_cycles",
    "st_final_delay": "traversal_cycles", "credit_delay": "credit_cycles",
    "speculative": "speculative", "wait_for_tail_credit": "waits_for_tail",
}  # fmt: skip
_FREE = {
    "k", "traffic", "packet_size", "injection_rate", "batch_size", "seed", "sim_type",
    "sample_period", "warmup_periods", "max_samples", "latency_thres",
}  # fmt: skip
_FIXED = {
    "topology": "mesh", "n": 2, "routing_function": "dor", "vc_allocator": "islip",
    "sw_allocator": "islip", "alloc_iters": 1, "input_speedup": 1, "output_speedup": 1,
    "internal_speedup": "1.0", "injection_rate_uses_flits": 1, "use_noc_latency": 0,
}  # fmt: skip
_MEASURED = {"cycles", "saturated", "formula"}
_MEASURED_ENDINGS = ("_avg", "_min", "_max", "_s", "_pct", "accepted_flit_rate")
_REMARKS = {"id", "name", "case", "note", "source"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshCase:
    """One run of a mesh of routers.

    Attributes:
        name: From what the row says.
        table: Table of the file that it stands in.
        side: Nodes along a side.
        traffic: Pattern.
        flits: Length of a packet.
        rate: Flits per node and cycle, or None for a batch.
        packets: Packets of a node in a batch, or None.
        seed: Of the generator.
        period: Cycles of one of the reference's samples; it measures three or more.
        warm_cycles: Cycles that it lets pass before.
        latency_limit: Average latency from which the reference gives up, cycles.
        pipeline: The routers.
        changed: Configuration keys, besides those of the traffic, that differ from the base.
        latency: Average cycles from creation to the tail's arrival; None: saturated, or a batch.
        hops: Average number of routers passed, of the packets that the reference drew.
        duration: Cycles of a batch, or None.
        unknown: What of the configuration we do not know; empty if all is well.
    """

    name: str
    table: str
    side: int
    traffic: str
    flits: int
    rate: float | None
    packets: int | None
    seed: int
    period: int
    warm_cycles: int
    latency_limit: float
    pipeline: RouterPipeline
    changed: tuple[str, ...]
    latency: float | None
    hops: float
    duration: float | None
    unknown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeCase:
    """One run of a tree accelerator: C[M,N] = A[M,K] B[K,N] in tiles of neurons.

    Attributes:
        name: From the shape.
        multipliers: Leaves of the tree.
        words_in: Words per cycle that leave the buffer.
        words_out: Results per cycle written back.
        m: Rows of A.
        n: Columns of B.
        k: Length of a dot product.
        tile_m: Rows of A in the array at a time.
        tile_n: Columns of B in the array at a time.
        tile_k: Multipliers of a neuron.
        cycles: Of the run.
    """

    name: str
    multipliers: int
    words_in: int
    words_out: int
    m: int
    n: int
    k: int
    tile_m: int
    tile_n: int
    tile_k: int
    cycles: float

    @property
    def is_one_neuron(self) -> bool:
        """Whether one dot product takes all multipliers, in one go."""
        return self.tile_m == self.tile_n == 1 and self.tile_k == self.multipliers == self.k


@dataclass(frozen=True, slots=True, kw_only=True)
class NocCases:
    """What a file holds; ``left_out``: (name, why) pairs."""

    meshes: tuple[MeshCase, ...]
    trees: tuple[TreeCase, ...]
    left_out: tuple[tuple[str, str], ...]


def read_cases(path: str | os.PathLike[str] | None = None) -> NocCases:
    """Read a file of cases, or the project's own copy.

    Raises:
        SpecError: If it cannot be read, or is not in the known form.
    """
    source = files("stallscope.validation") / "data" / "noc.json" if path is None else Path(path)
    try:
        document = json.loads(source.read_text(encoding="utf-8"))
        booksim, stonne = document.get("booksim", {}), document.get("stonne_tree", {})
        meshes = tuple(_meshes(booksim))
        dense = [row for row in stonne.get("rows", []) if row["op"] == "DenseGEMM"]
        other = [row for row in stonne.get("rows", []) if row["op"] != "DenseGEMM"]
        trees = tuple(_tree(row) for row in dense)
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        rule = f"is not in the form of validation/data/noc.json ({type(error).__name__}: {error})"
        raise _bad(path, rule) from error
    if not meshes and not trees:
        raise _bad(path, "holds no cases")
    why = "the inputs of a convolution pass between multipliers, which the tree does not describe"
    left_out = tuple((_tree_name(row), why) for row in other)
    return NocCases(meshes=meshes, trees=trees, left_out=left_out)


def _meshes(booksim: Json) -> Iterator[MeshCase]:
    base = booksim.get("base_config", {})
    for table, rows in booksim.items():
        if table == "batch":
            for row in rows["rows"]:
                # The batches are run so; the file says it in words only.
                config = base | {"wait_for_tail_credit": 0} | row["params"]
                yield _mesh(table, base, config, row)
        elif isinstance(rows, list):
            for row in rows:
                config = {key: value for key, value in row.items() if _is_configuration(key)}
                yield _mesh(table, base, base | config, row)


def _is_configuration(key: str) -> bool:
    return key not in _MEASURED | _REMARKS and not key.endswith(_MEASURED_ENDINGS)


def _mesh(table: str, base: Json, config: Json, row: Json) -> MeshCase:
    changed = {
        key: value
        for key, value in config.items()
        if key not in _FREE and value != base.get(key) and key != "wait_for_tail_credit"
    }
    unknown = [
        f"{key}={value}"
        for key, value in config.items()
        if key not in _FREE and key not in _PIPELINE and str(value) != str(_FIXED.get(key))
    ]
    is_batch = "batch_duration" in row
    name = f"{config['k']}x{config['k']} {config['traffic']} {config['packet_size']} flits "
    name += f"x {config['batch_size']}" if is_batch else f"at {config['injection_rate']:g}"
    name += "".join(f", {key} {value}" for key, value in changed.items())
    return MeshCase(
        name=name,
        table=table,
        side=int(config["k"]),
        traffic=str(config["traffic"]),
        flits=int(config["packet_size"]),
        rate=None if is_batch else float(config["injection_rate"]),
        packets=int(config["batch_size"]) if is_batch else None,
        seed=int(config["seed"]),
        period=int(config["sample_period"]),
        warm_cycles=int(config["sample_period"]) * int(config["warmup_periods"]),
        latency_limit=float(config["latency_thres"]),
        pipeline=RouterPipeline(
            **{ours: config[key] for key, ours in _PIPELINE.items() if key in config}
        ),
        changed=tuple(changed),
        latency=row.get("packet_latency_avg"),
        hops=row.get("hops_avg") or 0.0,
        duration=row.get("batch_duration"),
        unknown=", ".join(unknown),
    )


def _tree(row: Json) -> TreeCase:
    hardware, dim, tile = row["hw"], row["dim"], row["tile"]
    return TreeCase(
        name=_tree_name(row), multipliers=hardware["num_ms"], words_in=hardware["dn_bw"],
        words_out=hardware["rn_bw"], m=dim["M"], n=dim["N"], k=dim["K"], tile_m=tile["T_M"],
        tile_n=tile["T_N"], tile_k=tile["T_K"], cycles=float(row["cycles"]),
    )  # fmt: skip


def _tree_name(row: Json) -> str:
    shapes = ("hw", "dim", "tile")
    texts = [" ".join(f"{key} {value}" for key, value in row[shape].items()) for shape in shapes]
    return f"{row['op']} {', '.join(texts)}"


def _bad(path: object, rule: str) -> SpecError:
    remedy = "see docs/networks.md"
    return SpecError([Fault(place="--cases", value=path, rule=rule, remedy=remedy)])
