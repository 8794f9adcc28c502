"""Systolic reference cases: SCALE-Sim's and STONNE's runs, and a series of RTL cycle counts.

A file is one JSON object: ``cases`` of SCALE-Sim (each with ``dataflow`` and the array's size) or
of STONNE (each with ``params``), or ``scale_sim_rtl`` with rows of an n x n array and an n x n x n
matrix product. A folder stands for all such files in it; others in it are left out by name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stallscope.simcore.errors import Fault, SpecError
from stallscope.validation.documents import Json, json_files, own_copy, read_document

__all__ = ["Cases", "MeshCase", "RtlCase", "ScaleSimCase", "read_cases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSimCase:
    """One layer that SCALE-Sim ran, as a matrix product.

    Attributes:
        name: Its name.
        dataflow: os, ws or is.
        array: Rows and columns.
        shape: M, N, K; K is what is kept of it with N:M sparsity.
        is_sparse: Whether it has N:M sparsity.
        sram_kb: Size of the ifmap, filter and ofmap buffers, kilobytes.
        read_words_per_cycle: Of main memory for ifmap and filter each; None: no limit (CALC).
        write_words_per_cycle: The same for the ofmap.
        figures: What was printed: cycles, counts, utilisations, by our metric.
        dram: Words that it read and wrote, ifmap, filter, ofmap.
    """

    name: str
    dataflow: str
    array: tuple[int, int]
    shape: tuple[int, int, int]
    is_sparse: bool
    sram_kb: tuple[int, int, int]
    read_words_per_cycle: int | None
    write_words_per_cycle: int | None
    figures: Mapping[str, float]
    dram: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshCase:
    """One matrix product that STONNE ran on its output-stationary mesh.

    Attributes:
        name: Its name.
        array: Rows and columns.
        shape: M, N, K.
        in_words_per_cycle: Words read per cycle.
        out_words_per_cycle: Words written per cycle.
        figures: Cycles and counts, by our metric.
    """

    name: str
    array: tuple[int, int]
    shape: tuple[int, int, int]
    in_words_per_cycle: int
    out_words_per_cycle: int
    figures: Mapping[str, float]

    @property
    def is_full(self) -> bool:
        """Whether every step's operands, and every result, pass at once."""
        rows, columns = self.array
        return self.in_words_per_cycle >= rows + columns and (
            self.out_words_per_cycle >= rows * columns
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RtlCase:
    """An n x n x n product on an n x n output-stationary array in RTL: cycles, digitised."""

    n: int
    cycles: float


@dataclass(slots=True)
class Cases:
    """All cases of some files."""

    scalesim: list[ScaleSimCase] = field(default_factory=list)
    meshes: list[MeshCase] = field(default_factory=list)
    rtl: list[RtlCase] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def read_cases(path: str | os.PathLike[str] | None) -> Cases:
    """Read the cases of a file, of all files of a folder, or of the project's own copy.

    Raises:
        SpecError: If a file cannot be read, or has none of the known forms.
    """
    cases = Cases()
    if path is None:
        _add(own_copy("systolic"), cases, "the project's own copy")
        return cases
    for file in json_files(path):
        document = read_document(file)
        if Path(path).is_dir() and not _is_known(document):
            cases.left_out.append((file.name, "no cases of a systolic array in it"))
        else:
            _add(document, cases, str(file))
    if not (cases.scalesim or cases.meshes or cases.rtl):
        rule = "needs cases of SCALE-Sim or STONNE, or scale_sim_rtl"
        raise SpecError([Fault(place=str(path), value="", rule=rule)])
    return cases


def _is_known(document: Json) -> bool:
    rows = document.get("cases")
    has_cases = isinstance(rows, list) and any("dataflow" in r or "params" in r for r in rows)
    return has_cases or "scale_sim_rtl" in document


def _add(document: Json, cases: Cases, place: str) -> None:
    """Add the cases of one document."""
    try:
        for row in document.get("cases", ()):
            if "params" in row:
                _add_stonne(row, cases)
            else:
                cases.scalesim.append(_scalesim(row))
        for row in document.get("scale_sim_rtl", {}).get("rows", ()):
            cases.rtl.append(RtlCase(n=int(row["n"]), cycles=float(row["rtl_cycles_digitised"])))
    except (KeyError, TypeError, ValueError) as error:
        fault = Fault(place=place, value="", rule=f"a case is not in the known form: {error!r}")
        raise SpecError([fault]) from error


def _scalesim(row: Json) -> ScaleSimCase:
    is_user = row["mode"] == "USER"
    k, ratio = row["K"], row.get("sparsity_N_M")
    if ratio:
        kept, of = (int(part) for part in ratio.split(":"))
        k = -(-k // of) * kept
    sram, dram, sizes = row["sram"], row["dram"], row["sram_kb"]
    return ScaleSimCase(
        name=row["id"],
        dataflow=row["dataflow"],
        array=(row["array_rows"], row["array_cols"]),
        shape=(row["M"], row["N"], k),
        is_sparse=bool(ratio),
        sram_kb=(sizes["ifmap"], sizes["filter"], sizes["ofmap"]),
        read_words_per_cycle=row["cfg_SRAMBankBandwidth_read"] if is_user else None,
        write_words_per_cycle=row["cfg_Bandwidth"] if is_user else None,
        figures={
            "total_cycles": row["total_cycles"],
            "stall_cycles": row["stall_cycles"],
            "ifmap_reads": sram["ifmap_reads"],
            "filter_reads": sram["filter_reads"],
            "ofmap_writes": sram["ofmap_writes"],
            "overall_utilization_pct": row["overall_util_pct"],
            "mapping_efficiency_pct": row["mapping_eff_pct"],
            "compute_utilization_pct": row["compute_util_pct"],
        },
        dram=(dram["ifmap_reads"], dram["filter_reads"], dram["ofmap_writes"]),
    )


def _add_stonne(row: Json, cases: Cases) -> None:
    params = row["params"]
    if params.get("mn_type") != "OS_MESH":
        why = f"{row.get('op', 'a run')} on trees of switches: no systolic array"
        cases.left_out.append((row["id"], why))
        return
    if row.get("cycles") is None:
        cases.left_out.append((row["id"], f"the run ended with {row.get('error')}"))
        return
    stats = row["memory_stats"]
    cases.meshes.append(
        MeshCase(
            name=row["id"],
            array=(int(params["ms_rows"]), int(params["ms_cols"])),
            shape=(int(params["M"]), int(params["N"]), int(params["K"])),
            in_words_per_cycle=int(params["dn_bw"]),
            out_words_per_cycle=int(params["rn_bw"]),
            figures={
                "cycles": row["cycles"],
                "weight_reads": stats["N_SRAM_weight_reads"],
                "input_reads": stats["N_SRAM_input_reads"],
                "output_writes": stats["N_SRAM_psum_writes"],
            },
        )
    )
