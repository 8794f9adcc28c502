"""Eyeriss and Eyeriss v2: a PE that meets only zeros' leftovers, and runs of zeros in DRAM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.case import Case
from stallscope.mappings.problem import Dimension, Problem
from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.levels import (
    Density,
    Hypergeometric,
    PerIndex,
    Structured,
    estimate_levels,
)
from stallscope.mappings.sparsity.levels.fibers import padding_pairs
from stallscope.mappings.sparsity.sizes import PieceSizes
from stallscope.mappings.sparsity.work import EffectualMacs
from stallscope.validation.documents import Json
from stallscope.validation.points import Excluded, Point
from stallscope.validation.sparsity_levels_cases import (
    built,
    conv_tensors,
    is_compressed,
    of_words,
    pointwise_tensors,
)
from stallscope.validation.sparsity_levels_designs import eyeriss, eyeriss_v2
from stallscope.validation.sparsity_levels_points import expected_point, run_points

__all__ = ["ACTUAL", "COMPRESSED", "UNEXPLAINED", "UNIFORM", "dram_points", "pe_points"]

MEASURED = "PE cycles, zeros given"
UNIFORM = "PE, zeros anywhere"
ACTUAL = "PE, zeros per channel"
COMPRESSED = "runs in DRAM"
UNEXPLAINED = frozenset({("alexnet_conv2", "DRAM Inputs", "read_words_per_cycle")})
"""Layer, place and metric of rates that are reported only: why they differ is not known."""

_RUN_BITS, _PACK_BITS, _WORD_BITS = 5, 64, 16
_SHARE_OF_PAIR = 0.76
"""16 of the 21 bits of a pair, as the artifact rounds it."""


def pe_points(section: Json) -> Iterator[Point | Excluded]:
    """Layers of sparse MobileNet on one Eyeriss v2 PE.

    Cycles are measured with zeros of the given numbers per channel, at places drawn here: any
    places give the same cycles. Beside them stands what independent operands would take.

    Args:
        section: ``layers``; those without numbers per channel are left out.
    """
    for layer in section["layers"]:
        name = f"Eyeriss v2 PE {layer['layer']}"
        if "nnz_inputs_per_channel" not in layer:
            why = "only its cycles are published: no dimensions, no zeros to predict them from"
            yield Excluded(case=name, why=why)
        elif any(layer["dims"].get(one, 1) != 1 for one in ("R", "S", "N")):
            yield Excluded(case=name, why="numbers per channel tell only of 1 x 1 layers, batch 1")
        else:
            yield from _pe_layer(layer, name)


def _pe_layer(layer: Json, name: str) -> Iterator[Point]:
    dims = layer["dims"]
    inputs = PerIndex("C", tuple(layer["nnz_inputs_per_channel"]), dims["E"] * dims["F"])
    weights = PerIndex("C", tuple(layer["nnz_weights_per_input_channel"]), dims["M"])
    problem = Problem(
        dimensions=tuple(Dimension(name=one, bound=dims[one]) for one in ("C", "M", "E", "F")),
        tensors=pointwise_tensors(),
    )
    yield Point(
        case=name, where="", kind=MEASURED, metric="cycles", scored="simulated",
        reference=layer["ground_truth_cycles"], simulated=_executed(problem, layer),
        analytical=problem.macs * inputs.share * weights.share, tolerance=0.0,
    )  # fmt: skip
    if "sparseloop_uniform" in layer:
        shares = layer["density_rounded_used_by_uniform_model"]
        uniform = {
            one: of_words("hypergeometric", share, problem.tensor(one).tile_words(problem.bounds))
            for one, share in shares.items()
        }
        yield from _pe_run(layer["sparseloop_uniform"], uniform, f"{name}, uniform", UNIFORM)
    if "sparseloop_actual_data" in layer:
        counted: dict[str, Density] = {"Inputs": inputs, "Weights": weights}
        yield from _pe_run(layer["sparseloop_actual_data"], counted, f"{name}, actual", ACTUAL)


def _pe_run(run: Json, densities: Mapping[str, Density], name: str, kind: str) -> Iterator[Point]:
    case = built(run, pointwise_tensors(), word_bits=8)
    ours = estimate_levels(case, eyeriss_v2(), densities, whole_words=True)
    # The widths of offsets and runs are not published: words per cycle cannot be compared.
    yield from run_points(run, ours, name, kind, metadata=False)


def _executed(problem: Problem, layer: Json) -> int:
    """Cycles of the PE: steps at which neither operand is zero, with zeros drawn per channel."""
    drawing = np.random.default_rng(0)
    inputs = _columns(layer["nnz_inputs_per_channel"], layer["dims"], ("F", "E"), drawing)
    weights = _columns(layer["nnz_weights_per_input_channel"], layer["dims"], ("M",), drawing)
    macs = EffectualMacs(problem, {"Inputs": inputs, "Weights": weights}, problem.bounds)
    return int(macs.of({name: np.zeros((), np.int64) for name in problem.bounds}))


def _columns(
    counts: list[int], dims: Mapping[str, int], outer: tuple[str, ...], drawing: np.random.Generator
) -> NDArray[np.bool_]:
    """Mask with so many words per index of the last rank, anywhere in it."""
    shape = tuple(dims[name] for name in outer)
    mask = np.zeros((prod(shape), len(counts)), dtype=bool)
    for channel, count in enumerate(counts):
        mask[drawing.permutation(prod(shape))[:count], channel] = True
    return mask.reshape(*shape, len(counts))


def dram_points(section: Json) -> Iterator[Point]:
    """Layers of AlexNet on Eyeriss, inputs and outputs in DRAM as runs of zeros and words.

    Args:
        section: ``layers``.
    """
    for layer in section["layers"]:
        name, run = f"Eyeriss {layer['layer']}", layer["ref_outputs"]
        case = built(run, conv_tensors(layer["problem"]), word_bits=_WORD_BITS)
        shares = {
            tensor: share for tensor, share in layer["problem"]["densities"].items()
            if is_compressed(run["levels"], tensor)
        }  # fmt: skip
        densities = {tensor: Structured(share) for tensor, share in shares.items()}
        ours = estimate_levels(case, eyeriss(run["levels"]), densities, whole_words=True)
        for point in run_points(run, ours, name, COMPRESSED):
            is_open = (layer["layer"], point.where, point.metric) in UNEXPLAINED
            yield replace(point, scored="") if is_open else point
        dense = layer["dram_words_dense"]
        words = {
            tensor: ceil(count * shares[tensor] - 1e-6) if tensor in shares else count
            for tensor, count in dense.items()
        }
        packed = sum(n / _SHARE_OF_PAIR if t in shares else n for t, n in words.items())
        yield expected_point(
            name, "DRAM", COMPRESSED, "compression_ratio",
            layer["dram_compression_ratio_by_artifact_formula"], sum(dense.values()) / packed, 5e-4,
        )  # fmt: skip
        for tensor, share in shares.items():
            yield _real_runs(case, name, tensor, share, dense[tensor])


def _real_runs(case: Case, name: str, tensor: str, share: float, moved: int) -> Point:
    """Words in whole packs, drawn and expected, beside the artifact's formula; reported only."""
    shape = case.problem.tensor(tensor).tile_shape(case.problem.bounds)
    size = prod(shape)
    kept = round(share * size)
    mask = np.zeros(size, dtype=bool)
    mask[np.random.default_rng(0).permutation(size)[:kept]] = True
    form = TensorFormat(
        tensor=tensor, format=Format.RUN_LENGTH, run_bits=_RUN_BITS, pack_bits=_PACK_BITS
    )
    data, metadata = PieceSizes(mask.reshape(shape), form, _WORD_BITS).of(
        np.zeros((1, len(shape)), np.int64), shape
    )
    padding = padding_pairs(Hypergeometric(total=size, nonzero=kept), (1,), size, _RUN_BITS)
    per_pack = _PACK_BITS // (_RUN_BITS + _WORD_BITS)
    expected = (kept + padding) / per_pack * _PACK_BITS / _WORD_BITS
    times = moved / size
    return Point(
        case=name, where=f"DRAM {tensor}", kind=COMPRESSED, metric="packed_words", scored="",
        reference=moved * share / _SHARE_OF_PAIR, simulated=float(data[0] + metadata[0]) * times,
        analytical=expected * times, tolerance=0.0,
    )  # fmt: skip
