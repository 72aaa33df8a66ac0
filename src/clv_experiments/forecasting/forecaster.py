"""The protocol: what each family may see before a cutoff. The only place where features meet models."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from datetime import date
from itertools import islice
from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.base import clone

from clv_experiments.data.horizon import Period
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customer_sample import CustomerSample, draw_stratified_sample, list_label_weights
from clv_experiments.data.queries.outcomes import days_to_purchase, holdout_spend_and_purchase_days
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import total_spend
from clv_experiments.forecasting.customer_features import (
    RFM,
    can_fit_on_counts,
    count_customers_by_history,
    customer_features,
)
from clv_experiments.forecasting.forecast import Forecast, FutureFit, TrainingPanel, check_predictions, fit_estimator
from clv_experiments.forecasting.level import (
    CALIBRATION_ORIGINS,
    FORECAST,
    OWN,
    BtydAndCohortForecasts,
    TotalForecast,
    forecast_level,
    scale_labels_to_totals,
    widen_standard_error,
)
from clv_experiments.forecasting.model import Model
from clv_experiments.forecasting.suitability import require_amounts_suit_model
from clv_experiments.models.ensemble import Ensemble
from clv_experiments.models.scaled_regressor import ScaledRegressor

# What a model may predict besides spend: column of the table, method of the estimator.
OPTIONAL_OUTPUT_METHODS = {
    "expected_purchases": "expected_purchases",
    "p_alive": "probability_alive",
    "p_purchase": "probability_purchase",
}


class Forecaster:
    """Forecasts of one log under one window; features and labels are computed once and shared by all models.

    Parameters
    ----------
    log : TransactionLog
    window : Window
    """

    def __init__(self, log: TransactionLog, window: Window) -> None:
        self.log = log
        self.window = window
        self._features: dict[tuple, pd.DataFrame] = {}
        self._outcomes: dict[Period, pd.DataFrame] = {}
        self._levels: dict[Period, BtydAndCohortForecasts] = {}
        self._samples: dict[tuple, CustomerSample | None] = {}

    def with_window(self, window: Window) -> Forecaster:
        """Forecast the same log under another window of the same horizon; what was computed is shared."""
        forecaster = copy(self)
        forecaster.window = window
        return forecaster

    def forecast(self, target: Period, model: Model) -> Forecast:
        """Fit on what was known at the target's cutoff and predict the spend of every customer known then.

        Models that learn from labels are fitted on the panel of earlier origins, the others on the calibration period.
        Where the model is asked for at another level than its own, its predictions are scaled to that total, and the
        labels of each origin to what BTYD expected there, so that past seasons do not mix.
        Validation and holdout forecasts both come from here.

        Parameters
        ----------
        target : Period
            One of the window's periods.
        model : Model
            Its estimator is cloned, never changed.

        Raises
        ------
        ClvError
            If there is no training panel, or none that the model can learn from, or a prediction is no finite number,
            or below 0 of a log without losses.
        """
        require_amounts_suit_model(self.log, model)
        started = perf_counter()
        X = self.features(target.cutoff, model.features)
        training = TrainingPanel(X, None, ())
        if model.supervised:
            training = self.training_panel(target, model.features, sampled=True)
        return self._fit_and_predict(target, model, training, X, started)

    def forecast_future(self, model: Model) -> Forecast:
        """Fit on all data up to the end of the window and predict the period after it, whose outcome is yet unknown.

        Parameters and errors are those of ``forecast``.
        """
        return self.forecast(self.window.future_period, model)

    def fit_future(self, model: Model) -> FutureFit:
        """Fit on all data up to the end of the window, as ``forecast_future`` does, and predict nobody.

        A BTYD model at its own level is fitted on counts of the engine's, and no customer is fetched.
        """
        if model.level == OWN and can_fit_on_counts(model):
            require_amounts_suit_model(self.log, model)
            estimator = clone(model.estimator).set_params(horizon_days=float(self.window.future_period.days))
            estimator.fit_grouped(*count_customers_by_history(self.log, self.window.end, self.window.horizon))
            return FutureFit(estimator, tuple(estimator.feature_names_in_), None)
        forecast = self.forecast_future(model)
        return FutureFit(forecast.estimator, tuple(map(str, forecast.X.columns)), forecast.level)

    def predict_held_out_customers(self, target: Period, model: Model, held_out: np.ndarray) -> Forecast:
        """Fit on some customers and their spend in the target itself, and predict the others: the notebooks' protocol.

        What it measures is how well spend is *explained* where its future is already known for other customers; the
        model stays at its own level.

        Parameters
        ----------
        target : Period
        model : Model
            Its estimator is cloned, never changed.
        held_out : array of bool, shape (customers of the cutoff,)
            The customers to predict, in the order of ``outcome(target)``.
        """
        require_amounts_suit_model(self.log, model)
        started = perf_counter()
        X = self.features(target.cutoff, model.features)
        y = self.outcome(target)["spend"][~held_out] if model.supervised else None
        training = TrainingPanel(X[~held_out], y, (target,) if model.supervised else ())
        return self._fit_and_predict(target, replace(model, level=OWN), training, X[held_out], started)

    def _fit_and_predict(
        self, target: Period, model: Model, training: TrainingPanel, X: pd.DataFrame, started: float
    ) -> Forecast:
        fit_started = perf_counter()
        estimator, level = clone(model.estimator), None
        if model.level != OWN:
            level, training = self.forecast_level(target, model.level), self._align_labels_to_btyd(training)
            estimator = estimator if isinstance(estimator, Ensemble) else ScaledRegressor(estimator)
        if "horizon_days" in estimator.get_params():
            estimator.set_params(horizon_days=float(target.days))
        fit_estimator(estimator, training, X, model.name)
        if isinstance(estimator, Ensemble | ScaledRegressor):
            estimator.scale_to(X, level.total if level else None)
        predict_started = perf_counter()
        predicted = check_predictions(estimator.predict(X), X, model.name, self.log.has_losses)
        seconds = {
            "features": fit_started - started,
            "fit": predict_started - fit_started,
            "predict": perf_counter() - predict_started,
        }
        is_future = target == self.window.future_period
        actual = pd.DataFrame(index=X.index) if is_future else self.outcome(target).loc[X.index]
        table = actual.rename(columns={"spend": "y_true"}).assign(y_pred=predicted)
        for column, method in OPTIONAL_OUTPUT_METHODS.items():
            if hasattr(estimator, method):
                table[column] = getattr(estimator, method)(X)
        return Forecast(target, estimator, training, X, table, seconds, level)

    def training_panel(self, target: Period, features: FeatureSet, *, sampled: bool = False) -> TrainingPanel:
        """Stack features at earlier cutoffs with the spend that followed; no label ends after the target's cutoff.

        Of all customers, or of ``window.training_customers`` at each cutoff.

        Raises
        ------
        ClvError
            If the log holds no earlier period with a whole horizon of history before it.
        """
        periods = tuple(self.window.training_periods(target))
        if not periods:
            raise ClvError(
                f"no training period lies before {target.cutoff} in log '{self.log.name}'; type a shorter "
                "window.horizon, or choose a model that needs no labels, such as model=bg_nbd"
            )
        samples = [self._sample_customers(period) if sampled else None for period in periods]
        parts = [self._compute_cached_features(p.cutoff, features, s) for p, s in zip(periods, samples, strict=True)]
        labels = [self._select_labels(p, s) for p, s in zip(periods, samples, strict=True)]
        weights = list_label_weights(samples, labels)
        return TrainingPanel(pd.concat(parts), pd.concat(labels), periods, pd.concat(weights) if weights else None)

    def features(self, cutoff: date, features: FeatureSet) -> pd.DataFrame:
        """Features of the customers known at the cutoff, sorted by customer_id."""
        return self._compute_cached_features(cutoff, features, None)

    def _compute_cached_features(
        self, cutoff: date, features: FeatureSet, sample: CustomerSample | None
    ) -> pd.DataFrame:
        key = (cutoff, features.cache_key, self._sample_size_and_seed if sample else None)
        if key not in self._features:
            self._features[key] = customer_features(self.log, cutoff, self.window.horizon, features, sample)
        return self._features[key]

    def _select_labels(self, period: Period, sample: CustomerSample | None) -> pd.Series:
        spend = self.outcome(period)["spend"]
        return spend.loc[sample.weights.index] if sample else spend

    @property
    def _sample_size_and_seed(self) -> tuple[int | None, int]:
        return self.window.training_customers, self.window.training_seed

    def _sample_customers(self, period: Period) -> CustomerSample | None:
        """Sample the customers known at a period's cutoff; None where the panel takes all."""
        size, seed = self._sample_size_and_seed
        if size is None or len(self.outcome(period)) <= size:  # labels are needed anyway, a count is a query
            return None
        key = (period.cutoff, size, seed)
        if key not in self._samples:
            self._samples[key] = draw_stratified_sample(self.log, period.cutoff, size, seed)
        return self._samples[key]

    def outcome(self, period: Period) -> pd.DataFrame:
        """Spend and purchase days in the period, of the customers known at its cutoff, sorted by customer_id.

        Of a simulated log also the true expected spend.
        """
        if period not in self._outcomes:
            outcome = holdout_spend_and_purchase_days(self.log, period)
            if self.log.truth:
                outcome["true_expected_spend"] = self.log.truth.expected_spend(period).reindex(outcome.index)
            self._outcomes[period] = outcome
        return self._outcomes[period]

    def forecast_level(self, target: Period, kind: str = FORECAST) -> TotalForecast:
        """Forecast what all customers of the cutoff will spend; calibrated on earlier periods, over at the cutoff.

        Parameters
        ----------
        target : Period
            A period of the window, or its future period.
        kind : {"forecast", "btyd"}
        """
        earlier = islice(replace(self.window, training_origins=None).training_periods(target), CALIBRATION_ORIGINS)
        errors = (
            (self.forecast_btyd_and_cohort_levels(period).select(kind), self.outcome(period)["spend"].sum())
            for period in earlier
        )
        return widen_standard_error(self.forecast_btyd_and_cohort_levels(target).select(kind), errors)

    def _align_labels_to_btyd(self, training: TrainingPanel) -> TrainingPanel:
        """Bring the labels of each origin to what BTYD expected there."""
        if training.y is None:
            return training
        samples = [None if training.weights is None else self._sample_customers(period) for period in training.periods]
        labels = [self._select_labels(p, s) for p, s in zip(training.periods, samples, strict=True)]
        totals = [self.forecast_btyd_and_cohort_levels(period).btyd.total for period in training.periods]
        return replace(training, y=scale_labels_to_totals(labels, totals, list_label_weights(samples, labels)))

    def forecast_btyd_and_cohort_levels(self, target: Period) -> BtydAndCohortForecasts:
        """Forecast the level of a period by BTYD and by cohorts, from the log up to its cutoff."""
        if target not in self._levels:
            self._levels[target] = forecast_level(self.log, target, self.features(target.cutoff, RFM))
        return self._levels[target]

    def observed_days_to_purchase(self, period: Period) -> pd.Series:
        """Days from the cutoff to the next purchase day of each customer known then, NaN where none is in the period.

        Sorted by customer_id.
        """
        return days_to_purchase(self.log, period)

    def training_mean(self, target: Period) -> float:
        """Mean spend a customer in the training panel of a forecast: the scale of a sensible prediction.

        Counted over all earlier origins that the log reaches; where it reaches none, what all customers spent per day
        up to the cutoff, over the days of the target. The same for every model of a cell; nothing later counts.
        """
        periods = list(replace(self.window, training_origins=None).training_periods(target))
        if periods:
            return float(pd.concat([self.outcome(period)["spend"] for period in periods]).mean())
        customers = self.features(target.cutoff, FeatureSet("total", [total_spend]))
        return float(customers["total_spend"].sum() / customers["T"].clip(lower=1).sum() * target.days)


class LastForecasterCache:
    """Holds the forecaster that this process used last, since the next run of a multirun usually has the same log."""

    def __init__(self) -> None:
        self._last: Forecaster | None = None

    def get(self, log: TransactionLog, window: Window) -> Forecaster:
        """Return a forecaster that shares what the last one computed, where log and horizon are the same."""
        last = self._last
        same = last is not None and last.log is log and last.window.horizon == window.horizon
        self._last = last.with_window(window) if last and same else Forecaster(log, window)
        return self._last
