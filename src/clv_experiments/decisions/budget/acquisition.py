"""What a new customer leaves in the first year, by cohort: what has come in, and what is predicted for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t
from sklearn.base import clone

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.first_year import YEAR, first_year
from clv_experiments.data.window import DAY, Horizon
from clv_experiments.decisions.estimate import Estimate
from clv_experiments.decisions.overview.months import SETTLING
from clv_experiments.decisions.segments.resampling import bounds
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import HISTORY, Snapshot
from clv_experiments.evaluation.checks import Floats
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.models.btyd import DAYS_A_YEAR

MAX_MONTHS = 12  # of first purchases, up to which cohorts are months and not quarters
MIN_COHORTS = 5  # that a trend is read from
STEP = 14  # days, within which expected purchases are taken to be spread evenly
PARTS = ["first_purchase", "repeat_purchases", "predicted"]
ALL = "all of them"


@dataclass(frozen=True, eq=False)
class PredictionCheck:
    """What came of the spend that was predicted a year ago.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a cohort and a last one for all: ``cohort``, ``customers``, means a customer ``predicted`` and
        ``realised`` (margin, currency), ``error`` (predicted / realised - 1) with its 95 % interval ``low``, ``high``,
        nan where nothing came.
    ratio : float
        Realised / predicted, of all customers.
    ratios : array, shape (replicates,)
        The same of customers drawn anew with replacement.
    """

    table: pd.DataFrame
    ratio: float
    ratios: Floats

    @property
    def error(self) -> Estimate | None:
        """Predicted / realised - 1, of all customers; None where nothing came."""
        total = self.table.iloc[-1]
        return None if np.isnan(total["error"]) else Estimate(total["error"], total["low"], total["high"])


@dataclass(frozen=True, eq=False)
class Acquisition:
    """How much a new customer may cost, and what that rests on.

    Attributes
    ----------
    cohorts : pandas.DataFrame
        From ``cohort_table``.
    recent : pandas.DataFrame
        Those of customers such as come now.
    mature : pandas.DataFrame
        Those that begin when the log was old enough to tell new customers from old ones.
    value : Estimate
        Mean first-year value of the recent ones (currency).
    trend : Estimate or None
        By how much the value rises from a mature cohort to the next; None where there are too few of them.
    check : PredictionCheck or None
    """

    cohorts: pd.DataFrame
    recent: pd.DataFrame
    mature: pd.DataFrame
    value: Estimate
    trend: Estimate | None
    check: PredictionCheck | None

    @property
    def predicted_share(self) -> float | None:
        """Share of the value that is predicted, after correction; None where practically all of it has come in."""
        columns = self.recent[["corrected", "predicted", "first_year_value"]]
        corrected, predicted, value = columns.mul(self.recent["customers"], axis=0).sum()
        return float(corrected / value) if predicted > 0.0005 * value else None

    @property
    def uncertain_cohorts(self) -> list[str]:
        """Recent cohorts whose customers may not be new at all."""
        return self.recent.loc[~self.recent["cohort"].isin(self.mature["cohort"]), "cohort"].tolist()

    @property
    def trend_case(self) -> Literal["unchecked", "too few", "chance", "trend"]:
        """What is to be told of a trend."""
        if self.check is None:
            return "unchecked"
        if self.trend is None:
            return "too few"
        return "trend" if self.trend.is_significant else "chance"


def analyse_acquisition(forecaster: Forecaster, now: Snapshot, shop: Shop, replicates: int, seed: int) -> Acquisition:
    """Average the first-year value of new customers, its predicted part corrected by what came of it a year ago.

    Parameters
    ----------
    forecaster : Forecaster
        Of the snapshot's log.
    now : Snapshot
        At the log's end.
    shop : Shop
    replicates, seed : int
    """
    values = first_year_values(forecaster.log, now.period.cutoff, now.btyd.X, now.btyd.estimator, shop)
    check = check_predictions(forecaster, now, values, shop, replicates, seed)
    ratios = check.ratios if check else np.ones(replicates)
    means = resampled_means(values, ratios, seed)
    cohorts = cohort_table(values, check.ratio if check else 1.0, means)
    recent, mature = recent_cohorts(values, cohorts), mature_cohorts(values, cohorts)
    return Acquisition(cohorts, recent, mature, pooled_value(recent, means), cohort_trend(mature, ratios), check)


def first_year_values(
    log: TransactionLog, cutoff: date, customers: pd.DataFrame, btyd: Any, shop: Shop
) -> pd.DataFrame:
    """Return the margin of each customer's first year, as far as it happened and as a BTYD model predicts the rest.

    Parameters
    ----------
    log : TransactionLog
        Read up to the cutoff.
    cutoff : date
    customers : pandas.DataFrame
        Features of all customers at the cutoff; ``T`` among them.
    btyd : fitted BTYD estimator
    shop : Shop

    Returns
    -------
    pandas.DataFrame
        Index ``customer_id`` (sorted): ``first_day``, ``cohort``, ``T`` (days since then, at the cutoff), and margins
        in currency, discounted to the first day: ``first_purchase``, ``repeat_purchases`` so far, ``predicted`` for
        what is left of the year.
    """
    daily = (1 + shop.annual_discount_rate) ** (-1 / DAYS_A_YEAR)
    spend, age = first_year(log, cutoff, daily), customers["T"]
    first_day = pd.to_datetime(spend["first_day"])
    return pd.DataFrame(
        {
            "first_day": first_day,
            "cohort": name_cohorts(first_day),
            "T": age,
            "first_purchase": shop.margin * spend["first_spend"],
            "repeat_purchases": shop.margin * spend["repeat_spend"],
            "predicted": shop.margin * predict_rest_of_year(customers, btyd, daily) * daily**age,
        }
    )


def predict_rest_of_year(customers: pd.DataFrame, btyd: Any, daily_discount: float) -> pd.Series:
    """Return the expected spend of the days that are left of each customer's first year, discounted to the cutoff.

    Expected purchases are taken in steps of two weeks, each discounted from its middle.
    """
    days_left = (YEAR - 1 - customers["T"]).clip(lower=0)
    worth = pd.Series(0.0, index=customers.index)
    purchases = pd.Series(0.0, index=customers.index)
    for start in range(0, int(days_left.max()), STEP):
        remaining = customers[days_left > start]
        cumulative = pd.Series(btyd.expected_purchases(remaining, float(start + STEP)), remaining.index)
        share = ((days_left[remaining.index] - start) / STEP).clip(upper=1)
        middle = start + share * STEP / 2
        worth[remaining.index] += (cumulative - purchases[remaining.index]) * share * daily_discount**middle
        purchases[remaining.index] = cumulative
    unfinished = customers[days_left > 0]
    if len(unfinished):
        worth[unfinished.index] *= btyd.expected_spend_per_purchase(unfinished)
    return worth


def name_cohorts(first_day: pd.Series) -> pd.Series:
    """Name the cohort of each customer: the month of the first purchase, or the quarter where there are many months."""
    months = first_day.dt.to_period("M")
    if months.nunique() <= MAX_MONTHS:
        return months.astype(str)
    return first_day.dt.year.astype(str) + " Q" + first_day.dt.quarter.astype(str)


def resampled_means(values: pd.DataFrame, ratios: Floats, seed: int) -> pd.DataFrame:
    """Draw the customers of each cohort anew with replacement and average their first-year value.

    Parameters
    ----------
    values : pandas.DataFrame
        From ``first_year_values``.
    ratios : array, shape (replicates,)
        What comes of predicted spend, drawn anew as well.
    seed : int

    Returns
    -------
    pandas.DataFrame, shape (replicates, cohorts)
    """
    rng = np.random.default_rng(seed)
    means = {}
    for name, members in values.groupby("cohort"):
        realised, predicted = members[PARTS[:2]].sum(axis=1).to_numpy(), members["predicted"].to_numpy()
        resamples = zip(_resamples(len(members), len(ratios), rng), ratios, strict=True)
        means[name] = [realised[rows].mean() + ratio * predicted[rows].mean() for rows, ratio in resamples]
    return pd.DataFrame(means)


def _resamples(customers: int, replicates: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield row numbers that are drawn with replacement."""
    return (rng.integers(customers, size=customers) for _ in range(replicates))


