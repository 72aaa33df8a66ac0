"""Season: what a customer did in the same period of last year, and when in the year they first bought."""

from __future__ import annotations

from datetime import date, timedelta
from math import pi

import ibis

from clv_experiments.data.horizon import Horizon

YEAR = Horizon(12, "months")
DAYS_A_YEAR = 365.25


def season(history: ibis.Table, cutoff: date, horizon: Horizon) -> dict[str, ibis.Value]:
    """Look back at the period to predict as it was a year ago, and at the season of the first purchase day.

    Returns
    -------
    dict of str to ibis.Value
        ``purchase_days_year_ago`` and ``spend_year_ago`` (currency) in the period of the horizon's length that began a
        year before the one to predict, as far as it lies before the cutoff; ``known_a_year_ago`` (1 where the first
        purchase day lies before that period, else 0); ``first_season_sin`` and ``first_season_cos`` (the first purchase
        day as an angle of the year, 0 on January 1).
    """
    begin = YEAR.shift_day(cutoff + timedelta(days=1), -1)
    end = min(horizon.shift_day(begin, 1), cutoff + timedelta(days=1))
    year_ago = (history.date >= ibis.literal(begin)) & (history.date < ibis.literal(end))
    first = history.date.min()
    angle = (first.day_of_year() - 1).cast("float64") * (2 * pi / DAYS_A_YEAR)
    return {
        "purchase_days_year_ago": year_ago.sum(),
        "spend_year_ago": history.amount.sum(where=year_ago).fill_null(0),
        "known_a_year_ago": ibis.ifelse(first < ibis.literal(begin), 1, 0),
        "first_season_sin": angle.sin(),
        "first_season_cos": angle.cos(),
    }
