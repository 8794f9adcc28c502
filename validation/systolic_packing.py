"""The systolic reference cases reduced to what is compared, in the reference's own form."""

from __future__ import annotations

import json
from collections.abc import Iterable

from stallscope.validation.documents import Json

__all__ = ["pack"]

_SCALESIM = (
    "id", "dataflow", "mode", "array_rows", "array_cols", "M", "N", "K", "sparsity_N_M", "sram_kb",
    "cfg_SRAMBankBandwidth_read", "cfg_Bandwidth", "total_cycles", "stall_cycles",
    "overall_util_pct", "mapping_eff_pct", "compute_util_pct", "sram", "dram",
)  # fmt: skip
_STONNE = ("id", "op", "cycles", "error")
_PARAMETERS = ("mn_type", "ms_rows", "ms_cols", "M", "N", "K", "dn_bw", "rn_bw")
_STATISTICS = ("N_SRAM_weight_reads", "N_SRAM_input_reads", "N_SRAM_psum_writes")


def pack(documents: Iterable[Json], source: str) -> str:
    """Pack documents of the reference's form into the text of one, a case a line.

    Args:
        documents: Cases of SCALE-Sim or STONNE, or ``scale_sim_rtl``.
        source: Where the figures are from.
    """
    cases, rtl = list[str](), list[Json]()
    for document in documents:
        cases += [
            json.dumps(_case(row), separators=(",", ":")) for row in document.get("cases", ())
        ]
        rtl += document.get("scale_sim_rtl", {}).get("rows", ())
    rows = [{key: row[key] for key in ("n", "rtl_cycles_digitised")} for row in rtl]
    lines = ",\n".join(cases)
    return (
        f'{{"source": {json.dumps(source)},\n"scale_sim_rtl": {{"rows": {json.dumps(rows)}}},\n'
        f'"cases": [\n{lines}\n]}}\n'
    )


def _case(row: Json) -> Json:
    if "params" not in row:
        return {key: row[key] for key in _SCALESIM}
    kept = {key: row[key] for key in _STONNE}
    kept["params"] = {key: row["params"][key] for key in _PARAMETERS if key in row["params"]}
    statistics = row.get("memory_stats") or {}
    kept["memory_stats"] = {key: statistics[key] for key in _STATISTICS if key in statistics}
    return kept
