"""The native notation of energies and areas.

    energy:
      source: Accelergy 0.4, 45 nm
      components:
        GLB: {read: 6.0, write: 7 pJ, update: 6.5, leak: 0.1, area: 0.07 mm2}
        mac: {compute: 0.5}

Actions of a device model's own stand below ``actions:``.
"""

from __future__ import annotations

from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.fields import Fields, Findings
from stallscope.mappings.quantities import QuantityError, picojoules, square_micrometres
from stallscope.mappings.reading import Node

__all__ = ["ACTIONS", "read_energy"]

ACTIONS = ("read", "write", "update", "leak", "compute")
"""The actions every component may have; ``leak`` is per cycle."""


def read_energy(node: Node, findings: Findings) -> EnergyTable | None:
    """Read the ``energy:`` section; None if it has faults."""
    before = len(findings.faults)
    fields = Fields(node, "energy", findings)
    source_node = fields.node_of("source")
    source = source_node.text if source_node is not None else ""
    table = fields.required("components")
    components = []
    if table is not None:
        for name, value in Fields(table, "energy.components", findings).rest().items():
            component = _component(name, value, findings)
            if component is not None:
                components.append(component)
    fields.close()
    if len(findings.faults) > before:
        return None
    return EnergyTable(source=source, components=tuple(components))


def _component(name: str, node: Node, findings: Findings) -> ComponentEnergy | None:
    fields = Fields(node, f"energy.{name}", findings)
    area_node = fields.node_of("area_um2", "area")
    area = None
    if area_node is not None:
        try:
            area = square_micrometres(area_node.text)
        except QuantityError as error:
            findings.add(area_node, fields.at("area_um2"), error.rule, error.remedy)
    found = {action: fields.node_of(action) for action in ACTIONS}
    more = fields.node_of("actions")
    fields.close()
    if more is not None:
        found |= Fields(more, fields.at("actions"), findings).rest()
    actions = []
    for action, value in found.items():
        if value is not None:
            try:
                actions.append(Action(name=action, energy_pj=picojoules(value.text)))
            except QuantityError as error:
                findings.add(value, fields.at(action), error.rule, error.remedy)
            except ValueError:
                findings.add(value, fields.at(action), "needs an action name of 1 to 200 letters")
    values = {"component": name, "actions": tuple(actions), "area_um2": area}
    return findings.build(ComponentEnergy, values, fields.place, node)
