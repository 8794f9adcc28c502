"""Mappings of matrix products and convolutions onto systolic arrays, made by a template.

A template lays dimensions across the array by the data flow, tiles the rest for the buffers, and
chooses by a closed form of its own (docs/templates.md).
"""

from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.templates.lowering import lowered
from stallscope.mappings.templates.planning import Im2col, Plan, map_layer, plan_layer
from stallscope.mappings.templates.roles import Roles, roles_of

__all__ = [
    "Dataflow", "Im2col", "Plan", "Roles", "lowered", "map_layer", "plan_layer", "roles_of",
]  # fmt: skip
