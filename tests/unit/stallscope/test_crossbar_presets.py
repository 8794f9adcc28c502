"""Presets of crossbars: what their sources say about structure and time."""

from fractions import Fraction

import pytest

from stallscope.catalog import ACCELERATORS, CROSSBARS, accelerator_of, network_of, preset
from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.files import CrossbarFiles, is_of_crossbars, load_chip
from stallscope.mappings.reram.timing import multiply_timing, write_ns


def files(name: str) -> CrossbarFiles:
    return load_chip(accelerator_of(name).path)


def weights(chip: CrossbarChip) -> int:
    return chip.all_cores * chip.crossbar.per_core * chip.crossbar.rows * chip.crossbar.columns


def test_presets_of_crossbars_are_those() -> None:
    assert all(is_of_crossbars([entry.path]) for entry in CROSSBARS)
    assert not any(is_of_crossbars([entry.path]) for entry in ACCELERATORS)


@pytest.mark.parametrize("entry", CROSSBARS, ids=lambda entry: entry.name)
def test_presets_have_their_name_and_a_network(entry) -> None:
    assert files(entry.name).chip.name == entry.name
    assert entry.network is not None
    assert network_of(entry.network).path.is_file()
    assert preset(entry.name) is entry


def test_the_tile_of_four_cores_has_its_sources_size() -> None:
    """Shi 2021: 144 Ki weights ("144Kb"), on 144 physical crossbars of 2-bit cells."""
    chip = files("reram-tile-4").chip
    assert weights(chip) == 144 * 1024
    assert chip.cores * chip.crossbar.per_core * chip.crossbar.slices == 144
    # 64 rows x 10 pulses x (50 + 10) ns.
    assert write_ns(chip, chip.crossbar.rows) == 38_400
    assert multiply_timing(chip).interval == 800


def test_isaac_multiplies_in_eighteen_stages_of_a_read() -> None:
    """ISAAC: 16 reads of 100 ns, and two more stages; a conversion takes exactly a read."""
    chip = files("isaac-like").chip
    time = multiply_timing(chip)
    assert (time.latency, time.interval, time.convert) == (1800, 1600, 100)
    assert chip.crossbar.slices == 8
    assert chip.partial_sums.capacity_bytes == 128 * chip.partial_sum_bits // 8


def test_puma_multiplies_and_writes_in_the_published_times() -> None:
    """puma-simulator a206f75: 1800 ns a multiply, 10 968.75 ns a write of 128 x 128 cells."""
    chip = files("puma-like").chip
    assert multiply_timing(chip).latency == 1800
    assert write_ns(chip, 128) == Fraction(1_096_875, 100)


def test_energies_are_those_of_the_published_powers() -> None:
    """Power x time over the number of parts, printed to four digits."""
    isaac, puma = files("isaac-like").energy, files("puma-like").energy
    assert isaac is not None
    assert puma is not None
    tile = {
        name: isaac.energy_pj("crossbars", name) for name in ("dac", "cell_read", "sample_hold")
    }
    read_ns, columns, cells = 100, 8 * 128, 8 * 128 * 128
    published = {"dac": 4 / columns, "cell_read": 2.4 / cells, "sample_hold": 0.01 / columns}
    assert tile == pytest.approx({k: mw * read_ns for k, mw in published.items()}, rel=1e-3)
    assert puma.energy_pj("crossbars", "cell_read") == pytest.approx(170 / 128**2, rel=1e-4)
    assert puma.energy_pj("crossbars", "adc") == 0.25 * 8 * read_ns / 128
    assert puma.energy_pj("crossbars", "pulse") == 1.289
