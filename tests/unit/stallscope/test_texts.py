"""Text put together from parts is the text of the whole."""

import json

from hypothesis import given
from hypothesis import strategies as st

from stallscope.report.outputs import json_text
from stallscope.report.texts import list_text, member_texts, object_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
documents = st.dictionaries(st.text(max_size=5), values, max_size=4)


@given(document=documents)
def test_an_object_of_its_members_is_the_document(document: dict) -> None:
    assert object_text(member_texts(document)) + "\n" == json_text(document)


@given(items=st.lists(documents, max_size=3))
def test_a_list_within_an_object_is_indented(items: list) -> None:
    text = object_text({"items": list_text([object_text(member_texts(one)) for one in items])})
    assert text + "\n" == json_text({"items": items})


def test_shared_members_are_not_written_anew() -> None:
    first = {"a": {"b": [1, 2]}, "c": 3}
    texts = member_texts(first)
    second = first | {"c": 4}
    again = member_texts(second, (first, texts))
    assert again["a"] is texts["a"]
    assert json.loads(object_text(again)) == second


def test_an_equal_member_of_another_document_is_written_anew() -> None:
    """Equal is not the same: 1 and True are equal, and written differently."""
    first = {"a": [1]}
    assert member_texts({"a": [True]}, (first, member_texts(first)))["a"] == "[\n  true\n]"
