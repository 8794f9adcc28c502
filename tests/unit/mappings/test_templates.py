"""Mappings of single layers, as an architect would check them on paper."""

import time

import pytest

from stallscope.mappings import native
from stallscope.mappings.case import Case
from stallscope.mappings.mapping import LevelMapping, Mapping
from stallscope.mappings.native_writing import dump
from stallscope.mappings.problem import Problem
from stallscope.mappings.templates import (
    Dataflow,
    Im2col,
    lowered,
    map_layer,
    plan_layer,
    roles_of,
)
from stallscope.simcore.errors import SpecError
from tests.systolic_chip import UNLIMITED, architecture, made, problem


def shown(level: LevelMapping) -> str:
    kinds = (("", level.temporal), ("Y ", level.spatial_y), ("X ", level.spatial_x))
    return "; ".join(
        kind + " ".join(f"{loop.dimension}={loop.extent}" for loop in loops)
        for kind, loops in kinds if loops
    )  # fmt: skip


def loops_of(mapping: Mapping) -> dict[str, str]:
    return {level.level: shown(level) for level in mapping.levels}


def refused(layer: Problem, *edits: tuple[str, str], **options: object) -> str:
    with pytest.raises(SpecError) as caught:
        map_layer(layer, architecture(*edits), **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_stationary_weights_have_the_reduction_on_the_rows() -> None:
    """12 x 8 x 8 on 4 x 4: two folds each way, streams of 12 rows of A, all of it on chip."""
    mapping = map_layer(problem(M=12, N=8, K=8), architecture(UNLIMITED), dataflow="ws")
    assert loops_of(mapping) == {
        "DRAM": "", "SPAD": "", "ACC": "N=2 K=2", "REG": "M=12; Y K=4; X N=4",
    }  # fmt: skip
    assert [level.keep for level in mapping.levels] == [
        ("Inputs", "Weights", "Outputs"), ("Inputs", "Weights"), ("Outputs",), ("Weights",),
    ]  # fmt: skip


def test_stationary_outputs_have_pixels_on_the_rows() -> None:
    mapping = map_layer(problem(M=12, N=8, K=8), architecture(UNLIMITED), dataflow="os")
    assert loops_of(mapping) == {
        "DRAM": "", "SPAD": "", "ACC": "M=3 N=2", "REG": "K=8; Y M=4; X N=4",
    }  # fmt: skip
    assert mapping.levels[-1].keep == ("Outputs",)


def test_stationary_inputs_have_pixels_on_the_columns() -> None:
    mapping = map_layer(problem(M=12, N=8, K=8), architecture(UNLIMITED), dataflow="is")
    assert loops_of(mapping) == {
        "DRAM": "", "SPAD": "", "ACC": "M=3 K=2", "REG": "N=8; Y K=4; X M=4",
    }  # fmt: skip
    assert mapping.levels[-1].keep == ("Inputs",)


def test_a_convolution_puts_taps_beside_few_channels() -> None:
    """One channel, 3 x 3: the nine elements of a window on four rows take three folds."""
    layer = problem(K=4, C=1, P=6, Q=6, R=3, S=3)
    mapping = map_layer(layer, architecture(), dataflow="ws")
    assert shown(mapping.levels[-1]).endswith("Y S=3; X K=4")


def test_a_depthwise_convolution_uses_one_column_and_a_loop_over_groups() -> None:
    layer = problem(G=8, P=6, Q=6, R=3, S=3)
    mapping = map_layer(layer, architecture(), dataflow="ws")
    registers = mapping.levels[-1]
    assert registers.spatial_x == ()
    assert "G" not in [loop.dimension for loop in registers.temporal + registers.spatial]
    assert sum(loop.extent for level in mapping.levels for loop in level.temporal
               if loop.dimension == "G") == 8  # fmt: skip


def test_a_large_scratchpad_lets_sums_gather_in_small_tiles() -> None:
    """Operands fit the scratchpad, neither a row nor a column of sums its accumulator."""
    layer = problem(M=32, N=32, K=8)
    small = architecture(("capacity: 256", "capacity: 64"), UNLIMITED)
    plan = plan_layer(layer, small, dataflow="ws")
    assert plan.words == {"Inputs": 256, "Weights": 256, "Outputs": 1024}
    loops = loops_of(plan.mapping)
    assert (loops["DRAM"], loops["SPAD"], loops["ACC"]) == ("M=2", "N=8", "K=2")


def test_remainders_are_even() -> None:
    """Ten channels on four columns: three folds of four, the last clipped; not 4 + 4 + 2 of 16."""
    mapping = map_layer(problem(M=8, N=10, K=9), architecture(), dataflow="ws")
    registers = mapping.levels[-1]
    assert shown(registers).endswith("Y K=3; X N=4")


def test_a_second_tile_is_asked_for_where_it_moves_and_fits() -> None:
    mapping = map_layer(problem(M=64, N=16, K=8), architecture(), dataflow="ws",
                        blocking={"M": 16, "N": 4})  # fmt: skip
    tiles = {entry.tensor: entry.tiles for level in mapping.levels for entry in level.buffering}
    assert tiles == {"Inputs": 2, "Weights": 2, "Outputs": 2}


def test_the_fastest_data_flow_is_chosen_per_layer() -> None:
    """147 elements of a window on four rows are 37 folds of weights; outputs take them in time."""
    stem = problem(K=8, C=3, P=16, Q=16, R=7, S=7, stride=2)
    plans = {flow: plan_layer(stem, architecture(), dataflow=flow) for flow in ("os", "ws")}
    assert plan_layer(stem, architecture()).cycles <= min(p.cycles for p in plans.values()) * 1.03
    one_row = problem(M=1, N=16, K=64)
    assert plan_layer(one_row, architecture()).dataflow is not Dataflow.WS


def test_the_mapping_is_written_and_read_back() -> None:
    layer, chip = problem(M=12, N=8, K=8), architecture()
    mapping = map_layer(layer, chip)
    case = Case(problem=layer, architecture=chip, mapping=mapping)
    assert native.read(dump(case)).mapping == mapping


def test_a_whole_mapping_is_checked_and_returned() -> None:
    layer, chip = problem(M=12, N=8, K=8), architecture()
    mapping = map_layer(layer, chip, dataflow="ws")
    assert map_layer(layer, chip, blocking=mapping) is mapping
    with pytest.raises(SpecError, match="os keeps Outputs in the registers"):
        map_layer(layer, chip, dataflow="os", blocking=mapping)
    with pytest.raises(SpecError, match="the factors of M multiply to"):
        map_layer(problem(M=24, N=8, K=8), chip, blocking=mapping)


def test_im2col_in_memory_is_a_product_of_two_matrices() -> None:
    layer = problem(N=2, K=6, C=3, P=4, Q=5, R=3, S=2, G=2)
    product = lowered(layer)
    assert product.bounds == {"G": 2, "M": 40, "N": 6, "K": 18}
    assert product.macs == layer.macs
    assert product.tensor("Inputs").tile_words(product.bounds) == 2 * 40 * 18
    plan = plan_layer(layer, architecture(), dataflow="is", im2col=Im2col.MEMORY)
    assert plan.problem == product
    assert plan.mapping.levels[-1].keep == ("Inputs",)


def test_the_operand_with_windows_is_the_inputs() -> None:
    assert roles_of(problem(K=2, C=2, P=2, R=2)).inputs.name == "Inputs"
    assert roles_of(problem(M=2, N=2, K=2)).inputs.name == "Inputs"
    ranks = {"B": [[("K", 1)], [("N", 1)]], "A": [[("M", 1)], [("K", 1)]],
             "Outputs": [[("M", 1)], [("N", 1)]]}  # fmt: skip
    roles = roles_of(made({"M": 2, "N": 2, "K": 2}, ranks))
    assert (roles.inputs.name, roles.pixels, roles.columns) == ("B", ("N",), ("M",))
    ranks["Weights"] = ranks.pop("B")
    roles = roles_of(made({"M": 2, "N": 2, "K": 2}, dict(sorted(ranks.items(), reverse=True))))
    assert (roles.inputs.name, roles.pixels, roles.columns) == ("A", ("M",), ("N",))


def test_what_is_no_product_is_refused() -> None:
    ranks = {"A": [[("M", 1)], [("K", 1)]], "B": [[("N", 1)]], "Outputs": [[("M", 1)], [("N", 1)]]}
    text = refused(made({"M": 2, "N": 2, "K": 3}, ranks))
    assert "problem.dimensions.K = 3: belongs to A alone" in text
    ranks = {"A": [[("M", 1)], [("M", 1)]], "B": [[("M", 1)]], "Outputs": [[("M", 1)]]}
    assert "M stands in two places of A: a diagonal" in refused(made({"M": 2}, ranks))
    ranks = {"A": [[("M", 1)]], "Outputs": [[("M", 1)]]}
    assert "a template maps a product of two operands" in refused(made({"M": 2}, ranks))
    ranks = {"A": [[("M", 1), ("K", 1)]], "B": [[("N", 1), ("K", 1)]],
             "Outputs": [[("M", 1)], [("N", 1)]]}  # fmt: skip
    assert "both operands have windows" in refused(made({"M": 2, "N": 2, "K": 2}, ranks))


def test_plans_of_other_arrays_are_refused() -> None:
    with pytest.raises(SpecError, match="templates are for systolic arrays"):
        plan_layer(problem(M=4, N=4, K=4), architecture((", systolic: {}", "")))


def test_an_operand_without_a_buffer_is_named_with_those_that_have_one() -> None:
    text = refused(problem(M=4, N=4, K=4), ("[Inputs, Weights]", "[Weights]"))
    assert "problem.tensors.Inputs: no buffer between main memory and" in text
    assert "its buffers hold Weights, Outputs" in text


def test_an_unknown_data_flow_is_named_with_those_there_are() -> None:
    text = refused(problem(M=4, N=4, K=4), dataflow="rs")
    assert "dataflow = rs: must be one of os, ws, is" in text


def test_windows_cannot_be_stationary() -> None:
    text = refused(problem(K=4, C=4, P=4, R=3), dataflow="is")
    assert "is: Inputs has windows or strides" in text
    assert "im2col: memory" in text


def test_registers_may_hold_one_tensor_only() -> None:
    edit = ("{name: REG, word_bits: 32, capacity: 32}",
            "{name: REG, word_bits: 32, capacity: 32, holds: [Weights]}")  # fmt: skip
    assert "os: REG may hold only Weights" in refused(problem(M=4, N=4, K=4), edit, dataflow="os")
    assert plan_layer(problem(M=1, N=16, K=64), architecture(edit)).dataflow is Dataflow.WS


def test_small_registers_are_refused() -> None:
    text = refused(problem(M=8, N=8, K=8), ("capacity: 32}", "capacity: 8}"))
    assert "architecture.REG.capacity_words = 8: os: a tile of 4 x 4 words fills the array" in text


def test_without_an_accumulator_only_outputs_can_stay() -> None:
    bare = ("    - {name: ACC, word_bits: 32, capacity: 256, holds: [Outputs]}\n", "")
    text = refused(problem(M=8, N=8, K=8), bare, dataflow="ws")
    assert "ws: partial sums leave the array, and no buffer may hold Outputs" in text
    plan = plan_layer(problem(M=8, N=8, K=8), architecture(bare))
    assert plan.dataflow is Dataflow.OS


def test_a_controller_takes_no_outputs_from_the_array() -> None:
    bare = ("    - {name: ACC, word_bits: 32, capacity: 256, holds: [Outputs]}\n", "")
    ddr = ("shared_bandwidth: 8", "memory: {device: ddr4-2400}")
    text = refused(problem(M=8, N=8, K=8), bare, ddr, dataflow="os")
    assert "the controller of DRAM serves buffers, and none may hold Outputs" in text


def test_partial_sums_do_not_leave_for_narrower_words() -> None:
    """A reduction that is cut, and tiles of several folds: sums would go to eight bits."""
    one = ("    - {name: SPAD, word_bits: 8, capacity: 1024, holds: [Inputs, Weights]}\n"
           "    - {name: ACC, word_bits: 32, capacity: 256, holds: [Outputs]}\n",
           "    - {name: BUF, word_bits: 8, capacity: 1024}\n")  # fmt: skip
    blocking = {"M": 8, "N": 8, "K": 4}
    text = refused(problem(M=8, N=8, K=8), one, dataflow="os", blocking=blocking)
    assert "blocking = M=8, N=8, K=4: os: partial sums would leave REG" in text
    assert "give the whole reduction, or tiles of one fold" in text


def test_a_blocking_that_does_not_fit_says_what_it_needs() -> None:
    text = refused(problem(M=64, N=64, K=64), dataflow="ws", blocking={"M": 64, "K": 64})
    assert "architecture.SPAD.capacity_words = 1024: ws: the smallest tiles of Inputs, Weights" in (
        text
    )
    assert "give smaller extents in blocking" in text
    text = refused(problem(M=64, N=64, K=64), blocking={"K": 65, "L": 3})
    assert "blocking.K = 65: the bound of K is 64" in text
    assert "blocking.L = 3: no such dimension" in text


def test_buffers_that_are_too_small_are_told() -> None:
    """One row of four inputs and a fold of 4 x 4 weights: 20 words."""
    layer = problem(M=64, N=64, K=64)
    text = refused(layer, ("capacity: 1024", "capacity: 19"), dataflow="ws")
    assert "capacity_words = 19: ws: the smallest tiles of Inputs, Weights need 20 words" in text
    assert "enlarge the buffer" in text
    plan_layer(layer, architecture(("capacity: 1024", "capacity: 20")), dataflow="ws")


def test_layers_that_no_estimate_holds_are_refused() -> None:
    """Words of three dimensions of ten million pass 64 bits: they came out negative."""
    text = refused(problem(M=10**7, N=10**7, K=10**7))
    assert "up to 1,000,000,000,000,000 multiply-accumulates" in text
    text = refused(problem(M=10**20, N=10**9, K=1))
    assert "dimensions.M = 100000000000000000000: templates map dimensions of up to 1" in text
    assert "dimensions.N = 1000000000:" in text


def test_the_largest_layers_are_mapped_at_once() -> None:
    """All 10**8 sizes were listed: minutes and gigabytes."""
    began = time.process_time()
    plan = plan_layer(problem(M=10**8, N=7, K=9), architecture())
    assert plan.words["Outputs"] == 7 * 10**8
    assert time.process_time() - began < 10


def test_a_share_of_the_capacity_is_filled_where_that_is_asked() -> None:
    edit = ("capacity: 256,", "capacity: 256, min_utilization: 0.9,")
    plan = plan_layer(problem(M=64, N=64, K=64), architecture(edit), dataflow="ws")
    assert plan.words["Outputs"] == 64 * 64
    text = refused(problem(M=4, N=4, K=4), edit, dataflow="ws")
    assert "no blocking that fits fills the buffers as far as min_utilization asks" in text


@pytest.mark.parametrize("name", ["a", "b"])
def test_no_state_is_left_between_layers(name: str) -> None:
    layer = problem(M=40, N=24, K=36).model_copy(update={"name": name})
    assert map_layer(layer, architecture()) == map_layer(layer, architecture())
