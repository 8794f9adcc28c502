"""A flat program that a person wrote, from a shell."""

import json

import pytest

PROGRAM = """\
# y = W x: two tiles of weights, x stays, y is built up in the buffer
unit,              op,      words, wait_for,                                     frees, finishes
Inputs DRAM->GLB,  FILL,    8
Weights DRAM->GLB, FILL,    16
Weights DRAM->GLB, FILL,    16
Outputs DRAM->GLB, REFILL,  0
MAC,               COMPUTE, 16,    Inputs GLB delivered 1; Weights GLB delivered 1; Outputs GLB delivered 1, Weights GLB 16
MAC,               COMPUTE, 16,    Weights GLB delivered 2,          Weights GLB 16; Inputs GLB 8, Outputs GLB
Outputs GLB->DRAM, DRAIN,   4
"""  # noqa: E501


@pytest.fixture
def own(desk):
    return desk.write("own.csv", PROGRAM)


def test_a_program_of_ones_own_executes(desk, own):
    """12 cycles and a latency of 10 until data are there; two bursts of 12 at GLB's read port."""
    ran = desk.run("execute", own, desk.files[0], desk.files[3], "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["cycles"] == 48
    assert document["cycle_stack"] == {"compute": 8, "fill": 22, "buffer_port": 16, "drain": 2}
    assert document["problem"] == {"dims": {}, "macs": 32}
    assert document["analytical"] is None
    assert document["rules"] is None
    assert document["name"] == "own"
    assert own in document["inputs"]["files"]
    # 40 words read and 4 written in DRAM, 96 read, 40 filled and 32 updated in GLB, 32 MACs.
    assert document["energy_pj"] == 44 * 100 + 96 * 6 + 40 * 7 + 32 * 7 + 32


def test_it_has_the_keys_of_a_simulation(desk, own):
    documents = [json.loads(desk.run(*command, "--json").out)
                 for command in (("simulate", *desk.files),
                                 ("execute", own, desk.files[0]))]  # fmt: skip
    assert list(documents[0]) == list(documents[1])


def test_its_result_is_written_and_shown(desk, own):
    ran = desk.run("execute", own, desk.files[0], "--out", desk.folder / "out")
    assert ran.code == 0, ran.err
    assert "no energy table" in ran.err
    assert "analytical cycles  none" in ran.out
    assert sorted(path.name for path in (desk.folder / "out").iterdir()) == [
        "levels.csv", "levels.parquet", "networks.csv", "networks.parquet", "result.json",
        "units.csv", "units.parquet",
    ]  # fmt: skip


def test_the_architecture_may_be_set(desk, own):
    slow = desk.run("execute", own, desk.files[0], "--json", "--set",
                    "architecture.DRAM.read_latency=20")  # fmt: skip
    assert json.loads(slow.out)["cycles"] == 58
    wrong = desk.run("execute", own, desk.files[0], "--set", "architecture.DRAM.read_laten=20")
    assert wrong.code == 2


def test_its_faults_come_at_once_and_nothing_is_written(desk):
    text = PROGRAM.replace("Weights GLB delivered 2", "Weights GLB delivered 5")
    own = desk.write("own.csv", text.replace("DRAIN,   4", "DRAIN,   -4"))
    ran = desk.run("execute", own, desk.files[0], "--out", desk.folder / "out")
    assert ran.code == 2
    assert f"{own}:8: row 6, wait_for = 5: waits forever" in ran.err
    assert f"{own}:9: row 7, words = -4: must be a whole number" in ran.err
    assert not (desk.folder / "out").exists()


def test_rows_that_wait_for_each_other_end_with_the_table(desk):
    text = PROGRAM.replace("FILL,    8\n", "FILL,    8, Outputs GLB drained 1\n")
    ran = desk.run("execute", desk.write("own.csv", text), desk.files[0])
    assert ran.code == 3
    assert "Inputs DRAM->GLB   Outputs GLB drained" in ran.err


def test_an_expanded_program_needs_no_metadata(desk):
    """Nor the problem and the mapping it came from."""
    import pyarrow.parquet as pq

    program, flat = desk.folder / "layer.program", desk.folder / "flat.parquet"
    assert desk.run("compile", *desk.files, "--out", program).code == 0
    assert desk.run("program", "expand", program, "--out", flat).code == 0
    own = desk.folder / "own.parquet"
    pq.write_table(pq.read_table(flat).replace_schema_metadata(None), own)
    documents = [json.loads(desk.run("execute", file, desk.files[0], desk.files[3], "--json").out)
                 for file in (program, own)]  # fmt: skip
    assert documents[1].pop("analytical") is None
    for document in documents:
        for key in ("name", "inputs", "rules", "problem", "analytical", "simulation"):
            document.pop(key, None)
    assert documents[0] == documents[1]


def test_looking_into_it_is_refused_with_the_way_out(desk, own):
    ran = desk.run("program", "info", own)
    assert ran.code == 2
    assert "stallscope execute" in ran.err
