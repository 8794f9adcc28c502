"""Systolic arrays: what a fold takes, whose rules say so, and which PE multiplied when."""

from stallscope.hw.systolic.folds import Fold, Folds, Shift
from stallscope.hw.systolic.rules import FoldRules, rules_of

__all__ = ["Fold", "FoldRules", "Folds", "Shift", "rules_of"]
