"""Published figures of pruned and fused bottleneck networks, from the layers they are made of.

A block is a pointwise, a depthwise and a pointwise layer; with groups each pointwise layer runs
once per group and the depthwise one comes last. The formulas are the reference's own
(`fusion_timeloop.json`, ``formulas``); the energies that go into them are those of our runs of its
mappings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stallscope.validation.documents import Json
from stallscope.validation.points import Excluded, Point
from stallscope.validation.sparsity_layers import Cost, Layers, Shape

__all__ = ["layer_rows", "network_points", "total_points"]

DENSE = "dense layers"
SPARSE_ENERGY = "sparse energy"
FUSED = "fused blocks"
OVERHEAD = "fused blocks, overhead"
TOTALS = "network totals"
ROWS = "sparse layers, sums"

_PRINTED = 0.005
"""Energies with two decimals, uJ."""
_PRINTED_TENSORS = 2e-8
"""Energies of some tensors of a channel, pJ with two decimals, uJ."""
_SPARSITY = 0.91
"""The share of weights that the reference's energy takes to be zero, whatever the mask."""
_INDEX_BITS, _WORD_BITS = 10, 16
_WEIGHTS, _INPUTS = "Weights", "Inputs"
_WINDOWS = [3, 5]
"""Windows of fused convolutions; the table does not say which."""
_KINDS = ("PW1", "DW", "PW2")
_METRICS = {"cycles": "cycles", "energy_uJ": "energy_uj", "uJ": "energy_uj"}
_SLIDES = (
    "the reference's Timeloop of 2020-21 slides on over a step that does not move the inputs; the"
    " rule that is followed reloads them"
)
_NOT_MAPPED = "the mapping that it ran with is not given"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One layer of a block: what is run, how often, and the channels of its depthwise inputs."""

    kind: str
    shape: Shape
    times: int
    channels: int


def network_points(
    name: str, network: Json, layers: Layers, rows: Mapping[tuple[int, str], Json]
) -> Iterator[Point | Excluded]:
    """Compare the blocks of one network.

    Args:
        name: Network and data set.
        network: Its tables.
        layers: The layers with their mappings.
        rows: What is known of its pruned layers, by block and kind: the channels inside a block
            and the window, where the table of blocks leaves them out.
    """
    tables = (
        network["baseline_blocks"],
        network["baseline_dense_per_block"],
        network["sparse_summary_as_labelled"],
    )
    groups = network["config"].get("BL_GROUPS", 1)
    for block, dense, sparse in zip(*tables, strict=True):
        number = block["block"]
        case = f"{name} block {number}"
        mid = block.get("midd_ch", rows.get((number, "PW1"), {}).get("M"))
        if mid is None:
            yield Excluded(case=case, why="the channels inside the block are not given")
            continue
        kinds = {kind: rows.get((number, kind), {}) for kind in _KINDS}
        for layer in _layers_of(block, mid, kinds, groups):
            yield from _dense_points(case, layer, (dense, sparse), (_place(name, block), layers))
    yield from _fused_points(name, network, layers)


def _layers_of(block: Json, mid: int, rows: Mapping[str, Json], groups: int) -> Iterator[_Layer]:
    """The layers of a block; ``rows`` say what ran, one group of it, where that is another."""
    pixels, stride = block["pixels"], block["stride"]
    before, after = pixels * stride, pixels * stride if groups > 1 else pixels
    pointwise = {
        "PW1": (block["in_ch"] // groups, mid // groups, before),
        "PW2": (mid // groups, block["out_ch"] // groups, after),
    }
    for kind, (inputs, outputs, size) in pointwise.items():
        ran = {"C": inputs, "M": outputs} | {key: rows[kind][key] for key in "CM" if rows[kind]}
        shape = Shape(**ran, window=1, pixels=size, stride=1)
        yield _Layer(kind=kind, shape=shape, times=groups, channels=1)
    outputs = block["out_ch"] if groups > 1 else mid
    window = rows["DW"].get("R", 3)
    shape = Shape(C=1, M=outputs, window=window, pixels=pixels, stride=stride)
    yield _Layer(kind="DW", shape=shape, times=1, channels=mid)


def _dense_points(
    case: str, layer: _Layer, tables: tuple[Json, Json], mapped: tuple[str, Layers]
) -> Iterator[Point | Excluded]:
    dense, sparse = tables
    place, layers = mapped
    cycles, energy = _entry(dense, f"{layer.kind}_c"), _entry(dense, f"{layer.kind}_e")
    found = layers.find("baseline", [layer.shape], place, cycles=cycles / layer.times)
    if found is None:
        yield Excluded(case=f"{case} {layer.kind}", why=_NOT_MAPPED)
        return
    roads, times = (found.simulated, found.analytical), layer.times
    yield _point(case, layer.kind, DENSE, "dense_cycles", cycles,
                 [one.cycles * times for one in roads])  # fmt: skip
    if found.slides_on:
        yield Excluded(case=f"{case} {layer.kind} energy", why=_SLIDES)
        return
    yield _point(case, layer.kind, DENSE, "dense_energy_uj", energy,
                 [times * _dense_energy(layer, one) for one in roads], _PRINTED)  # fmt: skip
    yield _point(case, layer.kind, SPARSE_ENERGY, "sparse_energy_uj",
                 sparse[f"sparse_{layer.kind}_e"],
                 [times * _sparse_energy(layer, one) for one in roads],
                 times * layer.channels * _PRINTED_TENSORS)  # fmt: skip


def _dense_energy(layer: _Layer, cost: Cost) -> float:
    """Energy of a layer, uJ; a depthwise one reads the inputs of its other channels, too."""
    inputs = cost.of("shared_glb", _INPUTS) + cost.of("DRAM", _INPUTS)
    return cost.energy_uj + (layer.channels - 1) * inputs


def _sparse_energy(layer: _Layer, cost: Cost) -> float:
    """The same with zeros left out of weights; a depthwise layer has none."""
    if layer.kind == "DW":
        return _dense_energy(layer, cost)
    weights = cost.of("DRAM", _WEIGHTS) + cost.of("weights_spad", _WEIGHTS)
    saved = weights * (1 - _INDEX_BITS / _WORD_BITS) + cost.of("ifmap_spad", _INPUTS)
    return cost.energy_uj - _SPARSITY * saved


def _fused_points(name: str, network: Json, layers: Layers) -> Iterator[Point | Excluded]:
    config = network["config"]
    rows = zip(
        network["fused_blocks"],
        network["fusion_per_block"],
        network["fusion_overhead_energy_uJ"],
        network["prune_factors"],
        strict=True,
    )
    groups = config.get("F_GROUPS", 1)
    for block, fused, overhead, kept in rows:
        mapped = (_place(name, block), layers)
        case = f"{name} fused block {block['block']}"
        yield from _main_points(case, block, fused, groups, mapped)
        for kind in ("decom", "conv", "comp"):
            if any(key.endswith(f"pred_{kind}_c") for key in fused):
                yield from _prediction(case, (block, fused), kind, config, mapped)
        weights = block["in_ch"] * block["midd_ch"] * 9 * block["out_ch"] / groups**2 * kept
        fetched = 1e-6 * weights * 128 * 1.6 * block["pixels"] ** 2 / config["F_PEs"]
        yield _point(case, "weights", OVERHEAD, "overhead_weight_energy_uj",
                     overhead["1_weight_DRAM"], [fetched], _PRINTED)  # fmt: skip
        yield _point(case, "sum of its parts", OVERHEAD, "overhead_energy_uj",
                     _entry(fused, "overhead_e"), [sum(overhead.values())],
                     _PRINTED * (len(overhead) + 1))  # fmt: skip
    why = "how often each of its units acts is not given; their sum and the weights are compared"
    yield Excluded(case=f"{name} fused blocks: parts of the overhead", why=why)
    why = (
        "which traffic is scaled by the bits of a prediction, and how many those are, is not given"
    )
    yield Excluded(case=f"{name} fused blocks: energy of predictions", why=why)


def _main_points(
    case: str, block: Json, fused: Json, groups: int, mapped: tuple[str, Layers]
) -> Iterator[Point | Excluded]:
    """The fused convolution: one group's, weights aside, which are charged elsewhere."""
    place, layers = mapped
    cycles = _entry(fused, "main_c")
    shapes = [
        Shape(C=block["in_ch"] // groups, M=block["out_ch"], window=window,
              pixels=block["pixels"], stride=block["stride"])
        for window in _WINDOWS
    ]  # fmt: skip
    found = layers.find("main", shapes, place, cycles=cycles)
    if found is None:
        yield Excluded(case=f"{case} main", why=_NOT_MAPPED)
        return
    roads = (found.simulated, found.analytical)
    yield _point(case, "main", FUSED, "main_cycles", cycles, [one.cycles for one in roads])
    yield _point(case, "main", FUSED, "main_energy_uj", _entry(fused, "main_e"),
                 [one.energy_uj - one.of("DRAM", _WEIGHTS) for one in roads],
                 _PRINTED)  # fmt: skip