def cohort_table(values: pd.DataFrame, ratio: float, means: pd.DataFrame) -> pd.DataFrame:
    """Average the first-year value by cohort.

    Parameters
    ----------
    values : pandas.DataFrame
        From ``first_year_values``.
    ratio : float
        What comes of predicted spend, by a check; 1 takes predictions as they are.
    means : pandas.DataFrame
        From ``resampled_means``.

    Returns
    -------
    pandas.DataFrame
        One row a cohort, oldest first: ``cohort``, ``customers``, mean margins a customer ``first_purchase``,
        ``repeat_purchases``, ``predicted`` and ``corrected`` (predicted times ratio), ``first_year_value`` (with what
        is corrected) with its 95 % interval ``low``, ``high``, and ``year_over``, the share of customers whose first
        year is over.
    """
    groups = values.groupby("cohort")
    table = groups[PARTS].mean()
    table.insert(0, "customers", groups.size())
    table["corrected"] = table["predicted"] * ratio
    table["first_year_value"] = table[["first_purchase", "repeat_purchases", "corrected"]].sum(axis=1)
    table["low"], table["high"] = bounds(means[table.index])
    table["year_over"] = (values["T"] >= YEAR - 1).groupby(values["cohort"]).mean()
    return table.reset_index()


def recent_cohorts(values: pd.DataFrame, cohorts: pd.DataFrame) -> pd.DataFrame:
    """Keep the cohorts whose customers came within a year before the last one did: such as come now."""
    starts = values.groupby("cohort")["first_day"].min()
    return cohorts[(values["first_day"].max() - cohorts["cohort"].map(starts)).dt.days < YEAR]


