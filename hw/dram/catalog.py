"""The DRAM devices that come with the package, by name, and a user's own, by file."""

from __future__ import annotations

from pathlib import Path

from stallscope.mappings.dram import DramDevice
from stallscope.mappings.fields import nearest
from stallscope.mappings.native_dram import load_dram_device
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["DEVICES", "dram_device"]

DEVICES = ("ddr4-2400", "ddr4-3200", "lpddr4-2400", "hbm2")
"""Names of the devices of the package."""

_FOLDER = Path(__file__).parent / "devices"


def dram_device(name: str) -> DramDevice:
    """Return a device of the package by its name, or a user's by the path of its file.

    Raises:
        SpecError: If there is neither, or the file has faults.
    """
    if name in DEVICES:
        return load_dram_device(_FOLDER / f"{name}.yaml")
    if not Path(name).exists():
        rule = "no DRAM device and no file of this name"
        remedy = nearest(name, DEVICES)
        raise SpecError([Fault(place="dram_device", value=name, rule=rule, remedy=remedy)])
    return load_dram_device(name)
