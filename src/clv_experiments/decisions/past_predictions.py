"""What scores rest on: predictions of the periods that are over, compared with what customers did in them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.data.window import Window
from clv_experiments.decisions.missed import missed_customer_ids
from clv_experiments.decisions.next_purchase.timing import choose_timing_model
from clv_experiments.decisions.snapshot import HISTORY_FEATURE_SET
from clv_experiments.errors import ClvError, LogTooShort
from clv_experiments.evaluation.conformal_intervals import (
    Coverage,
    SpendIntervals,
    calibrate_intervals,
    measure_coverage,
)
from clv_experiments.evaluation.ranking import RankingAssessment, compare_ranking_with_chance
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.tracking.stored_run import Reader, StoredModel

# The model as it predicted then, the stored model's own run, or a stored model's settings fitted again.
PredictionSource = Literal["fitted", "stored", "refitted"]


@dataclass(frozen=True, eq=False)
class PastPeriodPredictions:
    """What a model predicted of the latest period that is over and of the one before.

    Tables have one row a customer known at the cutoff, with ``y_true`` and ``y_pred``.
    """

    period: Period | None  # the latest; None where the log is too short to predict one
    latest: pd.DataFrame | None
    earlier: pd.DataFrame | None
    origin: PredictionSource = "fitted"


@dataclass(frozen=True, eq=False)
class IntervalAssessment:
    """Intervals of spend, and what such intervals held in the latest period that is over."""

    intervals: SpendIntervals | None  # None where no predictions, or too few, are there to calibrate them on
    coverage: Coverage | None  # None where one period only was predicted
    period: Period | None  # on whose predictions the intervals rest
    origin: PredictionSource = "fitted"  # of these predictions
    refusal: str | None = None  # why predictions cannot be calibrated on

    @property
    def undercovers(self) -> bool:
        """Whether intervals held fewer customers than promised, beyond chance.

        Chance is two standard errors of a share; the customers who were calibrated on vary as much as those counted.
        """
        if self.intervals is None or self.coverage is None:
            return False
        level, customers = self.intervals.level, np.array([self.coverage.customers, self.coverage.top_customers])
        chance = 2 * np.sqrt(2 * level * (1 - level) / customers)
        return bool((np.array([self.coverage.overall, self.coverage.top_decile]) < level - chance).any())

    def metrics(self) -> dict[str, float]:
        """Name the coverage as a run's metrics do."""
        if self.coverage is None:
            return {}
        return {
            "interval_coverage": self.coverage.overall,
            "interval_coverage_top_decile": self.coverage.top_decile,
            "interval_width": self.coverage.width,
            "interval_width_top_decile": self.coverage.top_decile_width,
        }


def assess_intervals(past: PastPeriodPredictions, level: float) -> IntervalAssessment:
    """Calibrate intervals that hold a share of customers on the latest period, and check earlier ones on it."""
    if past.latest is None:
        return IntervalAssessment(None, None, past.period, past.origin)
    y_true, y_pred = past.latest["y_true"], past.latest["y_pred"]
    try:
        intervals = calibrate_intervals(y_true, y_pred, level)
    except ClvError as error:
        return IntervalAssessment(None, None, past.period, past.origin, str(error))
    coverage = None
    if past.earlier is not None:
        with suppress(ClvError):  # too few customers to calibrate on
            before = calibrate_intervals(past.earlier["y_true"], past.earlier["y_pred"], level)
            coverage = measure_coverage(y_true, *before.interval_around(y_pred), y_pred)
    return IntervalAssessment(intervals, coverage, past.period, past.origin)


def assess_past_ranking(past: PastPeriodPredictions) -> RankingAssessment | None:
    """Hold the ranking of the latest period that is over against chance; None where none was predicted."""
    return None if past.latest is None else compare_ranking_with_chance(past.latest["y_true"], past.latest["y_pred"])


