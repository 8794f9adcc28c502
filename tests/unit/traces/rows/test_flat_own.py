"""A flat program of the user's own: what its rows say happens, and what is wrong is said."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stallscope.hw.simulate import Tracing, execute
from stallscope.mappings.loading import load_platform
from stallscope.simcore.errors import DeadlockError, SpecError
from stallscope.traces.rows.program import is_own, read_rows

ARCHITECTURE = """
stallscope: 1
architecture:
  levels:
    - {name: DRAM, kind: dram, read_bandwidth: 2, write_bandwidth: 1, read_latency: 5}
    - {name: GLB, capacity_words: 24}
  compute: {name: MAC, instances: 4}
"""
HEADING = "unit,op,words,wait_for,frees,finishes\n"
PRODUCT = """\
Weights DRAM->GLB,FILL,8
Weights DRAM->GLB,FILL,8
Outputs DRAM->GLB,REFILL,0
MAC,COMPUTE,8,Weights GLB delivered 1; Outputs GLB delivered 1,Weights GLB 8
MAC,COMPUTE,16,Weights GLB delivered 2,Weights GLB 8,Outputs GLB
Outputs GLB->DRAM,DRAIN,4
"""


@pytest.fixture
def desk(tmp_path):
    """Writes a program and an architecture, and runs one on the other."""

    class Desk:
        platform = None

        def read(self, rows, heading=HEADING, architecture=ARCHITECTURE):
            (tmp_path / "arch.yaml").write_text(architecture)
            (tmp_path / "own.csv").write_text(heading + rows)
            self.platform = load_platform(tmp_path / "arch.yaml")
            return read_rows(tmp_path / "own.csv", self.platform.architecture)

        def run(self, *arguments, **options):
            program = self.read(*arguments, **options)
            return execute(program, self.platform, trace=Tracing(level="full"))

        def events(self, *arguments, **options):
            """(start, end, unit, op, awaited or words) of every slice, in order."""
            result = self.run(*arguments, **options)
            return [
                (row["start"], row["end"], row["unit"], row["op"], row["awaits"] or row["words"])
                for row in result.trace.window(0, result.cycles).to_pylist()
            ]

        def faults(self, *arguments, **options):
            with pytest.raises(SpecError) as caught:
                self.read(*arguments, **options)
            return [str(fault).partition("own.csv")[2] for fault in caught.value.faults]

    return Desk()


# ---------------------------------------------------------------------- what happens


def test_rows_wait_for_what_they_name_and_take_their_time(desk):
    """8 words at 2 a cycle, delivered 5 later; 8 MACs on 4 PEs take 2 cycles, 16 take 4."""
    expected = [
        (0, 4, "Weights DRAM->GLB", "FILL", 8),
        (0, 0, "Outputs DRAM->GLB", "REFILL", 0),
        (0, 17, "Outputs GLB->DRAM", "WAIT", "Outputs GLB finished"),
        (0, 9, "MAC", "WAIT", "Weights GLB delivered"),
        (4, 8, "Weights DRAM->GLB", "FILL", 8),
        (9, 11, "MAC", "COMPUTE", 8),
        (11, 13, "MAC", "WAIT", "Weights GLB delivered"),
        (13, 17, "MAC", "COMPUTE", 16),
        (17, 21, "Outputs GLB->DRAM", "DRAIN", 4),
    ]
    assert sorted(expected) == sorted(desk.events(PRODUCT))


def test_a_result_has_counts_and_no_estimate(desk):
    result = desk.run(PRODUCT)
    assert result.estimate is None
    assert result.dims == {}
    assert result.macs == 24
    assert result.cycles == 21
    assert result.cycle_stack == {"compute": 6, "fill": 9, "dram_latency": 2, "drain": 4}
    glb = result.levels[1].tensors
    assert (glb["Weights"].fills, glb["Weights"].reads) == (16, 24)
    assert (glb["Outputs"].updates, result.levels[0].tensors["Outputs"].updates) == (24, 4)
    with pytest.raises(ValueError, match="no analytical estimate"):
        result.analytical  # noqa: B018


def test_a_fill_waits_for_room_that_rows_free(desk):
    """With room for one tile the second fill starts when the first burst is over, at 11."""
    rows = PRODUCT.replace("REFILL,0", "REFILL,0,,,,Weights GLB 8 x1")
    heading = HEADING.replace("\n", ",buffers\n")
    fills = [event for event in desk.events(rows, heading) if event[2] == "Weights DRAM->GLB"]
    assert fills == [
        (0, 4, "Weights DRAM->GLB", "FILL", 8),
        (4, 11, "Weights DRAM->GLB", "WAIT", "Weights GLB released"),
        (11, 15, "Weights DRAM->GLB", "FILL", 8),
    ]


def test_cycles_and_words_of_a_burst_may_be_said(desk):
    rows = PRODUCT.replace(
        "Weights GLB 8,Outputs GLB", "Weights GLB 8,Outputs GLB,7,Weights GLB 4/4"
    )
    result = desk.run(rows, HEADING.replace("\n", ",cycles,ports\n"))
    assert result.cycle_stack["compute"] == 2 + 7
    # 8 by default in the first burst, 4 said for the second.
    assert result.levels[1].tensors["Weights"].reads == 12
    assert result.levels[1].tensors["Outputs"].updates == 8


def test_partial_sums_may_come_back(desk):
    """The second refill reads what the first drain wrote: it waits for it."""
    rows = """\
