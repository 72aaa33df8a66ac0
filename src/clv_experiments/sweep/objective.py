"""One trial: a choice, fitted and scored on the validation periods alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from optuna import Trial, TrialPruned

from clv_experiments.data.horizon import Period
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.evaluation_result import EvaluatedForecast, forecast_and_score
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import OWN
from clv_experiments.forecasting.model import Model
from clv_experiments.sweep.space import ParamValue, SearchSpace
from clv_experiments.tracking.stored_run import is_keyboard_interrupt

SCORES, SECONDS = "scores", "seconds"  # attributes of a trial


@dataclass(frozen=True)
class CandidateModel:
    """What a choice comes to: a model, and from how many origins it learns (None: all)."""

    model: Model
    training_origins: int | None


@dataclass(frozen=True, eq=False)
class Objective:
    """Scores choices on validation periods that end before any holdout begins.

    Attributes
    ----------
    space : SearchSpace
    build_candidate_model : callable
        Builds the candidate of a choice.
    forecaster : Forecaster
        Its window reaches back to the oldest period; features and labels are computed once for all trials.
    periods : sequence of Period
        To be scored on, latest first.
    metrics : sequence of str
        The trial's values, in this order: the mean over the periods.
    """

    space: SearchSpace
    build_candidate_model: Callable[[Mapping[str, ParamValue]], CandidateModel]
    forecaster: Forecaster
    periods: Sequence[Period]
    metrics: Sequence[str]

    def with_periods(self, forecaster: Forecaster, periods: Sequence[Period]) -> Objective:
        """Return the same objective on other periods."""
        return replace(self, forecaster=forecaster, periods=periods)

    def precompute_features(self, models: Iterable[Model]) -> None:
        """Compute the features and labels of all trials to come: of one model for each set of features."""
        for model in models:
            for period in self.periods:
                self.forecaster.features(period.cutoff, model.features)
                self.forecaster.training_mean(period)
                if model.supervised:
                    self.forecaster.training_panel(period, model.features, sampled=True)
                if model.level != OWN:
                    self.forecaster.forecast_level(period, model.level)

    def __call__(self, trial: Trial) -> list[float]:
        """Choose, fit, score.

        Raises
        ------
        TrialPruned
            If the scores of the first periods are not worth the rest.
        ClvError
            If the model cannot be fitted, or has no such score.
        """
        try:
            return self._evaluate_trial(trial)
        except RuntimeError as error:
            if is_keyboard_interrupt(error):
                raise KeyboardInterrupt from error
            raise

    def _evaluate_trial(self, trial: Trial) -> list[float]:
        candidate = self.build_candidate_model(self.space.suggest(trial))
        evaluated: list[EvaluatedForecast] = []
        for step, period in enumerate(self.periods):
            evaluated.append(self.evaluate(candidate, period))
            if len(self.periods) > 1 and len(self.metrics) == 1:
                # Of the periods so far.
                trial.report(mean_score(self.metrics[0], evaluated, candidate.model.name), step)
                if trial.should_prune():
                    break
        trial.set_user_attr(SCORES, mean_scores(evaluated))
        trial.set_user_attr(SECONDS, sum(e.forecast.seconds[part] for e in evaluated for part in ("fit", "predict")))
        if len(evaluated) < len(self.periods):
            raise TrialPruned(f"after {len(evaluated)} of {len(self.periods)} validation origins")
        return [mean_score(metric, evaluated, candidate.model.name) for metric in self.metrics]

    def evaluate(self, candidate: CandidateModel, period: Period) -> EvaluatedForecast:
        """Forecast one period with a candidate and score it."""
        window = replace(self.forecaster.window, training_origins=candidate.training_origins)
        return forecast_and_score(self.forecaster.with_window(window), period, candidate.model)

    def score(self, candidate: CandidateModel) -> float:
        """Return a candidate's first metric, mean over the periods."""
        evaluated = [self.evaluate(candidate, period) for period in self.periods]
        return mean_score(self.metrics[0], evaluated, candidate.model.name)


def mean_score(metric: str, evaluated: Sequence[EvaluatedForecast], model: str) -> float:
    """Average a metric over periods; bias counts by its size.

    Raises
    ------
    ClvError
        If the model has no such score, or it has no value.
    """
    scores = [forecast.scores[metric] for forecast in evaluated if metric in forecast.scores]
    if len(scores) < len(evaluated):
        raise ClvError(f"model '{model}' has no score {metric} (sweep.metric)")
    value = float(np.mean(np.abs(scores) if metric == "aggregate_bias" else scores))
    if not np.isfinite(value):
        raise ClvError(f"the validation score {metric} has no value for these settings")
    return value


def mean_scores(evaluated: Sequence[EvaluatedForecast]) -> dict[str, float]:
    """Average every score over periods."""
    means = pd.DataFrame([forecast.scores for forecast in evaluated]).mean()
    return {str(name): float(value) for name, value in means.items()}
