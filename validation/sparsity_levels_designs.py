"""The designs of Sparseloop's published figures, as data: formats, actions, packing, densities.

What is a figure's own (levels, bandwidths, mapping, which tensors are compressed) is read from the
case. What a design is beyond that is stated here, once per design, from how the hardware works:

* format comparison: bitmasks tell of zeros, so accesses are gated; coordinate lists name the words
  that are there, so others are skipped. 14-bit coordinates beside 8-bit words.
* sparse tensor core (STC): 2 of H weights along K are picked out of H inputs; lanes along K are
  those that H / 2 fewer weights need. The coordinate in a group of H, or the run, has a field of
  2, 4 or 8 bits.
* dual-side sparse tensor core (DSTC): outer products of a column of A and a row of B, each 16
  lanes wide, words that are not zero packed to the front. Bitmaps in two levels: of the 16-wide
  pieces, and of the columns.
* Eyeriss v2 PE: inputs that are zero are not fetched, and of their weights' columns only those
  weights that are not zero. Eyeriss: the weight is not read where the input is zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stallscope.mappings.sparsity.levels import (
    Act,
    Action,
    Design,
    LevelFormat,
    Packing,
    Rank,
    RankKind,
)
from stallscope.validation.documents import Json

__all__ = [
    "dual_side_core",
    "eyeriss",
    "eyeriss_v2",
    "format_comparison",
    "picks",
    "tensor_core",
]

_LANES = 16
"""Lanes along M and N of a dual-side core's outer product."""
_COORDINATE_BITS = 14
_RUN_BITS = 5
_WIDEST = 12
"""Largest H of 2 : H."""


def format_comparison(kind: str) -> Design:
    """Design of the sparse matrix product with one format for both operands.

    One bit goes with every word of B that is not zero when a column is fetched (its last rank has
    one position per fiber); single words are read without it.

    Args:
        kind: ``bitmask`` or ``coordinate_list``.
    """
    if kind == "bitmask":
        act, whole = Act.GATE, Rank(kind=RankKind.BITMASK, dimension="K")
        outside, inside = (Rank(kind=RankKind.BITMASK, positions=1),), tuple[Rank, ...]()
    else:
        act = Act.SKIP
        whole = Rank(kind=RankKind.COORDINATES, dimension="K", bits=_COORDINATE_BITS)
        outside = inside = (whole,)
    return Design(
        fills_results=True,
        work_over_use=True,
        formats=(
            *_stored("A", ("BackingStorage", "Buffer"), (whole,)),
            *_stored("B", ("BackingStorage",), outside),
            *_stored("B", ("Buffer",), inside),
        ),
        actions=(
            Action(act=act, level="Buffer", tensor="A", on=("B",)),
            Action(act=act, level="Buffer", tensor="B", on=("A",)),
            Action(act=act, level="Reg", tensor="Z", on=("A", "B")),
        ),
    )


