"""Points of weight updates: networks, layers, the example's best schedules, writing and wear."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CoreBuffer, Programming
from stallscope.mappings.reram.explore import Objective, explore
from stallscope.mappings.reram.lowering import LoweredLayer
from stallscope.mappings.reram.schedule import Axis, Filling, InputForm, ScheduleLoop
from stallscope.mappings.reram.timing import multiply_timing, write_ns
from stallscope.mappings.reram.walk import window_bytes
from stallscope.mappings.reram.wear import runs_until
from stallscope.validation.points import Excluded, Point
from stallscope.validation.reram_cases import (
    EXAMPLE,
    LayerCase,
    NetworkCase,
    SearchCase,
    WearCase,
)
from stallscope.validation.reram_runs import (
    Updates,
    account_of,
    buffer_pixels,
    case_of,
    ordered,
    tile_chip,
    tile_schedule,
)

__all__ = ["network_points", "search_points", "wear_points"]

Figures = tuple[float, float]
"""Executed and by closed form."""

UPDATES = "updates of networks"
REDUCTIONS = "reductions of networks"
SHAPES = "layers on crossbars"
LAYERS = "updates of layers"
SEARCHED = "best schedules of the example"
FITS = "best schedules fit their buffers"
FOUND = "best schedules found by search"
FOUND_PADDED = "best schedules found by search, window too large with its padding"
WEAR = "writing and wear"

_PERCENT = 0.005  # printed with two decimals
_TENTH_US = 0.05  # of printed times
_PADDED = "window with its padding"
_UNKNOWN = "what tile it stands for is not known"


def point(
    case: str, kind: str, metric: str, reference: float, figures: Figures, *,
    where: str = "", tolerance: float = 0.0,
) -> Point:  # fmt: skip
    """Return a point whose executed figure is scored."""
    return Point(
        case=case, where=where, kind=kind, metric=metric, reference=reference,
        simulated=figures[0], analytical=figures[1], tolerance=tolerance,
    )  # fmt: skip


class _Tiles:
    """Updates of layers by name of the tile."""

    def __init__(self, filling: Filling, updates: Updates) -> None:
        self._chip = tile_chip()
        self._filling = filling
        self._updates = updates
        self._known: dict[tuple[ConvLayer, str, bool], Figures | None] = {}

    def of(self, layer: ConvLayer, tile: str, *, snake: bool = False) -> Figures | None:
        """Executed and closed form; None if the tile's name is not known."""
        key = (layer, tile, snake)
        if key not in self._known:
            self._known[key] = self._found(*key)
        return self._known[key]

    def _found(self, layer: ConvLayer, tile: str, snake: bool) -> Figures | None:
        loops = tile_schedule(tile)
        if loops is None:
            pixels = buffer_pixels(tile, self._chip)
            if not pixels:
                return None
            loops = (ScheduleLoop(axis=Axis.P, step=pixels),)
        return self._updates.of(case_of(layer, self._chip, loops, self._filling, snake=snake))

    def better(self, layer: ConvLayer, tile: str, other: str) -> Figures | None:
        """The fewer of two tiles' updates."""
        found = [self.of(layer, name) for name in (tile, other)]
        kept = [figures for figures in found if figures]
        if len(kept) < len(found):
            return None
        return min(kept[0][0], kept[1][0]), min(kept[0][1], kept[1][1])

    def lowered(self, layer: ConvLayer) -> LoweredLayer:
        """The layer as the crossbars see it."""
        return case_of(layer, self._chip, (), self._filling).lowered


def network_points(network: NetworkCase, updates: Updates) -> Iterator[Point | Excluded]:
    """Compare one network with one filling: its updates, reductions, and every layer."""
    case = f"{network.name} {network.filling.value}"
    tiles = _Tiles(network.filling, updates)
    layers = [layer.shape for layer in network.layers]
    defaults = [key.removeprefix("default_") for key in network.updates if key[0] == "d"]
    for key, reference in network.updates.items():
        kind, _, tile = key.partition("_")
        ways = [_totals([tiles.of(layer, tile) for layer in layers])]
        if kind == "reuse":
            # The best network of those whose layers take the better of this tile and a default's.
            ways = [_totals([tiles.better(layer, tile, other) for layer in layers])
                    for other in defaults]  # fmt: skip
        known = [total for total in ways if total is not None]
        if not known:
            yield Excluded(case=f"{case}: {key}", why=_UNKNOWN)
            continue
        best = (min(one for one, _ in known), min(other for _, other in known))
        yield point(case, UPDATES, "updates", reference, best, where=key)
    several = [layer for layer in network.layers if len(tiles.lowered(layer.shape).loads) > 1]
    yield from _reductions(case, network.layers, network.reductions, tiles, "all layers")
    yield from _reductions(case, several, network.reductions_several, tiles, "several loads")
    for layer in network.layers:
        yield from _layer_points(case, layer, tiles)


