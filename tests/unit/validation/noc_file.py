"""Files of network cases."""

from __future__ import annotations

import json

BASE = {
    "topology": "mesh", "n": 2, "routing_function": "dor", "num_vcs": 4, "vc_buf_size": 8,
    "wait_for_tail_credit": 1, "vc_allocator": "islip", "sw_allocator": "islip",
    "alloc_iters": 1, "credit_delay": 2, "routing_delay": 0, "vc_alloc_delay": 1,
    "sw_alloc_delay": 1, "st_final_delay": 1, "input_speedup": 1, "output_speedup": 1,
    "internal_speedup": "1.0", "sim_type": "latency", "sample_period": 1000,
    "warmup_periods": 3, "max_samples": 10, "latency_thres": "500.0", "seed": 1,
    "injection_rate_uses_flits": 1, "use_noc_latency": 0,
}  # fmt: skip
RUN = {"k": 4, "traffic": "transpose", "packet_size": 1, "wait_for_tail_credit": 0,
       "injection_rate": 0.01, "packet_latency_avg": 16.0683, "hops_avg": 3.51546,
       "saturated": False}  # fmt: skip
BATCH = {"params": {"k": 4, "traffic": "neighbor", "packet_size": 1, "batch_size": 16},
         "batch_duration": 46.0}  # fmt: skip
NEURON = {"op": "DenseGEMM", "hw": {"num_ms": 16, "dn_bw": 4, "rn_bw": 4},
          "dim": {"M": 1, "N": 64, "K": 16}, "tile": {"T_M": 1, "T_N": 1, "T_K": 16},
          "cycles": 1024}  # fmt: skip


def write(tmp_path, *, curves=(), batch=(), trees=(), **tables):
    booksim = {"base_config": BASE, "curves_notail": list(curves), **tables}
    if batch:
        booksim["batch"] = {"rows": list(batch)}
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"booksim": booksim, "stonne_tree": {"rows": list(trees)}}))
    return file
