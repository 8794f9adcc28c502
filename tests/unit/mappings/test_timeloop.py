"""Timeloop's dialects: twins in 0.3 and 0.4, the small languages, and every refusal."""

from fractions import Fraction
from pathlib import Path

import pytest

from stallscope.mappings.architecture import LevelKind
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.loading import load
from stallscope.mappings.mapping import Loop
from stallscope.mappings.reading import read_text
from stallscope.mappings.timeloop_architecture import bare_name
from stallscope.simcore.errors import SpecError

TWINS = Path(__file__).parents[2] / "data" / "timeloop_twins"
NAMES = sorted(path.name.removesuffix("_03.yaml") for path in TWINS.glob("*_03.yaml"))
PROBLEM = (TWINS / "problem.yaml").read_text(encoding="utf-8")
ROW = (TWINS / "02_row_container_03.yaml").read_text(encoding="utf-8")
GRID_04 = (TWINS / "05_column_then_row_04.yaml").read_text(encoding="utf-8")


def bare(case: Case) -> Case:
    return case.model_copy(update={"files": (), "assumptions": ()})


def loaded(tmp_path: Path, text: str, problem: str = PROBLEM) -> Case:
    (tmp_path / "p.yaml").write_text(problem, encoding="utf-8")
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    return load(tmp_path / "p.yaml", tmp_path / "a.yaml")


def fault(tmp_path: Path, text: str, problem: str = PROBLEM) -> str:
    with pytest.raises(SpecError) as caught:
        loaded(tmp_path, text, problem)
    return str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_twins_in_0_3_and_0_4_are_equal_cases(name: str) -> None:
    older = load(TWINS / "problem.yaml", TWINS / f"{name}_03.yaml")
    newer = load(TWINS / "problem_04.yaml", TWINS / f"{name}_04.yaml")
    assert bare(older) == bare(newer)


def test_there_are_at_least_ten_pairs_of_twins() -> None:
    assert len(NAMES) >= 10


def test_a_row_of_elements_is_read_as_meant(tmp_path: Path) -> None:
    case = loaded(tmp_path, ROW)
    dram, glb, rf = case.architecture.levels
    assert (dram.kind, dram.capacity_words, dram.block_words) == (LevelKind.DRAM, None, 4)
    assert (glb.kind, glb.capacity_words, glb.cluster_size) == (LevelKind.BUFFER, 512, 1)
    assert (rf.instances, rf.x, rf.y, case.architecture.compute.instances) == (8, 8, 1, 8)
    assert case.rules == Rules(reuse=Reuse.TIMELOOP, link_transfers=True)
    entry = case.mapping.by_level["GLB"]
    assert (entry.temporal, entry.spatial_x) == (
        (Loop(dimension="C", extent=4),), (Loop(dimension="M", extent=8),),
    )  # fmt: skip
    assert all(level.keep == ("Weights", "Inputs", "Outputs") for level in case.mapping.levels)


def test_columns_on_x_and_rows_on_y() -> None:
    case = load(TWINS / "problem_04.yaml", TWINS / "05_column_then_row_04.yaml")
    entry = case.mapping.by_level["GLB"]
    assert entry.spatial_x == (Loop(dimension="M", extent=4),)
    assert entry.spatial_y == (Loop(dimension="C", extent=4),)
    rf = case.architecture.level("RF")
    assert (rf.instances, rf.x, rf.y) == (16, 4, 4)


def test_strides_come_from_the_instance_or_the_default(tmp_path: Path) -> None:
    assert loaded(tmp_path, ROW).problem.tensor("Inputs").tile_words(
        {"C": 1, "M": 1, "R": 3, "P": 6}
    ) == 8  # fmt: skip
    strided = PROBLEM.replace("P: 6}", "P: 6, stride: 2}")
    assert loaded(tmp_path, ROW, strided).problem.tensor("Inputs").tile_words(
        {"C": 1, "M": 1, "R": 3, "P": 6}
    ) == 13  # fmt: skip


@pytest.mark.parametrize(
    "factors",
    [
        "C=4 M=1", '"C=4, M=1"', "C4 M1", '["C=4", "M=1"]', '["C=4 M=1"]', "{C: 4}", "C=0",
        '[{C: 4}]', '"C=4,4 M=1"', '{C: "4,4"}',
    ],
)  # fmt: skip
def test_factors_in_every_notation(tmp_path: Path, factors: str) -> None:
    assert bare(loaded(tmp_path, ROW.replace("factors: C=4", f"factors: {factors}"))) == bare(
        loaded(tmp_path, ROW)
    )


