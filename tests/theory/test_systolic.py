"""Folds on a systolic array against a register-level model of it, in cycles and in values."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.hw.simulate import Tracing, simulate
from stallscope.hw.systolic.activity import pe_activity
from stallscope.mappings import native
from stallscope.mappings.case import Case
from tests import systolic_model as model

CASE = """
stallscope: 1
problem:
  dimensions: {{M: {M}, N: {N}, K: {K}}}
  tensors: {{A: [M, K], B: [K, N], O: [M, N]}}
  output: O
architecture:
  levels:
    - {{name: DRAM, kind: dram}}
    - {{name: array, capacity: {capacity}}}
  compute:
    name: mac
    instances: {pes}
    mesh_x: {columns}
    systolic: {systolic}
mapping:
  DRAM: {{temporal: {outer}, keep: [A, B, O]}}
  array: {{temporal: [{inner}], spatial_y: [{y}], spatial_x: [{x}], keep: [{kept}]}}
"""

# Stationary tensor, dimension of the rows, of the columns, of the steps.
FLOWS = {"ws": ("B", "K", "N", "M"), "is": ("A", "K", "M", "N"), "os": ("O", "M", "N", "K")}


@st.composite
def layers(draw: st.DrawFn) -> dict[str, Any]:
    """A matrix product on a small array, folds in either order."""
    bounds = {name: draw(st.integers(1, 9)) for name in "MNK"}
    tiles = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    mesh = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return {
        "flow": draw(st.sampled_from(sorted(FLOWS))),
        "bounds": bounds,
        "rows": tiles[0] * mesh[0],
        "columns": tiles[1] * mesh[1],
        "tiles": tiles,
        "planes": draw(st.integers(1, 2)),
        "in_width": draw(st.sampled_from([None, None, 1, 2, 3])),
        "out_width": draw(st.sampled_from([None, None, 1, 2])),
        "rows_inside": draw(st.booleans()),
    }


def case_of(layer: dict[str, Any], convention: str = "stallscope") -> Case:
    kept, y, x, inner = FLOWS[layer["flow"]]
    bounds = layer["bounds"]
    size = {y: min(layer["rows"], bounds[y]), x: min(layer["columns"], bounds[x])}
    names = [x, y] if layer["rows_inside"] else [y, x]
    outer = [f"{name}={-(-bounds[name] // size[name])}" for name in names]
    systolic = {"tile_rows": layer["tiles"][0], "tile_columns": layer["tiles"][1]}
    for key in ("in", "out"):
        if layer[f"{key}_width"] is not None:
            systolic[f"{key}_words_per_cycle"] = layer[f"{key}_width"]
    text = ", ".join(f"{key}: {value}" for key, value in systolic.items())
    return native.read(
        CASE.format(
            **bounds,
            capacity=layer["planes"] * size[y] * size[x],
            pes=layer["rows"] * layer["columns"],
            columns=layer["columns"],
            systolic=f"{{{text}, convention: {convention}}}",
            outer=f"[{', '.join(outer)}]",
            inner=f"{inner}={bounds[inner]}",
            y=f"{y}={size[y]}",
            x=f"{x}={size[x]}",
            kept=kept,
        )
    )


def folds_of(layer: dict[str, Any], a: model.Matrix, b: model.Matrix) -> list[model.Fold]:
    """The folds in the order of the mapping's loops."""
    bounds, flow = layer["bounds"], layer["flow"]
    _, y, x, _ = FLOWS[flow]
    spans = {y: layer["rows"], x: layer["columns"]}
    starts = [
        (i, j) if not layer["rows_inside"] else (j, i)
        for i in range(0, bounds[x if layer["rows_inside"] else y],
                       spans[x if layer["rows_inside"] else y])
        for j in range(0, bounds[y if layer["rows_inside"] else x],
                       spans[y if layer["rows_inside"] else x])
    ]  # fmt: skip
    made = []
    for row, column in starts:
        rows, columns = slice(row, row + spans[y]), slice(column, column + spans[x])
        match flow:
            case "ws":
                parts = {"left": a[:, rows], "kept": b[rows, columns]}
            case "is":
                parts = {"left": b.T[:, rows], "kept": a.T[rows, columns]}
            case _:
                parts = {"left": a.T[:, rows], "top": b[:, columns]}
        count = min(spans[y], bounds[y] - row), min(spans[x], bounds[x] - column)
        made.append(model.Fold(rows=count[0], columns=count[1], **parts))
    return made


def product_of(layer: dict[str, Any], folds: list[model.Fold]) -> model.Matrix:
    """The output that the rows which left make."""
    bounds = layer["bounds"]
    found = np.zeros((bounds["M"], bounds["N"]), dtype=np.int64)
    _, y, x, _ = FLOWS[layer["flow"]]
    spans = {y: layer["rows"], x: layer["columns"]}
    names = [x, y] if layer["rows_inside"] else [y, x]
    at = [
        dict(zip(names, (i, j), strict=True))
        for i in range(0, bounds[names[0]], spans[names[0]])
        for j in range(0, bounds[names[1]], spans[names[1]])
    ]
    for fold, where in zip(folds, at, strict=True):
        out = np.array(fold.results, dtype=np.int64)
        match layer["flow"]:
            case "ws":
                found[:, where["N"] : where["N"] + fold.columns] += out
            case "is":
                found[where["M"] : where["M"] + fold.columns] += out.T
            case _:
                rows = slice(where["M"], where["M"] + fold.rows)
                found[rows, where["N"] : where["N"] + fold.columns] = out[::-1]
    return found


