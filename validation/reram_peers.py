"""Points of other tools: PUMA, NeuroSim, MNSIM and CrossSim, each beside what we say of the same.

Scored is what both define alike: the cycles of PUMA's multiply and the accesses that it charges,
MNSIM's time of a write. The rest is reported: whole programs and chips have parts that are no
crossbars, and errors of analogue arithmetic are of one draw.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.reram.chip import CrossbarChip, LogicalCrossbar, Pipeline, Programming
from stallscope.mappings.reram.counting import activity_of
from stallscope.mappings.reram.timing import multiply_timing, write_ns
from stallscope.validation.points import Excluded, Point
from stallscope.validation.reram_analog import AnalogStudy, analog_error
from stallscope.validation.reram_cases import Json
from stallscope.validation.reram_runs import account_of, case_of, multiplied_ns, reading, tile_chip

__all__ = ["peer_points"]

PUMA = "puma, multiply"
PUMA_COUNTS = "puma, accesses with every matrix of a core charged"
PUMA_CHAIN = "puma, whole programs beside their multiplies"
PUMA_MEMORY = "puma, whole programs beside their multiplies and memory accesses"
NEUROSIM = "neurosim, whole layers beside one tile's multiplies"
MNSIM = "mnsim, write of a crossbar"
MNSIM_STAGES = "mnsim, stages added up, beside stages that overlap"
CROSSSIM = "crosssim, errors of one draw"

_MATRICES = 2  # of a core, in the configuration of the runs
_EDRAM_CYCLES = 2  # an access of its 64 KB memory; its configuration


def peer_points(peers: dict[str, Json]) -> Iterator[Point | Excluded]:
    """Compare with the tools whose figures are there."""
    if "puma" in peers:
        yield from _puma(peers["puma"])
    if "neurosim" in peers:
        yield from _neurosim(peers["neurosim"])
    if "mnsim" in peers:
        yield from _mnsim(peers["mnsim"])
    if "functional_nrmse_64x64" in peers:
        yield from _errors(peers["functional_nrmse_64x64"])


def _point(
    case: str, kind: str, metric: str, figures: tuple[float, float], *,
    analytical: float | None = None, where: str = "", tolerance: float = 0.0,
    is_scored: bool = False,
) -> Point:  # fmt: skip
    return Point(
        case=case, where=where, kind=kind, metric=metric, reference=figures[0],
        simulated=figures[1], analytical=analytical, tolerance=tolerance,
        scored="simulated" if is_scored else "",
    )  # fmt: skip


def _puma_chip() -> CrossbarChip:
    """A core's two matrices of 128 x 128 16-bit weights in cells of 2 bits; its configuration."""
    return CrossbarChip(
        cores=1,
        crossbar=LogicalCrossbar(rows=128, columns=128, per_core=_MATRICES, weight_bits=16),
        reading=reading(input_bits=16, columns_per_adc=128),
        writing=Programming(pulse_ns=0),  # weights are there before cycle 0
    )


def _puma(puma: Json) -> Iterator[Point | Excluded]:
    """Its multiply, its accesses, and how much of its programs' cycles they explain."""
    chip = _puma_chip()
    executed = float(multiplied_ns(chip)[0])
    formula = re.search(r"= (\d+) cycles per MVM", puma.get("mvm_latency_formula", ""))
    if formula:
        closed = float(multiply_timing(chip).latency)
        figures = (float(formula[1]), executed)
        yield _point("multiply", PUMA, "mvm_cycles", figures, analytical=closed, is_scored=True)
    for program in puma["cases"]:
        yield from _program(program, chip, executed)


def _program(
    program: Json, chip: CrossbarChip, multiply_cycles: float
) -> Iterator[Point | Excluded]:
    name, access = program["net"], program["access"]
    # Its inference runs every matrix of a core: both are full, whatever the program asked for.
    full = case_of(GemmLayer(M=1, N=128, K=128 * _MATRICES), chip, ())
    times = program["instructions"]["mvm"]
    executed, closed = (
        {"xbar_mvm": done.conversions // chip.crossbar.columns, "adc": done.conversions,
         "snh": done.conversions, "dac": done.rows_driven}
        for done in (account_of(full).activity, activity_of(full))
    )  # fmt: skip
    for metric, count in executed.items():
        yield _point(name, PUMA_COUNTS, metric, (access[metric], float(times * count)),
                     analytical=float(times * closed[metric]), is_scored=True)  # fmt: skip
    chain = _chain(program["desc"])
    if chain is None:
        why = "the order of its multiplies over cores is not stated: cycles are not compared"
        yield Excluded(case=name, why=why)
        return
    cycles = chain * multiply_cycles
    yield _point(name, PUMA_CHAIN, "program_cycles", (program["cycles"], cycles),
                 where=f"{chain} in sequence")  # fmt: skip
    with_memory = cycles + _EDRAM_CYCLES * access["edram"]
    yield _point(name, PUMA_MEMORY, "program_cycles", (program["cycles"], with_memory),
                 where=f"{access['edram']} accesses")  # fmt: skip


