"""First-year value of new customers by cohort: what they have spent so far, and what is predicted for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from sklearn.base import clone

from clv_experiments.data.horizon import DAY, Horizon
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.attributes import YEAR, first_and_repeat_year_spend
from clv_experiments.decisions.overview.months import BURN_IN
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import HISTORY_FEATURE_SET, Snapshot
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.confidence_intervals import Estimate, bootstrap_positions, percentile_interval
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.models.btyd import DAYS_A_YEAR, BtydRegressor

MAX_MONTHS = 12  # of first purchases, up to which cohorts are months and not quarters
STEP = 14  # days, within which expected purchases are assumed to be spread evenly
PARTS = ["first_purchase", "repeat_purchases", "predicted"]


@dataclass(frozen=True, eq=False)
class PredictionCheck:
    """A prediction made a year ago against what customers have spent since; means are margins in currency."""

    customers: int
    predicted: float  # mean a customer
    realised: float
    ratios: Floats  # bootstrap replicates of realised / predicted

    @property
    def ratio(self) -> float:
        """Realised / predicted."""
        return self.realised / self.predicted

    @property
    def relative_error(self) -> Estimate | None:
        """Predicted / realised - 1; None where nobody spent."""
        if not (self.realised > 0 and (self.ratios > 0).all()):
            return None
        return Estimate.from_replicates(self.predicted / self.realised - 1, 1 / self.ratios - 1)


@dataclass(frozen=True, eq=False)
class Acquisition:
    """How much a new customer may cost, and what that rests on."""

    cohorts: pd.DataFrame  # from summarise_cohort_values
    recent: pd.DataFrame  # of these, select_recent_cohorts
    burn_in_cohorts: list[str]  # names of the recent ones whose customers may not be new at all
    value: Estimate  # mean first-year value of the recent ones (currency)
    check: PredictionCheck | None

    @property
    def predicted_share(self) -> float | None:
        """Share of the value that is predicted, after correction; None where practically all of it has come in."""
        columns = self.recent[["corrected", "predicted", "first_year_value"]]
        corrected, predicted, value = columns.mul(self.recent["customers"], axis=0).sum()
        return float(corrected / value) if predicted > 0.0005 * value else None


def analyse_acquisition(forecaster: Forecaster, now: Snapshot, shop: Shop, replicates: int, seed: int) -> Acquisition:
    """Average the first-year value of new customers, its prediction corrected by how one a year ago turned out."""
    values = first_year_margin_by_customer(forecaster.log, now.period.cutoff, now.btyd.X, now.btyd.estimator, shop)
    check = backtest_first_year(forecaster, now, values, shop, replicates, seed)
    means = bootstrap_cohort_means(values, check.ratios if check else np.ones(replicates), seed)
    cohorts = summarise_cohort_values(values, check.ratio if check else 1.0, means)
    recent = select_recent_cohorts(values, cohorts)
    return Acquisition(cohorts, recent, burn_in_cohorts(values, recent), pool_cohort_values(recent, means), check)


def first_year_margin_by_customer(
    log: TransactionLog, cutoff: date, customers: pd.DataFrame, btyd: BtydRegressor, shop: Shop
) -> pd.DataFrame:
    """Return the margin of each customer's first year, up to the cutoff and as a BTYD model predicts the rest.

    Parameters
    ----------
    customers : pandas.DataFrame
        What the fitted ``btyd`` predicts from, for all customers of the cutoff; ``T`` among it.

    Returns
    -------
    pandas.DataFrame
        Index ``customer_id`` (sorted): ``first_day``, ``cohort``, ``T`` (days since then, at the cutoff), and margins
        in currency, discounted to the first day: ``first_purchase``, ``repeat_purchases`` so far, ``predicted`` for
        what is left of the year.
    """
    daily = (1 + shop.annual_discount_rate) ** (-1 / DAYS_A_YEAR)
    spend, age = first_and_repeat_year_spend(log, cutoff, daily), customers["T"]
    first_day = pd.to_datetime(spend["first_day"])
    return pd.DataFrame(
        {
            "first_day": first_day,
            "cohort": assign_cohorts(first_day),
            "T": age,
            "first_purchase": shop.margin * spend["first_spend"],
            "repeat_purchases": shop.margin * spend["repeat_spend"],
            "predicted": shop.margin * predict_rest_of_year(customers, btyd, daily) * daily**age,
        }
    )


def predict_rest_of_year(customers: pd.DataFrame, btyd: BtydRegressor, daily_discount: float) -> pd.Series:
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


def assign_cohorts(first_day: pd.Series) -> pd.Series:
    """Name the cohort of each customer: the month of the first purchase, or the quarter where there are many months."""
    months = first_day.dt.to_period("M")
    if months.nunique() <= MAX_MONTHS:
        return months.astype(str)
    return first_day.dt.year.astype(str) + " Q" + first_day.dt.quarter.astype(str)


def bootstrap_cohort_means(values: pd.DataFrame, ratios: Floats, seed: int) -> pd.DataFrame:
    """Return bootstrap means of the first-year value, shape (replicates, cohorts).

    Each replicate resamples the customers of each cohort and takes its own ratio of realised to predicted spend.
    """
    rng = np.random.default_rng(seed)
    means = {}
    for name, members in values.groupby("cohort"):
        realised, predicted = members[PARTS[:2]].sum(axis=1).to_numpy(), members["predicted"].to_numpy()
        resamples = zip(bootstrap_positions(len(members), len(ratios), rng), ratios, strict=True)
        means[name] = [realised[rows].mean() + ratio * predicted[rows].mean() for rows, ratio in resamples]
    return pd.DataFrame(means)


def summarise_cohort_values(values: pd.DataFrame, ratio: float, means: pd.DataFrame) -> pd.DataFrame:
    """Average the first-year value by cohort.

    Returns
    -------
    pandas.DataFrame
        One row a cohort, oldest first: ``cohort``, ``customers``, mean margins a customer ``first_purchase``,
        ``repeat_purchases``, ``predicted``, ``corrected`` (predicted times ratio) and ``first_year_value`` (of the
        first two and the last) with its 95 % interval ``low``, ``high``; ``year_over`` is the share of customers whose
        first year is over.
    """
    groups = values.groupby("cohort")
    table = groups[PARTS].mean()
    table.insert(0, "customers", groups.size())
    table["corrected"] = table["predicted"] * ratio
    table["first_year_value"] = table[["first_purchase", "repeat_purchases", "corrected"]].sum(axis=1)
    table["low"], table["high"] = percentile_interval(means[table.index])
    table["year_over"] = (values["T"] >= YEAR - 1).groupby(values["cohort"]).mean()
    return table.reset_index()


def select_recent_cohorts(values: pd.DataFrame, cohorts: pd.DataFrame) -> pd.DataFrame:
    """Keep the cohorts that started within a year before the last new customer: those like today's."""
    starts = values.groupby("cohort")["first_day"].min()
    return cohorts[(values["first_day"].max() - cohorts["cohort"].map(starts)).dt.days < YEAR]


