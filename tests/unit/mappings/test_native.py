"""The native format: what it says, what it refuses, and that writing inverts reading."""

from fractions import Fraction
from pathlib import Path

import pytest

from stallscope.mappings import native
from stallscope.mappings.architecture import (
    LevelKind,
    Network,
    StorageLevel,
)
from stallscope.mappings.case import Reuse, Rules
from stallscope.mappings.dram import DramController
from stallscope.mappings.mapping import Buffering, Loop
from stallscope.mappings.native_topology import KINDS
from stallscope.mappings.native_values import keys_of
from stallscope.mappings.schema import SCHEMAS, schema
from stallscope.mappings.sparsity.hardware import (
    SparseArray,
    TensorFormat,
)
from stallscope.mappings.sparsity.operands import Operand, Pattern
from stallscope.simcore.errors import SpecError

DATA = Path(__file__).parents[2] / "data"
TEXT = (DATA / "native_case.yaml").read_text(encoding="utf-8")


def test_a_native_case_says_what_it_means() -> None:
    case = native.read(TEXT)
    dram, glb, rf = case.architecture.levels
    assert (dram.kind, dram.read_words_per_cycle, dram.read_latency_cycles) == (
        LevelKind.DRAM, Fraction(48), 11,
    )  # fmt: skip
    assert (glb.capacity_words, glb.read_words_per_cycle) == (4096, Fraction(1, 10))
    assert glb.network == Network(words_per_cycle=Fraction(1, 3), links=True)
    assert (rf.instances, rf.capacity_words) == (8, 32)
    assert case.problem.tensor("Inputs").tile_shape({"C": 4, "P": 14, "R": 3}) == (4, 29)
    assert case.problem.output.name == "Outputs"
    level = case.mapping.by_level["GLB"]
    assert level.temporal == (Loop(dimension="C", extent=4), Loop(dimension="P", extent=2))
    assert level.keep == ("Weights", "Inputs", "Outputs")
    assert level.buffering == (Buffering(tensor="Inputs", tiles=2),)
    assert case.energy is not None
    assert case.energy.energy_pj("GLB", "write") == 1000.0
    assert case.energy.area_um2("GLB") == 500_000.0
    assert case.rules == Rules(reuse=Reuse.OVERLAP)


def test_the_written_case_is_read_back_equal() -> None:
    case = native.read(TEXT)
    assert native.read(native.dump(case)) == case


def test_a_level_keeps_by_default_what_it_may_hold() -> None:
    text = TEXT.replace("instances: 8, cap", "holds: [Inputs, Outputs], instances: 8, cap")
    assert native.read(text).mapping.by_level["RF"].keep == ("Inputs", "Outputs")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stallscope: 1", "stallscope: 2", ":1: stallscope = 2: format version must be 1"),
        ("rules:", "ruls:", "unknown key ruls; did you mean rules"),
        ("M: 8", "M: 0", ":3: problem.dimensions.M = 0: needs a whole number >= 1"),
        ("M: 8", "M: many", "needs a whole number, has text"),
        ("{M: 8, C: 4, P: 14, R: 3}", "[M]", "problem.dimensions.*needs a mapping, has a list"),
        ("2*P + R", "2*P + X", r"problem.Inputs\[1\] = 2\*P \+ X: X is not a dimension"),
        ("2*P + R", "P - R", r"needs a sum such as"),
        ("[M, P]", "M", "needs a list of ranks"),
        ("[M, P]", "[M, 2*P]", "output Outputs needs one plain dimension per rank"),
        ("[M, P]", "{rank: [M, P]}", "needs ranks.*\n?.*unknown key rank"),
        ("output: Outputs", "output: Outpts", "is not a tensor; did you mean Outputs"),
        ("  output: Outputs\n", "", "problem: needs output"),
        ("kind: dram", "kind: drm", "architecture.DRAM.kind = drm"),
        ("8 KiB", "8 KiX", "architecture.GLB.capacity_words = 8 KiX: unknown unit KiX"),
        ("8 KiB", "[8]", "architecture.GLB.capacity_words.*needs a number, has a list"),
        ("capacity: 8 KiB", "capacity: 8 KiB\n      capacity_words: 4", "says the same as"),
        ("multicast: true", "multicast: 1", "needs true or false, has a number"),
        ("multicast: true", "hops: 1", "GLB.network.hops = 1: unknown key hops"),
        ("instances: 8, cap", "instances: true, cap", "needs a number or word"),
        ("instances: 8, cap", "instances: ~, cap", "is empty"),
        ("instances: 8, cap", "multiple_buffering: .inf, cap", "needs a finite number"),
        ("instances: 8, cap", "instances: 8, mesh_x: 3, cap", "mesh_x 3 does not divide 8"),
        ("name: RF", "name: GLB", "level GLB is declared twice"),
        ("name: mac, ", "", "architecture.compute: needs name"),
        ("clock: 200 MHz", "clock: fast", "clock_mhz = fast: needs a number"),
        ("  clock: 200 MHz\n", "", "needs a clock to become cycles"),
        ("P=7", "P:7", "needs a loop such as M=4"),
        ("[P=7]", "P=7", "needs a list of loops"),
        ("P=7", "P=0", "greater than or equal to 1"),
        ("[P=7]", "[{dimension: P}]", "needs extent"),
        ("[P=7]", "[P=7], kep: []", "mapping.DRAM.kep.*did you mean keep"),
        ("[P=7]", "[P=7], keep: Weights", "needs a list of names"),
        ("{Inputs: 2}", "{Inputs: none}", "GLB.buffering.Inputs = none: needs a whole number"),
        ("read: 6 pJ", "raed: 6 pJ", "energy.GLB.raed.*did you mean read"),
        ("read: 6 pJ", "read: 6 cal", "unknown unit cal"),
        ("area: 0.5 mm2", "area: big", "energy.GLB.area_um2 = big"),
        ("reuse: overlap", "reuse: overlp", "needs one of overlap, timeloop; did you mean overlap"),
        ("reuse: overlap", "link_transfers: maybe", "needs true or false"),
    ],
)
def test_faults_name_line_path_value_and_remedy(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(SpecError, match=message):
        native.read(TEXT.replace(old, new, 1), "case.yaml")


def test_all_faults_are_reported_at_once() -> None:
    text = TEXT.replace("M: 8", "M: 0").replace("8 KiB", "8 KiX").replace("P=7", "P:7")
    with pytest.raises(SpecError) as caught:
        native.read(text.replace("read: 6 pJ", "read: 6 cal"), "case.yaml")
    lines = [fault.source for fault in caught.value.faults]
    assert lines == ["case.yaml:3", "case.yaml:14", "case.yaml:20", "case.yaml:24"]


@pytest.mark.parametrize("section", ["problem", "architecture", "mapping", "energy", "rules"])
@pytest.mark.parametrize("value", ["3", "[]", "text", "~", "{}"])
def test_sections_of_the_wrong_kind_are_faults(section: str, value: str) -> None:
    lines = TEXT.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(section))
    after = [i for i, line in enumerate(lines) if i > start and not line.startswith(" ")]
    end = after[0] if after else len(lines)
    text = "\n".join([*lines[:start], f"{section}: {value}", *lines[end:]])
    if section == "rules" and value == "{}":
        assert native.read(text).rules == Rules()
        return
    with pytest.raises(SpecError, match=section):
        native.read(text)


