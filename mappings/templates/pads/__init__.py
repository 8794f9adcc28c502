"""Mappings onto arrays whose PEs have scratch pads of their own, made by a template."""

from stallscope.mappings.templates.pads.planning import PadPlan, plan_on_pads

__all__ = ["PadPlan", "plan_on_pads"]
