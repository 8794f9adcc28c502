"""The native notation of a DRAM device, in a file of its own or beside other sections.

    stallscope: 1
    dram_device:
      name: DDR4-2400
      organisation: {bank_groups: 4, banks_per_group: 4, ..., source: data sheet, table 3}
      timings: {tCK: 0.83 ns, CL: 17, ..., source: data sheet, table 40}
      currents: {VDD: 1.2 V, IDD0: 48 mA, ..., source: data sheet, table 60}

Keys are the names of the specs' fields; the unit of tCK, VDD and the currents may be left out of
the key. All other timings are whole clocks. ``currents`` may be left out: no energies then.
"""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any

from stallscope.mappings.dram import DramCurrents, DramDevice, DramOrganisation, DramTimings
from stallscope.mappings.fields import AnySpec, Fields, Findings, whole
from stallscope.mappings.native_writing import FORMAT_VERSION
from stallscope.mappings.quantities import QuantityError, number
from stallscope.mappings.reading import Node, read_file

__all__ = ["UNITS", "load_dram_device", "read_dram_device"]

UNITS: dict[str, dict[str, Fraction]] = {
    "_ns": {"": Fraction(1), "ns": Fraction(1), "ps": Fraction(1, 1000)},
    "_v": {"": Fraction(1), "V": Fraction(1), "mV": Fraction(1, 1000)},
    "_ma": {"": Fraction(1), "mA": Fraction(1), "A": Fraction(1000)},
}
"""Units by the ending of a field's name; the key may leave the ending out."""


def load_dram_device(path: str | os.PathLike[str]) -> DramDevice:
    """Read a device from a native file.

    Raises:
        SpecError: Every fault of the file, with line, place, value, rule and remedy.
    """
    findings = Findings()
    top = Fields(read_file(path).root, "file", findings)
    version = top.required("stallscope")
    if version is not None and version.value != FORMAT_VERSION:
        rule = f"format version must be {FORMAT_VERSION}"
        findings.add(version, "stallscope", rule, "this stallscope reads no other")
    section = top.required("dram_device")
    top.close()
    device = None if section is None else read_dram_device(section, findings)
    findings.check()
    assert device is not None
    return device


def read_dram_device(node: Node, findings: Findings) -> DramDevice | None:
    """Read a ``dram_device:`` section; None if it has faults."""
    before = len(findings.faults)
    fields = Fields(node, "dram_device", findings)
    values: dict[str, Any] = {"name": fields.required_text("name")}  # Any: pydantic checks
    for name, spec, is_needed in (
        ("organisation", DramOrganisation, True),
        ("timings", DramTimings, True),
        ("currents", DramCurrents, False),
    ):
        part = fields.required(name) if is_needed else fields.node_of(name)
        if part is not None:
            values[name] = _group(part, fields.at(name), spec, findings)
    fields.close()
    if len(findings.faults) > before:
        return None
    return findings.build(DramDevice, values, fields.place, node)


def _group(node: Node, place: str, spec: type[AnySpec], findings: Findings) -> AnySpec | None:
    """Read one group of figures with its source."""
    before = len(findings.faults)
    fields = Fields(node, place, findings)
    values: dict[str, Any] = {}  # Any: as above
    for name, field in spec.model_fields.items():
        suffix = next((one for one in UNITS if name.endswith(one)), "")
        names = (name, name.removesuffix(suffix)) if suffix else (name,)
        given = fields.required(*names) if field.is_required() else fields.node_of(*names)
        if given is not None:
            values[name] = _value(given, fields.at(name), suffix, field.annotation, findings)
    fields.close()
    if len(findings.faults) > before:
        return None
    return findings.build(spec, values, place, node)


def _value(node: Node, place: str, suffix: str, kind: object, findings: Findings) -> object:
    """Read one figure; a fault is recorded and None returned."""
    if suffix:
        return _quantity(node, place, suffix, findings)
    if kind is int:
        return whole(node, place, findings, least=0)
    if kind is bool:
        if isinstance(node.value, bool):
            return node.value
        findings.add(node, place, f"needs true or false, has {node.kind}")
        return None
    if isinstance(node.value, (tuple, dict)) or not node.text:
        findings.add(node, place, f"needs text, has {node.kind}", "say where the figures are from")
        return None
    return node.text


def _quantity(node: Node, place: str, suffix: str, findings: Findings) -> Fraction | None:
    units = UNITS[suffix]
    try:
        if isinstance(node.value, (bool, tuple, dict)) or node.value is None:
            raise QuantityError(f"needs a number, has {node.kind}")
        value, unit = number(node.text)
        if unit not in units:
            known = ", ".join(name for name in units if name)
            raise QuantityError(f"unknown unit {unit}", f"known here: {known}")
        return value * units[unit]
    except QuantityError as error:
        findings.add(node, place, error.rule, error.remedy)
        return None