def test_a_missing_section_is_named() -> None:
    with pytest.raises(SpecError, match="no file has a mapping: section"):
        native.read(TEXT[: TEXT.index("mapping:")])


def test_an_energy_without_level_is_listed() -> None:
    case = native.read(TEXT.replace("mac: {compute", "mul: {compute"))
    assert case.assumptions == ("energy of mul is not used: no such level",)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_name_every_key_of_the_notation(name: str) -> None:
    tree = schema(name)
    assert tree["properties"]["stallscope"] == {"const": 1}
    if name in ("architecture", "case"):
        level = tree["properties"]["architecture"]["properties"]["levels"]["items"]["properties"]
        for field in StorageLevel.model_fields:
            assert set(keys_of(field)) <= set(level)
        memory = level["memory"]["properties"]
        assert {"device", "chunk", *DramController.model_fields} <= set(memory)
        choices = level["network"]["properties"]["topology"]["anyOf"]
        assert {choice["properties"]["kind"]["const"] for choice in choices} == set(KINDS)
        for choice in choices:
            kind = KINDS[choice["properties"]["kind"]["const"]]
            for field in kind.model_fields:
                assert set(keys_of(field)) <= set(choice["properties"])
        compute = tree["properties"]["architecture"]["properties"]["compute"]["properties"]
        assert set(compute["sparse"]["properties"]) >= set(SparseArray.model_fields)
        form = level["formats"]["additionalProperties"]["anyOf"][1]["properties"]
        assert set(form) >= set(TensorFormat.model_fields) - {"tensor"}
    if name in ("dram_device", "case"):
        device = tree["properties"]["dram_device"]["anyOf"][0]["properties"]
        assert {"tCK", "tCK_ns", "CL", "source"} <= set(device["timings"]["properties"])
        assert "tCK" not in device["timings"]["required"]  # in either spelling
        assert "CL" in device["timings"]["required"]
    if name in ("sparsity", "case"):
        choices = tree["properties"]["sparsity"]["additionalProperties"]["anyOf"]
        drawn, file, pattern = (choice["properties"] for choice in choices[1:])
        assert set(drawn) == set(Operand.model_fields) - {"tensor", "pattern"}
        assert "file" in file
        assert set(pattern["pattern"]["properties"]) == set(Pattern.model_fields)
    if name in ("layout", "case"):
        place = tree["properties"]["layout"]["additionalProperties"]["properties"]
        assert set(place) == {"order", "row", "row_words", "base", "base_words"}


def test_an_unknown_schema_names_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean problem"):
        schema("problm")
