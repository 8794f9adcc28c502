"""The result document has the keys of the contract, and they agree with the result."""

import json
from pathlib import Path

import stallscope as ss
from stallscope.report.document import estimate_document, result_document

LEVEL_TENSOR = {
    "tile_words", "reads", "fills", "updates", "link_transfers", "temporal_reductions",
    "peak_words", "metadata_reads", "metadata_fills", "metadata_updates", "energy_pj",
}  # fmt: skip
NETWORK_TENSOR = {
    "words_in", "deliveries", "fanout", "multicast", "reductions", "hops_total", "hops_average",
    "energy_pj",
}  # fmt: skip


def test_the_document_has_every_key_of_the_contract(tiny: Path) -> None:
    case = ss.load(tiny)
    document = result_document(ss.simulate(case), case)
    assert {
        "schema", "stallscope", "inputs", "problem", "cycles", "seconds_at_clock", "analytical",
        "utilization", "cycle_stack", "pe_stack", "levels", "networks", "compute", "units",
        "energy_pj", "edp_pj_cycles", "ledger", "simulation",
    } <= set(document)  # fmt: skip
    assert document["schema"] == 1
    assert document["problem"] == {"dims": {"M": 4, "C": 4, "P": 8}, "macs": 128}
    assert {
        "cycles", "compute_cycles", "bound_by", "energy_pj", "levels", "networks",
    } <= set(document["analytical"])  # fmt: skip
    assert set(document["simulation"]) == {
        "cpu_seconds", "events", "fast_forwarded_cycles", "peak_memory_bytes",
    }  # fmt: skip
    for place in (document, document["analytical"]):
        for level in place["levels"]:
            assert {
                "name", "instances", "used_instances", "area_um2", "leakage_pj", "tensors",
                "read_words_per_cycle", "write_words_per_cycle",
            } <= set(level)  # fmt: skip
            for figures in level["tensors"].values():
                assert set(figures) == LEVEL_TENSOR
        for network in place["networks"]:
            for figures in network["tensors"].values():
                assert set(figures) >= NETWORK_TENSOR


def test_stacks_sum_and_rates_are_counts_over_cycles(tiny: Path) -> None:
    case = ss.load(tiny)
    document = result_document(ss.simulate(case), case)
    assert sum(document["cycle_stack"].values()) == document["cycles"]
    assert sum(document["pe_stack"].values()) == 4 * document["cycles"]
    for unit in document["units"].values():
        assert unit["busy"] + unit["idle"] + sum(unit["waiting"].values()) == document["cycles"]
    dram = document["levels"][0]
    reads = sum(figures["reads"] for figures in dram["tensors"].values())
    assert dram["read_words_per_cycle"] == {"achieved": reads / document["cycles"], "peak": 2.0}
    assert sum(line["pj"] for line in document["ledger"]) == document["energy_pj"]
    assert document["edp_pj_cycles"] == document["energy_pj"] * document["cycles"]
    assert document["seconds_at_clock"] == document["cycles"] / 100e6


def test_the_documents_are_strict_json_and_survive_it(tiny: Path) -> None:
    case = ss.load(tiny)
    for document in (
        result_document(ss.simulate(case), case),
        estimate_document(ss.analyze(case), case),
    ):
        assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_without_energies_they_are_null(tiny: Path) -> None:
    text = tiny.read_text()
    tiny.write_text(text[: text.index("energy:")])
    case = ss.load(tiny)
    document = result_document(ss.simulate(case), case)
    assert document["energy_pj"] is None
    assert document["edp_pj_cycles"] is None
    assert document["ledger"] == []
    assert document["analytical"]["energy_pj"] is None
