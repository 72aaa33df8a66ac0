"""Pictures of a study: values (a metric over its trials), style, parameters, and pictures, which draws them all."""

from clv_experiments.sweep.pictures.pictures import study_pictures

__all__ = ["study_pictures"]
