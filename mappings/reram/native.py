"""The native notation of crossbars: a chip, a layer, a schedule, energies.

    stallscope: 1
    crossbars:
      clock: 1 GHz
      cores: 4
      device: neurosim-50ns
      crossbar: {rows: 64, columns: 64, per_core: 9, weight_bits: 8, cell_bits: 2}
      reading: {read: 100 ns, columns_per_adc: 64, adc_rate: 1.28 GS/s}
      writing: {iterations: 10}
    layer: {name: conv3, conv: {C: 128, K: 256, P: 28, Q: 28, R: 3, S: 3, padding: 1}}
    schedule: {filling: strict, loops: [co, {h: 4}, ko], snake: true}
    energy: {components: {memory: {read: 0.6}, crossbars: {actions: {adc: 1.67 pJ}}}}

Keys are the names of the specs' fields, with or without their units (see `native_values`); a loop
is an axis, or an axis and its step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.fields import Fields, Findings, nearest, whole
from stallscope.mappings.layers import Shape
from stallscope.mappings.native_energy import read_energy
from stallscope.mappings.native_header import read_assumptions
from stallscope.mappings.native_network import SHAPES, read_shape
from stallscope.mappings.native_values import read_clock
from stallscope.mappings.reading import Node
from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.devices import (
    ReramDevice,
    fill_energy,
    fill_figures,
    find_reram_device,
)
from stallscope.mappings.reram.native_values import Values, needed, read_figures
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, ScheduleLoop
from stallscope.simcore.errors import Fault

__all__ = ["COMPONENTS", "FOREIGN", "SAID", "SECTIONS", "CrossbarParts", "read_sections"]

SECTIONS = ("name", "crossbars", "layer", "schedule", "energy", "assumptions")
"""The top-level keys of files of crossbars, beside ``stallscope``."""
FOREIGN = {
    "problem": "give the layer by its shape, as layer: {conv: {...}} or layer: {gemm: {...}}",
    "architecture": "crossbars: describes the whole machine; take it out",
    "dram_device": "give the width of main_memory: in crossbars:",
    "mapping": "give the order of loops as schedule:",
    "layout": "inputs lie channels last; take it out",
    "rules": "crossbars have one way of counting; take it out",
    "network": "give the network to run --network, and the chip to run --accelerator",
}
"""Sections of storage hierarchies and networks, with what to do instead."""
COMPONENTS: dict[str, tuple[str, ...]] = {
    "main": ("read", "write", "update", "leak"),
    "memory": ("read", "write", "update", "leak"),
    "input buffer": ("read", "write", "update", "leak"),
    "partial sums": ("read", "write", "update", "leak"),
    "crossbars": (
        "leak", "dac", "cell_read", "sample_hold", "adc", "shift_add", "pulse", "verify",
    ),
    "h-tree": ("byte",),
    "vector": ("add", "activation"),
}  # fmt: skip
"""Components of a chip that may have energies, with their actions."""

SAID = (
    "clock_mhz", "partial_sum_bits", "output_bits", "crossbar.weight_bits", "crossbar.cell_bits",
    "reading.input_bits", "reading.dac_bits", "reading.shift_add_ns", "writing.verify_ns",
    "writing.iterations",
)  # fmt: skip
"""Figures whose default is an assumption that is said, since results depend on them."""


_OR_A_DEVICE = dict.fromkeys(
    ("writing", "pulse_ns", "read_ns"), "give it, or a device: that has it"
)


@dataclass(slots=True)
class CrossbarParts:
    """What the files of a case on crossbars held.

    Attributes:
        given: Sections that were there, with or without faults.
        layer_name: Name of the layer, if it has one.
    """

    given: set[str] = field(default_factory=set)
    name: str | None = None
    chip: CrossbarChip | None = None
    layer: Shape | None = None
    layer_name: str | None = None
    schedule: CrossbarSchedule | None = None
    energy: EnergyTable | None = None


def read_sections(sections: Mapping[str, Node], findings: Findings) -> CrossbarParts:
    """Read the sections of a case; faults and assumptions go to ``findings``."""
    parts = CrossbarParts(given=set(sections))
    device: ReramDevice | None = None
    for name, node in sections.items():
        match name:
            case "name":
                parts.name = node.text
            case "crossbars":
                parts.chip, device = _chip(node, findings)
            case "layer":
                parts.layer, parts.layer_name = _layer(node, findings)
            case "schedule":
                parts.schedule = _schedule(node, findings)
            case "energy":
                parts.energy = read_energy(node, findings)
                _known_actions(parts.energy, node, findings)
            case "assumptions":
                read_assumptions(node, findings)
    if device is not None and parts.energy is not None:
        parts.energy, said = fill_energy(device, parts.energy)
        for sentence in said:
            findings.assume(sentence)
    return parts


def _chip(node: Node, findings: Findings) -> tuple[CrossbarChip | None, ReramDevice | None]:
    """Read the ``crossbars:`` section: the chip, None if it has faults, and its device."""
    before = len(findings.faults)
    fields = Fields(node, "crossbars", findings)
    clock, given = read_clock(fields), fields.node_of("device")
    device = None
    if given is not None:
        device = find_reram_device(given, fields.at("device"), findings)
    values = read_figures(fields, CrossbarChip, clock or _default("clock_mhz"), ("clock_mhz",))
    if clock is not None:
        values["clock_mhz"] = clock
    if not isinstance(node.value, dict):
        return None, device
    for sentence in fill_figures(device, values) if device is not None else ():
        findings.assume(sentence)
    needed(CrossbarChip, values, "crossbars", node, findings, _OR_A_DEVICE)
    if len(findings.faults) > before:
        return None, device
    _say_defaults(values, findings)
    return findings.build(CrossbarChip, values, "crossbars", node), device


def _default(path: str) -> float:
    """Default of a figure of a chip."""
    spec, _, name = path.rpartition(".")
    kind = CrossbarChip.model_fields[spec].annotation if spec else CrossbarChip
    assert isinstance(kind, type)
    return float(kind.model_fields[name].get_default())


def _say_defaults(values: Values, findings: Findings) -> None:
    """Name the figures that nobody gave, in one sentence."""
    said = []
    for path in SAID:
        section, _, name = path.rpartition(".")
        inside = values.get(section, {}) if section else values
        if name not in inside:
            said.append(f"{path} {_default(path):g}")
    if said:
        findings.assume(f"figures that the chip does not give: {', '.join(said)}")


def _layer(node: Node, findings: Findings) -> tuple[Shape | None, str | None]:
    """Read the ``layer:`` section: its shape, None if it has faults, and its name."""
    fields = Fields(node, "layer", findings)
    name = fields.text("name")
    given = {key: inside for key in SHAPES if (inside := fields.node_of(key)) is not None}
    fields.close()
    if len(given) != 1:
        if isinstance(node.value, dict):
            has = "has both" if given else "has neither"
            rule = f"needs a shape, conv: or gemm:, {has}"
            findings.faults.append(Fault(place="layer", value="", rule=rule, source=node.source))
        return None, name
    ((key, inside),) = given.items()
    return read_shape(SHAPES[key], inside, fields.at(key), findings), name


def _schedule(node: Node, findings: Findings) -> CrossbarSchedule | None:
    """Read the ``schedule:`` section; None if it has faults."""
    before = len(findings.faults)
    fields = Fields(node, "schedule", findings)
    loops = fields.node_of("loops")
    made = None if loops is None else _loops(loops, fields.at("loops"), findings)
    values = read_figures(fields, CrossbarSchedule, 1.0, ("loops",))
    if made is not None:
        values["loops"] = made
    if len(findings.faults) > before:
        return None
    return findings.build(CrossbarSchedule, values, "schedule", node)


def _loops(node: Node, place: str, findings: Findings) -> tuple[ScheduleLoop, ...]:
    if not isinstance(node.value, tuple):
        rule = f"needs a list of loops, outermost first, has {node.kind}"
        findings.add(node, place, rule, "as in [co, {h: 4}, ko]")
        return ()
    found = []
    for index, item in enumerate(node.value):
        loop = _loop(item, f"{place}[{index}]", findings)
        found += [loop] if loop is not None else []
    return tuple(found)


def _loop(node: Node, place: str, findings: Findings) -> ScheduleLoop | None:
    axes = [axis.value for axis in Axis]
    name, step = node, None
    if isinstance(node.value, dict) and len(node.value) == 1:
        ((key, step),) = node.value.items()
        name = Node(key, key, node.file, node.line)
    if not isinstance(name.value, str):
        findings.add(node, place, "needs an axis, or an axis and its step", "as in co or {h: 4}")
        return None
    if name.text not in axes:
        findings.add(name, place, "needs an axis: " + ", ".join(axes), nearest(name.text, axes))
        return None
    size = 1 if step is None else whole(step, f"{place}.{name.text}", findings)
    return None if size is None else ScheduleLoop(axis=Axis(name.text), step=size)


def _known_actions(table: EnergyTable | None, node: Node, findings: Findings) -> None:
    """Say which components are not of a chip; an unknown action of one that is, is a fault."""
    for component in table.components if table is not None else ():
        known = COMPONENTS.get(component.component)
        if known is None:
            sentence = f"energy of {component.component} is not used: no such component"
            findings.assume(sentence)
            continue
        for action in component.actions:
            if action.name not in known:
                place = f"energy.{component.component}.{action.name}"
                rule = f"{component.component} has no action {action.name}"
                fault = Fault(place=place, value="", rule=rule, remedy=nearest(action.name, known),
                              source=findings.sources.get(place, node.source))  # fmt: skip
                findings.faults.append(fault)
