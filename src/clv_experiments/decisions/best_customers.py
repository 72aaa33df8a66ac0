"""Which customers are worth most in the coming period, where their total lies, and how far off it was before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clv_experiments.data.horizon import DAY, Horizon, Period
from clv_experiments.decisions.segments.tiers import TIERS
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import TotalForecast

YEAR = Horizon(12, "months")


@dataclass(frozen=True)
class SamePeriodLastYear:
    """What the customers known then spent on the same days a year before."""

    customers: int
    spend: float  # currency


@dataclass(frozen=True)
class AllCustomersTotalRange:
    """The range of the coming period's total, in currency.

    It comes with the forecast of the total, widened where the periods that are over ask for it, or else from actual to
    expected totals of these.
    """

    low: float
    high: float
    periods: int  # that are over, and tell what such ranges are worth
    periods_covered: int  # of these, how often the total lay in such a range


@dataclass(frozen=True, eq=False)
class RankedCustomers:
    """The customers of the coming period, and the totals of earlier ones."""

    by_spend: pd.DataFrame  # one row a customer, the highest expected spend first
    by_probability: pd.DataFrame  # the highest probability of buying first
    past: pd.DataFrame  # from past_totals
    now: Snapshot  # of the coming period
    interval: float  # probability with which a range is to hold the total
    year_before: SamePeriodLastYear | None  # None where the log does not hold it
    widening_factor: float  # of the level's interval, see ``widening_factor``

    @property
    def level(self) -> TotalForecast | None:
        """What the total of the coming period is brought to; None where it is the model's own."""
        return self.now.model.level

    @property
    def expected_total(self) -> float:
        """What all customers together are expected to spend."""
        return float(self.by_spend["expected_spend"].sum())

    @property
    def has_single_model(self) -> bool:
        """Whether CLV and expected spend are of one model, so that they may stand in one row."""
        return self.now.model_name == self.now.btyd_name

    @property
    def past_total_ratios(self) -> pd.Series:
        """Actual to expected total in each period that is over, where anything was expected."""
        return self.past["came_to_expected"].dropna()

    @property
    def total_range(self) -> AllCustomersTotalRange | None:
        """Where the total lies; None where neither the forecast nor a period that is over tells."""
        if self.level:
            ranges = self.past.dropna(subset=["low", "high"])
            held = ranges["came"].between(ranges["low"], ranges["high"])
            low, high = widen_interval(self.level, self.interval, self.widening_factor)
            return AllCustomersTotalRange(low, high, len(ranges), int(held.sum()))
        ratios = self.past_total_ratios.to_numpy(float)
        if not len(ratios):
            return None
        factors = ratios if len(ratios) > 1 else np.append(ratios, 1.0)  # one period is not a range
        low, high = self.expected_total * factors.min(), self.expected_total * factors.max()
        return AllCustomersTotalRange(float(low), float(high), len(ratios), len(ratios))

    @property
    def all_predictions_equal(self) -> bool:
        """Whether the same is expected of everybody."""
        return self.by_spend["expected_spend"].iloc[-1] == self.by_spend["expected_spend"].iloc[0]

    @property
    def has_intervals(self) -> bool:
        """Whether the highest expected spend has an interval."""
        return not np.isnan(self.by_spend["expected_spend_low"].iloc[0])

    @property
    def high_tier(self) -> pd.DataFrame:
        """The customers of the tier High."""
        return self.by_spend[self.by_spend["value_tier"] == TIERS[0]]


def rank_customers(
    scored: pd.DataFrame,
    now: Snapshot,
    past: Sequence[Snapshot],
    interval: float,
    year_before: SamePeriodLastYear | None,
) -> RankedCustomers:
    """Order the customers by expected spend and by probability of buying.

    ``scored`` has one row a customer of ``now``, the coming period: the columns of ``customer_scores.COLUMNS``.
    ``past`` are periods that are over, latest first.
    """
    factor = widening_factor(past, interval)
    return RankedCustomers(
        scored.sort_values(["expected_spend", "customer_id"], ascending=[False, True], kind="stable"),
        scored.sort_values(["p_purchase", "expected_spend"], ascending=False, kind="stable"),
        past_totals(past, interval, factor),
        now,
        interval,
        year_before,
        factor,
    )


def sum_same_period_last_year(forecaster: Forecaster, period: Period) -> SamePeriodLastYear | None:
    """Sum what was spent on the same days a year before a period; None where these are not over or not in the log."""
    cutoff, end = (YEAR.shift_day(day + DAY, -1) - DAY for day in (period.cutoff, period.end))
    if cutoff < forecaster.log.start or end > period.cutoff:
        return None
    spend = forecaster.outcome(Period(cutoff, end))["spend"]
    return SamePeriodLastYear(len(spend), float(spend.sum()))


def widening_factor(past: Sequence[Snapshot], interval: float) -> float:
    """Return by what factor the logarithmic widths of intervals of the total must grow to hold as often as promised.

    That is the quantile of the errors in units of the half widths that split-conformal intervals take (Lei et al.
    2018), or the largest where there are too few periods for it, and at least 1.
    """
    errors = [
        abs(np.log(total / level.total)) / np.log(level.interval(interval)[1] / level.total)
        for snapshot in past
        if (level := snapshot.model.level) and (total := snapshot.table["y_true"].sum()) > 0
    ]
    rank = min(int(np.ceil((len(errors) + 1) * interval)), len(errors))
    return max(1.0, float(np.sort(errors)[rank - 1])) if errors else 1.0


def widen_interval(level: TotalForecast, interval: float, factor: float) -> tuple[float, float]:
    """Return the interval of a total whose logarithmic width is a multiple of what the level says."""
    return replace(level, standard_error=factor * level.standard_error).interval(interval)


def past_totals(past: Sequence[Snapshot], interval: float, factor: float = 1.0) -> pd.DataFrame:
    """Set what all customers spent in each period that is over beside what was expected of them then.

    Columns: ``first_day``, ``last_day``, ``customers``, ``expected``, ``low``, ``high`` (where it was to lie with the
    probability ``interval``, widened by ``factor``; NaN where the model gave no range), ``came`` (currency),
    ``came_to_expected`` (NaN where nothing was expected); latest first.
    """
    rows = []
    for snapshot in past:
        level = snapshot.model.level
        low, high = widen_interval(level, interval, factor) if level else (np.nan, np.nan)
        rows.append(
            {
                "first_day": pd.Timestamp(snapshot.period.cutoff + DAY),
                "last_day": pd.Timestamp(snapshot.period.end),
                "customers": len(snapshot.table),
                "expected": snapshot.table["expected_spend"].sum(),
                "low": low,
                "high": high,
                "came": snapshot.table["y_true"].sum(),
            }
        )
    table = pd.DataFrame(rows)
    return table.assign(came_to_expected=table["came"] / table["expected"].where(table["expected"] > 0))