@pytest.mark.parametrize("order", ["CMRP", '"C M R P"', '"C,M,R,P"', "[C, M, R, P]", "C", "~"])
def test_permutations_in_every_notation(tmp_path: Path, order: str) -> None:
    text = ROW.replace("permutation: CMRP", f"permutation: {order}")
    assert bare(loaded(tmp_path, text)) == bare(loaded(tmp_path, ROW))


def test_permutations_are_inner_first_and_leftover_dimensions_outside(tmp_path: Path) -> None:
    text = ROW.replace("factors: P=6, permutation: PCMR", "factors: P=2, permutation: P")
    text = text.replace("factors: C=4, permutation: CMRP", "factors: C=4 P=3, permutation: PC")
    entry = loaded(tmp_path, text).mapping.by_level["GLB"]
    assert [(loop.dimension, loop.extent) for loop in entry.temporal] == [("C", 4), ("P", 3)]


def test_two_rests_of_one_dimension_are_a_fault(tmp_path: Path) -> None:
    text = ROW.replace("factors: P=6", "factors: P=6 C=0").replace("factors: C=4", "factors: C=0")
    assert "factor C=0 (the rest) stands twice" in fault(tmp_path, text)
    text = ROW.replace("factors: P=6", "factors: P=6 C=3").replace("factors: C=4", "factors: C=0")
    assert "the other factors, 3, do not divide 4" in fault(tmp_path, text)


