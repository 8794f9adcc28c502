"""Event traces: what recording costs, how much it writes, how soon a window is read."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet  # noqa: F401  # 0.3 s that are not the recording

from benchmarks.timing import interleaved
from benchmarks.workload import alexnet
from stallscope.hw.simulate import Tracing, simulate
from stallscope.traces.events.trace import Trace

WINDOW = 10_000


def recording_cost() -> tuple[str, float, str]:
    """CONV1-5 with a full trace, over the same without."""
    cases = alexnet()

    def run(level: str) -> None:
        with TemporaryDirectory() as folder:
            for name, case in cases.items():
                trace = Tracing(level=level, folder=Path(folder) / name)
                result = simulate(case, trace=trace)
                assert sum(result.cycle_stack.values()) == result.cycles

    on, off = interleaved([lambda: run("full"), lambda: run("off")])
    return "CONV1-5: recording over not recording", on / off, f"{on:.3f} s over {off:.3f} s"


def plain_recording_cost() -> tuple[str, float, str]:
    """The same without fast-forward: every slice is written (CONV1)."""
    case = alexnet()["conv1"]

    def run(level: str) -> None:
        with TemporaryDirectory() as folder:
            trace = Tracing(level=level, folder=Path(folder))
            simulate(case, trace=trace, fast_forward=False)

    on, off = interleaved([lambda: run("full"), lambda: run("off")], repeats=2)
    return "CONV1: recording every slice", on / off, f"{on:.3f} s over {off:.3f} s"


def trace_size() -> tuple[str, float, str]:
    """A full trace of CONV1-5 on disk, MB; and how many rows it stands for."""
    rows = size = 0
    with TemporaryDirectory() as folder:
        for name, case in alexnet().items():
            place = Path(folder) / name
            result = simulate(case, trace=Tracing(level="full", folder=place))
            assert result.trace is not None
            rows += result.trace.rows
            size += sum(file.stat().st_size for file in place.iterdir())
    return "CONV1-5: full trace, MB on disk", size / 1e6, f"for {rows:,} slices"


def window_time() -> tuple[str, float, str]:
    """Opening a trace and reading a window of 10 000 cycles, CPU seconds (worst of CONV1-5)."""
    worst = 0.0
    most = 0
    with TemporaryDirectory() as folder:
        for name, case in alexnet().items():
            place = Path(folder) / name
            cycles = simulate(case, trace=Tracing(level="full", folder=place)).cycles
            for start in (0, cycles // 2, cycles - WINDOW):
                began = time.process_time()
                found = len(Trace(place).window(start, start + WINDOW).to_pandas())
                worst = max(worst, time.process_time() - began)
                most = max(most, found)
    return "window of 10 000 cycles: CPU seconds", worst, f"{most:,} slices at most"
