"""Mappings of matrix products and convolutions onto arrays, made by templates.

A template lays dimensions across the array, tiles the rest for the buffers, and chooses by a
closed form of its own (docs/templates.md): one for systolic arrays, one for PEs with scratch pads
of their own.
"""

from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.templates.choice import map_layer
from stallscope.mappings.templates.lowering import lowered
from stallscope.mappings.templates.pads import PadPlan, plan_on_pads
from stallscope.mappings.templates.planning import Im2col, Plan, plan_layer
from stallscope.mappings.templates.roles import Roles, roles_of

__all__ = [
    "Dataflow", "Im2col", "PadPlan", "Plan", "Roles", "lowered", "map_layer", "plan_layer",
    "plan_on_pads", "roles_of",
]  # fmt: skip