def tensor_core(levels: Json, picked: int, rows: int) -> Design:
    """Design of a tensor core that picks 2 of ``picked`` weights along K.

    Args:
        levels: The case's levels, for which tensors are compressed, and as what.
        picked: H of 2 : H; 2 for dense weights.
        rows: MACs along M; the other MACs are lanes along K.
    """
    kind = RankKind.RUN_LENGTH if _compressed(levels, "LRF", "A") == "rle" else (
        RankKind.COORDINATES
    )  # fmt: skip
    along = Rank(kind=kind, dimension="K", level="RF", spatial=True, bits=_field_bits(kind, picked))
    bits = Rank(kind=RankKind.BITMASK, dimension="N", level="LRF")
    macs = int(levels["MAC"]["Instances"])
    return Design(
        fills_results=True,
        work_over_use=True,
        formats=(
            *_stored("A", _where(levels, "A"), (along,)),
            *_stored("B", _where(levels, "B"), (bits,)),
        ),
        packings=(Packing(tensor="A", level="RF", dimension="K", lanes=macs // rows),),
    )


def picks(density: float, flexible: bool) -> int:
    """H of the 2 : H that weights of a density are pruned to.

    Args:
        density: Share of the weights that is not zero.
        flexible: Whether H is chosen by the density; 4 otherwise. Denser weights are dense.
    """
    if density > 0.5:
        return 2
    if not flexible:
        return 4
    return min(range(4, _WIDEST + 1), key=lambda picked: abs(2 / picked - density))


def dual_side_core(levels: Json) -> Design:
    """Design of the dual-side sparse tensor core.

    Args:
        levels: The case's levels, for which tensors are compressed.
    """
    formats: list[LevelFormat] = []
    for tensor, along in (("A", "M"), ("B", "N")):
        piece = Rank(kind=RankKind.BITMASK, dimension=along, level="LRF", spatial=True)
        column = Rank(kind=RankKind.BITMASK, dimension="K", level="RF")
        where = _where(levels, tensor)
        formats += _stored(tensor, [one for one in where if one != "LRF"], (column, piece))
        formats += _stored(tensor, [one for one in where if one == "LRF"], (piece,))
    return Design(
        fills_results=True,
        work_over_use=True,
        formats=tuple(formats),
        actions=(Action(act=Act.SKIP, level="RF", tensor="Z", on=("A", "B")),),
        packings=tuple(
            Packing(tensor=tensor, level="LRF", dimension=along, lanes=_LANES, in_time=True)
            for tensor, along in (("A", "M"), ("B", "N"))
        ),
    )


def eyeriss_v2() -> Design:
    """Design of one PE of Eyeriss v2; metadata are not counted (no port has a width)."""
    return Design(
        fills_results=True,
        work_over_use=True,
        formats=(
            *_stored("Inputs", ("BackingStorage",), ()),
            *_stored("Inputs", ("iact_spad", "reg"), (), visits_empty=True),
            *_stored("Weights", ("BackingStorage",), ()),
            *_stored("Weights", ("weight_spad",), (), visits_empty=True),
        ),
        actions=(
            Action(act=Act.SKIP, level="weight_spad", tensor="Weights", on=("Inputs",)),
            Action(act=Act.SKIP, level="psum_spad", tensor="Outputs", on=("Inputs", "Weights")),
        ),
    )


def eyeriss(levels: Json) -> Design:
    """Design of Eyeriss: 5-bit runs in DRAM, weights gated by inputs; no run is too long.

    Args:
        levels: The case's levels, for which tensors are compressed.
    """
    run = Rank(kind=RankKind.RUN_LENGTH, positions=1, bits=_RUN_BITS)
    gated = (Action(act=Act.GATE, level="weights_spad", tensor="Weights", on=("Inputs",)),)
    return Design(
        fills_results=True,
        work_over_use=True,
        formats=tuple(
            one for tensor in ("Inputs", "Outputs")
            for one in _stored(tensor, _where(levels, tensor), (run,))
        ),
        actions=gated if _where(levels, "Inputs") else (),
    )  # fmt: skip


def _field_bits(kind: RankKind, picked: int) -> int:
    """Bits of a coordinate in a group, or of a run in it: a field of 2, 4 or 8 bits.

    A coordinate tells ``picked`` positions apart. A run has ceil(log2(picked - 2)) bits: the
    longest, picked - 2 in 2 : 6, would take a padding pair, which evenly spread weights do not
    need.
    """
    choices = picked if kind is RankKind.COORDINATES else picked - 2
    bits = max(choices - 1, 1).bit_length()
    return next(field for field in (2, 4, 8) if field >= bits)


def _stored(
    tensor: str, levels: Iterable[str], ranks: tuple[Rank, ...], *, visits_empty: bool = False
) -> list[LevelFormat]:
    return [
        LevelFormat(level=level, tensor=tensor, ranks=ranks, visits_empty=visits_empty)
        for level in levels
    ]


def _where(levels: Json, tensor: str) -> list[str]:
    """Levels at which the case says that a tensor is compressed."""
    return [name for name in levels if _compressed(levels, name, tensor)]


def _compressed(levels: Json, level: str, tensor: str) -> str | None:
    """Format of a tensor's innermost rank, None if it is not compressed."""
    tensors: Mapping[str, Mapping[str, str]] = levels[level]["tensors"]
    form = tensors.get(tensor, {}).get("format") or "none"
    return None if form == "none" else form.split()[-1]
