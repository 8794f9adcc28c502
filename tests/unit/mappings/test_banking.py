"""Banks and ports of a level: what they come to, how they are written, what is refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from stallscope.mappings import native
from stallscope.mappings.architecture import LevelKind, StorageLevel
from stallscope.mappings.banking import Banking, BankPorts, Widths, bank_ports
from stallscope.mappings.dram_catalog import dram_device
from stallscope.mappings.loading import load
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.schema import schema
from stallscope.simcore.errors import SpecError

CASE = Path(__file__).parents[2] / "data" / "native_case.yaml"
TEXT = CASE.read_text(encoding="utf-8")
BANKS = "banks: 4, banking: interleaved, interleave: 8 B, access_words: 2, ports: 2R1W, port: 32 b"


def with_rf(text):
    return TEXT.replace("capacity_words: 32", f"capacity_words: 32, {text}")


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("1RW", BankPorts(shared=1)),
        ("12RW", BankPorts(shared=12)),
        ("1R1W", BankPorts(reads=1, writes=1)),
        ("2R13W", BankPorts(reads=2, writes=13)),
    ],
)
def test_ports_are_counted(text, ports):
    assert bank_ports(text) == ports


@pytest.mark.parametrize(
    "text", ["", "RW", "0RW", "1R", "1W", "1W1R", "1rw", "1RW ", "1R0W", "٣RW"]
)
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="is not 1RW"):
        bank_ports(text)
    with pytest.raises(ValueError, match="ports"):
        StorageLevel(name="GLB", ports=text)


def test_ports_of_all_banks_make_the_widths():
    def widths(**figures):
        return StorageLevel(name="GLB", **figures).widths

    assert widths(ports="1RW") == Widths(shared=Fraction(1))
    assert widths(ports="1R1W", banks=4) == Widths(read=Fraction(4), write=Fraction(4))
    assert widths(ports="2R1W", access_words=8) == Widths(read=Fraction(16), write=Fraction(8))
    assert widths(ports="2RW", access_words=8, port_words=4) == Widths(shared=Fraction(8))
    assert widths(read_words_per_cycle=Fraction(1, 2), banks=4) == Widths(read=Fraction(1, 2))


def test_a_variant_has_widths_of_its_own():
    level = StorageLevel(name="GLB", ports="1RW")
    assert level.widths == Widths(shared=Fraction(1))
    assert level.model_copy(update={"banks": 2}).widths == Widths(shared=Fraction(2))


def test_the_native_notation_has_all_of_it():
    case = native.read(with_rf(BANKS))
    level = case.architecture.level("RF")
    assert (level.banking, level.interleave_words) == (Banking.INTERLEAVED, 4)
    assert (level.ports, level.port_words) == ("2R1W", 2)
    assert native.read(native.dump(case)) == case
    plain = native.read(TEXT).architecture.level("RF")
    assert (plain.banking, plain.ports) == (Banking.TENSOR, None)


def test_the_schema_knows_the_words():
    tree = schema("architecture")["properties"]["architecture"]["properties"]["levels"]
    level = tree["items"]["properties"]
    assert level["banking"] == {"enum": ["tensor", "interleaved"]}
    assert level["ports"]["anyOf"][0]["pattern"].endswith("W)$")


def test_overrides_set_banks():
    made = load(CASE, overrides=["architecture.RF.banks=8", "architecture.RF.ports=1RW",
                                 "architecture.RF.banking=interleaved"])  # fmt: skip
    assert made.architecture.level("RF").widths == Widths(shared=Fraction(8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("banking: interleavd", "RF.banking = interleavd: input should be 'tensor' or 'interleav"),
        ("interleave_words: 4", "interleave_words needs banking: interleaved"),
        ("banking: interleaved, access_words: 4, interleave: 6",
         "interleave_words 6 cuts accesses of 4 words: make it a multiple of access_words"),
        ("ports: 1RW, read_bandwidth: 2", "ports 1RW say the same as the bandwidths: give one"),
        ("ports: 1RW, shared_bandwidth: 2", "ports 1RW say the same as the bandwidths: give one"),
        ("port_words: 2", "port_words needs ports, such as ports: 1R1W"),
        ("ports: 1RX", "RF.ports = 1RX: string should match pattern"),
        ("ports: 2", "RF.ports = 2: input should be a valid string"),
        ("interleave: 4, port_words: 2", "needs banking: interleaved; port_words needs ports"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(text, message):
    with pytest.raises(SpecError, match=message):
        native.read(with_rf(text))


def test_a_main_memory_with_a_controller_has_banks_of_its_own():
    memory = MainMemory(device=dram_device("ddr4-2400"))
    for figures in ({"banking": "interleaved"}, {"ports": "1RW"}):
        with pytest.raises(ValueError, match="banks and ports are those of its memory"):
            StorageLevel(name="DRAM", kind=LevelKind.DRAM, memory=memory, **figures)
