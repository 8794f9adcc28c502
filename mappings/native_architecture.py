"""The native notation of an architecture: levels outermost first, then the compute level.

Keys are the names of the specs' fields, with or without their units (see `native_values`).
"""

from __future__ import annotations

from typing import Any

from stallscope.mappings.architecture import (
    Architecture,
    ComputeLevel,
    Network,
    SeparateNetwork,
    StorageLevel,
    memory_clashes,
)
from stallscope.mappings.dram_catalog import Devices
from stallscope.mappings.fields import AnySpec, Fields, Findings
from stallscope.mappings.native_memory import read_memory
from stallscope.mappings.native_topology import read_topology_node
from stallscope.mappings.native_values import read_clock, read_values
from stallscope.mappings.reading import Node
from stallscope.mappings.sparsity.native_hardware import read_formats, read_sparse
from stallscope.mappings.systolic import Systolic
from stallscope.simcore.errors import Fault

__all__ = ["DEFAULT_WORD_BITS", "read_architecture"]

_PARTS = ("name", "network", "memory", "systolic", "sparse")

DEFAULT_WORD_BITS: int = StorageLevel.model_fields["word_bits"].default


def read_architecture(
    node: Node, findings: Findings, devices: Devices | None = None
) -> Architecture | None:
    """Read the ``architecture:`` section; None if it has faults.

    Args:
        node: The section.
        findings: Where faults go.
        devices: DRAM devices that it may name; None: those of the package.
    """
    before = len(findings.faults)
    fields = Fields(node, "architecture", findings)
    clock = read_clock(fields)
    values: dict[str, Any] = {"clock_mhz": clock}  # Any: pydantic checks the types
    name = fields.text("name")
    if name is not None:
        values["name"] = name
    values["levels"] = _levels(fields.required("levels"), clock, findings, devices or Devices())
    values["compute"] = _compute(fields.required("compute"), clock, findings)
    special = {"name", "clock_mhz", "levels", "compute"}
    values |= read_values(fields, Architecture, special, DEFAULT_WORD_BITS, clock)
    fields.close()
    if len(findings.faults) > before or None in values["levels"]:
        return None
    return findings.build(Architecture, values, "architecture", node)


def _levels(
    node: Node | None, clock: float | None, findings: Findings, devices: Devices
) -> tuple[StorageLevel | None, ...]:
    if node is None:
        return ()
    if not isinstance(node.value, tuple) or not node.value:
        findings.add(node, "architecture.levels", "needs a list of levels, outermost first")
        return ()
    return tuple(
        _level(item, index, clock, findings, devices) for index, item in enumerate(node.value)
    )


def _level(
    node: Node, index: int, clock: float | None, findings: Findings, devices: Devices
) -> StorageLevel | None:
    fields = Fields(node, _place(node, f"levels[{index}]"), findings)
    values: dict[str, Any] = {"name": fields.required_text("name")}  # Any: as above
    bits = fields.whole("word_bits") or DEFAULT_WORD_BITS
    values["word_bits"] = bits
    network, memory = fields.node_of("network"), fields.node_of("memory")
    formats = fields.node_of("formats")
    if network is not None:
        values["network"] = _network(network, fields.at("network"), bits, clock, findings)
    if formats is not None:
        values["formats"] = read_formats(formats, fields.at("formats"), bits, clock, findings)
    special = {"name", "word_bits", "network", "memory", "formats"}
    values |= read_values(fields, StorageLevel, special, bits, clock)
    if memory is not None:
        values["memory"] = read_memory(memory, fields.at("memory"), findings, devices)
        if not _may_have_memory(fields, values, index, clock, memory):
            values["memory"] = None
    return _finished(StorageLevel, fields, values, findings)


def _network(
    node: Node, place: str, bits: int, clock: float | None, findings: Findings
) -> Network | None:
    fields = Fields(node, place, findings)
    topology = fields.node_of("topology")
    separate = fields.node_of("separate")
    figures = read_values(fields, Network, {"topology", "separate"}, bits, clock)
    fields.close()
    if separate is not None:
        networks = Fields(separate, fields.at("separate"), findings)
        for tensor, own in networks.rest().items():
            found = read_topology_node(own, networks.at(tensor), bits, clock, findings)
            if found is not None:
                one = SeparateNetwork(tensor=tensor, topology=found)
                figures["separate"] = (*figures.get("separate", ()), one)
    if topology is not None:
        figures["topology"] = read_topology_node(
            topology, fields.at("topology"), bits, clock, findings
        )
        if figures["topology"] is None:
            return None
    return findings.build(Network, figures, place, node)


def _may_have_memory(
    fields: Fields, values: dict[str, Any], index: int, clock: float | None, memory: Node
) -> bool:  # Any: as above
    """Whether a level may have a memory beside its other figures; if not, why is recorded."""
    findings, place = fields.findings, fields.at("memory")
    before = len(findings.faults)
    if index > 0:
        rule = "is only known of the outermost level"
        findings.add(memory, place, rule, "give this level bandwidths and latencies")
    if clock is None and "architecture.clock_mhz" not in findings.sources:
        rule = "needs the clock of the architecture beside the device's own"
        findings.add(memory, place, rule, "give architecture.clock, as in clock: 200 MHz")
    for field, (rule, remedy) in memory_clashes(values).items():
        shown = values.get(field, "")
        fault = Fault(place=fields.at(field), value=shown, rule=rule, remedy=remedy)
        findings.faults.append(findings.located(fault))
    return len(findings.faults) == before


def _compute(node: Node | None, clock: float | None, findings: Findings) -> ComputeLevel | None:
    if node is None:
        return None
    fields = Fields(node, _place(node, "compute"), findings)
    values: dict[str, Any] = {"name": fields.required_text("name")}  # Any: as above
    bits = fields.whole("word_bits") or DEFAULT_WORD_BITS
    values["word_bits"] = bits
    special = {"name", "word_bits", "systolic", "sparse"}
    values |= read_values(fields, ComputeLevel, special, bits, clock)
    systolic = fields.node_of("systolic")
    if systolic is not None:
        joined = Fields(systolic, fields.at("systolic"), findings)
        figures = read_values(joined, Systolic, set(), bits, clock)
        joined.close()
        values["systolic"] = findings.build(Systolic, figures, joined.place, systolic)
    sparse = fields.node_of("sparse")
    if sparse is not None:
        values["sparse"] = read_sparse(sparse, fields.at("sparse"), bits, clock, findings)
    return _finished(ComputeLevel, fields, values, findings)


def _finished(
    spec: type[AnySpec],
    fields: Fields,
    values: dict[str, Any],
    findings: Findings,
) -> AnySpec | None:
    fields.close()
    if any(values.get(part, ...) is None for part in _PARTS):
        return None
    return findings.build(spec, values, fields.place, fields.node)


def _place(node: Node, otherwise: str) -> str:
    if isinstance(node.value, dict) and "name" in node.value and node.value["name"].text:
        return f"architecture.{node.value['name'].text}"
    return f"architecture.{otherwise}"