def predict_past_periods(forecaster: Forecaster, model: Model, origin: PredictionSource) -> PastPeriodPredictions:
    """Predict the periods that are over from what was known before each, as far as the log reaches."""
    periods = _find_past_periods(forecaster, model)
    latest, earlier = (forecaster.forecast(period, model).table if period else None for period in periods)
    return PastPeriodPredictions(periods[0], latest, earlier, origin)


def _find_past_periods(forecaster: Forecaster, model: Model) -> tuple[Period | None, Period | None]:
    """Return the latest period that is over and the one before, as far as the log lets the model predict them."""
    try:
        origin = forecaster.window.backtest_origins(supervised=model.supervised, source=forecaster.log.name)[-1]
    except LogTooShort:
        return None, None
    return origin.holdout, origin.validation


def stored_predictions(reader: Reader, stored: StoredModel, window: Window) -> PastPeriodPredictions | None:
    """Read what the run that stands for a stored model predicted of its latest holdout and validation period.

    None where there are no such predictions, where customers were split at random, so that errors are not of forecasts,
    or where the holdout, as long as the window's horizon, was not over on the window's last day.
    """
    holdout, validation = (
        _read_latest_cutoff(reader, stored, name) for name in ("predictions.parquet", "validation_predictions.parquet")
    )
    if holdout is None or stored.run.tags.get("protocol") == "customer_split":
        return None
    period = window.horizon.period_after(holdout["cutoff"].iloc[0].date())
    return PastPeriodPredictions(period, holdout, validation, "stored") if period.end <= window.end else None


def _read_latest_cutoff(reader: Reader, stored: StoredModel, name: str) -> pd.DataFrame | None:
    try:
        table = reader.table(stored.evaluation_run_id, name)
    except ClvError:
        return None
    return table[table["cutoff"] == table["cutoff"].max()]


@dataclass(frozen=True, eq=False)
class MissedPurchases:
    """Customers who were likely to buy in the latest period that is over, and did not."""

    customer_ids: pd.Index = field(default_factory=lambda: pd.Index([], dtype=str))
    period: Period | None = None  # None where the log is too short to predict one
    likely_customers: int = 0  # who were likely to buy
    expected: float = 0.0  # how many of those were to be expected not to
    model: str = ""  # whose probabilities these are


def count_missed_purchases(
    forecast: pd.DataFrame, period: Period, threshold: float, model: str = ""
) -> MissedPurchases:
    """Find the customers who did not buy in a period, though their probability was at the threshold or above.

    The forecast holds ``p_purchase`` and ``purchase_days`` of the period, indexed by customer_id.
    """
    likely = forecast.loc[forecast["p_purchase"] >= threshold, "p_purchase"]
    return MissedPurchases(
        missed_customer_ids(forecast, threshold), period, len(likely), float((1 - likely).sum()), model
    )


def find_latest_missed_purchases(
    forecaster: Forecaster, btyd_model: Model, threshold: float, past: PastPeriodPredictions | None = None
) -> MissedPurchases:
    """Find who missed a purchase in the latest period that is over.

    ``past`` is what ``btyd_model`` predicted, where it has predicted that period already. Where purchases kept a rhythm
    up to the period, P(buys) is that of the model that knows it.
    """
    if past is None or past.latest is None or past.origin == "stored":
        period, _ = _find_past_periods(forecaster, btyd_model)
        latest = forecaster.forecast(period, btyd_model).table if period else None
    else:
        period, latest = past.period, past.latest
    if latest is None or period is None:
        return MissedPurchases()
    timing = choose_timing_model(forecaster, period, btyd_model)
    if timing.timing_model:
        p_purchase = timing.timing_model.probability_purchase(forecaster.features(period.cutoff, HISTORY_FEATURE_SET))
        latest = latest.assign(p_purchase=p_purchase)
    return count_missed_purchases(latest, period, threshold, timing.name(btyd_model.name))
