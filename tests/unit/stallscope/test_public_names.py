"""The public names exist, are listed, and are the objects of the parts."""

import pytest

import stallscope
from stallscope.mappings.case import Case
from stallscope.traces.compile import compile_case


def test_every_listed_name_can_be_had() -> None:
    for name in stallscope.__all__:
        if name == "compare":
            pytest.importorskip("stallscope.validation.comparison")
        assert getattr(stallscope, name) is not None
        assert name in dir(stallscope)


def test_names_are_the_parts_own_objects() -> None:
    assert stallscope.Case is Case
    assert stallscope.compile is compile_case


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        stallscope.simulat  # noqa: B018 (the access is the test)
