"""stallscope: cycle-level simulation of DNN accelerators, with every cycle accounted for.

The public names are imported when first used, so that importing a part stays cheap::

    import stallscope as ss
    case = ss.load("architecture.yaml", "problem.yaml", "mapping.yaml")
    result = ss.simulate(case)
    result.cycles, result.cycle_stack, result.energy_pj
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stallscope.hw.bottleneck import bottleneck
    from stallscope.hw.reram.execution import ValueRun, execute_on_values
    from stallscope.hw.reram.simulate import simulate_crossbars
    from stallscope.hw.reram.values import Noise
    from stallscope.hw.result import Result
    from stallscope.hw.simulate import Tracing, execute, simulate
    from stallscope.mappings.analytical import Estimate, analyze
    from stallscope.mappings.architecture import Architecture
    from stallscope.mappings.case import Case, Platform, Reuse, Rules
    from stallscope.mappings.energy import EnergyTable
    from stallscope.mappings.loading import load, load_platform
    from stallscope.mappings.mapping import Mapping
    from stallscope.mappings.problem import Problem
    from stallscope.mappings.reram.case import CrossbarCase
    from stallscope.mappings.reram.chip import CrossbarChip
    from stallscope.mappings.reram.estimate import analyze_crossbars
    from stallscope.mappings.reram.explore import explore
    from stallscope.mappings.reram.files import load_chip, load_crossbars
    from stallscope.mappings.reram.schedule import CrossbarSchedule
    from stallscope.mappings.sparsity.study import study as imbalance
    from stallscope.network_runs import NetworkRun, run_network
    from stallscope.simcore.errors import DeadlockError, Fault, SimulationBug, SpecError
    from stallscope.traces.compile import compile_case as compile
    from stallscope.traces.events.chrome import export_chrome
    from stallscope.traces.events.critical import critical_chain
    from stallscope.traces.events.perfetto_export import export_perfetto
    from stallscope.traces.events.trace import Trace, read_trace
    from stallscope.traces.program import Program
    from stallscope.traces.rows.program import RowProgram, read_rows
    from stallscope.validation.comparison import compare
    from stallscope.validation.function import Verification, verify
    from stallscope.zeros import NetworkZeros

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "Case",
    "CrossbarCase",
    "CrossbarChip",
    "CrossbarSchedule",
    "DeadlockError",
    "EnergyTable",
    "Estimate",
    "Fault",
    "Mapping",
    "NetworkRun",
    "NetworkZeros",
    "Noise",
    "Platform",
    "Problem",
    "Program",
    "Result",
    "Reuse",
    "RowProgram",
    "Rules",
    "SimulationBug",
    "SpecError",
    "Trace",
    "Tracing",
    "ValueRun",
    "Verification",
    "__version__",
    "analyze",
    "analyze_crossbars",
    "bottleneck",
    "compare",
    "compile",
    "critical_chain",
    "execute",
    "execute_on_values",
    "explore",
    "export_chrome",
    "export_perfetto",
    "imbalance",
    "load",
    "load_chip",
    "load_crossbars",
    "load_platform",
    "read_rows",
    "read_trace",
    "run_network",
    "simulate",
    "simulate_crossbars",
    "verify",
]

_PLACES = {
    "Architecture": "mappings.architecture",
    "Case": "mappings.case",
    "CrossbarCase": "mappings.reram.case",
    "CrossbarChip": "mappings.reram.chip",
    "CrossbarSchedule": "mappings.reram.schedule",
    "DeadlockError": "simcore.errors",
    "EnergyTable": "mappings.energy",
    "Estimate": "mappings.analytical",
    "Fault": "simcore.errors",
    "Mapping": "mappings.mapping",
    "NetworkRun": "network_runs",
    "NetworkZeros": "zeros",
    "Noise": "hw.reram.values",
    "Platform": "mappings.case",
    "Problem": "mappings.problem",
    "Program": "traces.program",
    "Result": "hw.result",
    "Reuse": "mappings.case",
    "RowProgram": "traces.rows.program",
    "Rules": "mappings.case",
    "SimulationBug": "simcore.errors",
    "SpecError": "simcore.errors",
    "Trace": "traces.events.trace",
    "Tracing": "hw.simulate",
    "ValueRun": "hw.reram.execution",
    "Verification": "validation.function",
    "analyze": "mappings.analytical",
    "analyze_crossbars": "mappings.reram.estimate",
    "bottleneck": "hw.bottleneck",
    "compare": "validation.comparison",
    "compile": "traces.compile:compile_case",
    "critical_chain": "traces.events.critical",
    "execute": "hw.simulate",
    "execute_on_values": "hw.reram.execution",
    "explore": "mappings.reram.explore",
    "export_chrome": "traces.events.chrome",
    "export_perfetto": "traces.events.perfetto_export",
    "imbalance": "mappings.sparsity.study:study",
    "load": "mappings.loading",
    "load_chip": "mappings.reram.files",
    "load_crossbars": "mappings.reram.files",
    "load_platform": "mappings.loading",
    "read_rows": "traces.rows.program",
    "read_trace": "traces.events.trace",
    "run_network": "network_runs",
    "simulate": "hw.simulate",
    "simulate_crossbars": "hw.reram.simulate",
    "verify": "validation.function",
}
"""Where each public name lives: module, and its name there if it differs."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, inner = place.partition(":")
    value = getattr(import_module(f"{__name__}.{module}"), inner or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted(set(globals()) | set(__all__))
