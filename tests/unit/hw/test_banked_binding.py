"""What transfers and bursts ask of interleaved banks."""

from __future__ import annotations

from fractions import Fraction

import pyarrow.parquet as pq
import pytest

from stallscope.hw.binding import Binding
from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.ports import Ports
from stallscope.hw.simulate import execute, simulate
from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.dram_catalog import dram_device
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.simcore.errors import SpecError
from stallscope.traces import listing
from stallscope.traces.compile import compile_case
from stallscope.traces.rows.program import read_rows

THREE = {"read_words_per_cycle": Fraction(3), "banks": 3, "banking": "interleaved"}


def loop(name, extent):
    return Loop(dimension=name, extent=extent)


def product(*, dram=None, buffer=None):
    """Weights [M, C] of 4 x 6 times inputs [C], a tile of 6 weights at a time; one MAC."""

    def ranks(names):
        return tuple((Term(dimension=name),) for name in names)

    return Case(
        problem=Problem(
            dimensions=(Dimension(name="M", bound=4), Dimension(name="C", bound=6)),
            tensors=(
                Tensor(name="W", ranks=ranks("MC")),
                Tensor(name="I", ranks=ranks("C")),
                Tensor(name="O", ranks=ranks("M"), is_output=True),
            ),
        ),
        architecture=Architecture(
            clock_mhz=200,
            levels=(
                StorageLevel(name="DRAM", kind="dram", **(dram or {})),
                StorageLevel(name="buffer", **(buffer or {})),
            ),
            compute=ComputeLevel(name="MAC"),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(level="DRAM", temporal=(loop("M", 4),), keep=("W", "I", "O")),
                LevelMapping(level="buffer", temporal=(loop("C", 6),), keep=("W", "I", "O")),
            )
        ),
    )  # fmt: skip


def words_of(demand):
    return {
        server.name: words for (server, _), words in zip(demand.path, demand.words, strict=True)
    }


def test_operands_of_a_burst_are_one_run():
    """6 weights, 6 inputs, 5 old partial sums (the first is elided): 2 + 2 + 2, 2 + 2 + 1."""
    result = simulate(product(buffer=THREE))
    reads = {name: words for name, words in result.port_words.items() if ".read." in name}
    # The drain of an output word reads it once more, from the first bank, in each of 4 tiles.
    assert reads == {"buffer.read.0": 4 * 7, "buffer.read.1": 4 * 6, "buffer.read.2": 4 * 5}


@pytest.mark.usefixtures("dram_kernel")
def test_chunks_of_a_main_memory_share_out_whole_accesses():
    memory = MainMemory(device=dram_device("ddr4-2400"), chunk_bytes=8)
    banked = THREE | {"access_words": 2, "write_words_per_cycle": Fraction(3)}
    case = product(dram={"memory": memory}, buffer=banked)
    program = compile_case(case)
    binding = Binding(program, case.architecture, Ports(case.architecture, {}))
    stream = program.movers[0]
    whole = words_of(binding.mover(stream, "fill", is_up=False).demands[0])
    assert whole == {"buffer.write.0": 2, "buffer.write.1": 2, "buffer.write.2": 2}
    parts = [words_of(chunk) for chunk in binding.chunks(stream, "fill", 4, is_up=False)[0]]
    assert len(parts) == 2
    for name, words in whole.items():
        given = [part.get(name, 0) for part in parts]
        assert sum(given) == words
        assert not any(share % 2 for share in given)
    result = simulate(case)
    assert simulate(case, fast_forward=False).cycles == result.cycles
    assert result.port_words["buffer.write.0"] >= 4 * 2


def test_a_program_for_another_machine_is_refused():
    """It does not say which words of the GLB a step reads."""
    case = columns()
    plain = columns(banking="tensor")
    with pytest.raises(SpecError, match=r"GLB\.banking = interleaved: interleaves banks, and"):
        Machine(compile_case(plain), case.architecture, FastForwardMode())
    Machine(compile_case(case), plain.architecture, FastForwardMode()).run()


def columns(banking="interleaved", **network):
    """Weights [M, C] of 8 x 8: columns of 2 words, at 4 RFs along M, from a GLB of 8 banks."""
    return Case(
        problem=Problem(
            dimensions=(Dimension(name="M", bound=8), Dimension(name="C", bound=8)),
            tensors=(
                Tensor(name="W", ranks=((Term(dimension="M"),), (Term(dimension="C"),))),
                Tensor(name="O", ranks=((Term(dimension="M"),),), is_output=True),
            ),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(name="DRAM", kind="dram"),
                StorageLevel(name="GLB", banks=8, banking=banking,
                             read_words_per_cycle=Fraction(8), network=Network(**network)),
                StorageLevel(name="RF", instances=4),
            ),
            compute=ComputeLevel(name="MAC", instances=4),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(level="DRAM", keep=("W", "O")),
                LevelMapping(level="GLB", temporal=(loop("C", 8),), spatial_x=(loop("M", 4),),
                             keep=("W",)),
                LevelMapping(level="RF", temporal=(loop("M", 2),), keep=("W", "O"),
                             buffering=(Buffering(tensor="W", tiles=1),)),
            )
        ),
    )  # fmt: skip


def test_words_of_all_children_meet_at_the_parent():
    """4 columns of 2 words are one column of 8, all in the bank of that column."""
    result = simulate(columns())
    assert result.port_words["GLB.read.0"] == 64
    assert result.cycles == 8 * (8 + 2)


def test_rows_of_ones_own_are_one_run_a_transfer_and_the_result_says_so(tmp_path):
    case = columns()
    listing.expand(compile_case(case), tmp_path / "flat.parquet")
    table = pq.read_table(tmp_path / "flat.parquet").replace_schema_metadata(None)
    pq.write_table(table, tmp_path / "own.parquet")
    result = execute(read_rows(tmp_path / "own.parquet", case.architecture), case)
    assert result.port_words == {f"GLB.read.{bank}": 8 for bank in range(8)}
    assert "banks: rows do not say where words lie: one run a transfer at GLB" in result.assumptions
    assert not any(one.startswith("banks:") for one in simulate(case).assumptions)


@pytest.mark.parametrize("reuse", list(Reuse))
def test_copies_that_the_network_cannot_make_are_read_again(reuse):
    """Inputs [C] go to 4 RFs: once with multicast, four times without."""

    def reads(**network):
        case = columns(**network)
        tensors = (
            Tensor(name="W", ranks=((Term(dimension="C"),),)), case.problem.tensor("O"),
        )  # fmt: skip
        problem = case.problem.model_copy(update={"tensors": tensors})
        changed = case.model_copy(update={"problem": problem, "rules": Rules(reuse=reuse)})
        return simulate(changed).port_words["GLB.read.0"]

    assert reads(multicast=True) == 8
    assert reads(multicast=False) == 32
