"""The native notation of a main memory with a controller.

    memory: {device: DDR4-2400, address_map: rochrabacobg, window: 32, refresh: true, chunk: 4 KiB}

``device`` names a device of the package or one of a ``dram_device:`` section; the other keys are
the names of the controller's fields, and ``chunk``.
"""

from __future__ import annotations

from typing import Any

from stallscope.mappings.dram import DramController, DramDevice
from stallscope.mappings.dram_catalog import Devices
from stallscope.mappings.fields import Fields, Findings, nearest
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.native_values import read_values
from stallscope.mappings.reading import Node

__all__ = ["read_memory"]


def read_memory(node: Node, place: str, findings: Findings, devices: Devices) -> MainMemory | None:
    """Read the ``memory:`` of a level; None if it, or the device it names, has faults."""
    before = len(findings.faults)
    fields = Fields(node, place, findings)
    values: dict[str, Any] = {"device": _device(fields, devices)}  # Any: pydantic checks the types
    options = read_values(fields, DramController, set(), 8, None)
    values |= read_values(fields, MainMemory, {"device", "controller"}, 8, None)
    fields.close()
    values["controller"] = findings.build(DramController, options, place, node)
    if len(findings.faults) > before or values["device"] is None:
        return None
    return findings.build(MainMemory, values, place, node)


def _device(fields: Fields, devices: Devices) -> DramDevice | None:
    node = fields.required("device")
    if node is None:
        return None
    if isinstance(node.value, (tuple, dict)) or not node.text:
        rule = f"needs the name of a device, has {node.kind}"
        fields.findings.add(node, fields.at("device"), rule, "describe it as dram_device: {...}")
        return None
    try:
        return devices.get(node.text)
    except KeyError:
        remedy = nearest(node.text, devices.names)
        fields.findings.add(node, fields.at("device"), "no DRAM device of this name", remedy)
        return None
