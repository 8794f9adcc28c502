"""The DRAM devices that come with the package, by name, and those of a user's own files."""

from __future__ import annotations

from pathlib import Path

from stallscope.mappings.dram import DramDevice
from stallscope.mappings.fields import Findings, nearest
from stallscope.mappings.native_dram import load_dram_device, read_dram_device
from stallscope.mappings.reading import Node
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["DEVICES", "Devices", "built_in", "dram_device", "read_devices"]

DEVICES = ("DDR4-2400", "DDR4-3200", "LPDDR4-2400", "HBM2")
"""Names of the devices of the package; small letters do as well."""

_FOLDER = Path(__file__).parent / "devices"


def dram_device(name: str) -> DramDevice:
    """Return a device of the package by its name, or a user's by the path of its file.

    Raises:
        SpecError: If there is neither, or the file has faults.
    """
    device = built_in(name)
    if device is not None:
        return device
    if not Path(name).exists():
        rule = "no DRAM device and no file of this name"
        remedy = nearest(name, DEVICES)
        raise SpecError([Fault(place="dram_device", value=name, rule=rule, remedy=remedy)])
    return load_dram_device(name)


class Devices:
    """The devices that a case may name: its own first, then the package's.

    Attributes:
        own: Devices of the case's files by name; None: one that has faults.
    """

    def __init__(self) -> None:
        self.own: dict[str, DramDevice | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return (*self.own, *DEVICES)

    def get(self, name: str) -> DramDevice | None:
        """Return a device, or None if it has faults; KeyError if there is none."""
        if name in self.own:
            return self.own[name]
        device = built_in(name)
        if device is None:
            raise KeyError(name)
        return device

    def assumptions(self, used: str | None) -> list[str]:
        """Say what became of the case's own devices.

        Args:
            used: Name of the device that the architecture uses, or None.
        """
        said = []
        for name, device in self.own.items():
            if name != used:
                said.append(f"dram_device {name} is not used: no memory names it")
            elif built_in(name) not in (None, device):
                said.append(f"device {name} is that of the files, not the one of this name that "
                            "comes with stallscope")  # fmt: skip
        return said


def read_devices(node: Node | None, findings: Findings, known: Devices | None = None) -> Devices:
    """Read a ``dram_device:`` section, one device or a list of them.

    Args:
        node: The section, or None if there is none.
        findings: Where faults go.
        known: Devices that may be named besides; one of the same name gives way.
    """
    devices = Devices()
    devices.own |= known.own if known is not None else {}
    if node is None:
        return devices
    lines: dict[str, str] = {}
    for item in node.value if isinstance(node.value, tuple) else (node,):
        device = read_dram_device(item, findings)
        name = device.name if device is not None else _name(item)
        if name in lines:
            rule = f"device {name} is given in {lines[name]} too"
            findings.add(item, "dram_device", rule, "keep one of the two")
        lines[name] = item.source
        devices.own[name] = device
    return devices


def built_in(name: str) -> DramDevice | None:
    """Return a device of the package, or None if there is none of this name."""
    if name.upper() not in DEVICES:
        return None
    return load_dram_device(_FOLDER / f"{name.lower()}.yaml")


def _name(node: Node) -> str:
    """Name of a device that has faults, as far as it can be read."""
    name = node.value.get("name") if isinstance(node.value, dict) else None
    return name.text if name is not None else ""
