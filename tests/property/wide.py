"""Layers on an array of 128 x 128 MACs below one set of registers, as on a systolic array.

The tensor that is stationary is in the registers; inputs and weights come from a scratchpad, and
where the outputs are not stationary, they are in accumulators.
"""

from __future__ import annotations

from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem
from tests.property.layers import convolution, product

SIDE = 128
LEVELS = ("DRAM", "SPAD", "ACC", "REGS")
KEPT = {
    "W": {"DRAM": "WIO", "SPAD": "WI", "ACC": "O", "REGS": "W"},
    "I": {"DRAM": "WIO", "SPAD": "WI", "ACC": "O", "REGS": "I"},
    "O": {"DRAM": "WIO", "SPAD": "WI", "ACC": "", "REGS": "O"},
}


def loops(text):
    """Loops as a text such as ``M=4 K=2``."""
    pairs = (part.split("=") for part in text.split())
    return tuple(Loop(dimension=name, extent=int(extent)) for name, extent in pairs)


def pieces(bound, size):
    return -(-bound // size)


def _case(bounds, tensors, stationary, temporal, along_y, along_x, reuse):
    levels = [
        StorageLevel(name="DRAM", kind="dram", shared_words_per_cycle=1024, burst_words=1 << 20),
        StorageLevel(name="SPAD", read_words_per_cycle=512, write_words_per_cycle=512),
        StorageLevel(name="ACC", read_words_per_cycle=512, write_words_per_cycle=512),
        StorageLevel(name="REGS", network=Network(links=True)),
    ]
    mapped = [
        LevelMapping(
            level=name,
            temporal=loops(temporal.get(name, "")),
            spatial_y=loops(along_y) if name == "REGS" else (),
            spatial_x=loops(along_x) if name == "REGS" else (),
            keep=tuple(KEPT[stationary][name]),
        )
        for name in LEVELS
    ]
    case = Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=n, bound=b) for n, b in bounds.items() if b),
            tensors=tensors,
        ),
        architecture=Architecture(
            levels=tuple(level.model_copy(update={"burst_words": 1 << 20}) for level in levels),
            compute=ComputeLevel(name="MAC", instances=SIDE * SIDE, mesh_x=SIDE),
        ),
        mapping=Mapping(levels=tuple(mapped)),
        rules=Rules(reuse=reuse),
    )
    check_mapping(case.problem, case.architecture, case.mapping)
    return case


def gemm(stationary, m, n, k, *, tile=64, reuse=Reuse.OVERLAP):
    """A matrix product O[M, N] = W[M, K] I[K, N] with one of the three stationary."""
    bounds = {"M": m, "N": n, "K": k}
    along = {"W": "KM", "I": "KN", "O": "MN"}[stationary]
    free = next(name for name in "MNK" if name not in along)
    inside = bounds[free] if stationary == "O" else min(bounds[free], tile)
    y, x = (min(bounds[name], SIDE) for name in along)
    temporal = {
        "DRAM": f"{free}={pieces(bounds[free], inside)}",
        "SPAD": " ".join(
            f"{name}={pieces(bounds[name], size)}" for name, size in ((along[1], x), (along[0], y))
        ),
        "REGS": f"{free}={inside}",
    }
    kind = product()[1]
    return _case(bounds, kind, stationary, temporal, f"{along[0]}={y}", f"{along[1]}={x}", reuse)


def conv(stationary, m, c, p, q, r, s, *, stride=1, dilation=1, reuse=Reuse.OVERLAP):
    """A convolution: rows are channels and filter rows, or output rows and columns."""
    bounds = {"N": 1, "M": m, "C": c, "P": p, "Q": q, "R": r, "S": s}
    x, wide = min(m, SIDE), min(c, SIDE // r)
    rows, row = min(p, 2), min(q, SIDE // 2)
    if stationary == "W":
        temporal = {"DRAM": f"P={pieces(p, rows)}", "REGS": f"P={rows} Q={q}",
                    "SPAD": f"M={pieces(m, x)} C={pieces(c, wide)} S={s}"}  # fmt: skip
        along_y, along_x = f"C={wide} R={r}", f"M={x}"
    elif stationary == "O":
        temporal = {"DRAM": f"P={pieces(p, rows)}", "REGS": f"C={c} R={r} S={s}",
                    "SPAD": f"M={pieces(m, x)} Q={pieces(q, row)}"}  # fmt: skip
        along_y, along_x = f"P={rows} Q={row}", f"M={x}"
    else:
        wide = min(c, SIDE)
        temporal = {"DRAM": f"P={pieces(p, rows)}", "REGS": f"M={m}",
                    "SPAD": f"Q={pieces(q, row)} C={pieces(c, wide)} R={r} S={s}"}  # fmt: skip
        along_y, along_x = f"C={wide}", f"P={rows} Q={row}"
    kind = convolution(stride, dilation)[1]
    return _case(bounds, kind, stationary, temporal, along_y, along_x, reuse)
