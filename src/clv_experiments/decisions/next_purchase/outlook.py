"""When customers buy next: which candidate predicts it best, who is due, and how many come back week by week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom

from clv_experiments.data.window import Horizon, Period
from clv_experiments.decisions.next_purchase.backtest import Backtest, run_backtest
from clv_experiments.decisions.next_purchase.board import NextPurchaseBoard, Progress, compare_candidates
from clv_experiments.decisions.next_purchase.candidates import Candidate, fit_btyd, fit_candidates
from clv_experiments.decisions.next_purchase.dates import next_purchase_dates
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot, days_since_last
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.confidence_intervals import Z
from clv_experiments.evaluation.validation import Floats
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model

LISTED = 20
CHANCE = 0.025  # fewer weeks within their range than all but this share of such periods have: not by chance


@dataclass(frozen=True, eq=False)
class DueCustomers:
    """The customers most likely to buy soon, and what became of those chosen alike one period before.

    The table has at most 20 rows, most probable first, equal ones by expected spend: ``customer_id``, ``country``
    (where known), ``p_within_<days>_days``, ``next_purchase``, ``next_purchase_low``, ``next_purchase_high`` (days),
    ``expected_spend`` in the period (currency), ``days_since_last``.
    """

    table: pd.DataFrame
    within_days: int  # what soon means
    limit: Horizon | None  # dates are given a purchase within it; None is within the period
    chosen_before: int  # customers chosen alike one period before
    bought_before: int  # those of them who bought so soon
    expected_before: float  # how many of them were expected to

    @property
    def probabilities(self) -> pd.Series:
        """P(a purchase comes so soon) of the customers in the table."""
        return self.table[f"p_within_{self.within_days}_days"]


@dataclass(frozen=True, eq=False)
class WeeklyReturns:
    """Customers who come back in each week, counted when first back; tables are from ``expected_by_week``."""

    before: pd.DataFrame  # of the period that is over; its column ``came`` is how many did
    ahead: pd.DataFrame  # of the coming period

    @property
    def weeks_above(self) -> int:
        """Weeks in which more came than chance alone allows."""
        return int((self.before["came"] > np.ceil(self.before["expected_upper"])).sum())

    @property
    def weeks_below(self) -> int:
        """Weeks in which fewer came than chance alone allows."""
        return int((self.before["came"] < np.floor(self.before["expected_lower"])).sum())

    @property
    def weeks_within(self) -> int:
        """Weeks in which as many came as chance allows."""
        return len(self.before) - self.weeks_above - self.weeks_below

    @property
    def is_chance(self) -> bool:
        """Whether chance alone leaves so many weeks outside their 95 % ranges."""
        return bool(binom.cdf(self.weeks_within, len(self.before), 0.95) >= CHANCE)


@dataclass(frozen=True, eq=False)
class NextPurchaseOutlook:
    """What is expected of the coming period, and how the same went in the one before.

    The candidate is the BTYD model behind a report's other dates, fitted for the coming period: dates of one report
    agree, whichever candidate predicts best.
    """

    board: NextPurchaseBoard  # of the period that is over
    candidate: Candidate
    now: Period
    previous: Period
    customers: int
    expected_buyers: float  # customers expected to buy within the first checkpoint of the coming period
    due: DueCustomers
    weeks: WeeklyReturns


def next_purchase_outlook(
    now: Snapshot,
    previous: Snapshot,
    forecaster: Forecaster,
    models: Sequence[Model],
    hazard_features: FeatureSet,
    shop: Shop,
    seed: int,
    replicates: int,
    progress: Progress | None = None,
) -> NextPurchaseOutlook:
    """Compare all candidates on the period that is over, and predict the coming one by the BTYD model in use.

    Parameters
    ----------
    now, previous : Snapshot
        The coming period, and the one before it, which is over.
    models : sequence of Model
        BTYD models, that of ``now`` among them.
    hazard_features : FeatureSet
        What the hazard learns from.
    seed, replicates : int
        Of the bootstrap, the seed also of the hazard.
    progress : callable, optional
        Is told (done, replicates).

    Raises
    ------
    ClvError
        If ``previous`` is not over.
    """
    if not previous.is_over:
        raise ClvError(f"next purchases are compared on a period that is over, got the coming one, {previous.period}")
    candidates = fit_candidates(forecaster, previous, models, hazard_features, seed)
    backtest = run_backtest(candidates, previous.table["days_to_purchase"], previous.period.days, shop.interval)
    candidate = fit_btyd(forecaster, now, next(model for model in models if model.name == now.btyd_name))
    return NextPurchaseOutlook(
        compare_candidates(backtest, replicates, seed, progress),
        candidate,
        now.period,
        previous.period,
        len(now.table),
        float(candidate.purchase_probability(backtest.checkpoints[0]).sum()),
        due_customers(now, candidate, backtest, shop),
        weekly_returns(now, candidate, backtest),
    )


def due_customers(now: Snapshot, candidate: Candidate, backtest: Backtest, shop: Shop) -> DueCustomers:
    """List the customers most likely to buy within the first checkpoint."""
    days = backtest.checkpoints[0]
    table = now.table.assign(
        probability=candidate.purchase_probability(days), days_since_last=days_since_last(now.table).astype(int)
    ).reset_index()
    order = ["probability", "expected_spend", "customer_id"]
    table = table.sort_values(order, ascending=[False, False, True], kind="stable").head(LISTED)
    limit = shop.next_purchase_within if candidate.sees_beyond_period else None
    limit_days = limit.after(now.period.cutoff).days if limit else now.period.days
    X = candidate.X.loc[table["customer_id"]]
    dates = next_purchase_dates(candidate.estimator, X, now.period.cutoff, limit_days, shop.interval)
    dates = dates.drop(columns="p_next_purchase")
    table = table.merge(dates, left_on="customer_id", right_index=True).reset_index(drop=True)
    country = ["country"] if "country" in table else []
    table = table[["customer_id", *country, "probability", *dates.columns, "expected_spend", "days_since_last"]]
    before = pd.Series(backtest.probability_within(days, backtest.prediction(candidate.name))).nlargest(LISTED)
    return DueCustomers(
        table.rename(columns={"probability": f"p_within_{days}_days"}),
        days,
        limit,
        len(before),
        int(backtest.bought_within(days)[before.index].sum()),
        float(before.sum()),
    )


def weekly_returns(now: Snapshot, candidate: Candidate, backtest: Backtest) -> WeeklyReturns:
    """Count the customers expected back in each week of the coming period, and how the period before went."""
    probabilities = backtest.prediction(candidate.name).probabilities
    before = expected_by_week(probabilities, backtest.days).assign(came=returned_by_week(backtest))
    ends = week_ends(now.period.days)
    return WeeklyReturns(before, expected_by_week(candidate.estimator.purchase_probabilities(candidate.X, ends), ends))


def expected_by_week(probabilities: Floats, days: np.ndarray) -> pd.DataFrame:
    """Count the customers who are expected to come back in each week ahead.

    Parameters
    ----------
    probabilities : array, shape (n, days)
        P(the next purchase comes within each number of days).
    days : array of int, shape (days,)
        Rising.

    Returns
    -------
    pandas.DataFrame
        ``last_day`` (of each whole week, from the cutoff), ``expected`` customers whose next purchase falls into it,
        ``expected_lower``, ``expected_upper``: within which 95 % of such counts lie, customers being independent and
        the probabilities right.
    """
    ends = week_ends(int(days[-1]))
    grid = np.concatenate([[0], days])
    after = np.clip(np.searchsorted(grid, ends, side="left"), 1, len(grid) - 1)
    weight = (ends - grid[after - 1]) / (grid[after] - grid[after - 1])
    cumulative = np.column_stack([np.zeros(len(probabilities)), probabilities])
    at_ends = cumulative[:, after - 1] * (1 - weight) + cumulative[:, after] * weight
    p_week = np.diff(at_ends, axis=1, prepend=0.0)
    expected, margin = p_week.sum(axis=0), Z * np.sqrt((p_week * (1 - p_week)).sum(axis=0))
    return pd.DataFrame(
        {
            "last_day": ends,
            "expected": expected,
            "expected_lower": np.maximum(expected - margin, 0.0),
            "expected_upper": expected + margin,
        }
    )


def returned_by_week(backtest: Backtest) -> np.ndarray:
    """Count the customers who came back in each week of the period, shape (weeks,)."""
    ends = week_ends(int(backtest.days[-1]))
    return np.diff([(backtest.days_to_purchase <= end).sum() for end in ends], prepend=0)


def week_ends(horizon_days: int) -> np.ndarray:
    """Return the last day of each whole week ahead; a horizon below a week counts as one."""
    return np.arange(7, horizon_days + 1, 7) if horizon_days >= 7 else np.array([horizon_days])
