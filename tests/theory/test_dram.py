"""DRAM cases with a closed form: latencies, streaming, ACT-bound and refresh-bound rates."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stallscope.hw.dram.controller import Controller
from stallscope.hw.dram.energy import command_energies, energy_pj
from stallscope.hw.dram.layout import ACCOUNTS, Account
from stallscope.mappings.dram import DramController
from stallscope.mappings.dram_catalog import DEVICES, dram_device

pytestmark = pytest.mark.usefixtures("dram_kernel")

GROUPS_LOWEST = "rochrabacobg"


def run(device, addresses, options=None, is_write=False, at=(0,)):
    """Cycles until each batch of one burst, or the whole batch, is complete; and the unit."""
    unit = Controller(device, options or DramController(), 1, Fraction(1))
    if len(at) == 1:
        unit.submit(0, np.asarray(addresses, dtype=np.int64), is_write, 0)
    done = []
    if len(at) > 1:
        for address, cycle in zip(addresses, at, strict=True):
            done += unit.advance(cycle)
            unit.submit(0, np.array([address], dtype=np.int64), is_write, cycle)
    while (following := unit.next_completion()) is not None:
        done += unit.advance(following[0])
    return [cycle for cycle, _, _ in sorted(done, key=lambda entry: entry[2])], unit


def accounts(unit, cycle):
    return dict(zip(ACCOUNTS, unit.accounts(cycle)[0].tolist(), strict=True))


@pytest.mark.parametrize("name", DEVICES)
def test_one_request_of_a_closed_row_an_open_one_and_another(name):
    """1 clock to the bank queue, then what JEDEC says."""
    device = dram_device(name)
    timings, end = device.timings, device.read_latency + device.burst_clocks
    next_row = Controller(device, DramController(), 1, Fraction(1)).stripe_bytes
    (closed, hit, conflict), unit = run(device, [0, device.burst_bytes, next_row], at=(0, 300, 600))
    assert closed == 1 + timings.tRCDRD + end
    assert hit == 300 + 1 + end
    assert conflict == 600 + 1 + timings.tRP + timings.tRCDRD + end
    spent = accounts(unit, conflict)
    assert spent["bandwidth"] == 3 * device.burst_clocks
    assert spent["row"] == 2 * timings.tRCDRD + timings.tRP
    assert spent["latency"] == 3 * (1 + device.read_latency)
    assert spent["idle"] == 600 - closed - hit + 300
    assert spent["turnaround"] == spent["refresh"] == 0


@pytest.mark.parametrize(("name", "address_map"), [
    ("ddr4-2400", GROUPS_LOWEST), ("ddr4-2400", "rochrababgco"), ("lpddr4-2400", GROUPS_LOWEST)
])  # fmt: skip
def test_a_stream_of_hits_is_bound_by_the_column_rate(name, address_map):
    """Within one row set, no refresh: tCCD_L a burst in one bank group, tCCD_S across groups."""
    device = dram_device(name)
    timings = device.timings
    bursts = device.organisation.columns // device.organisation.burst_length
    options = DramController(address_map=address_map, refresh=False)
    (cycles,), unit = run(device, np.arange(bursts) * device.burst_bytes, options)
    is_spread = address_map == GROUPS_LOWEST
    slot = max(device.burst_clocks, timings.tCCD_S if is_spread else timings.tCCD_L)
    if is_spread:
        # The groups' rows are opened one after the other; from then on every slot is used.
        least = timings.tRCDRD + bursts * slot + device.read_latency
        assert least <= cycles <= least + 3 * timings.tRRD_S + slot
    else:
        end = device.read_latency + device.burst_clocks
        assert cycles == 1 + timings.tRCDRD + (bursts - 1) * slot + end
        assert accounts(unit, cycles)["bandwidth"] == (bursts - 1) * slot + device.burst_clocks


def test_random_rows_are_bound_by_the_window_of_four_activates():
    """Each request opens a row: at most four in tFAW; bank conflicts keep it a little below."""
    device = dram_device("ddr4-2400")
    rng = np.random.default_rng(3)
    # All banks in turn, a new row each time: no conflict is ever pending for long.
    count = 4000
    rows = rng.permutation(8192)[:count]
    addresses = rows * 131072 + np.arange(count) % 16 * 8192
    options = DramController(refresh=False)
    (cycles,), unit = run(device, addresses, options)
    timings = device.timings
    assert unit.counts()["activates"] == count
    bound = count * timings.tFAW / 4
    assert bound <= cycles <= 1.02 * bound + 100
    spent = accounts(unit, cycles)
    assert spent["row"] + spent["bandwidth"] > 0.99 * cycles


@pytest.mark.parametrize("name", DEVICES)
def test_refresh_costs_its_share(name):
    """Of a long stream of reads: tRFC and closing and opening again, every tREFI."""
    device = dram_device(name)
    addresses = np.arange(60_000) * device.burst_bytes
    options = DramController(address_map=GROUPS_LOWEST)
    (with_refresh,), unit = run(device, addresses, options)
    (without,), _ = run(device, addresses, options.model_copy(update={"refresh": False}))
    timings = device.timings
    count = unit.counts()["refreshes"]
    assert count == (with_refresh + 1) // timings.tREFI
    banks = device.organisation.bank_groups * device.organisation.banks_per_group
    # At most: all banks closed one a clock, after the last column command and tRAS.
    most = timings.tRFC + timings.tRAS + timings.tRP + timings.tRCDRD + 2 * banks
    assert count * timings.tRFC <= with_refresh - without <= count * most
    assert count * timings.tRFC <= accounts(unit, with_refresh)["refresh"] <= count * most


def test_changing_direction_every_time_is_charged_to_the_turnaround():
    """A read and a write of one row in turn, one at a time: RTW and WTR are waited for."""
    device = dram_device("ddr4-2400")
    options = DramController(refresh=False, outstanding=None)
    unit = Controller(device, options, 2, Fraction(1))
    for k in range(4):
        unit.submit(0, np.array([64 * k], dtype=np.int64), False, 0)
        unit.submit(1, np.array([64 * (k + 64)], dtype=np.int64), True, 0)
    done = []
    while (following := unit.next_completion()) is not None:
        done += unit.advance(following[0])
    # All eight are pending together: four reads, one turn, four writes.
    timings = device.timings
    spent = accounts(unit, max(done)[0])
    assert unit.counts()["turnarounds"] == 1
    assert spent["turnaround"] == device.tRTW - device.burst_clocks
    assert spent["bandwidth"] == 6 * timings.tCCD_L + 2 * device.burst_clocks


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("ddr4-2400", (4157, 3533, 3072, 834624)),
        ("ddr4-3200", (6720, 4454, 3763, 1064448)),
        ("lpddr4-2400", (8381, 7526, 6950, 438413)),
        ("hbm2", (828, 804, 1068, 60840)),
    ],
)
def test_command_energies_are_dramsim3s_times_the_clock_period(name, figures):
    """DRAMsim3 prints V x mA x clocks (its comment says so): pJ if a clock were a nanosecond."""
    device = dram_device(name)
    each = command_energies(device)
    ours = (each.activate_pj, each.read_pj, each.write_pj, each.refresh_pj)
    assert [round(value / float(device.timings.tCK_ns)) for value in ours] == list(figures)


def test_the_energy_of_a_run_is_dramsim3s_figure():
    """seq_read_1024K on DDR4-2400: act, read, ref and standby energies as it prints them."""
    device = dram_device("ddr4-2400")
    (cycles,), unit = run(device, np.arange(16384) * 64)
    assert cycles == 83527
    unit.advance(cycles + 2)  # its run ends two clocks after the data
    found = energy_pj(device, unit.counts(), unit.clocks())
    printed = {"activate": 586108.8, "read": 57881395.2, "write": 0.0, "refresh": 6676992.0,
               "active_standby": 33036796.8, "precharged_standby": 1141747.2}  # fmt: skip
    # Its standby follows a command by a clock: at the end of the run, with rows open, one is left.
    clock = command_energies(device).active_clock_pj
    for key, value in printed.items():
        slack = clock if "standby" in key else 1e-6 * value
        assert found[key] == pytest.approx(value * 0.83, abs=slack), key


def test_the_classes_have_the_names_of_the_account():
    assert [member.name.lower() for member in Account] == list(ACCOUNTS)
