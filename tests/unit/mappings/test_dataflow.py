"""The dataflow of a mapping is the tensor that the innermost level keeps alone."""

import pytest

from stallscope.mappings.dataflow import Dataflow, stationary
from stallscope.mappings.layers import GemmLayer
from stallscope.mappings.mapping import LevelMapping, Mapping

PROBLEM = GemmLayer(M=2, N=3, K=4).problem()


@pytest.mark.parametrize(("kept", "expected"), [
    (("Outputs",), Dataflow.OS),
    (("Weights",), Dataflow.WS),
    (("Inputs",), Dataflow.IS),
    (("Weights", "Inputs"), None),
    ((), None),
    (("Other",), None),
])  # fmt: skip
def test_the_tensor_that_stays_names_the_dataflow(
    kept: tuple[str, ...], expected: Dataflow | None
) -> None:
    mapping = Mapping(levels=(LevelMapping(level="DRAM"), LevelMapping(level="REGS", keep=kept)))
    assert stationary(PROBLEM, mapping) is expected
