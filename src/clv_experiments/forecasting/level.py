"""The level: what all customers known at a cutoff will spend in all, with its standard error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.cohort_months import (
    DAYS_A_MONTH,
    CohortMonthRepeatSums,
    sum_repeat_purchases_by_cohort_month,
)
from clv_experiments.models.age_period_cohort import MONTHS_A_YEAR, AgePeriodCohort
from clv_experiments.models.mbg_nbd import MbgNbd

OWN, BTYD, FORECAST = LEVELS = ("own", "btyd", "forecast")
DAYS_BEFORE_SEASON_COUNTS = 28  # of a log, in which everyone is new, so that they do not count as a season
MIN_MONTHS_OF_FIRST_PURCHASES = (
    9  # over which first purchases are spread: customers of one age cannot tell age from season
)
FIRST_PURCHASE_MONTH_QUANTILES = (
    0.05,
    0.95,
)  # of the customers by first purchase, so that a trickle before or after does not count
# Standard deviation of the log error of BTYD's total: its root mean square where seasons were seen, over the earlier
# origins of Online Retail II and of simulated shops with a season (scripts/level_backtest.py).
BTYD_ERROR = 0.3
PRIOR_WEIGHT_IN_ORIGINS = 2.0  # how many earlier origins the model's own standard error weighs as much as
CALIBRATION_ORIGINS = 8  # the latest that are over
MAX_LABEL_QUANTILE = 0.999


@dataclass(frozen=True)
class TotalForecast:
    """What all customers known at a cutoff are expected to spend and buy in a period.

    Attributes
    ----------
    total : float
        Spend, in the log's currency.
    purchase_days : float
    standard_error : float
        Of the logarithm of the total.
    source : {"forecast", "btyd"}
        ``btyd`` where the purchases of the past do not tell more than BTYD does.
    note : str
        Why it is BTYD's total; "" where it is not.
    """

    total: float
    purchase_days: float
    standard_error: float
    source: str
    note: str = ""

    def interval(self, probability: float) -> tuple[float, float]:
        """Return where the total lies with a probability such as 0.8, in the log's currency."""
        half_width = NormalDist().inv_cdf((1 + probability) / 2) * self.standard_error
        return self.total * float(np.exp(-half_width)), self.total * float(np.exp(half_width))


@dataclass(frozen=True)
class BtydAndCohortForecasts:
    """Both levels of one period.

    Attributes
    ----------
    btyd : TotalForecast
        The sums of the MBG/NBD with Gamma-Gamma spend.
    cohorts : TotalForecast or None
        What cohorts, seasons and trend say; None where they cannot.
    note : str
        Why they cannot.
    """

    btyd: TotalForecast
    cohorts: TotalForecast | None
    note: str = ""

    def select(self, level: str) -> TotalForecast:
        """Return the level that a model is asked for: ``btyd`` or ``forecast``."""
        return self.btyd if level == BTYD else self.combine()

    def combine(self, btyd_error: float = BTYD_ERROR) -> TotalForecast:
        """Average the logarithms of both levels, each weighted by its precision.

        Parameters
        ----------
        btyd_error : float
            Standard deviation of the log error of BTYD's total.
        """
        if self.cohorts is None:
            return replace(self.btyd, standard_error=btyd_error, note=self.note)
        weight = btyd_error**2 / (btyd_error**2 + self.cohorts.standard_error**2)
        total = self.cohorts.total**weight * self.btyd.total ** (1 - weight)
        days = self.cohorts.purchase_days**weight * self.btyd.purchase_days ** (1 - weight)
        return TotalForecast(float(total), float(days), self.cohorts.standard_error * weight**0.5, FORECAST)


def forecast_level(log: TransactionLog, target: Period, customers: pd.DataFrame) -> BtydAndCohortForecasts:
    """Forecast the level of a period from the log up to its cutoff; later purchases are never read.

    An age-period-cohort model of repeat spend by cohort and month, and one of repeat purchase days, times last year's
    mean spend of one; the total is the geometric mean of both. Their exposure is what the MBG/NBD expects of customers
    of that age, so that they say how the log departs from it: by season, trend and cohort.

    Parameters
    ----------
    log : TransactionLog
    target : Period
    customers : pandas.DataFrame
        ``RFM`` at the cutoff: frequency, recency, T and, where the log has amounts, monetary value.
    """
    model = MbgNbd(horizon_days=float(target.days)).fit(customers)
    spend, purchases = model.predict(customers).sum(), model.expected_purchases(customers).sum()
    btyd = TotalForecast(float(spend), float(purchases), BTYD_ERROR, BTYD)
    months = sum_repeat_purchases_by_cohort_month(log, target.cutoff)
    future = months.build_future_months(target.days)
    if reason := _explain_missing_cohort_level(months, future, log, target):
        return BtydAndCohortForecasts(btyd, None, f"{reason}: the total is that of the MBG/NBD, which knows no season")
    return BtydAndCohortForecasts(btyd, _forecast_cohort_level(months, future, model))