def test_dimensions_with_long_names_in_a_run(tmp_path: Path) -> None:
    problem = PROBLEM.replace("C", "Ch").replace("[M]", "[MM]").replace("M,", "MM,")
    problem = problem.replace("M:", "MM:")
    text = ROW.replace("C=4, permutation: CMRP", "Ch=4, permutation: ChMMRP")
    text = text.replace("PCMR", "PChMMR").replace("RCMP", "RChMMP").replace("MCRP", "MMChRP")
    case = loaded(tmp_path, text.replace("M=8", "MM=8"), problem)
    assert case.mapping.by_level["GLB"].temporal == (Loop(dimension="Ch", extent=4),)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("target: GLB, type: temporal", "target: GLX, type: temporal", "no storage level GLX; did"),
        ("target: GLB, type: temporal", "target: GLB, type: temporl", "did you mean temporal"),
        ("target: GLB, type: temporal", "type: temporal", "needs target"),
        ("factors: C=4", "factor: C=4", "unknown key factor; did you mean factors"),
        ("factors: C=4", "factors: X=4", "no dimension X"),
        ("factors: C=4", "factors: C=4 C=2", "given twice"),
        ("factors: C=4", "factors: C=two", "cannot read C=two"),
        ("factors: C=4", "factors: 4", "needs factors such as"),
        ("factors: C=4", "factors: {C: x}", "factor of C needs a whole number"),
        ("factors: C=4", 'factors: "C=4,5"', "last iteration of C=4 must be 1 to 4"),
        ("factors: C=4", 'factors: "C=4,3"', "product of all factors of C is 3, its bound is 4"),
        ("factors: C=4", "factors: C=2", "product of all factors of C is 2, its bound is 4; a fur"),
        ("factors: C=4", "factors: C=3", "product of all factors of C is 3.*use C=0"),
        ("factors: C=4", "factors: C=8", "product of all factors of C is 8"),
        ("permutation: CMRP", "permutation: CXRP", "no dimension X"),
        ("permutation: CMRP", "permutation: CCRP", "stands twice"),
        ("permutation: CMRP", "permutation: {C: 1}", "needs a permutation"),
        ("target: RF, type: temporal", "target: RF, type: spatial", "no more instances"),
        ("target: RF, type: temporal", "target: GLB, type: temporal", "second temporal directive"),
        (
            "mapping:",
            "mapping:\n- {target: RF, type: bypass, keep: [Inputs], bypass: [Inputs]}",
            "both kept and bypassed",
        ),
        (
            "mapping:",
            "mapping:\n- {target: RF, type: bypass, bypass: [Input]}",
            "no data space Input; did you mean Inputs",
        ),
        ("mapping:", "mapping: {}\nmapped:", "mapping.*needs a list of directives"),
        ("class: SRAM", "clas: SRAM", "needs class.*\n?.*unknown key clas; did you mean class"),
        ("depth: 512", "depth: 108*1024", "GLB.depth.*expressions are not evaluated"),
        ("depth: 512", "depth: 512, entries: 512", "gives its size more than once"),
        ("depth: 512", "depth: 512, block_size: 2", "given twice, as - and as _"),
        ("depth: 512", "depth: 512, memory_depth: 5", "is not the 512 of depth"),
        ("depth: 512, width: 16", "depth: 512, width: 24", "width 24 must be word-bits 16"),
        ("depth: 512", "depth: 512, read_bandwidth: 0", "needs a number above 0"),
        ("depth: 512", "depth: 512, min-utilization: 2", "less than or equal to 1"),
        ("depth: 512", "depth: 512, reduction_supported: maybe", "needs true or false"),
        ("depth: 512", "depth: 512, meshY: 2", "meshY must divide the 1 instances"),
        ("depth: 512", "depth: 512, meshX: 2", "meshX 2 must divide the 1 instances"),
        ("depth: 512", "depth: 512, meshX: 2, meshY: 3", "meshX 2 x meshY 3 must be"),
        ("PE[0..7]", "PE[7..0]", "is not a name and a range"),
        ("class: intmac", "class: adder", "exactly one compute component.*has none"),
        ("class: regfile", "class: intmac", "exactly one compute component.*has RF, MAC"),
        ("name: RF", "name: GLB", "is declared twice"),
        ("subtree:", "subtre:", "did you mean subtree"),
        ("  local:\n", "  locl:\n", "did you mean local"),
    ],
)
def test_faults_of_mapping_and_architecture(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    import re

    assert old in ROW
    text = fault(tmp_path, ROW.replace(old, new, 1))
    assert re.search(message, text), text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  shape:", "  shap:", "needs shape"),
        ("dimensions:", "dimension:", "needs dimensions"),
        ("[C, M, R, P]", "C", "needs a list of names"),
        ("C: 4,", "", "dimension C has no bound; add C:"),
        ("C: 4,", "C: 4, X: 3,", "unknown key X"),
        ("C: 4,", "C: 0,", "problem.instance.C = 0: needs a whole number >= 1"),
        ("default: 1", "defalt: 1", "did you mean default"),
        (", default: 1", "", "coefficient stride has no value and no default"),
        ("[P, stride]", "[P, strid]", "no dimension or coefficient strid; did you mean stride"),
        ("[P, stride]", "[P, R]", "a product of two dimensions"),
        ("[P, stride]", "[stride]", "needs a dimension in every product"),
        ("[P, stride]", "P", "needs a product such as"),
        ("read-write: true", "read-write: 7", "needs true or false"),
        (", read-write: true", "", "needs exactly one output"),
        ("projection: [[[M]], [[P]]]", "projection: '[m][p]'", "needs a projection such as"),
        ("projection: [[[M]], [[P]]]", "projction: []", "needs projection"),
        ("[{name: stride, default: 1}]", "{}", "needs a list of name and default"),
    ],
)
def test_faults_of_the_problem(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in PROBLEM
    assert message in fault(tmp_path, ROW, PROBLEM.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("spatial: {meshX: 4}", "spatial: {meshZ: 4}", "did you mean meshX|meshY"),
        ("!Container {name: column", "!Contaner {name: column", "unknown node tag !Contaner"),
        ("nodes:", "nodes: 3\n  subtre:", "needs a list of nodes"),
        ("target: column", "target: colum", "no storage level colum; did you mean column"),
        ("spatial: {meshY: 4}", "spatal: {meshY: 4}", "did you mean spatial"),
    ],
)
def test_faults_of_node_lists(tmp_path: Path, old: str, new: str, message: str) -> None:
    import re

    assert old in GRID_04
    assert re.search(message, fault(tmp_path, GRID_04.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("attributes", "bits", "block", "cluster", "capacity"),
    [
        ("entries: 100", 16, 1, 1, 100),
        ("sizeKB: 1, word_width: 8", 8, 1, 1, 1024),
        ("depth: 4, width: 64, word-bits: 16", 16, 4, 1, 16),
        ("depth: 4, width: 64, word-bits: 16, block-size: 2", 16, 2, 2, 8),
        ("depth: 4, width: 64, datawidth: 16, cluster_size: 2", 16, 2, 2, 8),
        ("memory_depth: 4, n_words: 2", 16, 2, 1, 8),
    ],
)
def test_sizes_follow_timeloops_rules(
    tmp_path: Path, attributes: str, bits: int, block: int, cluster: int, capacity: int
) -> None:
    old = "depth: 64, width: 16, word-bits: 16, block-size: 1"
    level = loaded(tmp_path, ROW.replace(old, attributes)).architecture.level("RF")
    found = (level.word_bits, level.block_words, level.cluster_size, level.capacity_words)
    assert (bits, block, cluster, capacity) == found


def test_old_bandwidth_is_half_and_half(tmp_path: Path) -> None:
    level = loaded(tmp_path, ROW.replace("depth: 512", "depth: 512, bandwidth: 3")).architecture
    glb = level.level("GLB")
    assert glb.read_words_per_cycle == glb.write_words_per_cycle == Fraction(3, 2)


def test_instances_and_mesh_attributes_are_absolute(tmp_path: Path) -> None:
    text = ROW.replace("depth: 64,", "depth: 64, instances: 8, meshY: 2,")
    text = text.replace("M=8, permutation: MCRP", "M=8, permutation: MCRP, split: 0")
    text = text.replace("datawidth: 16", "datawidth: 16, meshX: 1").replace("meshY: 2", "meshX: 1")
    case = loaded(tmp_path, text)
    assert (case.architecture.level("RF").x, case.architecture.level("RF").y) == (1, 8)
    assert case.mapping.by_level["GLB"].spatial_y == (Loop(dimension="M", extent=8),)


def test_attributes_and_sections_not_used_are_listed_once(tmp_path: Path) -> None:
    text = ROW.replace("depth: 512", "depth: 512, n_banks: 2, technology: 40nm")
    text += "mapper: {timeout: 1}\n"
    assumptions = loaded(tmp_path, text).assumptions
    assert "architecture attributes not used: GLB.n_banks, GLB.technology" in assumptions
    assert any(line.startswith("mapper of ") for line in assumptions)


def test_other_components_are_listed(tmp_path: Path) -> None:
    bus = "- {name: bus, class: XY_NoC, attributes: {}}"
    indent = " " * ROW.rpartition("- {name: RF, class")[0].split("\n")[-1].count(" ")
    case = loaded(
        tmp_path, ROW.replace("- {name: RF, class", f"{bus}\n{indent}- {{name: RF, class")
    )
    assert any("component bus of class XY_NoC" in line for line in case.assumptions)


ERT = """
ERT:
  version: 0.4
  tables:
  - name: system.chip.PE[0..7].MAC
    actions:
    - {name: mac_random, energy: 0.5}
    - {name: mac_gated, energy: 0.1}
  - name: system.chip.GLB[1..1]
    actions:
    - {name: read, arguments: {delta: 0}, energy: 1.0}
    - {name: read, arguments: {delta: 1}, energy: 2.0}
    - {name: write, arguments: {}, energy: 3.0}
    - {name: leak, energy: 0.25}
  - name: RF
    actions: [{name: random_fill, energy: 5}, {name: write, energy: 4}, {name: read, energy: 1}]
  - {name: chip.decoder, actions: []}
ART: {version: 0.4, tables: [{name: system.chip.GLB, area: 12.5}, {name: RF, area: 1}]}
"""


def test_energy_tables_are_translated(tmp_path: Path) -> None:
    case = loaded(tmp_path, ROW + ERT)
    table = case.energy
    assert table is not None
    figures = [table.energy_pj("GLB", name) for name in ("read", "write", "update", "leak")]
    assert figures == [2.0, 3.0, 3.0, 0.25]
    assert [table.energy_pj("RF", name) for name in ("read", "write", "update")] == [1.0, 5.0, 5.0]
    assert (table.energy_pj("MAC", "compute"), table.area_um2("RF")) == (0.5, 1.0)
    assert "energies not used, no such level: chip.decoder" in case.assumptions
    assert "energy actions of MAC not used: mac_gated" in case.assumptions


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("energy: 3.0", "energy: -3.0", "finite number >= 0"),
        ("energy: 3.0", "energy: lots", "needs a number, has text"),
        ("energy: 3.0", "enrgy: 3.0", "did you mean energy"),
        ("area: 12.5", "area: .inf", "finite number >= 0"),
        ("{name: chip.decoder, actions: []}", "{name: chip.decoder, actions: 3}", "list of action"),
        ("  tables:\n", "  table:\n", "did you mean tables"),
    ],
)
def test_faults_of_energy_tables(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in fault(tmp_path, ROW + ERT.replace(old, new, 1))


def test_names_lose_their_range() -> None:
    assert [bare_name(text) for text in ("PE[0..167]", "GLB[1..1]", "RF")] == [
        ("PE", 168),
        ("GLB", 1),
        ("RF", 1),
    ]


def test_text_is_not_a_tree() -> None:
    assert read_text("[a, b]").kind == "a list"