Outputs DRAM->GLB,REFILL,0
Outputs DRAM->GLB,REFILL,4,Outputs GLB drained 1
MAC,COMPUTE,8,Outputs GLB delivered 1,,Outputs GLB
MAC,COMPUTE,8,Outputs GLB delivered 2,,Outputs GLB
Outputs GLB->DRAM,DRAIN,4
Outputs GLB->DRAM,DRAIN,4
"""
    expected = [
        (0, 2, "MAC", "COMPUTE", 8),
        (0, 6, "Outputs DRAM->GLB", "WAIT", "Outputs GLB drained"),
        (2, 6, "Outputs GLB->DRAM", "DRAIN", 4),
        (6, 8, "Outputs DRAM->GLB", "REFILL", 4),
        (13, 15, "MAC", "COMPUTE", 8),
        (15, 19, "Outputs GLB->DRAM", "DRAIN", 4),
    ]
    shown = ("COMPUTE", "REFILL", "DRAIN", "Outputs GLB drained")
    found = [event for event in desk.events(rows) if event[3] in shown or event[4] in shown]
    assert expected == sorted(event for event in found if event[1] > event[0])


def test_a_tile_that_starts_at_zero_may_wait_all_the_same(desk):
    rows = """\
Outputs DRAM->GLB,REFILL,0
Outputs DRAM->GLB,REFILL,0,Outputs GLB drained 1
MAC,COMPUTE,8,Outputs GLB delivered 1,,Outputs GLB
MAC,COMPUTE,8,Outputs GLB delivered 2,,Outputs GLB
Outputs GLB->DRAM,DRAIN,4
Outputs GLB->DRAM,DRAIN,4
"""
    bursts = [event[:2] for event in desk.events(rows) if event[3] == "COMPUTE"]
    assert bursts == [(0, 2), (6, 8)]


def test_several_units_may_wait_for_one_counter(desk):
    rows = """\
Weights DRAM->GLB,FILL,8
Inputs DRAM->GLB,FILL,2,Weights GLB delivered 1
MAC,COMPUTE,8,Weights GLB delivered 1; Inputs GLB delivered 1,Weights GLB 8; Inputs GLB 2
"""
    assert sorted(event for event in desk.events(rows) if event[3] != "WAIT") == [
        (0, 4, "Weights DRAM->GLB", "FILL", 8),
        (9, 10, "Inputs DRAM->GLB", "FILL", 2),
        (15, 17, "MAC", "COMPUTE", 8),
    ]


def test_units_that_wait_for_each_other_give_the_table(desk):
    """And a third one that waits for one of them is charged without going round in circles."""
    rows = """\
