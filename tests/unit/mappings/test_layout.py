"""Where tensors live in main memory."""

from __future__ import annotations

import pytest

from stallscope.mappings.layout import Layout, TensorPlace, rank_order, strides_of
from stallscope.mappings.problem import Tensor, Term

INPUTS = Tensor(
    name="Inputs",
    ranks=(
        (Term(dimension="C"),),
        (Term(dimension="P", coefficient=2), Term(dimension="R")),
        (Term(dimension="Q", coefficient=2), Term(dimension="S")),
    ),
)
SHAPE = (3, 10, 7)


def test_ranks_are_dense_and_in_their_order_unless_said_otherwise():
    assert strides_of(INPUTS, SHAPE, Layout().of("Inputs")) == (70, 7, 1)


def test_an_order_names_ranks_by_a_dimension_slowest_first():
    place = TensorPlace(tensor="Inputs", order=("P", "S", "C"))
    assert rank_order(INPUTS, place.order) == (1, 2, 0)
    assert strides_of(INPUTS, SHAPE, place) == (1, 21, 3)


def test_rows_are_padded():
    place = TensorPlace(tensor="Inputs", row_words=8)
    assert strides_of(INPUTS, SHAPE, place) == (80, 8, 1)


@pytest.mark.parametrize(
    ("order", "rule"),
    [(("C", "P"), "each of the 3 ranks"), (("C", "P", "R"), "each of the 3 ranks"),
     (("C", "P", "K"), "K names 0 ranks")],
)  # fmt: skip
def test_an_order_that_does_not_name_every_rank_once_is_refused(order, rule):
    with pytest.raises(ValueError, match=rule):
        rank_order(INPUTS, order)