def _prediction(
    case: str, tables: tuple[Json, Json], kind: str, config: Json, mapped: tuple[str, Layers]
) -> Iterator[Point | Excluded]:
    """Cycles of a prediction: those of the layer on as many adders."""
    block, fused = tables
    place, layers = mapped
    groups, mid = config.get("F_GROUPS", 1), block["midd_ch"]
    before, after = block["pixels"] * block["stride"], block["pixels"]
    inputs, outputs, size, stride, windows = {
        "decom": (block["in_ch"] // groups, mid // groups, before, 1, [1]),
        "conv": (1, mid, after, block["stride"], _WINDOWS),
        "comp": (mid // groups, block["out_ch"] // groups, before, 1, [1]),
    }[kind]
    shapes = [
        Shape(C=inputs, M=outputs, window=window, pixels=size, stride=stride) for window in windows
    ]
    times = 1 if kind == "conv" else groups
    found = layers.find(kind, shapes, place)
    if found is None:
        yield Excluded(case=f"{case} prediction {kind}", why=_NOT_MAPPED)
        return
    roads = [one.cycles * times // config["ADDERS"] for one in (found.simulated, found.analytical)]
    reference = _entry(fused, f"pred_{kind}_c")
    yield _point(case, f"prediction {kind}", FUSED, "prediction_cycles", reference, roads)


def total_points(
    networks: Mapping[str, Json], totals: Mapping[str, Json]
) -> Iterator[Point | Excluded]:
    """Compare totals of networks with the sums of their parts.

    Args:
        networks: Tables of blocks by network.
        totals: Totals of whole networks, heads and tails included.
    """
    for name, network in networks.items():
        tables = {
            "dense": network["baseline_dense_per_block"],
            "sparse": network["sparse_summary_as_labelled"],
            "fusion": network["fusion_per_block"],
        }
        for what, rows in tables.items():
            printed = network["totals"][what]
            for metric, ending in (("cycles", "_c"), ("energy_uJ", "_e")):
                found = sum(
                    value for row in rows for key, value in row.items()
                    if key.lower().endswith(ending)
                )  # fmt: skip
                yield _sum(f"{name} blocks", what, TOTALS, _METRICS[metric], printed[metric], found,
                           1e-6)  # fmt: skip
    for name, printed in totals.items():
        if "unusable" in printed:
            yield Excluded(case=f"{name} whole network", why=printed["unusable"])
            continue
        yield from _whole(name, printed, networks[name]["network_result_csv"])


def _whole(name: str, printed: Json, rows: list[Json]) -> Iterator[Point]:
    columns = {
        "dense": ("PW1/L1", "DW", "PW2"),
        "sparse": ("sparse_PW1/L1", "sparse_DW", "sparse_PW2"),
        "fused": ("pred_decom", "pred_conv", "pred_comp", "main", "overhead"),
    }
    found: dict[str, float] = {}
    for what, names in columns.items():
        for unit, ending in (("cycles", "_c"), ("uJ", "_e")):
            keys = {f"{one}{ending}" for one in names}
            # The first column has no L1 in its name where it holds cycles of pruned layers.
            keys |= {key.replace("/L1", "") for key in keys}
            key = f"{what}_{unit}"
            found[key] = sum(value for row in rows for at, value in row.items() if at in keys)
            rounding = 0.05 if unit == "uJ" else 0.0
            yield _sum(f"{name} whole network", what, TOTALS, _METRICS[unit], printed[key],
                       found[key], rounding)  # fmt: skip
    for what in ("dense", "sparse"):
        ratio = found[f"{what}_cycles"] / found["fused_cycles"]
        key = f"{what}_over_fused"
        yield _sum(f"{name} whole network", what, TOTALS, "cycles_over_fused", printed[key], ratio,
                   0.0005)  # fmt: skip


def layer_rows(rows: Sequence[Json]) -> Iterator[Point | Excluded]:
    """Compare rows of pruned layers with what their own figures come to."""
    for row in rows:
        case = f"{row['set']} pruned block {row['block']} {row['kind']}"
        mean = row["nonzero_macs"] / row["PEs"]
        if not 0 <= mean - row["balanced_cycles"] < 1:
            why = f"{row['nonzero_macs']} nonzeros on {row['PEs']} PEs are not balanced at"
            yield Excluded(case=case, why=f"{why} {row['balanced_cycles']} cycles")
            continue
        dense = row["dense_macs"] / row["PEs"]
        yield _sum(case, "", ROWS, "dense_cycles", row["dense_cycles"], dense)
        yield _sum(case, "", ROWS, "balanced_cycles", row["balanced_cycles"], int(mean))
        walked = row["passes"] * row["macs_per_pass_per_PE"]
        yield _sum(case, "passes", ROWS, "dense_cycles", row["dense_cycles"], walked)
        if "mean_PE_nonzeros" in row:
            slowest = row["recomputed_slowest_PE_cycles"]
            used = 100 * mean / slowest
            yield _sum(case, "", ROWS, "mean_PE_steps", row["mean_PE_nonzeros"], mean, 0.0005)
            yield _sum(case, "", ROWS, "PE_utilisation_pct", row["PE_utilisation_pct"], used, 0.005)
    if rows:
        why = "masks and weights per PE are given of some only, which are compared by themselves"
        yield Excluded(case=f"slowest PEs of {len(rows)} pruned layers", why=why)


def _sum(
    case: str, where: str, kind: str, metric: str, reference: float, found: float,
    tolerance: float = 0.0,
) -> Point:  # fmt: skip
    """A figure that follows from others of the reference by arithmetic: there is no run of it."""
    return Point(case=case, where=where, kind=kind, metric=metric, reference=reference,
                 simulated=found, analytical=found, tolerance=tolerance, scored="analytical",
                 )  # fmt: skip


def _point(
    case: str, where: str, kind: str, metric: str, reference: float, roads: Sequence[float],
    tolerance: float = 0.0,
) -> Point:  # fmt: skip
    """A figure by execution and by closed form; by the latter alone if there is one road."""
    scored = "simulated" if len(roads) == 2 else "analytical"
    return Point(case=case, where=where, kind=kind, metric=metric, reference=reference,
                 simulated=roads[0], analytical=roads[-1], tolerance=tolerance, scored=scored,
                 )  # fmt: skip


def _entry(row: Json, ending: str) -> float:
    """The figure of a row whose numbered name ends so."""
    return next(float(value) for key, value in row.items() if key.endswith(f"_{ending}"))


def _place(network: str, block: Json) -> str:
    return f"{network.split('/')[0]}/b{block['block']}"
