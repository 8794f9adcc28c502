"""Accelergy's tables: energies per action (ERT) and areas (ART), by component.

``system.eyeriss.PE[0..167].mac`` is the level called ``mac``. Of several entries for one action
the largest counts. An update costs ``random_update``, else ``random_fill``, else ``write``.
"""

from __future__ import annotations

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.fields import Fields, Findings
from stallscope.mappings.reading import Node
from stallscope.mappings.timeloop_architecture import bare_name

__all__ = ["read_tables", "resolve_tables"]

_STORAGE = {
    "read": ("random_read", "read"),
    "write": ("random_fill", "write", "fill"),
    "update": ("random_update", "update", "random_fill", "write", "fill"),
    "leak": ("leak",),
}
_MAC = {
    "compute": ("random_compute", "mac_random", "compute", "mac", "multiply"),
    "leak": ("leak",),
}

Table = dict[str, tuple[str, dict[str, float], float | None]]
"""By bare name: the component as written, largest energy per action, and the area."""


def read_tables(ert: Node | None, art: Node | None, findings: Findings) -> Table:
    """Read an ERT, an ART, or both."""
    table: Table = {}
    for node, section in ((ert, "ERT"), (art, "ART")):
        if node is None:
            continue
        fields = Fields(node, section, findings, loose=True)
        fields.node_of("version")
        rows = fields.required("tables")
        fields.close()
        if rows is not None and not isinstance(rows.value, tuple):
            findings.add(rows, f"{section}.tables", "needs a list of components")
        elif rows is not None and isinstance(rows.value, tuple):
            for index, row in enumerate(rows.value):
                _row(row, f"{section}.tables[{index}]", table, findings)
    return table


def _row(node: Node, place: str, table: Table, findings: Findings) -> None:
    fields = Fields(node, place, findings, loose=True)
    full = fields.required_text("name") or "?"
    name = _bare(full)
    _, energies, area = table.get(name, (full, {}, None))
    new_area = fields.number("area")
    actions = fields.node_of("actions")
    fields.node_of("primitive_estimations")
    fields.close()
    if actions is not None and not isinstance(actions.value, tuple):
        findings.add(actions, f"{place}.actions", "needs a list of actions")
    elif actions is not None and isinstance(actions.value, tuple):
        for index, action in enumerate(actions.value):
            inner = Fields(action, f"{place}.actions[{index}]", findings, loose=True)
            label, energy = inner.required_text("name"), inner.number("energy")
            inner.node_of("arguments")
            inner.close()
            if label is not None and energy is not None:
                energies[label] = max(energy, energies.get(label, 0.0))
    table[name] = (full, energies, area if new_area is None else new_area)


def resolve_tables(
    table: Table, architecture: Architecture, source: str, findings: Findings
) -> EnergyTable:
    """Translate names of components and actions; what has no place is listed."""
    components = []
    unknown = []
    for name, (full, energies, area) in table.items():
        if name == architecture.compute.name:
            components.append(_component(name, _MAC, energies, area, findings))
        elif name in architecture.level_index:
            components.append(_component(name, _STORAGE, energies, area, findings))
        else:
            unknown.append(full)
    if unknown:
        findings.assume("energies not used, no such level: " + ", ".join(unknown))
    return EnergyTable(source=source, components=tuple(components))


def _bare(full: str) -> str:
    """Return the last part of a path without its range, whose dots are no separators."""
    return bare_name(full)[0].rpartition(".")[2]


def _component(
    name: str,
    names: dict[str, tuple[str, ...]],
    energies: dict[str, float],
    area: float | None,
    findings: Findings,
) -> ComponentEnergy:
    actions = []
    used: set[str] = set()
    for action, spellings in names.items():
        used |= set(spellings)
        found = next((word for word in spellings if word in energies), None)
        if found is not None:
            actions.append(Action(name=action, energy_pj=energies[found]))
    left = [word for word in energies if word not in used]
    if left:
        findings.assume(f"energy actions of {name} not used: {', '.join(left)}")
    return ComponentEnergy(component=name, actions=tuple(actions), area_um2=area)
