"""What scores rest on: forecasts of the periods that are over, set beside what customers did in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clv_experiments.data.window import Period, Window
from clv_experiments.decisions.intervals import Coverage, SpendIntervals, conformal, coverage
from clv_experiments.decisions.missed import is_missed
from clv_experiments.decisions.shop import Shop
from clv_experiments.errors import ClvError, LogTooShort
from clv_experiments.forecasting.forecaster import Forecaster, Model
from clv_experiments.reporting.formatting import format_count, format_money, format_share


@dataclass(frozen=True, eq=False)
class Evidence:
    """Intervals and their worth.

    Attributes
    ----------
    intervals : SpendIntervals or None
        None where no errors are known.
    coverage : Coverage or None
        None where the errors of one period only are known.
    said : str
        All of that in words.
    """

    intervals: SpendIntervals | None
    coverage: Coverage | None
    said: str

    def metrics(self) -> dict[str, float]:
        """Name the coverage as a run's metrics do."""
        if self.coverage is None:
            return {}
        found = self.coverage
        return {
            "interval_coverage": found.overall,
            "interval_coverage_top_decile": found.top_decile,
            "interval_width": found.width,
            "interval_width_top_decile": found.top_decile_width,
        }


def evidence(
    level: float, currency: str, period: str, latest: pd.DataFrame | None, earlier: pd.DataFrame | None
) -> Evidence:
    """Calibrate intervals on the errors of the latest period, and those of the period before on the latest.

    Parameters
    ----------
    level : float
        Share of customers that intervals are to hold.
    period : str
        The latest period whose spend is known, in words.
    latest, earlier : pandas.DataFrame or None
        ``y_true`` and ``y_pred`` of the forecasts of that period and of the one before, where there are any.
    """
    if latest is None:
        return Evidence(
            None, None, "Spend has no intervals: no period whose spend is known was predicted by this model."
        )
    try:
        intervals = conformal(latest["y_true"], latest["y_pred"], level)
    except ClvError as error:
        return Evidence(None, None, f"Spend has no intervals: {error}.")
    basis = (
        f"The {level:.0%} intervals of spend rest on how far predictions of {period} were off, for "
        f"{format_count(len(latest), 'customer')} in {format_count(len(intervals.lower), 'group')} by predicted spend"
    )
    try:
        before = None if earlier is None else conformal(earlier["y_true"], earlier["y_pred"], level)
    except ClvError:
        before = None
    if before is None:
        return Evidence(
            intervals, None, f"{basis}; what they hold is not known, since no earlier period was predicted."
        )
    found = coverage(latest["y_true"], *before.around(latest["y_pred"]), latest["y_pred"])
    # Two standard errors of a share; the customers whose errors were taken vary as much as those who are counted.
    chance = 2 * np.sqrt(2 * level * (1 - level) / np.array([found.customers, found.top_customers]))
    too_few = (np.array([found.overall, found.top_decile]) < level - chance).any()
    return Evidence(
        intervals,
        found,
        f"{basis}. Made the same way one period earlier they held {format_share(found.overall)} of those "
        "customers, and "
        f"{format_share(found.top_decile)} of the tenth with the largest predictions; their mean width was "
        f"{format_money(found.width, currency)} and {format_money(found.top_decile_width, currency)}."
        + " That is fewer than promised, beyond chance: spend moves from period to period; take them for too narrow."
        * bool(too_few),
    )


def periods_over(window: Window, *, supervised: bool, source: str) -> tuple[Period | None, Period | None]:
    """Return the latest period that is over and the one before, as far as the log lets a model predict them."""
    try:
        origin = window.backtest(supervised=supervised, source=source)[-1]
    except LogTooShort:
        return None, None
    return origin.holdout, origin.validation


def errors(forecaster: Forecaster, model: Model, period: Period | None) -> pd.DataFrame | None:
    """Forecast a period from what was known before it: predictions beside what happened, None where there is none."""
    return forecaster.forecast(period, model).table if period else None


def missed_in(period: Period | None, forecast: pd.DataFrame | None, btyd: str, shop: Shop) -> tuple[pd.Index, str]:
    """Find the customers who were likely to buy in a period and did not, and say how many that are.

    Parameters
    ----------
    forecast : pandas.DataFrame or None
        ``p_purchase`` and ``purchase_days`` of the period, indexed by customer_id.
    btyd : str
        Whose probabilities these are.
    """
    if forecast is None:
        return pd.Index(
            [], dtype=str
        ), "Who missed a purchase is not known: the log holds no earlier period to predict."
    missed = forecast.index[is_missed(forecast["p_purchase"], forecast["purchase_days"], shop.likely)]
    likely = forecast["p_purchase"] >= shop.likely
    if not likely.any():
        most = format_share(float(forecast["p_purchase"].max()))
        return missed, f"{btyd} gave nobody a chance of {format_share(shop.likely)} to buy in {period}: at most {most}."
    expected = float((1 - forecast["p_purchase"][likely]).sum())
    return missed, (
        f"Of {format_count(int(likely.sum()), 'customer')} to whom {btyd} gave a chance of at least "
        f"{format_share(shop.likely)} to "
        f"buy in {period}, {len(missed):,} did not; {expected:,.0f} were to be expected not to."
    )