def _chain(description: str) -> int | None:
    """Multiplies that wait for each other: layers of a perceptron, or a single product."""
    layers = re.search(r"\d+(?:->\d+)+", description)
    if layers:
        return layers[0].count("->")
    return None if "conv" in description else 1


def _neurosim(neurosim: Json) -> Iterator[Point | Excluded]:
    """Whole layers on a chip of its own that holds several copies of the weights."""
    for row in neurosim["cases"]:
        found = re.match(r"conv_c(\d+)k(\d+)_(\d+)x(\d+)", row["case"])
        if not found:
            yield Excluded(case=row["case"], why="its name does not say the layer")
            continue
        channels, outputs, height, width = (int(part) for part in found.groups())
        layer = ConvLayer(C=channels, K=outputs, P=height, Q=width, R=3, S=3)
        case = case_of(layer, tile_chip(writing=Programming(pulse_ns=0)), ())
        lowered, figures = case.lowered, (row["latency_ns"], float(account_of(case).until))
        steps = lowered.pixels * lowered.column_steps * len(lowered.loads)
        closed = float(steps * multiply_timing(case.chip).interval)
        yield _point(row["case"], NEUROSIM, "layer_ns", figures, analytical=closed,
                     where="3 x 3 kernel taken")  # fmt: skip


def _mnsim(mnsim: Json) -> Iterator[Point | Excluded]:
    """Pulse times rows for a write; its multiply adds up what a pipeline overlaps."""
    for row in mnsim["hardware_level"]:
        size, bits = row["size"], row["adc_bits"]
        name = f"{size} x {size}, {bits}-bit ADC at {row['adc_GSps']} GS/s"
        crossbar = LogicalCrossbar(rows=size, columns=size, per_core=1)
        # Its pulse is 10 ns (SimConfig.ini).
        chip = tile_chip(crossbar=crossbar, writing=Programming(pulse_ns=10))
        once = case_of(GemmLayer(M=1, N=size, K=size), chip, ())
        figures = (row["xbar_write_latency_ns"], float(account_of(once).writing_cycles))
        yield _point(name, MNSIM, "xbar_write_latency_ns", figures,
                     analytical=float(write_ns(chip, size)), is_scored=True)  # fmt: skip
        # An ADC's latency is that of its one conversion; inputs pass the DAC before the read.
        readout = reading(
            dac_bits=row["dac_bits"], read_ns=row["dac_latency_ns"] + row["xbar_read_latency_ns"],
            columns_per_adc=1, adc_gsps=1 / row["adc_latency_ns"], shift_add_ns=0,
            pipeline=Pipeline.ELASTIC,
        )  # fmt: skip
        staged = tile_chip(crossbar=crossbar, reading=readout)
        figures = (row["pe_mvm_8b"]["computing_ns"], float(multiplied_ns(staged)[0]))
        closed = float(multiply_timing(staged).latency)
        yield _point(name, MNSIM_STAGES, "mvm_ns", figures, analytical=closed)
    if "vgg8" in mnsim:
        why = "its layers are not stated, and most of their time is its buffers and links"
        yield Excluded(case="mnsim vgg8", why=why)


def _errors(study: Json) -> Iterator[Point | Excluded]:
    """Errors relative to the products, for its settings, drawn by our generator."""
    for row in study["crosssim"]:
        settings = {"programming_sigma": row.get("sigma_over_Gmax", 0.0),
                    "adc_bits": row.get("adc_bits")}  # fmt: skip
        if not any(settings.values()):
            continue  # only how its numbers are rounded
        name = f"{row['model']}, " + (
            f"{settings['adc_bits']} bits" if settings["adc_bits"]
            else f"{settings['programming_sigma']:.0%} of Gmax"
        )  # fmt: skip
        ours = analog_error(AnalogStudy(**settings))
        yield _point(name, CROSSSIM, "nrmse", (row["nrmse"], ours))
    if study.get("aihwkit"):
        why = "models of measured devices, with drift: conductances over time are not modelled"
        yield Excluded(case="aihwkit", why=why)
