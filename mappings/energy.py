"""Energy per action and area per component, as a table with its source."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field

from stallscope.mappings.spec import Name, Spec

__all__ = ["Action", "ComponentEnergy", "EnergyTable"]


class Action(Spec):
    """One action of a component and its energy, pJ (largest over the action's arguments)."""

    name: Name
    energy_pj: float = Field(ge=0)


class ComponentEnergy(Spec):
    """Energies and area of one component (a storage level or the compute level).

    Attributes:
        component: Name of the level.
        actions: Energy per action: read, write, update, leak, compute.
        area_um2: Area of one instance, or None when not given.
    """

    component: Name
    actions: tuple[Action, ...] = ()
    area_um2: float | None = Field(default=None, ge=0)


class EnergyTable(Spec):
    """Energy and area of every component that has figures.

    The action names are stallscope's own: ``read``, ``write`` (a fill), ``update``, ``leak``
    (per cycle) and ``compute``; importers translate other tools' names.
    """

    source: str = ""
    components: tuple[ComponentEnergy, ...] = ()

    @cached_property
    def _figures(self) -> dict[tuple[str, str], float]:
        return {(c.component, a.name): a.energy_pj for c in self.components for a in c.actions}

    @cached_property
    def _areas(self) -> dict[str, float | None]:
        return {component.component: component.area_um2 for component in self.components}

    def energy_pj(self, component: str, action: str) -> float | None:
        """Energy of one action, pJ, or None when the table has no such entry."""
        return self._figures.get((component, action))

    def area_um2(self, component: str) -> float | None:
        """Area of one instance, square micrometres, or None when the table has none."""
        return self._areas.get(component)
