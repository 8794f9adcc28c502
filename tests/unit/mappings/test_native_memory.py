"""Main memory in the native notation: a device by name, a user's own, what may not stand beside."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from stallscope.mappings import native
from stallscope.mappings.analytical import analyze
from stallscope.mappings.architecture import Architecture, ComputeLevel, LevelKind, StorageLevel
from stallscope.mappings.bandwidth import port_widths
from stallscope.mappings.dram import DramController, RowPolicy
from stallscope.mappings.dram_catalog import DEVICES, built_in, dram_device
from stallscope.mappings.loading import load, load_architecture, load_platform
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.native_writing import device_to_plain, to_yaml
from stallscope.simcore.errors import SpecError

DATA = Path(__file__).parents[2] / "data"
MEMORY = (
    "{device: DDR4-2400, address_map: rochrabacobg, window: 16, outstanding: 4, "
    "row_policy: closed, refresh: false, chunk: 1 KiB}"
)
TEXT = (
    (DATA / "native_case.yaml")
    .read_text(encoding="utf-8")
    .replace("read_bandwidth: 19.2 GB/s", f"memory: {MEMORY}")
)
DDR4 = dram_device("DDR4-2400")
TWINS = DATA / "timeloop_twins"


def own(name: str = "mine", **timings: object) -> str:
    """A dram_device section: the DDR4-2400 with another name and other timings."""
    tree = device_to_plain(DDR4) | {"name": name}
    tree["timings"] |= timings
    return to_yaml({"dram_device": tree})


def test_a_memory_names_a_device_and_says_how_it_is_scheduled() -> None:
    level = native.read(TEXT).architecture.levels[0]
    assert level.memory == MainMemory(
        device=DDR4,
        controller=DramController(
            row_policy=RowPolicy.CLOSED,
            address_map="rochrabacobg",
            window=16,
            outstanding=4,
            refresh=False,
        ),
        chunk_bytes=1024,
    )
    assert level.read_latency_cycles == 11


def test_a_memory_with_a_device_alone_has_the_controllers_defaults() -> None:
    memory = native.read(TEXT.replace(MEMORY, "{device: HBM2}")).architecture.levels[0].memory
    assert memory == MainMemory(device=dram_device("HBM2"))


@pytest.mark.parametrize("name", DEVICES)
def test_every_device_of_the_package_is_found_in_small_letters_too(name: str) -> None:
    device = dram_device(name)
    assert device.name == name
    assert built_in(name.lower()) == device


def test_a_case_with_a_memory_is_written_and_read_back() -> None:
    for section in ("", own(CL=18, tCK_ns=0.75)):
        text = TEXT.replace("DDR4-2400", "mine" if section else "DDR4-2400") + section
        case = native.read(text)
        assert native.read(native.dump(case)) == case
        assert ("dram_device:" in native.dump(case)) == bool(section)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("device: DDR4-2400", "device: DDR4-240", "memory.device = DDR4-240: no DRAM device of "
         "this name; did you mean DDR4-2400?"),
        ("device: DDR4-2400, ", "", "architecture.DRAM.memory: needs device"),
        ("device: DDR4-2400", "device: [HBM2]", r"memory.device = \[HBM2\]: needs the name of a "
         "device, has a list; describe it as dram_device"),
        ("rochrabacobg", "rochrabaco", "memory.address_map = rochrabaco: needs each of ro, ch, ra"),
        ("rochrabacobg", "rochrabacoro", "needs each of ro, ch, ra, ba, bg, co once"),
        ("window: 16", "window: 0", "memory.window = 0: input should be greater than or equal"),
        ("window: 16", "windw: 16", "memory.windw = 16: unknown key windw; did you mean window"),
        ("refresh: false", "refresh: 0", "memory.refresh = 0: needs true or false, has a number"),
        ("policy: closed", "policy: shut", "memory.row_policy = shut: input should be 'open' or"),
        ("chunk: 1 KiB", "chunk: 1 KX", "memory.chunk_bytes = 1 KX: unknown unit KX"),
        ("chunk: 1 KiB", "chunk: 3 bits", "is 0.375 bytes, needs a whole number >= 1"),
        (MEMORY, "DDR4-2400", "architecture.DRAM.memory = DDR4-2400: needs a mapping, has text"),
        ("kind: dram, ", "", "architecture.DRAM.kind: must be dram beside a memory; give kind"),
        ("kind: dram", "kind: dram, instances: 2", "DRAM.instances = 2: must be 1 beside"),
        ("kind: dram", "kind: dram, read_bandwidth: 4", "DRAM.read_words_per_cycle = 4: is what "
         "the memory's device gives; leave it out"),
        ("kind: dram", "kind: dram, write_bandwidth: 4", "DRAM.write_words_per_cycle = 4: is what"),
        ("kind: dram", "kind: dram, shared_bandwidth: 4", "DRAM.shared_words_per_cycle = 4: is"),
        ("kind: dram", "kind: dram, banks: 8", "DRAM.banks = 8: is what the memory's device"),
        ("kind: dram", "kind: dram, access_words: 4", "DRAM.access_words = 4: is what"),
        ("name: GLB\n", f"name: GLB\n      kind: dram\n      memory: {MEMORY}\n",
         "architecture.GLB.memory: is only known of the outermost level; give this level"),
        ("  clock: 200 MHz\n", "", "architecture.DRAM.memory: needs the clock of the architecture "
         "beside the device's own; give architecture.clock"),
    ],
)  # fmt: skip
def test_faults_name_line_path_value_and_remedy(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(SpecError, match=message) as caught:
        native.read(TEXT.replace(old, new, 1), "case.yaml")
    assert all(fault.source.startswith("case.yaml:") for fault in caught.value.faults)


def test_all_faults_of_a_memory_are_reported_at_once() -> None:
    text = TEXT.replace("kind: dram", "banks: 2, shared_bandwidth: 1")
    text = text.replace("DDR4-2400", "DDR9").replace("window: 16", "window: many")
    with pytest.raises(SpecError) as caught:
        native.read(text.replace("1 KiB", "0"))
    assert [fault.place.removeprefix("architecture.DRAM.") for fault in caught.value.faults] == [
        "memory.device", "memory.chunk_bytes", "memory.window", "kind", "shared_words_per_cycle",
        "banks",
    ]  # fmt: skip


def test_a_level_made_in_python_keeps_the_same_rules() -> None:
    memory = MainMemory(device=DDR4)
    with pytest.raises(ValidationError, match="kind must be dram beside a memory"):
        StorageLevel(name="DRAM", memory=memory)
    with pytest.raises(ValidationError, match="banks is what the memory's device gives"):
        StorageLevel(name="DRAM", kind=LevelKind.DRAM, memory=memory, banks=2)
    outer = StorageLevel(name="DRAM", kind=LevelKind.DRAM, memory=memory)
    with pytest.raises(ValidationError, match="DRAM has a memory, which needs clock_mhz"):
        Architecture(levels=(outer,), compute=ComputeLevel(name="MAC"))
    with pytest.raises(ValidationError, match="DRAM has a memory, only the outermost level may"):
        Architecture(
            clock_mhz=1, levels=(StorageLevel(name="L"), outer), compute=ComputeLevel(name="MAC")
        )


# ----------------------------------------------------------------------------- devices of one's own


def test_devices_stand_in_any_of_the_files(tmp_path: Path) -> None:
    case, first, second = (tmp_path / name for name in ("case.yaml", "first.yaml", "second.yaml"))
    case.write_text(TEXT.replace("DDR4-2400", "mine"), encoding="utf-8")
    first.write_text("stallscope: 1\n" + own(CL=18), encoding="utf-8")
    second.write_text("stallscope: 1\n" + own("other", CL=19), encoding="utf-8")
    loaded = load(first, case, second)
    memory = loaded.architecture.levels[0].memory
    assert memory is not None
    assert (memory.device.name, memory.device.timings.CL) == ("mine", 18)
    assert loaded.assumptions == ("dram_device other is not used: no memory names it",)
    assert load_architecture(case, first) == loaded.architecture
    # What a setting names may be a device that nothing in the files uses.
    changed = load(first, case, second, overrides=["architecture.DRAM.memory.device=other"])
    memory = changed.architecture.levels[0].memory
    assert memory is not None
    assert memory.device.timings.CL == 19
    assert changed.assumptions == ("dram_device mine is not used: no memory names it",)
    platform = load_platform(
        first, case, second, overrides=["architecture.DRAM.memory.device=other"]
    )
    assert platform.architecture == changed.architecture


def test_devices_may_be_a_list() -> None:
    one, two = (device_to_plain(DDR4) | {"name": name} for name in ("a", "b"))
    text = TEXT.replace("DDR4-2400", "b") + to_yaml({"dram_device": [one, two]})
    memory = native.read(text).architecture.levels[0].memory
    assert memory is not None
    assert memory.device == DDR4.model_copy(update={"name": "b"})


def test_a_device_of_the_files_goes_before_the_packages_and_is_named() -> None:
    case = native.read(TEXT + own("DDR4-2400", CL=18))
    memory = case.architecture.levels[0].memory
    assert memory is not None
    assert memory.device.timings.CL == 18
    assert case.assumptions == (
        "device DDR4-2400 is that of the files, not the one of this name that comes with "
        "stallscope",
    )
    assert native.read(native.dump(case)) == case
    assert native.read(TEXT + own("DDR4-2400")).assumptions == ()


def test_a_device_given_twice_is_a_fault(tmp_path: Path) -> None:
    paths = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for path in paths:
        path.write_text("stallscope: 1\n" + own(), encoding="utf-8")
    with pytest.raises(SpecError, match=r"device mine is given in .*a.yaml:3 too; keep one"):
        load_architecture(*paths)


def test_a_faulty_device_is_one_fault_and_not_also_unknown() -> None:
    with pytest.raises(SpecError) as caught:
        native.read(TEXT.replace("DDR4-2400", "mine") + own(CL=0))
    assert [fault.place for fault in caught.value.faults] == ["dram_device.timings.CL"]


def test_an_unknown_device_names_the_nearest_of_the_files_too() -> None:
    with pytest.raises(SpecError, match="no DRAM device of this name; did you mean mine"):
        native.read(TEXT.replace("DDR4-2400", "minee") + own())


# --------------------------------------------------------------------------------------- overrides


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "case.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_settings_change_the_memory_and_its_device(file: Path) -> None:
    case = load(
        file,
        overrides=["architecture.DRAM.memory.window=8", "architecture.DRAM.memory.chunk=64 B",
                   "dram_device.timings.CL=20", "dram_device.timings.tCK=0.9 ns"],
    )  # fmt: skip
    memory = case.architecture.levels[0].memory
    assert memory is not None
    assert (memory.controller.window, memory.chunk_bytes) == (8, 64)
    assert (memory.device.timings.CL, memory.device.timings.tCK_ns) == (20, Fraction(9, 10))
    assert memory.device.timings.CWL == DDR4.timings.CWL


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("architecture.DRAM.memory.window=0", "--set architecture.DRAM.memory.window=0: "
         "architecture.DRAM.memory.window = 0"),
        ("architecture.DRAM.banks=4", "architecture.DRAM.banks = 4: is what the memory's device"),
        ("architecture.DRAM.memory.devise=HBM2", "unknown key devise; did you mean device"),
        ("dram_device.timing.CL=9", "timing.CL = 9: no key timing; did you mean timings"),
        ("architecture.clock=null", "needs the clock of the architecture"),
    ],
)  # fmt: skip
def test_bad_settings_name_the_rule(file: Path, setting: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load(file, overrides=[setting])


def test_a_key_is_taken_out_by_null(file: Path) -> None:
    case = load(file, overrides=["architecture.DRAM.memory=null", "architecture.GLB.capacity=null"])
    assert case.architecture.levels[0].memory is None
    assert case.architecture.levels[1].capacity_words is None


def test_timeloop_files_get_a_memory_by_settings() -> None:
    paths = (TWINS / "problem.yaml", TWINS / "06_bandwidths_03.yaml")
    name, *_ = (level.name for level in load(*paths).architecture.levels)
    memory = (f"architecture.{name}.memory.device=DDR4-2400", "architecture.clock=1 GHz",
              f"architecture.{name}.kind=dram")  # fmt: skip
    with pytest.raises(SpecError, match=r"words_per_cycle = .*is what the memory's device"):
        load(*paths, overrides=memory)
    widths = (f"architecture.{name}.{port}_bandwidth=null" for port in ("read", "write", "shared"))
    case = load(*paths, overrides=[*memory, *widths])
    assert case.architecture.levels[0].memory == MainMemory(device=DDR4)
    assert native.read(native.dump(case)).architecture == case.architecture


# ------------------------------------------------------------------------------------ analytical


def test_the_bound_of_a_memory_is_its_devices_peak() -> None:
    """64 bits twice per clock, of 0.83 ns or (slow) of 830 ns."""
    case = native.read(TEXT.replace("read_words_per_cycle: 0.1", "read_words_per_cycle: 64"))
    peak = Fraction(128) * 5 / Fraction("0.83") / 16  # 200 MHz: 5 ns per cycle, words of 16 bits
    dram = case.architecture.levels[0]
    assert port_widths(case.architecture, dram) == {"read": None, "write": None, "shared": peak}
    slow = native.read(TEXT.replace("clock: 200 MHz", "clock: 1 GHz")
                       .replace("0.1", "64").replace("1/3", "64")
                       .replace(MEMORY, "{device: mine}") + own(tCK_ns=830))  # fmt: skip
    estimate = analyze(slow)
    tensors = estimate.counts.levels[0].tensors.values()
    moved = sum(one.reads + one.fills + one.updates for one in tensors)
    rate = Fraction(128, 830) / 16
    assert estimate.bound_by == "DRAM shared bandwidth"
    assert estimate.cycles == -(-moved // rate)
