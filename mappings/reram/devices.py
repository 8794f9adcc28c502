"""ReRAM devices: how a cell is written and read, every figure with its source.

    stallscope: 1
    reram_device:
      name: my-cell
      pulse: {value: 50 ns, source: measurement of 2026}
      endurance: {value: 1e6, source: the same}

A device gives what a chip's file does not: ``pulse``, ``verify``, ``iterations``,
``columns_per_pulse`` and ``endurance`` of its writing, ``read`` of its reading, and the energies
of a pulse and a verify on one cell where the file has energies. What it gave is a named
assumption.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from pydantic import Field

from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.fields import Fields, Findings, nearest
from stallscope.mappings.native_header import take_version
from stallscope.mappings.reading import Node, read_file
from stallscope.mappings.reram.native_values import Values, figure_of, keys_of
from stallscope.mappings.spec import Name, Nanoseconds, Rate, Spec
from stallscope.simcore.errors import Fault, SpecError

__all__ = [
    "RERAM_DEVICES", "DeviceSource", "ReramDevice", "fill_energy", "fill_figures",
    "find_reram_device", "load_reram_device", "read_reram_device", "reram_device",
]  # fmt: skip

RERAM_DEVICES = ("mnsim-10ns", "isaac-cell-40ns", "neurosim-50ns", "neurram", "nrf54l15", "puma")
"""Names of the devices of the package."""

_FOLDER = Path(__file__).parent / "devices"
_WRITING = ("pulse_ns", "verify_ns", "iterations", "columns_per_pulse", "endurance_writes")
_READING = ("read_ns",)
_ENERGIES = {"pulse_pj": "pulse", "verify_pj": "verify"}
COMPONENT = "crossbars"
"""Component of the energies of cells."""


class DeviceSource(Spec):
    """Where one figure of a device is from."""

    figure: Name
    source: str = Field(min_length=1)


class ReramDevice(Spec):
    """A ReRAM cell; None: its source does not say.

    Attributes:
        pulse_ns: Length of a programming pulse.
        verify_ns: Length of the read that checks it.
        iterations: Pulses that a cell takes.
        columns_per_pulse: Cells of a row that one pulse writes.
        endurance_writes: Writes that a cell stands.
        read_ns: Time of a read.
        pulse_pj: Energy of a pulse on one cell.
        verify_pj: Energy of its verify.
        sources: Of every figure.
    """

    name: Name
    pulse_ns: Nanoseconds | None = None
    verify_ns: Nanoseconds | None = None
    iterations: int | None = Field(default=None, ge=1)
    columns_per_pulse: int | None = Field(default=None, ge=1)
    endurance_writes: Rate | None = None
    read_ns: Nanoseconds | None = None
    pulse_pj: float | None = Field(default=None, ge=0)
    verify_pj: float | None = Field(default=None, ge=0)
    sources: tuple[DeviceSource, ...] = ()

    @property
    def figures(self) -> tuple[str, ...]:
        """Fields that it has figures of."""
        known = (*_WRITING, *_READING, *_ENERGIES)
        return tuple(field for field in known if getattr(self, field) is not None)


def reram_device(name: str) -> ReramDevice:
    """Return a device of the package by its name, or a user's by the path of its file.

    Raises:
        SpecError: If there is neither, or the file has faults.
    """
    if name in RERAM_DEVICES:
        return load_reram_device(_FOLDER / f"{name}.yaml")
    if not Path(name).exists():
        rule, remedy = "no ReRAM device and no file of this name", nearest(name, RERAM_DEVICES)
        raise SpecError([Fault(place="reram_device", value=name, rule=rule, remedy=remedy)])
    return load_reram_device(name)


def load_reram_device(path: str | os.PathLike[str]) -> ReramDevice:
    """Read a device from a native file; SpecError with every fault."""
    findings = Findings()
    top = Fields(read_file(path).root, "file", findings)
    take_version(top)
    section = top.required("reram_device")
    top.close()
    device = None if section is None else read_reram_device(section, "reram_device", findings)
    findings.check()
    assert device is not None
    return device


def find_reram_device(node: Node, place: str, findings: Findings) -> ReramDevice | None:
    """Return the device that a chip names, has a path of, or describes; None if it has faults.

    Args:
        node: Name, path (seen from the chip's file) or mapping.
        place: Its path, for faults.
        findings: Where faults go.
    """
    if isinstance(node.value, dict):
        return read_reram_device(node, place, findings)
    if not isinstance(node.value, str):
        findings.add(node, place, f"needs the name or file of a device, has {node.kind}")
        return None
    path = Path(node.file).parent / node.text
    if node.text not in RERAM_DEVICES and not path.is_file():
        rule = "no ReRAM device and no file of this name"
        findings.add(node, place, rule, nearest(node.text, RERAM_DEVICES))
        return None
    try:
        return reram_device(node.text if node.text in RERAM_DEVICES else os.fspath(path))
    except SpecError as error:
        findings.take(error)
        return None


def read_reram_device(node: Node, place: str, findings: Findings) -> ReramDevice | None:
    """Read a ``reram_device:`` section; None if it has faults."""
    before = len(findings.faults)
    fields = Fields(node, place, findings)
    values: Values = {"name": fields.required_text("name")}
    sources = []
    for field in (*_WRITING, *_READING, *_ENERGIES):
        given = fields.node_of(*keys_of(field))
        if given is None:
            continue
        figure = Fields(given, fields.at(field), findings)
        value, source = figure.required("value"), figure.required("source")
        figure.close()
        if value is not None:
            at = figure.at("value")
            values[field] = figure_of(ReramDevice, field, value, at, findings, clock=1000.0)
        if source is not None:
            if not isinstance(source.value, str):
                findings.add(source, figure.at("source"), f"needs text, has {source.kind}",
                             "say where the figure is from")  # fmt: skip
            sources.append(DeviceSource(figure=field, source=source.text or "?"))
    fields.close()
    if len(findings.faults) > before:
        return None
    return findings.build(ReramDevice, values | {"sources": tuple(sources)}, place, node)


def fill_figures(device: ReramDevice, values: Values) -> list[str]:
    """Give a chip the figures that it does not have; return the assumptions made.

    Args:
        device: The device.
        values: Figures of the chip, changed.
    """
    filled = []
    for section, names in (("writing", _WRITING), ("reading", _READING)):
        inside = values.setdefault(section, {})
        for field in names:
            figure = getattr(device, field)
            if isinstance(inside, dict) and field not in inside and figure is not None:
                inside[field] = figure
                filled.append(_said(f"{section}.{field}", figure))
    return [f"device {device.name} gives {', '.join(filled)}"] if filled else []


def fill_energy(device: ReramDevice, table: EnergyTable) -> tuple[EnergyTable, list[str]]:
    """Give a table the energies that it does not have; return it and the assumptions made."""
    filled = {}
    for field, action in _ENERGIES.items():
        figure = getattr(device, field)
        if figure is not None and table.energy_pj(COMPONENT, action) is None:
            filled[action] = figure
    if not filled:
        return table, []
    actions = tuple(Action(name=name, energy_pj=figure) for name, figure in filled.items())
    said = ", ".join(_said(f"energy.{COMPONENT}.{name}", figure) + " pJ"
                     for name, figure in filled.items())  # fmt: skip
    changed = table.model_copy(update={"components": _with(table.components, actions)})
    return changed, [f"device {device.name} gives {said}"]


def _with(
    components: Iterable[ComponentEnergy], actions: tuple[Action, ...]
) -> tuple[ComponentEnergy, ...]:
    """Components, with more actions of the crossbars."""
    made = list(components)
    for at, component in enumerate(made):
        if component.component == COMPONENT:
            more = (*component.actions, *actions)
            made[at] = component.model_copy(update={"actions": more})
            return tuple(made)
    return (*made, ComponentEnergy(component=COMPONENT, actions=actions))


def _said(field: str, figure: Fraction | float) -> str:
    return f"{field} {float(figure):g}"
