"""Systolic arrays: what matrix products cost as they grow, and a whole network with DRAM timing.

Beside SCALE-Sim, if ``SCALESIM_PYTHON`` names the Python of an environment of its own that has it
(``pip install scalesim==3.0.0 numpy==1.26.4``; it is no dependency): the same product on the same
array, CPU seconds of both in one run.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.timing import interleaved
from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.simulate import simulate
from stallscope.layer_cases import ShapeCases
from stallscope.mappings.accelerator import load_accelerator
from stallscope.mappings.architecture import Architecture
from stallscope.mappings.case import Case, InputFile
from stallscope.mappings.layers import GemmLayer
from stallscope.mappings.scalesim_architecture import architecture_of
from stallscope.mappings.scalesim_config import ScaleSimConfig
from stallscope.mappings.systolic import Convention
from stallscope.mappings.templates import map_layer

__all__ = ["growth", "network_cost", "peer_gain"]

_SIDE = 32
_CONFIG = """[general]
run_name = bench
[architecture_presets]
ArrayHeight: 32
ArrayWidth: 32
IfmapSramSzkB: 512
FilterSramSzkB: 512
OfmapSramSzkB: 256
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Dataflow: os
Bandwidth: 10
ReadRequestBuffer: 32
WriteRequestBuffer: 32
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 1
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 1
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def _machine(convention: Convention) -> Architecture:
    config = ScaleSimConfig(
        array_height=_SIDE,
        array_width=_SIDE,
        ifmap_sram_kb=512,
        filter_sram_kb=512,
        ofmap_sram_kb=256,
        file=InputFile(path="bench", sha256=""),
    )
    return architecture_of(config, convention=convention)


def product_case(size: int, convention: Convention = Convention.STALLSCOPE) -> Case:
    """A size^3 product, output-stationary on 32 x 32, a fold's panels at a time."""
    problem, architecture = GemmLayer(M=size, N=size, K=size).problem(), _machine(convention)
    blocking = {"M": _SIDE, "N": _SIDE, "K": size}
    mapping = map_layer(problem, architecture, dataflow="os", blocking=blocking)
    return Case(problem=problem, architecture=architecture, mapping=mapping)


def growth() -> tuple[str, float, str]:
    """CPU time of 4096^3 over that of 256^3, blocking given; what the template's costs beside."""
    small, large = product_case(256), product_case(4096)
    problem, architecture = large.problem, large.architecture
    chosen = large.model_copy(
        update={"mapping": map_layer(problem, architecture, dataflow="os")}
    )  # fmt: skip
    cycles = simulate(large).cycles
    assert 4096**3 // _SIDE**2 <= cycles < 1.001 * 4096**3 / _SIDE**2
    one, other, own = interleaved(
        [lambda: simulate(small), lambda: simulate(large), lambda: simulate(chosen)]
    )
    shown = (
        f"{1e3 * one:.0f} and {1e3 * other:.0f} ms, {cycles / other / 1e9:.2f} G cycles per CPU s"
    )
    return "GEMM 256^3 to 4096^3 on 32x32: cost", other / one, (
        f"{shown}; with the template's blocking {own / one:.0f} times"
    )  # fmt: skip


def network_cost() -> tuple[str, float, str]:
    """ResNet-50 on 128 x 128 with DRAM timing: CPU seconds to map and simulate all its layers."""
    network = load_network(network_of("resnet50"))
    files = (str(accelerator_of("tpu-like-128").path),)

    def cases() -> list[Case]:
        made = ShapeCases(load_accelerator(*files), None)
        distinct = {made.case(layer, ())[0].problem: layer for layer in network.layers}
        return [made.case(layer, ())[0] for layer in distinct.values()]

    simulate(cases()[1])  # the DRAM kernel is compiled before
    began = time.process_time()
    cycles = sum(simulate(case).cycles for case in cases())
    seconds = time.process_time() - began
    return "ResNet-50 on 128x128 with HBM2: CPU seconds", seconds, (
        f"{cycles / seconds / 1e6:.2f} M cycles per CPU s; SCALE-Sim 3.0.0: 130-158 s, without DRAM"
    )  # fmt: skip


def peer_gain() -> tuple[str, float, str]:
    """CPU time of SCALE-Sim over ours for 1024^3 on 32 x 32, by its rules, in one run."""
    name = "GEMM 1024^3 on 32x32: SCALE-Sim's CPU time over ours"
    python = os.environ.get("SCALESIM_PYTHON")
    case = product_case(1024, Convention.SCALE_SIM)
    (ours,) = interleaved([lambda: simulate(case)])
    if python is None:
        return name, 160.0 / ours, f"{1e3 * ours:.0f} ms beside 160 s on record; {_HOW}"
    theirs, cycles = _peer(python, 1024)
    assert simulate(case).cycles - 1 == cycles
    return name, theirs / ours, f"{1e3 * ours:.0f} ms beside {theirs:.0f} s, {cycles:,} cycles"


_HOW = "set SCALESIM_PYTHON to run it beside"


def _peer(python: str, size: int) -> tuple[float, int]:
    """CPU seconds and cycles of SCALE-Sim, its process start and files included."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "a.cfg").write_text(_CONFIG)
        (place / "t.csv").write_text(f"Layer, M, N, K,\nproduct, {size}, {size}, {size},\n")
        (place / "l.csv").write_text("Layer, a\nproduct," + "1," * 16 + "\n")
        arguments = ["-c", "a.cfg", "-t", "t.csv", "-l", "l.csv", "-p", "out", "-i", "gemm"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = subprocess.run(
            [python, "-m", "scalesim.scale", *arguments],
            cwd=place, capture_output=True, text=True, check=True,
        )  # fmt: skip
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        line = next(line for line in done.stdout.splitlines() if line.startswith("Compute cycles"))
        return seconds, int(line.partition(":")[2])