def _totals(found: list[Figures | None]) -> Figures | None:
    """Sums over layers; None if a tile is not known."""
    kept = [figures for figures in found if figures is not None]
    if len(kept) < len(found):
        return None
    return sum(one for one, _ in kept), sum(other for _, other in kept)


def _reductions(
    case: str, layers: list[LayerCase] | tuple[LayerCase, ...],
    figures: Mapping[str, Mapping[str, float]], tiles: _Tiles, of: str,
) -> Iterator[Point | Excluded]:  # fmt: skip
    """Percent fewer updates than a default tile's, no layer with more than it."""
    for default, buffers in figures.items():
        for buffer, reference in buffers.items():
            before = _totals([tiles.of(layer.shape, default) for layer in layers])
            after = _totals([tiles.better(layer.shape, buffer, default) for layer in layers])
            where = f"{of}, {default} -> {buffer}"
            if before is None or after is None:
                yield Excluded(case=f"{case}: {where}", why=_UNKNOWN)
            else:
                yield point(case, REDUCTIONS, "reduction_pct", reference, _saved(after, before),
                            where=where, tolerance=_PERCENT)  # fmt: skip


def _saved(after: Figures, before: Figures) -> Figures:
    """Percent saved, executed and by closed form."""
    one, other = (
        100.0 * (1.0 - new / old) if old else 0.0 for new, old in zip(after, before, strict=True)
    )
    return one, other


def _layer_points(case: str, layer: LayerCase, tiles: _Tiles) -> Iterator[Point | Excluded]:
    """How one layer lies on the crossbars, and its updates by tile."""
    lowered = tiles.lowered(layer.shape)
    slots = sum(len(load.slots) for load in lowered.loads)
    shape = {
        "co_outer": lowered.column_steps,
        "G": len(lowered.loads),
        "logical_xbars": len(lowered.blocks) * slots,
        "weights": layer.shape.weights,
    }
    for key, reference in layer.figures.items():
        if key in shape:
            yield point(case, SHAPES, key, reference, (shape[key], shape[key]), where=layer.name)
            continue
        if key == "reduction_row_vs_min_pct":
            rows, least = tiles.of(layer.shape, "row"), tiles.of(layer.shape, "unlimited")
            assert rows is not None
            assert least is not None
            yield point(case, LAYERS, "reduction_pct", reference, _saved(least, rows),
                        where=f"{layer.name} {key}", tolerance=_PERCENT)  # fmt: skip
            continue
        tile = "unlimited" if key == "min_loads" else key.partition("_")[2]
        plain = tile.removesuffix("_snake")
        found = tiles.of(layer.shape, plain, snake=plain != tile)
        if found is None:
            yield Excluded(case=f"{case} {layer.name}: {key}",
                           why=_UNKNOWN)  # fmt: skip
        else:
            yield point(case, LAYERS, "updates", reference, found, where=f"{layer.name} {key}")


def search_points(search: SearchCase, updates: Updates) -> Iterator[Point | Excluded]:
    """Compare one best schedule of the example: its updates, and that it fits the buffers."""
    chip = tile_chip()
    try:
        schedule = ordered(search.order, search.tile)
    except KeyError as word:
        yield Excluded(case=search.name, why=f"its order has the word {word}")
        return
    case = case_of(EXAMPLE, chip, schedule.loops, snake=schedule.snake)
    found = updates.of(case)
    plain = {
        tile: updates.of(case_of(EXAMPLE, chip, tile_schedule(tile) or ()))
        for tile in ("row", "pixel")
    }
    for key, reference in search.figures.items():
        default = key.removeprefix("reduction_vs_").partition("_")[0]
        if key == "updates":
            yield point(search.name, SEARCHED, "updates", reference, found, where=search.order)
        elif default in plain:
            yield point(search.name, SEARCHED, "reduction_pct", reference,
                        _saved(found, plain[default]), where=key,
                        tolerance=_PERCENT)  # fmt: skip
    fits = _fits(search, case)
    yield from fits.values()
    yield _found(search, is_alike=fits[_PADDED].simulated == 1.0)


def _fits(search: SearchCase, case: CrossbarCase) -> dict[str, Point]:
    """Whether sums and inputs of a tile fit; the reference's window is without padding.

    Ours has it (padding is stored): whether that fits, too, is only reported.
    """
    chip, tile = case.chip, case.walk.tile
    height, width = (
        min(tile[axis] + kernel - 1, size)
        for axis, kernel, size in ((Axis.H, EXAMPLE.R, EXAMPLE.P), (Axis.W, EXAMPLE.S, EXAMPLE.Q))
    )
    sums = case.walk.tile_pixels * search.psum_bytes * chip.crossbar.columns * chip.cores
    room = search.input_kib << 10
    found = {
        "sums": sums <= search.psum_kib << 10,
        "window": height * width * chip.crossbar.rows <= room,
        _PADDED: window_bytes(case.lowered, chip, case.walk.tile) <= room,
    }
    points = {}
    for name, does in found.items():
        made = point(search.name, FITS, "fits", 1.0, (float(does), float(does)), where=name)
        points[name] = replace(made, scored="") if name == _PADDED else made
    return points


