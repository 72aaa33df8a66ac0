"""Momentum: purchases and spend that count the less, the longer ago they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis

from clv_experiments.data.horizon import Horizon
from clv_experiments.features.history import days_between

WEIGHT_STEPS = 2**20  # weights are whole multiples of this part, so that sums are exact in any order and on any engine


def momentum(
    history: ibis.Table, cutoff: date, horizon: Horizon, *, half_lives: Sequence[int] = (15, 45, 135, 405)
) -> dict[str, ibis.Value]:
    """Sum purchase days and spend with weights that halve every so many days.

    Parameters
    ----------
    history : ibis.Table
        See ``add_first_last_day_and_gap``.
    cutoff : date
    horizon : Horizon
    half_lives : sequence of int
        In days.

    Returns
    -------
    dict of str to ibis.Value
        For each half-life ``purchase_days_halved_15d`` (a purchase day on the cutoff counts 1, one 15 days before it
        1/2) and ``spend_halved_15d`` (currency).
    """
    age = days_between(history.date, ibis.literal(cutoff))
    columns: dict[str, ibis.Value] = {}
    for days in half_lives:
        steps = (ibis.literal(2.0) ** (-age / days) * WEIGHT_STEPS).round().cast("int64")
        weighted = history.amount * steps.cast("decimal(18, 0)")
        columns[f"purchase_days_halved_{days}d"] = steps.sum().cast("float64") / WEIGHT_STEPS
        columns[f"spend_halved_{days}d"] = weighted.sum().cast("float64") / WEIGHT_STEPS
    return columns
