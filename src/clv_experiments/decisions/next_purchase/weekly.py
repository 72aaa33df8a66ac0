"""How many customers come back in each week ahead, and how many came in the weeks that are over."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binom

from clv_experiments.decisions.display.next_purchase_figures import weeks_picture
from clv_experiments.decisions.next_purchase.backtest import Trial
from clv_experiments.decisions.next_purchase.candidates import Contender
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.evaluation.binomial import Z
from clv_experiments.evaluation.checks import Floats
from clv_experiments.reporting.chart_style import printable
from clv_experiments.reporting.exhibit import Exhibit
from clv_experiments.reporting.formatting import format_count, format_day


def by_week(probabilities: Floats, days: np.ndarray) -> pd.DataFrame:
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
        ``last_day`` (of each whole week, from the cutoff), ``expected`` customers whose next
        purchase falls into it, ``expected_lower``, ``expected_upper``: within which 95 % of such counts lie, customers
        being independent and the probabilities right.
    """
    ends = week_ends(int(days[-1]))
    at = np.concatenate([[0], days])
    place = np.clip(np.searchsorted(at, ends, side="left"), 1, len(at) - 1)
    weight = (ends - at[place - 1]) / (at[place] - at[place - 1])
    risen = np.column_stack([np.zeros(len(probabilities)), probabilities])
    cumulative = risen[:, place - 1] * (1 - weight) + risen[:, place] * weight
    chance = np.diff(cumulative, axis=1, prepend=0.0)
    expected, spread = chance.sum(axis=0), Z * np.sqrt((chance * (1 - chance)).sum(axis=0))
    return pd.DataFrame(
        {
            "last_day": ends,
            "expected": expected,
            "expected_lower": np.maximum(expected - spread, 0.0),
            "expected_upper": expected + spread,
        }
    )


def week_ends(horizon_days: int) -> np.ndarray:
    """Return the last day of each whole week ahead; a horizon below a week counts as one."""
    return np.arange(7, horizon_days + 1, 7) if horizon_days >= 7 else np.array([horizon_days])


def came_by_week(judged: Trial) -> np.ndarray:
    """Count the customers who came back in each week of the period, shape (weeks,)."""
    ends = week_ends(int(judged.days[-1]))
    return np.diff([(judged.waited <= end).sum() for end in ends], prepend=0)


def weeks_exhibit(judged: Trial, due: Contender, now: Snapshot, previous: Snapshot) -> Exhibit:
    """Show the customers who are expected back in each week of the coming period, and how the period before went."""
    before = by_week(judged.of(due.name).probabilities, judged.days).assign(came=came_by_week(judged))
    ends = week_ends(now.period.days)
    ahead = by_week(due.estimator.purchase_probabilities(due.X, ends), ends)
    after = [format_day(snapshot.period.cutoff) for snapshot in (previous, now)]
    figure = weeks_picture(
        [(f"after {after[0]}", before), (f"after {after[1]}", ahead)],
        due.family,
        f"Each counts once, when first back. Expected by {printable(due.name)}; lines: 95 % by chance",
    )
    weeks = pd.concat([ahead.assign(cutoff=now.period.cutoff), before.assign(cutoff=previous.period.cutoff)])
    weeks["cutoff"] = pd.to_datetime(weeks["cutoff"])
    return Exhibit(
        "next_purchase_weeks",
        "Customers who come back, week by week",
        _sentences(before, ahead, after),
        weeks[["cutoff", *before.columns]],
        {"cutoff": "weeks after", "last_day": "up to day", "expected_lower": "from", "expected_upper": "to"},
        dict.fromkeys(["expected", "expected_lower", "expected_upper", "came"], "count"),
        figure,
        shown=len(ahead),
    )


def _sentences(before: pd.DataFrame, ahead: pd.DataFrame, after: list[str]) -> list[str]:
    weeks = format_count(len(before), "week")
    came, low, high = before["came"], np.floor(before["expected_lower"]), np.ceil(before["expected_upper"])
    held, more, fewer = (int(those.sum()) for those in (came.between(low, high), came > high, came < low))
    unlikely = binom.cdf(held, len(before), 0.95) < 0.025
    others = [f"more came in {more}"] * (more > 0) + [f"fewer came in {fewer}"] * (fewer > 0)
    return [
        f"Customers expected back in the first week after {after[1]}: {_range(ahead.iloc[0])}; in the last week: "
        f"{_range(ahead.iloc[-1])}. Each counts once, so later weeks show fewer.",
        f"In {held} of the {weeks} after {after[0]} the number who came back was within this range"
        f"{''.join(f', {other}' for other in others)}: "
        f"{'chance alone does not explain that' if unlikely else 'as chance would have it'}.",
    ]


def _range(week: pd.Series) -> str:
    return f"{week['expected']:,.0f} (95% range {week['expected_lower']:,.0f} to {week['expected_upper']:,.0f})"