def can_forecast_by_cohorts(log: TransactionLog, target: Period) -> bool:
    """Return whether the purchases up to a period's cutoff tell more of its level than BTYD does."""
    months = sum_repeat_purchases_by_cohort_month(log, target.cutoff)
    return not _explain_missing_cohort_level(months, months.build_future_months(target.days), log, target)


def widen_standard_error(level: TotalForecast, earlier: Iterable[tuple[TotalForecast, float]]) -> TotalForecast:
    """Widen the standard error by how far earlier levels were off, in their own standard errors.

    Parameters
    ----------
    level : TotalForecast
    earlier : iterable of (TotalForecast, actual total)
        Of periods that were over at the cutoff; without any the standard error stays as it is.

    Returns
    -------
    TotalForecast
        Its standard error is never smaller than the model's own: a few origins that went well do not show that the
        next will.
    """
    errors = [
        np.log(before.total / actual) / before.standard_error
        for before, actual in earlier
        if min(before.total, actual) > 0
    ]
    inflation = (PRIOR_WEIGHT_IN_ORIGINS + np.sum(np.square(errors))) / (PRIOR_WEIGHT_IN_ORIGINS + len(errors))
    return replace(level, standard_error=level.standard_error * float(max(inflation, 1.0)) ** 0.5)


def scale_labels_to_totals(
    labels: Sequence[pd.Series], totals: Sequence[float], weights: Sequence[pd.Series] | None = None
) -> pd.Series:
    """Scale the labels of each origin to a total and stack them, so that no season of the past stands out in a panel.

    Parameters
    ----------
    labels : sequence of pandas.Series
        Spend of the customers of one origin, currency.
    totals : sequence of float
        What each is scaled to, currency; labels that sum to nothing stay as they are.
    weights : sequence of pandas.Series, optional
        How many customers each label of an origin stands for; by default one.

    Returns
    -------
    pandas.Series
        Capped at their 99.9 % quantile.
    """
    counted = [y if weights is None else y * weights[k] for k, y in enumerate(labels)]
    sums = [part.sum() for part in counted]
    scaled = [y * (total / sum_) if sum_ > 0 else y for y, total, sum_ in zip(labels, totals, sums, strict=True)]
    stacked = pd.concat(scaled)
    if weights is None:
        return stacked.clip(upper=stacked.quantile(MAX_LABEL_QUANTILE))
    limit = np.quantile(stacked, MAX_LABEL_QUANTILE, weights=pd.concat(weights), method="inverted_cdf")
    return stacked.clip(upper=limit)


def _explain_missing_cohort_level(
    months: CohortMonthRepeatSums, future: pd.DataFrame, log: TransactionLog, target: Period
) -> str:
    """Say why cohorts cannot tell the level; "" where they can."""
    if months.past[["purchase_days", "spend"]].sum().min() <= 0:
        return f"nobody came back up to {target.cutoff}"
    a_year_before = (future["month"] % MONTHS_A_YEAR - MONTHS_A_YEAR).min() * DAYS_A_MONTH
    if (target.cutoff - log.start).days + 1 + a_year_before < DAYS_BEFORE_SEASON_COUNTS:
        return f"the season of {target} was never seen: the log begins on {log.start}"
    customers = months.cohorts["customers"]
    first, last = customers.index[np.searchsorted(customers.cumsum() / customers.sum(), FIRST_PURCHASE_MONTH_QUANTILES)]
    if last - first + 1 < MIN_MONTHS_OF_FIRST_PURCHASES:
        return f"most customers first bought within {last - first + 1} months, so that age cannot be told from season"
    return ""


def _forecast_cohort_level(months: CohortMonthRepeatSums, future: pd.DataFrame, btyd: MbgNbd) -> TotalForecast:
    past, X, ahead = (
        months.past,
        _build_cohort_model_inputs(months.past, btyd),
        _build_cohort_model_inputs(future, btyd),
    )
    spend, spend_error = AgePeriodCohort().fit(X, past["spend"].to_numpy()).predict_total(ahead)
    days, days_error = AgePeriodCohort().fit(X, past["purchase_days"].to_numpy()).predict_total(ahead)
    last_year = past.loc[past["month"] >= -MONTHS_A_YEAR, ["spend", "purchase_days"]].sum()
    mean_spend = last_year["spend"] / last_year["purchase_days"]
    return TotalForecast(float(np.sqrt(spend * days * mean_spend)), days, (spend_error + days_error) / 2, FORECAST)


def _build_cohort_model_inputs(cells: pd.DataFrame, btyd: MbgNbd) -> pd.DataFrame:
    """Let the exposure of each cohort and month be the purchases that BTYD expects of customers of that age."""
    start, end = (btyd.expected_cumulative_purchases(cells[age].to_numpy()) for age in ("from_age", "to_age"))
    age = (cells["from_age"] + cells["to_age"]) / 2
    return cells[["cohort", "month"]].assign(age=age, exposure=cells["customers"] * (end - start))
