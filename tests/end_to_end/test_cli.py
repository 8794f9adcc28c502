"""The whole road from a shell: exit codes, what stdout carries, what is written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

import stallscope.hw.simulate
from stallscope.mappings.schema import SCHEMAS
from stallscope.simcore.errors import DeadlockError, SimulationBug, Waiter

COMMANDS = ("simulate", "analyze", "compile", "program", "execute", "verify", "run", "validate",
            "presets", "schema", "trace", "explain", "bottleneck", "report")  # fmt: skip
LATER = ("map", "sweep")
LAYER = Path(__file__).parents[1] / "data" / "eyeriss_layer.yaml"
ONE_LAYER = """\
stallscope: 1
network:
  name: one
  layers: [{{name: small, files: ["{file}"]}}]
"""


def test_help_lists_what_is_built_and_nothing_else(desk) -> None:
    shown = desk.run("--help")
    assert shown.code == 0
    for name in COMMANDS:
        assert f" {name} " in shown.out
    for name in LATER:
        assert f" {name} " not in shown.out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom stallscope.cli import app\n"
        "try:\n app(['--help'])\nexcept SystemExit: pass\n"
        "heavy = ('numpy', 'pandas', 'pyarrow', 'numba', 'simpy', 'pydantic', 'ruamel')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("name", LATER)
def test_commands_of_later_versions_say_so(desk, name: str) -> None:
    ran = desk.run(name, "something", "--out", "x")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: stallscope {name}: is not built yet\n"


def test_simulate_prints_tables(desk) -> None:
    ran = desk.run("simulate", *desk.files)
    assert ran.code == 0
    assert ran.err == ""
    for words in ("cycles", "analytical cycles", "Where the cycles go", "compute", "DRAM", "GLB",
                  "Assumptions", "unlimited"):  # fmt: skip
        assert words in ran.out
    assert max(map(len, ran.out.splitlines())) <= 100


@pytest.mark.parametrize("command", ["simulate", "analyze"])
def test_json_is_one_document_and_nothing_else(desk, command: str) -> None:
    without_energy = desk.files[:3]
    ran = desk.run(command, *without_energy, "--json")
    assert ran.code == 0
    document = json.loads(ran.out)
    assert document["problem"]["macs"] == 128
    assert document["energy_pj"] is None
    assert ran.err == "warning: no energy table: energies are null\n"


def test_missing_and_zero_energies_are_warned_about(desk) -> None:
    energy = "stallscope: 1\nenergy:\n  components:\n    DRAM: {read: 100}\n    MAC: {compute: 0}\n"
    desk.write("energy.yaml", energy)
    ran = desk.run("simulate", *desk.files, "--json")
    assert "no energy given, counted as 0 pJ: DRAM.update, GLB.read, GLB.write" in ran.err
    assert "energy given as 0 pJ: MAC.compute" in ran.err


def test_fast_forward_does_not_change_the_document(desk) -> None:
    documents = []
    for option in ((), ("--no-fast-forward",), ("--audit-fast-forward",)):
        ran = desk.run("simulate", *desk.files, "--json", "--trace", "summary", *option)
        document = json.loads(ran.out)
        del document["simulation"]
        documents.append(document)
    assert documents[0] == documents[1] == documents[2]


def test_out_holds_the_document_and_its_tables(desk) -> None:
    folder = desk.folder / "out"
    ran = desk.run("simulate", *desk.files, "--out", folder, "--json")
    assert ran.code == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "ledger.csv", "ledger.parquet", "levels.csv", "levels.parquet", "networks.csv",
        "networks.parquet", "result.json", "units.csv", "units.parquet",
    ]  # fmt: skip
    assert json.loads((folder / "result.json").read_text()) == json.loads(ran.out)
    rows = pyarrow.parquet.read_table(folder / "levels.parquet").to_pylist()
    assert {(row["level"], row["tensor"]) for row in rows} >= {("DRAM", "Weights")}


def test_a_folder_in_use_is_refused_before_any_work(desk, monkeypatch) -> None:
    folder = desk.folder / "out"
    folder.mkdir()
    (folder / "mine").write_text("keep")
    monkeypatch.setattr("stallscope.mappings.loading.load", None)  # nothing may be loaded
    ran = desk.run("simulate", "absent.yaml", "--out", folder)
    assert ran.code == 2
    assert "is not empty; name another folder or give --force" in ran.err
    assert [path.name for path in folder.iterdir()] == ["mine"]
    assert desk.run("run", "--accelerator", "eyeriss-168", "--out", folder).code == 2


def test_force_writes_beside_what_is_there(desk) -> None:
    folder = desk.folder / "out"
    folder.mkdir()
    (folder / "mine").write_text("keep")
    assert desk.run("simulate", *desk.files, "--out", folder, "--force").code == 0
    assert (folder / "mine").read_text() == "keep"
    assert (folder / "result.json").exists()


def test_set_changes_a_figure_of_the_files(desk) -> None:
    slow = desk.run("simulate", *desk.files, "--json", "--set",
                    "architecture.DRAM.read_bandwidth=1/8")  # fmt: skip
    fast = desk.run("simulate", *desk.files, "--json")
    assert json.loads(slow.out)["cycles"] > json.loads(fast.out)["cycles"]


def test_rules_can_be_given(desk) -> None:
    rules = ("--reuse", "timeloop", "--link-transfers", "off", "--first-read-elision", "off")
    ran = desk.run("analyze", *desk.files, "--json", *rules)
    assert json.loads(ran.out)["rules"] == {
        "reuse": "timeloop", "link_transfers": False, "first_read_elision": False,
    }  # fmt: skip


# ---------------------------------------------------------------------- bad input


BAD = {
    "unknown key": (b"stallscope: 1\nmapping:\n  DRAM: {temprl: [P=8]}\n", "did you mean temporal"),
    "factors": (b"stallscope: 1\nmapping:\n  DRAM: {temporal: [P=4]}\n  GLB: {}\n", "P"),
    "no mapping at the top": (b"- 1\n- 2\n", "mapping"),
    "latin-1": ("stallscope: 1\nname: caf\xe9\n".encode("latin-1"), "is not UTF-8"),
    "not yaml": (b"a: [1, 2\n", "bad.yaml"),
    "empty": (b"", "bad.yaml"),
    "binary": (b"\x00\x01\x02", "NUL"),
    "no section": (b"stallscope: 1\n", "no file has a mapping: section"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(BAD))
def test_a_bad_mapping_file_gets_a_message_and_nothing_is_written(desk, kind: str) -> None:
    text, message = BAD[kind]
    bad = desk.write("bad.yaml", text)
    folder = desk.folder / "out"
    ran = desk.run("simulate", *desk.files[:2], bad, "--out", folder, "--json")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert all(line.startswith("error: ") for line in ran.err.splitlines())
    assert not folder.exists()


def test_every_fault_stands_on_a_line_of_its_own(desk) -> None:
    problem = (desk.folder / "problem.yaml").read_text()
    desk.write("problem.yaml", problem.replace("M: 4, C: 4", "M: 0, C: -1"))
    desk.write("mapping.yaml", "stallscope: 1\nmapping:\n  DRAM: {kep: [Weights]}\n")
    ran = desk.run("simulate", *desk.files)
    assert ran.code == 2
    lines = ran.err.splitlines()
    assert len(lines) >= 3
    assert all(".yaml:" in line for line in lines)


def test_an_absent_file_and_a_bomb_are_one_message_each(desk) -> None:
    levels = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    bomb = desk.write("bomb.yaml", "a0: &a0 [x, x, x]\n" + levels)
    for path in (str(desk.folder / "absent.yaml"), bomb, str(desk.folder)):
        ran = desk.run("simulate", *desk.files[:2], path)
        assert ran.code == 2
        assert len(ran.err.splitlines()) == 1


def test_an_unknown_option_is_bad_input(desk) -> None:
    assert desk.run("simulate", *desk.files, "--fast").code == 2
    assert desk.run("simulate", *desk.files, "--reuse", "none").code == 2
    assert desk.run("simulate").code == 2


def test_an_output_place_that_cannot_be_written_is_bad_input(desk) -> None:
    (desk.folder / "file").write_text("")
    ran = desk.run("simulate", *desk.files, "--out", desk.folder / "file" / "out")
    assert ran.code == 2
    assert ran.err.startswith("error: ")


# ---------------------------------------------------------------------- deadlock, our own faults


def test_a_deadlock_ends_with_3_and_its_table(desk, monkeypatch) -> None:
    waiter = Waiter(unit="Inputs DRAM->GLB", awaits="Inputs GLB released", have=3, need=8, since=41)

    def stuck(*_: object, **__: object) -> None:
        raise DeadlockError(57, [waiter])

    monkeypatch.setattr(stallscope.hw.simulate, "simulate", stuck)
    folder = desk.folder / "out"
    ran = desk.run("simulate", *desk.files, "--json", "--out", folder)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.splitlines() == [
        "deadlock at cycle 57: no pending event",
        "unit              awaits               has  needs  since cycle",
        "Inputs DRAM->GLB  Inputs GLB released  3    8      41",
    ]
    assert not folder.exists()


def test_a_broken_law_ends_with_3(desk, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise SimulationBug("5 words in, 4 out")

    monkeypatch.setattr(stallscope.hw.simulate, "simulate", broken)
    ran = desk.run("simulate", *desk.files)
    assert ran.code == 3
    assert "a law of stallscope is broken, please report it: 5 words in, 4 out" in ran.err


def test_whatever_else_goes_wrong_is_one_line(monkeypatch, capsys) -> None:
    from stallscope import cli

    def fall(*_: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(cli, "app", fall)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 3
    assert capsys.readouterr().err == "internal error, please report it: KeyError: 'surprise'\n"


# ---------------------------------------------------------------------- the main job


def network_file(desk, *names: str) -> str:
    layers = "".join(
        f"    - {{name: {name}, files: [problem.yaml, mapping.yaml]}}\n" for name in names
    )
    return desk.write("net.yaml", f"stallscope: 1\nnetwork:\n  name: net\n  layers:\n{layers}")


def test_run_takes_a_users_own_network_and_accelerator(desk) -> None:
    network = network_file(desk, "first", "second")
    folder = desk.folder / "out"
    ran = desk.run("run", "--network", network, "--accelerator", desk.files[0], "--accelerator",
                   desk.files[3], "--out", folder)  # fmt: skip
    assert ran.code == 0, ran.err
    assert "second (= first)" in ran.out
    document = json.loads((folder / "result.json").read_text())
    assert document["complete"] is True
    assert [layer["name"] for layer in document["layers"]] == ["first", "second"]
    assert document["total"]["cycles"] == 2 * document["layers"][0]["cycles"]
    assert (folder / "layers.csv").read_text().count("\n") == 3
    assert pyarrow.parquet.read_table(folder / "layers.parquet").num_rows == 2


def test_run_shows_the_presets_example_beside_its_twin(preset_run) -> None:
    ran = preset_run
    assert ran.code == 0
    assert ran.err == ""
    for words in ("conv1", "conv5", "total", "beside", "ratio", "Where the cycles go", "energy"):
        assert words in ran.out
    assert max(map(len, ran.out.splitlines())) <= 100


def test_run_json_is_one_document(preset_traced) -> None:
    _, ran = preset_traced
    document = json.loads(ran.out)
    assert document["beside"] == []
    assert len(document["layers"]) == 5
    files = document["layers"][2]["inputs"]["files"]
    assert files == ["preset:eyeriss-168.yaml", "preset:alexnet/conv3.yaml"]


def test_a_changed_accelerator_has_no_twin_unless_named(desk) -> None:
    one = desk.write("net.yaml", ONE_LAYER.format(file=LAYER))
    ran = ("run", "--accelerator", "eyeriss-168", "--network", one, "--json")
    changed = (*ran, "--set", "architecture.DRAM.read_latency=9")
    assert json.loads(desk.run(*ran).out)["beside"] != []
    assert json.loads(desk.run(*changed).out)["beside"] == []


def test_a_stopped_run_keeps_what_is_finished(desk, monkeypatch) -> None:
    import stallscope.run as run_module

    real = run_module.simulate

    def stop_at_second(case, **how):
        if case.name == "second":
            raise KeyboardInterrupt
        return real(case, **how)

    monkeypatch.setattr(run_module, "simulate", stop_at_second)
    desk.write("other.yaml", "stallscope: 1\nmapping:\n  DRAM: {temporal: [P=4]}\n"
               "  GLB: {temporal: [P=2, C=4], spatial_x: [M=4]}\n")  # fmt: skip
    network = desk.write("net.yaml", "stallscope: 1\nnetwork:\n  name: net\n  layers:\n"
                         "    - {name: first, files: [problem.yaml, mapping.yaml]}\n"
                         "    - {name: second, files: [problem.yaml, other.yaml]}\n")  # fmt: skip
    folder = desk.folder / "out"
    ran = desk.run("run", "--network", network, "--accelerator", desk.files[0], "--out", folder)
    assert (ran.code, ran.err) == (130, f"1 of 2 layers are done, and in {folder}\nstopped\n")
    document = json.loads((folder / "result.json").read_text())
    assert document["complete"] is False
    assert [layer["name"] for layer in document["layers"]] == ["first"]
    assert (folder / "layers.csv").read_text().splitlines()[1].startswith("architecture,first,")


def test_run_needs_a_network_it_can_find(desk) -> None:
    ran = desk.run("run", "--accelerator", desk.files[0])
    assert ran.code == 2
    assert "give --network NAME or FILE" in ran.err
    assert desk.run("run", "--accelerator", "eyeris-168").code == 2


def test_a_terminal_without_our_letters_gets_others(desk) -> None:
    one = desk.write("net.yaml", ONE_LAYER.format(file=LAYER))
    arguments = ["run", "--accelerator", "eyeriss-168", "--network", one, "--beside", "none"]
    code = f"import sys; from stallscope.cli import main; sys.argv[1:] = {arguments}; main()"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, check=True
    )
    assert b"small" in done.stdout
    assert done.stderr == b""


# ---------------------------------------------------------------------- presets, schema, validate


def test_presets_are_listed_and_printed(desk) -> None:
    listed = desk.run("presets")
    assert "eyeriss-168-unlimited" in listed.out
    assert "eyeriss-168-ddr4" in listed.out
    assert "alexnet-conv" in listed.out
    assert json.loads(desk.run("presets", "--json").out)["accelerators"][0]["name"] == "eyeriss-168"
    printed = desk.run("presets", "eyeriss-168")
    assert printed.out.startswith("stallscope: 1\n")
    assert desk.run("presets", "tpu").code == 2


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_json(desk, name: str) -> None:
    assert json.loads(desk.run("schema", name).out)["type"] == "object"


def test_an_unknown_schema_names_the_known(desk) -> None:
    ran = desk.run("schema", "mapings")
    assert ran.code == 2
    assert "did you mean mapping?" in ran.err


def test_a_validation_that_is_not_built_says_so(desk) -> None:
    ran = desk.run("validate", "gemmini")
    assert (ran.code, ran.out) == (2, "")
    assert "not built yet" in ran.err
