"""DRAM devices: reading their files, what is refused, what follows from the figures."""

from __future__ import annotations

from fractions import Fraction

import pytest
from pydantic import ValidationError

from stallscope.mappings.dram import AddressField, DramController, address_fields
from stallscope.mappings.dram_catalog import DEVICES, dram_device
from stallscope.mappings.native_dram import load_dram_device
from stallscope.mappings.reading import read_text
from stallscope.mappings.schema import schema
from stallscope.simcore.errors import SpecError

TEXT = """\
stallscope: 1
dram_device:
  name: mine
  organisation:
    source: a data sheet
    bank_groups: 4
    banks_per_group: 4
    rows: 1024
    columns: 1024
    device_width_bits: 8
    bus_width_bits: 64
    burst_length: 8
  timings:
    {source: a data sheet, tCK: 833 ps, CL: 17, CWL: 12, tRCDRD: 17, tRCDWR: 17, tRP: 17,
     tRAS: 39, tCCD_S: 4, tCCD_L: 6, tRRD_S: 4, tRRD_L: 6, tFAW: 26, tWTR_S: 3, tWTR_L: 9,
     tRTP: 9, tWR: 18, tRTRS: 1, tREFI: 9360, tRFC: 420}
"""


def written(tmp_path, text):
    path = tmp_path / "device.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_of_ones_own(tmp_path):
    device = dram_device(str(written(tmp_path, TEXT)))
    assert device.timings.tCK_ns == Fraction(833, 1000)
    assert (device.organisation.channels, device.organisation.ranks) == (1, 1)
    assert (device.burst_bytes, device.burst_clocks, device.devices) == (64, 4, 8)
    assert (device.read_latency, device.write_latency, device.tRTW) == (17, 12, 10)
    assert device.capacity_bytes == 16 * 1024 * 8192
    assert device.currents is None


def test_every_fault_of_a_file_is_reported_at_once(tmp_path):
    text = (
        TEXT.replace("rows: 1024", "rows: 1000")
        .replace("tCK: 833 ps", "tCK: 833 parsecs")
        .replace("tFAW: 26", "tFAW: 26.5")
        .replace("CL: 17, ", "")
        .replace("tRTP: 9", "tRPT: 9")
        + "  curents: {}\n"
    )
    path = written(tmp_path, text)
    with pytest.raises(SpecError) as caught:
        load_dram_device(path)
    shown = [str(fault) for fault in caught.value.faults]
    assert shown == [
        f"{path}:8: dram_device.organisation.rows = 1000: needs a power of two: addresses are cut "
        "into fields of bits",
        f"{path}:14: dram_device.timings.tCK_ns = 833 parsecs: unknown unit parsecs; known here: "
        "ns, ps",
        f"{path}:14: dram_device.timings: needs CL",
        f"{path}:15: dram_device.timings.tFAW = 26.5: needs a whole number, has a number",
        f"{path}:14: dram_device.timings: needs tRTP",
        f"{path}:16: dram_device.timings.tRPT = 9: unknown key tRPT; did you mean tRP?",
        f"{path}:17: dram_device.curents: unknown key curents; did you mean currents?",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tCCD_S: 4", "tCCD_S: 7", "tCCD_S 7 is longer than tCCD_L 6"),
        ("tREFI: 9360", "tREFI: 420", "tREFI 420 leaves no clock beside tRFC 420"),
        ("columns: 1024", "columns: 4", "columns 4 hold no burst of 8"),
        ("device_width_bits: 8", "device_width_bits: 128", "is less than one device's 128"),
        ("CL: 17", "AL: 17, CL: 17", "needs AL below tRCD, has 17"),
        ("stallscope: 1", "stallscope: 2", "format version must be 1"),
        ("source: a data sheet\n", "\n", "organisation: needs source"),
    ],
)
def test_impossible_figures_are_refused(tmp_path, old, new, message):
    with pytest.raises(SpecError, match=message):
        load_dram_device(written(tmp_path, TEXT.replace(old, new, 1)))


def test_an_unknown_device_names_the_nearest():
    with pytest.raises(SpecError, match=r"dram_device = ddr4-2401: .* did you mean DDR4-2400\?"):
        dram_device("ddr4-2401")


@pytest.mark.parametrize("name", DEVICES)
def test_every_device_of_the_package_names_its_sources(name):
    device = dram_device(name)
    assert device.currents is not None
    for group in (device.organisation, device.timings, device.currents):
        assert "29817593" in group.source


@pytest.mark.parametrize(
    ("text", "rows_shift", "fields"),
    [
        ("rochrababgco", True, {"co": (0, 7), "bg": (7, 2), "ba": (9, 2), "ro": (11, 16)}),
        ("rochrabacobg", True, {"bg": (0, 2), "co": (2, 7), "ba": (9, 2), "ro": (11, 16)}),
        ("chrarobabgco", False, {"co": (0, 7), "bg": (7, 2), "ba": (9, 2), "ro": (11, 16)}),
    ],
)
def test_an_address_map_is_read_from_the_most_significant_field(text, rows_shift, fields):
    options = DramController(address_map=text)
    found = address_fields(dram_device("ddr4-2400"), options)
    assert {key: found[AddressField(key)] for key in fields} == fields
    assert options.rows_shift is rows_shift


@pytest.mark.parametrize("text", ["rochrabaco", "rochrababgbg", "", "rochrababgcoxx"])
def test_an_address_map_has_every_field_once(text):
    with pytest.raises(ValidationError, match="needs each of ro, ch, ra, ba, bg, co once"):
        DramController(address_map=text)


def test_the_schema_knows_every_key_of_the_devices_files():
    tree = schema("dram_device")["properties"]["dram_device"]["anyOf"][0]
    groups = tree["properties"]
    assert tree["required"] == ["name", "organisation", "timings"]
    device = read_text(TEXT, "text").value["dram_device"].value
    for group in ("organisation", "timings"):
        assert set(device[group].value) <= set(groups[group]["properties"])
        assert set(groups[group]["required"]) <= set(device[group].value)
    assert {"VDD", "VDD_v", "IDD5AB", "IDD5AB_ma"} <= set(groups["currents"]["properties"])
