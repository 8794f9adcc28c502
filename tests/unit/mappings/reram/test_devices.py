"""ReRAM devices: those of the package, one's own, and what they give a chip."""

from pathlib import Path

import pytest

from stallscope.mappings.reram.devices import RERAM_DEVICES, ReramDevice, reram_device
from stallscope.mappings.reram.files import load_chip
from stallscope.simcore.errors import SpecError

CHIP = """\
stallscope: 1
crossbars:
  clock: 1 GHz
  cores: 2
  device: {device}
  crossbar: {{rows: 4, columns: 4, per_core: 2, weight_bits: 8, cell_bits: 2}}
  reading: {{columns_per_adc: 4, adc_rate: 1{reading}}}
{writing}"""
MINE = """\
stallscope: 1
reram_device:
  name: mine
  pulse: {value: 7 ns, source: measured}
  read: {value: 3 ns, source: measured}
  endurance: {value: 1e5, source: measured}
  verify_energy: {value: 2 fJ, source: measured}
"""


def chip(folder: Path, device: str, writing: str = "", reading: str = "", more: str = "") -> Path:
    file = folder / "chip.yaml"
    text = CHIP.format(device=device, writing=writing, reading=reading)
    file.write_text(text + more)
    return file


@pytest.mark.parametrize("name", RERAM_DEVICES)
def test_every_figure_of_the_package_has_a_source(name: str) -> None:
    device = reram_device(name)
    assert device.name == name
    assert device.pulse_ns is not None
    assert [source.figure for source in device.sources] == list(device.figures)
    # What was only remembered, nowhere read, is no figure.
    assert not any("memory," in source.source for source in device.sources)


def test_energies_of_pulses_follow_from_voltage_resistance_and_time() -> None:
    """V^2 / R x t, as the sources say; printed to five digits."""
    derived = {
        "mnsim-10ns": 1.5**2 / 100e3 * 10e-9,
        "isaac-cell-40ns": 2**2 / 1333 * 40e-9,
        "neurosim-50ns": 2**2 / 6e3 * 50e-9,
        "neurram": 1.75**2 / 250e3 * 8.52e-6,
        "puma": 21.125e-9 / 16_384,
    }
    found = {name: reram_device(name).pulse_pj for name in derived}
    assert found == pytest.approx({name: pj * 1e12 for name, pj in derived.items()}, rel=5e-4)


def test_a_device_gives_what_the_chip_does_not(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    files = load_chip(chip(tmp_path, "mine.yaml"))
    assert files.chip.writing.pulse_ns == 7
    assert files.chip.writing.endurance_writes == 100_000
    assert files.chip.reading.read_ns == 3
    assert files.assumptions[0] == (
        "device mine gives writing.pulse_ns 7, writing.endurance_writes 100000, reading.read_ns 3"
    )
    own = chip(tmp_path, "mine.yaml", "  writing: {pulse: 9 ns}\n", ", read: 4 ns")
    files = load_chip(own)
    assert (files.chip.writing.pulse_ns, files.chip.reading.read_ns) == (9, 4)
    assert files.assumptions[0] == "device mine gives writing.endurance_writes 100000"


def test_a_device_gives_energies_only_beside_others(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    assert load_chip(chip(tmp_path, "mine.yaml")).energy is None
    table = "energy: {components: {memory: {read: 1}}}\n"
    energy = load_chip(chip(tmp_path, "mine.yaml", more=table)).energy
    assert energy is not None
    assert energy.energy_pj("crossbars", "verify") == 0.002
    assert energy.energy_pj("crossbars", "pulse") is None


def test_a_device_may_stand_in_the_chip(tmp_path: Path) -> None:
    inline = (
        "{name: here, pulse: {value: 1 us, source: guess of mine}, read: {value: 1, source: x}}"
    )
    files = load_chip(chip(tmp_path, inline), overrides=["crossbars.writing.iterations=3"])
    assert (files.chip.writing.pulse_ns, files.chip.writing.iterations) == (1000, 3)


def test_a_setting_may_name_another_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    file = chip(tmp_path, "mine.yaml")
    monkeypatch.chdir("/")
    assert load_chip(file, overrides=["crossbars.cores=3"]).chip.writing.pulse_ns == 7
    other = load_chip(file, overrides=["crossbars.device=puma"])
    assert float(other.chip.writing.pulse_ns) == 10_968.75 / 128


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("neurosim", "no ReRAM device and no file of this name; did you mean neurosim-50ns"),
        ("[1]", "needs the name or file of a device, has a list"),
        ("{name: a, pulse: 3 ns}", "needs a mapping, has text"),
        ("{name: a, pulse: {value: 3 ns}}", "crossbars.device.pulse_ns: needs source"),
        ("{name: a, pulse: {value: 3 V, source: x}}", "unknown unit V"),
        ("{name: a, puls: {value: 3, source: x}}", "unknown key puls; did you mean pulse"),
        ("{name: a, pulse: {value: 3, source: 4}}", "needs text, has a number; say where"),
    ],
)
def test_faults_of_devices(tmp_path: Path, device: str, expected: str) -> None:
    with pytest.raises(SpecError, match=expected):
        load_chip(chip(tmp_path, device))


def test_figures_that_neither_gives_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"crossbars.reading: needs read_ns"):
        load_chip(chip(tmp_path, "mnsim-10ns"))
    text = chip(tmp_path, "mnsim-10ns").read_text().replace("  device: mnsim-10ns\n", "")
    file = tmp_path / "none.yaml"
    file.write_text(text)
    with pytest.raises(SpecError, match=r"crossbars: needs writing; give it, or a device:"):
        load_chip(file)


def test_a_device_is_found_by_name_or_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MINE)
    assert reram_device(str(file)).pulse_ns == 7
    assert ReramDevice(name="x").figures == ()
    with pytest.raises(SpecError, match="did you mean puma"):
        reram_device("pumaa")
    file.write_text(MINE.replace("name: mine", "nam: mine"))
    with pytest.raises(SpecError, match=r"mine.yaml:3: reram_device: needs name"):
        reram_device(str(file))
    with pytest.raises(SpecError, match=r"mine.yaml:3"):
        load_chip(chip(tmp_path, "mine.yaml"))