def check(layer: dict[str, Any], seed: int) -> None:
    """Cycles and values of one layer."""
    rng = np.random.default_rng(seed)
    bounds = layer["bounds"]
    a = rng.integers(-99, 99, (bounds["M"], bounds["K"]))
    b = rng.integers(-99, 99, (bounds["K"], bounds["N"]))
    folds = folds_of(layer, a, b)
    array = model.Array(
        *layer["tiles"], layer["planes"], layer["in_width"], layer["out_width"]
    )  # fmt: skip
    expected, active = model.run(array, folds)
    assert np.array_equal(a @ b, product_of(layer, folds))
    for is_fast in (True, False):
        assert expected == simulate(case_of(layer), fast_forward=is_fast).cycles
    simulate(case_of(layer), audit=True)
    result = simulate(case_of(layer))
    assert result.systolic is not None
    assert result.systolic.multiplied_until == 1 + max(cycle for cycle, *_ in active)
    assert result.systolic.folds == len(folds)


def check_activity(layer: dict[str, Any]) -> None:
    """Which PE multiplied when."""
    bounds = layer["bounds"]
    zeros = [np.zeros((bounds[i], bounds[j]), dtype=np.int64) for i, j in ("MK", "KN")]
    folds = folds_of(layer, *zeros)
    array = model.Array(
        *layer["tiles"], layer["planes"], layer["in_width"], layer["out_width"]
    )  # fmt: skip
    cycles, active = model.run(array, folds)
    result = simulate(case_of(layer), trace=Tracing(level="full"))
    assert result.trace is not None
    start = cycles // 3
    seen = pe_activity(result.trace, case_of(layer), start, cycles)
    for at in np.ndindex(*seen.burst.shape):
        cycle, row, column = at
        found = (int(seen.burst[at]), int(seen.step[at]))
        assert found == active.get((start + cycle, row, column), (-1, -1))


@settings(deadline=None, max_examples=14)
@given(layer=layers())
def test_what_every_pe_did_is_found_again(layer: dict[str, Any]) -> None:
    check_activity(layer)


@pytest.mark.slow
@settings(deadline=None, max_examples=500)
@given(layer=layers())
def test_what_every_pe_did_is_found_again_in_many_runs(layer: dict[str, Any]) -> None:
    check_activity(layer)


@settings(deadline=None, max_examples=20)
@given(layer=layers(), seed=st.integers(0, 2**32 - 1))
def test_folds_take_what_the_registers_take(layer: dict[str, Any], seed: int) -> None:
    check(layer, seed)


@pytest.mark.slow
@settings(deadline=None, max_examples=2000)
@given(layer=layers(), seed=st.integers(0, 2**32 - 1))
def test_many_folds_take_what_the_registers_take(layer: dict[str, Any], seed: int) -> None:
    check(layer, seed)


@settings(deadline=None, max_examples=30)
@given(layer=layers())
def test_scale_sims_folds_never_overlap(layer: dict[str, Any]) -> None:
    """F x (T + R + C - 2) output-stationary, with R more cycles else; R x C is the whole array."""
    layer |= {"in_width": None, "out_width": None, "tiles": (1, 1)}
    flow, bounds = layer["flow"], layer["bounds"]
    _, y, x, inner = FLOWS[flow]
    rows, columns = layer["rows"], layer["columns"]
    folds = -(-bounds[y] // rows) * -(-bounds[x] // columns)
    each = bounds[inner] + rows + columns - 2 + (0 if flow == "os" else rows)
    assert folds * each == simulate(case_of(layer, "scale-sim")).cycles


@settings(deadline=None, max_examples=30)
@given(layer=layers())
def test_stonnes_tiles_never_overlap(layer: dict[str, Any]) -> None:
    """A tile of r x c takes K + r + c + 3, and one less if it is a line; ports make it slower."""
    layer |= {"flow": "os", "tiles": (1, 1)}
    bounds, total = layer["bounds"], 0
    for row in range(0, bounds["M"], layer["rows"]):
        for column in range(0, bounds["N"], layer["columns"]):
            r = min(layer["rows"], bounds["M"] - row)
            c = min(layer["columns"], bounds["N"] - column)
            each = -(-(r + c) // layer["in_width"]) if layer["in_width"] else 1
            total += each * (bounds["K"] - 1) + r + c + 4 + (each > 1) - (min(r, c) == 1)
            total += max(0, -(-r * c // layer["out_width"]) - r - c) if layer["out_width"] else 0
    assert total == simulate(case_of(layer, "stonne")).cycles