def mature_cohorts(values: pd.DataFrame, cohorts: pd.DataFrame) -> pd.DataFrame:
    """Keep the cohorts that begin when the log was old enough to tell new customers from old ones."""
    months = values.groupby("cohort")["first_day"].min().dt.to_period("M")
    return cohorts[(cohorts["cohort"].map(months) >= months.min() + SETTLING).to_numpy()]


def pooled_value(cohorts: pd.DataFrame, means: pd.DataFrame) -> Estimate:
    """Return the mean value of a customer of some cohorts (currency)."""
    weights = cohorts["customers"].to_numpy(float) / cohorts["customers"].sum()
    value = (cohorts["first_year_value"].to_numpy() * weights).sum()
    return Estimate.of(value, (means[list(cohorts["cohort"])].to_numpy() * weights).sum(axis=1))


def cohort_trend(cohorts: pd.DataFrame, ratios: Floats) -> Estimate | None:
    """Return by how much the value rises from a cohort to the next (currency).

    A least-squares line through the cohorts. Its error is that of the cohorts around the line (t distribution), since
    cohorts differ by more than their customers do by chance, and that of the ratio, which all predictions share.

    Parameters
    ----------
    cohorts : pandas.DataFrame
        From ``mature_cohorts``; fewer than five have no trend.
    ratios : array, shape (replicates,)
        What comes of predicted spend, drawn anew.
    """
    if len(cohorts) < MIN_COHORTS:
        return None
    value, position = cohorts["first_year_value"].to_numpy(float), np.arange(len(cohorts)) - (len(cohorts) - 1) / 2
    weights = position / (position**2).sum()
    slope, freedom = float(weights @ value), len(cohorts) - 2
    residuals = value - value.mean() - slope * position
    ratio_error = float(weights @ cohorts["predicted"].to_numpy(float)) * ratios.std()
    error = np.sqrt((residuals**2).sum() / freedom / (position**2).sum() + ratio_error**2)
    half_width = t.ppf(0.975, freedom) * error
    return Estimate(slope, float(slope - half_width), float(slope + half_width))


def check_predictions(
    forecaster: Forecaster, now: Snapshot, today: pd.DataFrame, shop: Shop, replicates: int, seed: int
) -> PredictionCheck | None:
    """Fit the BTYD model to what was known a year before and set its predictions beside what came.

    The first year of everyone who was new then is over now, and the days that were left of it are spread as those of
    today's new customers are.

    Parameters
    ----------
    forecaster : Forecaster
    now : Snapshot
    today : pandas.DataFrame
        From ``first_year_values`` at its cutoff.
    shop : Shop
    replicates, seed : int

    Returns
    -------
    PredictionCheck or None
        None where the log holds no whole horizon before that cutoff, or nothing was predicted then.
    """
    cutoff = Horizon(12, "months").shift(now.period.cutoff + DAY, -1) - DAY
    if forecaster.window.horizon.shift(cutoff + DAY, -1) < forecaster.log.start:
        return None
    customers = forecaster.features(cutoff, HISTORY)
    btyd = clone(now.btyd.estimator).fit(customers)
    then = first_year_values(forecaster.log, cutoff, customers, btyd, shop)
    return compare_predictions(then, today, replicates, seed)


def compare_predictions(then: pd.DataFrame, today: pd.DataFrame, replicates: int, seed: int) -> PredictionCheck | None:
    """Set first-year values at an earlier cutoff beside those at a later one, of customers whose year ended between."""
    new = then[(then["T"] < YEAR - 1) & (today["T"].reindex(then.index) >= YEAR - 1)]
    realised = today.loc[new.index, "repeat_purchases"] - new["repeat_purchases"]
    pairs = pd.DataFrame({"predicted": new["predicted"], "realised": realised})
    if not pairs["predicted"].sum() > 0:
        return None
    rng = np.random.default_rng(seed)
    ratios = _resampled_ratios(pairs, replicates, rng)
    cohorts = pairs.groupby(today.loc[pairs.index, "cohort"])
    rows = [_check_row(str(name), group, _resampled_ratios(group, replicates, rng)) for name, group in cohorts]
    ratio = float(pairs["realised"].sum() / pairs["predicted"].sum())
    return PredictionCheck(pd.DataFrame([*rows, _check_row(ALL, pairs, ratios)]), ratio, ratios)


def _resampled_ratios(pairs: pd.DataFrame, replicates: int, rng: np.random.Generator) -> Floats:
    predicted, realised = pairs.to_numpy().T
    return np.array([realised[rows].sum() / predicted[rows].sum() for rows in _resamples(len(pairs), replicates, rng)])


def _check_row(name: str, pairs: pd.DataFrame, ratios: Floats) -> dict[str, object]:
    predicted, realised = pairs.mean()
    error = Estimate(np.nan, np.nan, np.nan)
    if realised > 0 and (ratios > 0).all():
        error = Estimate.of(predicted / realised - 1, 1 / ratios - 1)
    row = {"cohort": name, "customers": len(pairs), "predicted": predicted, "realised": realised}
    return row | {"error": error.value, "low": error.low, "high": error.high}
