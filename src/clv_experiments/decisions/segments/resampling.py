"""Names that budget/ knows the shared bootstrap by."""

from clv_experiments.evaluation.resampling import bootstrap_counts as draws
from clv_experiments.evaluation.resampling import percentile_interval as bounds

__all__ = ["bounds", "draws"]
