"""Sparsity by expectation: words, metadata and cycles per level, without drawing a zero.

The side that stands beside the figures of drawn or given zeros (docs/sparsity_levels.md).
It is a closed form over the mapping's dense counts, and knows nothing of PEs that wait.
"""

from stallscope.mappings.sparsity.levels.actions import Act, Action, Packing
from stallscope.mappings.sparsity.levels.densities import (
    ActualData,
    Dense,
    Density,
    Hypergeometric,
    PerIndex,
    Structured,
)
from stallscope.mappings.sparsity.levels.design import Design, LevelFormat, Rank, RankKind
from stallscope.mappings.sparsity.levels.energy import LevelsEnergy, price_levels
from stallscope.mappings.sparsity.levels.model import (
    ComputeWork,
    LevelEstimate,
    LevelsEstimate,
    estimate_levels,
)
from stallscope.mappings.sparsity.levels.of_case import (
    densities_of,
    design_of,
    expected_levels,
)
from stallscope.mappings.sparsity.levels.words import LevelWords

__all__ = [
    "Act",
    "Action",
    "ActualData",
    "ComputeWork",
    "Dense",
    "Density",
    "Design",
    "Hypergeometric",
    "LevelEstimate",
    "LevelFormat",
    "LevelWords",
    "LevelsEnergy",
    "LevelsEstimate",
    "Packing",
    "PerIndex",
    "Rank",
    "RankKind",
    "Structured",
    "densities_of",
    "design_of",
    "estimate_levels",
    "expected_levels",
    "price_levels",
]
