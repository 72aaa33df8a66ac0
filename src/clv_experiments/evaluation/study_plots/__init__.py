"""Pictures of a study: values (a metric over its trials), style, parameters, and pictures, which draws them all."""

from clv_experiments.evaluation.study_plots.pictures import study_pictures

__all__ = ["study_pictures"]
