"""Whether the predicted part of the first year comes true: predicted a year ago, counted today."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone

from clv_experiments.data.queries.first_year import YEAR
from clv_experiments.data.window import DAY, Horizon
from clv_experiments.decisions.budget.acquisition import cohorts_of, first_year_values
from clv_experiments.decisions.segments.resampling import bounds
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import HISTORY, Snapshot
from clv_experiments.evaluation.checks import Floats
from clv_experiments.forecasting.forecaster import Forecaster

ALL = "all of them"


@dataclass(frozen=True, eq=False)
class Check:
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


def check(
    forecaster: Forecaster, now: Snapshot, today: pd.DataFrame, shop: Shop, replicates: int, seed: int
) -> Check | None:
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
    Check or None
        None where the log holds no whole horizon before that cutoff, or nothing was predicted then.
    """
    cutoff = Horizon(12, "months").shift(now.period.cutoff + DAY, -1) - DAY
    if forecaster.window.horizon.shift(cutoff + DAY, -1) < forecaster.log.start:
        return None
    customers = forecaster.features(cutoff, HISTORY)
    btyd = clone(now.btyd.estimator).fit(customers)
    then = first_year_values(forecaster.log, cutoff, customers, btyd, shop)
    return compared(then, today, replicates, seed)


def compared(then: pd.DataFrame, today: pd.DataFrame, replicates: int, seed: int) -> Check | None:
    """Set first-year values at an earlier cutoff beside those at a later one, of customers whose year ended between."""
    new = then[(then["T"] < YEAR - 1) & (today["T"].reindex(then.index) >= YEAR - 1)]
    came = today.loc[new.index, "repeat_purchases"] - new["repeat_purchases"]
    pairs = pd.DataFrame({"predicted": new["predicted"], "realised": came})
    if not pairs["predicted"].sum() > 0:
        return None
    rng = np.random.default_rng(seed)
    ratios = _ratios(pairs, replicates, rng)
    cohorts = pairs.groupby(cohorts_of(today)[pairs.index])
    rows = [_row(str(name), group, _ratios(group, replicates, rng)) for name, group in cohorts]
    return Check(
        pd.DataFrame([*rows, _row(ALL, pairs, ratios)]),
        float(pairs["realised"].sum() / pairs["predicted"].sum()),
        ratios,
    )


def _ratios(pairs: pd.DataFrame, replicates: int, rng: np.random.Generator) -> Floats:
    predicted, realised = pairs.to_numpy().T
    draws = (rng.integers(len(pairs), size=len(pairs)) for _ in range(replicates))
    return np.array([realised[places].sum() / predicted[places].sum() for places in draws])


def _row(name: str, pairs: pd.DataFrame, ratios: Floats) -> dict[str, object]:
    predicted, realised = pairs.mean()
    error, low, high = np.nan, np.nan, np.nan
    if realised > 0 and (ratios > 0).all():
        error = predicted / realised - 1
        low, high = (end.item() for end in bounds(1 / ratios - 1))
    found = {"cohort": name, "customers": len(pairs), "predicted": predicted, "realised": realised}
    return found | {"error": error, "low": low, "high": high}
