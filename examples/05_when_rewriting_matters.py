"""When does it matter that crossbars are rewritten while a network runs?

Three networks on a tile of four cores (preset reram-tile-4), whose weights fit the crossbars of no
network. Closed forms first: how often weights are written if an output row is finished at a time
and if a whole map is, what writing takes beside computing, and how long the most written cell
lasts. Then one layer is simulated under each policy of overlap: what of the writing was hidden.
"""

from __future__ import annotations

from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.reram.simulate import simulate_crossbars
from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CoreBuffer, CrossbarChip, Overlap
from stallscope.mappings.reram.files import load_chip
from stallscope.mappings.reram.reprogramming import ReloadCosts, reload_costs, reload_total
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, ScheduleLoop

NETWORKS = ("vgg16", "resnet50", "mobilenetv2")
ENDURANCE = 10**6  # writes that a cell stands: a round figure for ReRAM, no device's
ROW = CrossbarSchedule(loops=(ScheduleLoop(axis=Axis.H),))
MAP = CrossbarSchedule()
LAYER = ConvLayer(C=128, K=256, P=28, Q=28, R=3, S=3, padding=(1, 1))


def roomy(chip: CrossbarChip, **changes: object) -> CrossbarChip:
    """The chip with buffers as large as a whole map needs, so that order alone decides."""
    return chip.model_copy(
        update={"input_buffer": CoreBuffer(), "partial_sums": CoreBuffer(), **changes}
    )


def costs_of(network: str, chip: CrossbarChip, schedule: CrossbarSchedule) -> ReloadCosts:
    """Costs of the convolutions of a network in series."""
    layers = [one for one in load_network(network_of(network)).layers
              if isinstance(one.shape, ConvLayer)]  # fmt: skip
    costs = [
        reload_costs(CrossbarCase(name=one.name, layer=one.shape, chip=chip, schedule=schedule))
        for one in layers if one.shape is not None
    ]  # fmt: skip
    return reload_total(network, costs, [one.repeat for one in layers])


def show_networks(chip: CrossbarChip) -> None:
    """Print updates, writing over computing, and wear per network."""
    print("per cell: writing / computing; the run over computing, without overlap and with")
    heads = [
        f"{n}, {how}" for n in ("1 pulse", "10 pulses") for how in ("all at once", "one by one")
    ]
    print(f"{'':12} {'':13} {'updates':>7}" + "".join(f"{head:>23}" for head in heads))
    for name in NETWORKS:
        row, whole = costs_of(name, chip, ROW), costs_of(name, chip, MAP)
        for what, found in (("row by row", row), ("map at once", whole)):
            cells = [
                f"{cost.ratio:9.3f} {float(cost.serial_ns / cost.compute_ns):6.2f} "
                f"{float(cost.overlapped_ns / cost.compute_ns):6.2f}"
                for cost in found.costs
            ]
            print(f"{name:12} {what:13} {found.updates:7,}" + "".join(cells))
        print(
            f"{'':12} {1 - whole.updates / row.updates:.1%} fewer updates; images until the most "
            f"written cell has {ENDURANCE:,} writes: {ENDURANCE // row.updates:,} and "
            f"{ENDURANCE // whole.updates:,}"
        )


def show_policies(chip: CrossbarChip) -> None:
    """Simulate one layer under each policy; shadow once in place, once with more crossbars."""
    print("\n3x3, 128 -> 256 channels on 28 x 28 pixels, ten pulses, row by row")
    double = chip.crossbar.model_copy(update={"per_core": 2 * chip.crossbar.per_core})
    some = {"writing": chip.writing.model_copy(update={"crossbars_at_once": 36})}
    kinds = (
        ("none", roomy(chip)),
        ("shadow, half of nine", roomy(chip, overlap=Overlap.SHADOW)),
        ("shadow, twice nine", roomy(chip, overlap=Overlap.SHADOW, crossbar=double)),
        ("none, drivers for 36", roomy(chip, **some)),
        ("partial, drivers for 36", roomy(chip, overlap=Overlap.PARTIAL, **some)),
    )
    for name, kind in kinds:
        case = CrossbarCase(name=name, layer=LAYER, chip=kind, schedule=ROW)
        result = simulate_crossbars(case)
        account = result.reram
        assert account is not None
        stack = result.cycle_stack
        print(
            f"{name:24} {account.activity.updates:3} updates {result.cycles:10,} cycles: compute "
            f"{stack['compute'] / result.cycles:.1%}, reprogram "
            f"{stack.get('reprogram', 0) / result.cycles:.1%}; {account.hidden:.1%} of the writing "
            "hidden"
        )


def main() -> None:
    """Print both tables."""
    chip = load_chip(accelerator_of("reram-tile-4").path).chip
    show_networks(roomy(chip))
    show_policies(chip)


if __name__ == "__main__":
    main()