def _found(search: SearchCase, *, is_alike: bool) -> Point:
    """What our search finds under the same buffers; scored where the reference's best fits them."""
    chip = tile_chip(
        partial_sum_bits=8 * search.psum_bytes,
        partial_sums=CoreBuffer(capacity_bytes=(search.psum_kib << 10) // tile_chip().cores),
        input_buffer=CoreBuffer(capacity_bytes=search.input_kib << 10),
    )
    best = explore(
        EXAMPLE, chip, Objective.UPDATES,
        fillings=(Filling.STRICT,), inputs=InputForm.WINDOW, keep=1,
    ).best[0]  # fmt: skip
    case = CrossbarCase(layer=EXAMPLE, chip=chip, schedule=best.schedule)
    executed = account_of(case).activity.updates
    made = point(search.name, FOUND if is_alike else FOUND_PADDED, "updates",
                 search.figures["updates"], (executed, best.updates))  # fmt: skip
    return made if is_alike else replace(made, scored="")


def wear_points(wear: WearCase, updates: Updates) -> Iterator[Point | Excluded]:
    """Compare times of writing and wear of one network with crossbars filled strictly."""
    chip = tile_chip()
    tiles = _Tiles(Filling.STRICT, updates)
    shapes = [layer.shape for layer in wear.layers]
    steps = _core_steps(shapes)
    interval_us = float(multiply_timing(chip).interval) / 1000
    loads: dict[str, Figures] = {}
    for tile in wear.figures.get("loads", {}):
        name = "unlimited" if tile == "min" else tile
        total = _totals([tiles.of(shape, name) for shape in shapes])
        if total is None:
            yield Excluded(case=f"{wear.name}: loads {tile}", why=_UNKNOWN)
        else:
            loads[tile] = total
    for key, entry in wear.figures.items():
        if key == "core_mvm_steps":
            yield point(wear.name, WEAR, key, entry, steps)
        elif key.startswith("compute_us"):
            times = (steps[0] * interval_us, steps[1] * interval_us)
            yield point(wear.name, WEAR, "compute_us", entry, times, tolerance=_TENTH_US)
        else:
            yield from _by_loads(wear.name, key, entry, loads)


def _core_steps(shapes: list[ConvLayer]) -> Figures:
    """Multiplies of the core with the most: executed, where writing takes no time, and closed."""
    chip = tile_chip(writing=Programming(pulse_ns=0))
    executed = closed = 0
    for shape in shapes:
        case = case_of(shape, chip, tile_schedule("row") or ())
        layer, account = case.lowered, account_of(case)
        executed += account.until // account.interval_cycles
        closed += layer.pixels * layer.column_steps * len(layer.loads) * layer.images
    return executed, closed


def _by_loads(
    name: str, key: str, entry: Mapping[str, object], loads: Mapping[str, Figures]
) -> Iterator[Point | Excluded]:
    """Figures that follow from the loads: times of writing, writes of a cell, endurance."""
    written = re.fullmatch(r"load_us_(\d+)it_(allparallel|(\d+)serial)", key)
    if written:
        iterations, rounds = int(written[1]), int(written[3] or 1)
        each_us = float(write_ns(tile_chip(iterations=iterations), 64)) * rounds / 1000
        for tile, reference in entry.items():
            yield from _scaled(name, key, tile, reference, loads, each_us)
    elif key in ("loads", "max_writes_per_cell_per_inference"):
        for tile, reference in entry.items():
            yield from _scaled(name, key, tile, reference, loads, 1)
    elif key == "inferences_to_endurance":
        for endurance, by_tile in entry.items():
            assert isinstance(by_tile, dict)  # a figure per tile
            for tile, reference in by_tile.items():
                if tile in loads:
                    runs = [
                        runs_until(Fraction(endurance), int(count)) or 0 for count in loads[tile]
                    ]
                    yield point(name, WEAR, "inferences", reference, (runs[0], runs[1]),
                                where=f"{endurance} writes, {tile}")  # fmt: skip
    else:
        yield Excluded(case=f"{name}: {key}", why="what it stands for is not known")


def _scaled(
    name: str, key: str, tile: str, reference: object, loads: Mapping[str, Figures], each: float
) -> Iterator[Point]:
    if tile in loads:
        assert isinstance(reference, int | float)  # a figure per tile
        figures = (loads[tile][0] * each, loads[tile][1] * each)
        metric = "load_us" if key.startswith("load_us") else key
        yield point(name, WEAR, metric, reference, figures, where=f"{key} {tile}",
                    tolerance=_TENTH_US if metric == "load_us" else 0.0)  # fmt: skip