def burn_in_cohorts(values: pd.DataFrame, cohorts: pd.DataFrame) -> list[str]:
    """Name the cohorts that begin before the log is old enough to tell new customers from old ones."""
    months = values.groupby("cohort")["first_day"].min().dt.to_period("M")
    return cohorts.loc[(cohorts["cohort"].map(months) < months.min() + BURN_IN).to_numpy(), "cohort"].tolist()


def pool_cohort_values(cohorts: pd.DataFrame, means: pd.DataFrame) -> Estimate:
    """Return the mean value of a customer of some cohorts (currency)."""
    weights = cohorts["customers"].to_numpy(float) / cohorts["customers"].sum()
    value = (cohorts["first_year_value"].to_numpy() * weights).sum()
    return Estimate.from_replicates(value, (means[list(cohorts["cohort"])].to_numpy() * weights).sum(axis=1))


def backtest_first_year(
    forecaster: Forecaster, now: Snapshot, today: pd.DataFrame, shop: Shop, replicates: int, seed: int
) -> PredictionCheck | None:
    """Fit the BTYD model to the log as it was a year ago and compare its predictions with what customers spent.

    The first year of everyone who was new then is over, and the days they had left of it are spread like those of
    today's new customers. None where the log holds no whole horizon before that cutoff, or nothing was predicted.
    """
    cutoff = Horizon(12, "months").shift_day(now.period.cutoff + DAY, -1) - DAY
    if forecaster.window.horizon.shift_day(cutoff + DAY, -1) < forecaster.log.start:
        return None
    customers = forecaster.features(cutoff, HISTORY_FEATURE_SET)
    btyd = clone(now.btyd.estimator).fit(customers)
    earlier = first_year_margin_by_customer(forecaster.log, cutoff, customers, btyd, shop)
    return compare_with_year_ago(earlier, today, replicates, seed)


def compare_with_year_ago(
    earlier: pd.DataFrame, today: pd.DataFrame, replicates: int, seed: int
) -> PredictionCheck | None:
    """Compare values at an earlier cutoff with today's, of customers whose first year ended in between."""
    new = earlier[(earlier["T"] < YEAR - 1) & (today["T"].reindex(earlier.index) >= YEAR - 1)]
    predicted = new["predicted"].to_numpy()
    realised = (today.loc[new.index, "repeat_purchases"] - new["repeat_purchases"]).to_numpy()
    if not predicted.sum() > 0:
        return None
    resamples = bootstrap_positions(len(new), replicates, seed)
    ratios = np.array([realised[rows].sum() / predicted[rows].sum() for rows in resamples])
    return PredictionCheck(len(new), predicted.mean(), realised.mean(), ratios)