Weights DRAM->GLB,FILL,8,Outputs GLB drained 1
Inputs DRAM->GLB,FILL,8,Weights GLB delivered 1
Outputs DRAM->GLB,REFILL,0
MAC,COMPUTE,8,Inputs GLB delivered 1,Weights GLB 8; Inputs GLB 8,Outputs GLB
Outputs GLB->DRAM,DRAIN,4
"""
    with pytest.raises(DeadlockError) as caught:
        desk.run(rows)
    waits = [(waiter.unit, waiter.awaits, waiter.need) for waiter in caught.value.waiters]
    assert waits == [
        ("Weights DRAM->GLB", "Outputs GLB drained", 1),
        ("Inputs DRAM->GLB", "Weights GLB delivered", 1),
        ("Outputs GLB->DRAM", "Outputs GLB finished", 1),
        ("MAC", "Inputs GLB delivered", 1),
    ]


def test_words_are_spread_over_instances_unless_said(desk):
    """16 words multicast to 4 RFs as said, 4 words spread evenly by default."""
    architecture = ARCHITECTURE.replace(
        "    - {name: GLB, capacity_words: 24}\n",
        "    - {name: RF, instances: 4, capacity_words: 8}\n",
    )
    rows = """\
Weights DRAM->RF,FILL,4,,,,RF 4/16; DRAM 4/4
Inputs DRAM->RF,FILL,4
MAC,COMPUTE,8,Weights RF delivered 1; Inputs RF delivered 1,Weights RF 4; Inputs RF 1
"""
    result = desk.run(rows, HEADING.replace("\n", ",ports\n"), architecture)
    held = result.levels[1].tensors
    assert (held["Weights"].fills, held["Weights"].peak_words) == (16, 4)
    assert (held["Inputs"].fills, held["Inputs"].peak_words) == (4, 1)
    assert result.networks[0].tensors["Weights"].multicast == {4: 4}


# ---------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Weights,FILL,8", "row 1, unit = Weights: is not the name of a unit; write TENSOR"),
        ("Weights DRAM->GBL,FILL,8", "row 1, unit = GBL: is no storage level.*mean GLB"),
        ("Weights DRUM->GLB,FILL,8", "row 1, unit = DRUM: is no storage level.*mean DRAM"),
        ("Weights DRAM->GLB,FIL,8", "row 1, op = FIL: must be one of FILL.*did you mean FILL"),
        ("Weights DRAM->GLB,DRAIN,8", "row 1, op = DRAIN: DRAIN goes up, DRAM->GLB the other way"),
        ("PE,COMPUTE,8", "row 1, unit = PE: COMPUTE rows are those.*write MAC"),
        ("MAC,COMPUTE,-8", "row 1, words = -8: must be a whole number of at least 0"),
        ("MAC,COMPUTE,many", "row 1, words = many: must be a whole number"),
        ("MAC,COMPUTE,0", "row 1, words = 0: a COMPUTE row needs a multiply-accumulate"),
        ("MAC,COMPUTE", "row 1, words: is missing"),
        ("MAC,COMPUTE,8,Weights GLB deliverd 1", "row 1, wait_for = .*cannot be read; write items"),
        ("MAC,COMPUTE,8,Weights GBL delivered 1", "row 1, wait_for = GBL: is no storage level"),
        ("MAC,COMPUTE,8,Weight GLB delivered 1", "nothing brings Weight to GLB.*Weights GLB"),
        ("MAC,COMPUTE,8,Weights GLB delivered 3", "row 1, wait_for = 3: waits forever: .*beyond 2"),
        ("MAC,COMPUTE,8,Weights GLB drained 1", "Weights is not written back from GLB"),
        ("MAC,COMPUTE,8,,Outputs GLB 4", "the room of Outputs GLB is that of its DRAIN rows"),
        ("MAC,COMPUTE,8,,Weights GLB", "row 1, frees = .*cannot be read; write items such as"),
        ("MAC,COMPUTE,8,,Weights GLB 8", "Weights GLB = 24: 16 words .* 24 are freed: more than"),
        ("MAC,COMPUTE,8,,,Outputs GLB", "1 DRAIN rows, but MAC finishes 2 tiles"),
        ("Weights DRAM->GLB,FILL,8", "24 words of Weights come to GLB, 16 are freed: 8 are left"),
        ("Weights DRAM->GLB,FILL,8,,,Outputs GLB", "finishes = .*is for DRAIN, COMPUTE rows"),
        ("Outputs DRAM->GLB,REFILL,0", "room: is needed: Outputs GLB->DRAM has no row 1"),
        (f"MAC,COMPUTE,{10**16}", "row 1, words = 10.*: must have at most 15 digits"),
        ("Weights DRAM->GLB,FILL,8,,,,,1", "row 1, cells = 8: has 8 cells, the heading 6"),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_row_column_value_rule_and_remedy(desk, row, message):
    faults = desk.faults(f"{row}\n{PRODUCT}")
    assert any(re.search(message, fault) for fault in faults), faults


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "has no rows"),
        ("Weights DRAM->GLB,FILL,8\n", "no COMPUTE row: nothing multiplies"),
        (PRODUCT.replace("Outputs DRAM->GLB,REFILL,0\n", ""), "needs REFILL and DRAIN rows"),
        (PRODUCT.replace("Outputs GLB->DRAM", "Outputs RF->DRAM"), "is no storage level"),
        (PRODUCT.replace("REFILL,0", "FILL,4"), "needs REFILL and DRAIN rows, or only FILL"),
        (PRODUCT.replace(",FILL,8", ",FILL,22"), "GLB = 26: needs Weights 22 .* words, has 24"),
        (PRODUCT.replace(",Outputs GLB\n", "\n"), "1 DRAIN rows, but MAC finishes 0 tiles"),
    ],
)
def test_what_the_rows_lack_together_is_named(desk, rows, message):
    faults = desk.faults(rows)
    assert any(re.search(message, fault) for fault in faults), faults


@pytest.mark.parametrize(
    ("column", "cells", "message"),
    [
        ("ports", ["GLB 8/8; GLB 4/4"], "ports = GLB; GLB: names a port twice"),
        ("ports", ["RF 8/8"], "ports = RF: Weights DRAM->GLB has ports at DRAM and GLB"),
        ("ports", ["DRAM 4/4"], "names 4 words at DRAM, the column words 8"),
        (
            "networks",
            ["GLB in 8"],
            "networks = GLB: is not the outer level of a network on the way",
        ),
        ("instances", ["GLB 2"], "instances = 2: must be 1 to 1, the instances of GLB"),
        ("instances", ["RF 2"], "instances = RF: is no level of the architecture"),
        ("instances", ["MAC 2", "MAC 3"], "instances = 3: MAC has 2 in a row before"),
        ("buffers", ["Weights GLB 4"], "buffers = 4: a row makes room for 8 words of Weights GLB"),
        ("buffers", ["Weights RF 8"], "Weights RF: is not a tensor at a level that the rows use"),
        ("buffers", ["Weights GLB 8 x1", "Weights GLB 8 x2"], "differs from a row before"),
        ("cycles", ["3"], "row 1, cycles = 3: is for COMPUTE rows; FILL has none"),
        ("tensor", ["Inputs"], "tensor = Inputs: the unit Weights DRAM->GLB moves Weights"),
    ],
)
def test_what_a_cell_says_must_fit_the_rest(desk, column, cells, message):
    rows = [row + "," * (5 - row.count(",")) for row in PRODUCT.splitlines()]
    cells = [*cells, *[""] * (len(rows) - len(cells))]
    text = "".join(f"{row},{cell}\n" for row, cell in zip(rows, cells, strict=True))
    faults = desk.faults(text, HEADING.replace("\n", f",{column}\n"))
    assert any(re.search(re.escape(message), fault) for fault in faults), faults


def test_a_level_holds_only_what_the_architecture_says(desk):
    architecture = ARCHITECTURE.replace("words: 24", "words: 24, holds: [Inputs, Outputs]")
    faults = desk.faults(PRODUCT, HEADING, architecture)
    assert any("GLB holds Inputs, Outputs; leave GLB out for Weights" in fault for fault in faults)


def test_a_burst_takes_the_cycles_its_pes_need(desk):
    rows = PRODUCT.replace("Weights GLB 8,Outputs GLB", "Weights GLB 8,Outputs GLB,3")
    faults = desk.faults(rows, HEADING.replace("\n", ",cycles\n"))
    assert any("row 5, cycles = 3: 4 PEs need 4 cycles for 16 words" in fault for fault in faults)


def test_all_faults_come_at_once(desk):
    rows = "Weights DRAM->GBL,FILL,8\nMAC,COMPUTE,-1,Weights GLB\nMAC,LOAD,3\n"
    assert [fault[:2] for fault in desk.faults(rows)] == [":2", ":3", ":3", ":4"]


def test_columns_are_checked_before_rows(desk):
    faults = desk.faults(PRODUCT, "unit,op,word,waits_for,frees,finishes\n")
    assert faults == [
        ": columns = words: is missing; did you mean word?",
        ": columns = word: is no column of a flat program; did you mean words?",
        ": columns = waits_for: is no column of a flat program; did you mean wait_for?",
    ]


def test_steps_must_count_up_where_they_are_given(desk):
    rows = "Weights DRAM->GLB,FILL,8,,,,0\nWeights DRAM->GLB,FILL,8,,,,2\n"
    faults = desk.faults(rows + PRODUCT.replace("\n", ",,,\n"), HEADING.replace("\n", ",step\n"))
    assert any("row 2, step = 2: must count up from 0 per unit" in fault for fault in faults)


def test_room_that_never_was_taken_cannot_be_freed(desk):
    """In time, not only in sum: the first burst frees what it did not wait for."""
    rows = PRODUCT.replace("Weights GLB delivered 1; ", "").replace(
        "Weights DRAM->GLB,FILL,8\n", "Weights DRAM->GLB,FILL,8,Outputs GLB drained 1\n", 1
    )
    rows = rows.replace("Weights GLB delivered 2", "")
    with pytest.raises(SpecError, match=r"MAC, step 0, frees = 8: frees words .* it holds 0"):
        desk.run(rows)


def test_parquet_and_comments_are_read_alike(desk, tmp_path):
    expected = desk.run(PRODUCT)
    commented = desk.run(PRODUCT, "# a product\n\n" + HEADING)
    cells = [line.split(",") for line in PRODUCT.splitlines()]
    names = HEADING.strip().split(",")
    columns = {name: [row[at] if at < len(row) else None for row in cells]
               for at, name in enumerate(names)}  # fmt: skip
    columns["words"] = [int(words) for words in columns["words"]]
    pq.write_table(pa.table(columns), tmp_path / "own.parquet")
    assert is_own(tmp_path / "own.parquet")
    program = read_rows(tmp_path / "own.parquet", desk.platform.architecture)
    found = execute(program, desk.platform)
    assert expected.units == commented.units == found.units
    assert expected.counts == found.counts


def test_a_drain_to_another_level_than_its_refill_comes_from_is_refused(desk):
    architecture = ARCHITECTURE.replace("  compute", "    - {name: RF}\n  compute")
    rows = PRODUCT.replace("GLB->DRAM", "RF->GLB").replace("Outputs GLB", "Outputs RF")
    rows = rows.replace("Outputs DRAM->GLB", "Outputs DRAM->RF")
    faults = desk.faults(rows, HEADING, architecture)
    assert sum("needs REFILL and DRAIN rows" in fault for fault in faults) == 2


def test_blanks_in_names_do_not_matter(desk):
    expected = desk.run(PRODUCT)
    spaced = desk.run(PRODUCT.replace("->", " -> ").replace("Weights DRAM", " Weights  DRAM"))
    assert expected.units == spaced.units


def test_only_flat_programs_are_taken_for_one(tmp_path):
    for name, text in [("a.yaml", "stallscope: 1\n"), ("a.json", '{"stallscope_program": 1}'),
                       ("a.csv", "x,y\n1,2\n"), ("empty", "")]:  # fmt: skip
        (tmp_path / name).write_text(text)
        assert not is_own(tmp_path / name)
    assert not is_own(tmp_path / "none")
