"""Importers of SCALE-Sim's files: topology tables (``.csv``) and configurations (``.cfg``).

What they say and this project has no use for is not dropped in silence: it comes back as
`Ignored`, by name and with the reason.
"""

from __future__ import annotations

from stallscope.mappings.scalesim_config import ScaleSimConfig, read_config
from stallscope.mappings.scalesim_ignored import Ignored
from stallscope.mappings.scalesim_topology import Form, KeptWeights, Topology, read_topology

__all__ = [
    "Form", "Ignored", "KeptWeights", "ScaleSimConfig", "Topology", "read_config", "read_topology",
]  # fmt: skip
