"""One row of a table as a mapping: which loops stand at which level."""

from __future__ import annotations

from collections.abc import Sequence

from stallscope.mappings.mapping import Buffering, LevelMapping, Loop
from stallscope.mappings.mapping import Mapping as LayerMapping
from stallscope.mappings.templates.pads.estimate import second_tiles
from stallscope.mappings.templates.pads.machine import Keeps, Machine
from stallscope.mappings.templates.pads.spreading import Spread
from stallscope.mappings.templates.pads.table import Integers, Table
from stallscope.mappings.templates.pads.traffic import Orders
from stallscope.mappings.templates.roles import Roles

__all__ = ["mapping_of"]


def mapping_of(
    machine: Machine, roles: Roles, table: Table, spread: Spread, keeps: Keeps, orders: Orders
) -> LayerMapping:
    """Write a row down.

    Main memory has the loops over its tiles, the innermost shared buffer those inside one, the
    innermost pad those of a pass.

    Args:
        machine: The levels.
        roles: The tensors.
        table: The row alone.
        spread: What lies across the PEs and lanes.
        keeps: What the levels keep.
        orders: Order of the loops.
    """
    temporal: list[tuple[Loop, ...]] = [() for _ in machine.levels]
    temporal[0] = _loops(table, orders.memory, table.trips)
    if machine.shared:
        temporal[machine.shared[-1]] = _loops(table, orders.buffer, table.tiles)
    inside = table.at([*roles.groups, *roles.pixels, *roles.columns, *roles.reduction])
    temporal[-1] = _loops(table, inside, table.steps)
    across: list[dict[bool, tuple[Loop, ...]]] = [{} for _ in machine.levels]
    for slot, chosen in zip(machine.slots, spread.across, strict=True):
        across[slot.level][slot.along_x] = tuple(
            Loop(dimension=name, extent=extent) for name, extent in chosen
        )
    doubled = second_tiles(machine, roles, table, keeps)
    levels = []
    for at, spec in enumerate(machine.levels):
        tiles = tuple(
            Buffering(tensor=name, tiles=max(1, int(doubled[at][name][0]))) for name in keeps[at]
        )
        levels.append(
            LevelMapping(
                level=spec.name,
                temporal=temporal[at],
                spatial_y=across[at].get(False, ()),
                spatial_x=across[at].get(True, ()),
                keep=keeps[at],
                buffering=tiles if at else (),
            )
        )
    return LayerMapping(levels=tuple(levels))


def _loops(table: Table, order: Sequence[int], extents: Integers) -> tuple[Loop, ...]:
    return tuple(
        Loop(dimension=table.names[at], extent=int(extents[at, 0]))
        for at in order
        if extents[at, 0] > 1
    )
