"""The reader's guards: each hostile file gives one clear fault, never a traceback."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stallscope.mappings import reading
from stallscope.mappings.reading import Node, read_file, read_text
from stallscope.simcore.errors import SpecError

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{key}: &{key} [{', '.join(['*' + before] * 9)}]\n"
    for before, key in zip("abcdefgh", "bcdefghi", strict=True)
)


def values(text: str) -> dict[str, object]:
    root = read_text(text)
    assert isinstance(root.value, dict)
    return {key: node.value for key, node in root.value.items()}


def fault_of(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        read_text(text, "f.yaml")
    assert len(caught.value.faults) == 1
    return str(caught.value)


def test_scalars_follow_yaml_1_2() -> None:
    found = values(
        "a: 1e-9\nb: no\nc: N\nd: 0x1F\ne: 0o17\nf: ~\ng: True\nh: '5'\ni: !!str 5\nj: 012"
    )
    expected = {
        "a": 1e-9, "b": "no", "c": "N", "d": 31, "e": 15, "f": None, "g": True, "h": "5",
        "i": "5", "j": 12,
    }  # fmt: skip
    assert expected == found


def test_infinities_are_read_as_such_and_refused_later() -> None:
    assert values("a: .inf\nb: -.INF") == {"a": float("inf"), "b": float("-inf")}


def test_lines_tags_and_text_are_kept() -> None:
    root = read_text("a:\n  - !Component {x: 0.10}\n", "f.yaml")
    assert isinstance(root.value, dict)
    items = root.value["a"].value
    assert isinstance(items, tuple)
    assert (items[0].tag, items[0].source) == ("!Component", "f.yaml:2")
    assert isinstance(items[0].value, dict)
    assert items[0].value["x"].text == "0.10"


def test_merge_keys_fill_in_what_is_not_given() -> None:
    root = read_text("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {'<<': 4}")
    assert isinstance(root.value, dict)
    merged, quoted = root.value["y"].value, root.value["z"].value
    assert isinstance(merged, dict)
    assert isinstance(quoted, dict)
    assert {key: node.value for key, node in merged.items()} == {"a": 1, "b": 3}
    assert quoted["<<"].value == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", r"f.yaml:3: .*'a' is given twice; first on line 1"),
        ("a: [1,\n", r"f.yaml:\d: .*not valid YAML"),
        ("a: b: c", r"f.yaml:1: .*not valid YAML"),
        ("a:\n\t- x", r"f.yaml:2: .*not valid YAML"),
        ("a: &a [*a]", r"alias \*a refers to itself"),
        ("a: *q", r"alias \*q has no anchor"),
        (BOMB, r"f.yaml:\d: .*expands to over"),
        ("[" * 100_000, r"nested deeper than"),
        ("{[a]: 1}", r"key that is a list"),
        ("? {a: 1}\n: 2", r"key that is a list"),
        ("a: 1\n---\nb: 2", r"second document"),
        ("a: " + "9" * 5000, r"number of 5000 digits"),
        ("a: \x01", r"not valid YAML"),
        ('a: "\\ud800"', r"surrogate"),
        ("%YAML x\n---\na: 1", r"not valid YAML"),
        ("a: {<<: 3}", r"<< needs a mapping"),
    ],
)
def test_bad_text_gives_one_fault(text: str, message: str) -> None:
    import re

    assert re.search(message, fault_of(text)), fault_of(text)


def test_aliases_of_nested_lists_count_towards_the_depth() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))
    assert "nested deeper" in fault_of(text)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"- 1\n", "holds a list at the top"),
        (b"words", "holds text at the top"),
        (b"a: \xe9t\xe9\n", ":1: file: is not UTF-8"),
        (b"a: 1\nb: \0\n", ":2: file: holds a NUL byte"),
        ("a: 1".encode("utf-16"), "is not UTF-8|NUL byte"),
    ],
)
def test_bad_files_give_one_fault(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(data)
    with pytest.raises(SpecError, match=message) as caught:
        read_file(path)
    assert len(caught.value.faults) == 1


def test_missing_files_folders_and_odd_names(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        read_file(tmp_path / "none.yaml")
    with pytest.raises(SpecError, match="is a folder"):
        read_file(tmp_path)
    with pytest.raises(SpecError, match="not a file name"):
        read_file("a\0b")
    with pytest.raises(SpecError, match="not a regular file"):
        read_file("/dev/zero")


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    with path.open("wb") as sparse:
        sparse.truncate(reading.MAX_BYTES + 1)
    with pytest.raises(SpecError, match="the limit is 16 MiB"):
        read_file(path)


def test_too_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_NODES", 10)
    assert "over 10 values" in fault_of("a: [" + "1, " * 20 + "1]")


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    document = read_file(path)
    assert document.path == str(path)
    assert len(document.sha256) == 64


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "nothing"), (True, "true or false"), (1.5, "a number"), ("x", "text"),
        ((), "a list"), ({}, "a mapping"),
    ],
)  # fmt: skip
def test_kinds_are_named(value: bool | float | str | tuple[()] | None, kind: str) -> None:
    assert Node(value, "", "f", 1).kind == kind


@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@\n\t #,?0.", max_size=40))
def test_no_text_gives_a_traceback(text: str) -> None:
    faults = 1
    try:
        read_text(text)
    except SpecError as error:
        faults = len(error.faults)
    assert faults == 1
