"""`make bench`: ratios within one run, each beside its limit. Exit code 1 if one is past it."""

from __future__ import annotations

import sys

from benchmarks import (
    arrays,
    crossbars,
    detailed,
    dram,
    engine,
    sparsity,
    systolic,
    traces,
    workload,
)

# benchmark, limit, whether the ratio must stay below it, aim
TABLE = (
    (engine.step_cost, 20.0, True, 8.0),
    (workload.fast_forward_gain, 10.0, False, 50.0),
    (workload.doubling_cost, 1.5, True, 1.5),
    (workload.network_cost, 5.0, True, 1.0),
    (workload.watching_cost, 1.4, True, 1.4),
    (traces.recording_cost, 2.0, True, 1.5),
    (traces.plain_recording_cost, 2.0, True, 1.5),
    (traces.trace_size, 20.0, True, 1.0),
    (traces.window_time, 0.3, True, 0.1),
    (dram.sequential_rate, 1.0, False, 2.0),
    (dram.random_rate, 0.5, False, 1.0),
    (detailed.network_cost, 10.0, True, 2.0),
    (detailed.skipped, 0.2, False, 0.5),
    (systolic.growth, 2.0, True, 1.2),
    (systolic.peer_gain, 100.0, False, 1000.0),
    (systolic.network_cost, 1.5, True, 1.0),
    (arrays.size_cost, 3.0, True, 2.0),
    (crossbars.search_rate, 5.0, False, 20.0),
    (crossbars.network_cost, 20.0, True, 5.0),
    (crossbars.fast_forward_gain, 10.0, False, 50.0),
    (sparsity.network_cost, 60.0, True, 20.0),
    (sparsity.large_array_cost, 60.0, True, 10.0),
)


def main() -> int:
    failed = 0
    print(f"{'benchmark':42} {'figure':>8} {'limit':>8} {'aim':>6}")
    for benchmark, limit, is_below, aim in TABLE:
        name, ratio, shown = benchmark()
        is_within = ratio <= limit if is_below else ratio >= limit
        failed += not is_within
        sign = "<=" if is_below else ">="
        verdict = "" if is_within else "  PAST ITS LIMIT"
        print(f"{name:42} {ratio:8.2f} {sign}{limit:6.1f} {aim:6.1f}  {shown}{verdict}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
