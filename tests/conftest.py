"""What tests of all folders share: machine code that one process compiles for all, and less to do
for the garbage collector.
"""

from __future__ import annotations

import fcntl
import gc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import settings

# How long an example takes says more of the machine it runs on than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Each worker begins with a part of its own, and takes from another's when it is through.

    So they do not come to the tests of one kernel together, of which one would only wait.
    """
    from xdist.scheduler import WorkStealingScheduling  # only there where the hook is called

    return WorkStealingScheduling(config, log) if config.getoption("dist") == "load" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Modules and tests stay to the end: looking through them again and again takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="session")
def dram_kernel(tmp_path_factory, worker_id):
    """The DRAM kernel's machine code: of several workers one compiles, the others read it."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder if worker_id == "master" else folder.parent
    with (shared / "dram_kernel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _call_every_entry()


def _call_every_entry() -> None:
    from stallscope.hw.dram.controller import Controller  # numba: not every test needs it
    from stallscope.mappings.dram import DramController
    from stallscope.mappings.dram_catalog import dram_device
    from tests.unit.hw.dram.under_test import Channel

    unit = Controller(dram_device("DDR4-2400"), DramController(), 1, Fraction(1))
    unit.submit(0, np.zeros(1, dtype=np.int64), False, 0)
    unit.next_completion()
    unit.relative(0, (0,))
    unit.shift(0, (0,))
    unit._channels[0].trace(100, 100)
    channel = Channel()
    channel.request(0, 1)
    channel.issue(0)
    channel.refresh_due(0)
