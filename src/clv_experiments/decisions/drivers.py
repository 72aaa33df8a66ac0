"""What goes with spend: how the history of a customer is linked with what follows, each link beside the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student
from sklearn.linear_model import PoissonRegressor

from clv_experiments.decisions.snapshot import HISTORY_FEATURE_SET, days_since_last
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.clustered_errors import (
    RANK_TOLERANCE,
    sum_scores_by_cluster,
    variance_inflation_factors,
)
from clv_experiments.forecasting.forecaster import Forecaster

MAX_INFLATION = 10.0  # variance inflation up to which a feature adds to the others
MIN_BUYERS = 300  # customers who bought, below which nothing is claimed
TOP_SPENDER_SHARE = 0.01  # share of customers without whom effects are estimated once more
LEVEL = 0.95
EFFECTS = ["effect", "lower_95", "upper_95", "per_deviation", "deviation_lower", "deviation_upper"]


# What one more of each feature means, as it follows "customers with": a doubling where sizes differ by powers of ten,
# some days where time fades.
STEPS = {
    "purchase_days": "twice as many purchase days",
    "spend_per_purchase_day": "twice the mean spend on a purchase day",
    "days_since_last": "30 more days since the last purchase",
    "T": "90 more days since the first purchase",
}


@dataclass(frozen=True, eq=False)
class Drivers:
    """What goes with spend in the period that follows a cutoff."""

    table: pd.DataFrame  # from compare_effects
    customers: int
    cutoffs: list[date]  # latest first
    min_buyers: int = MIN_BUYERS
    top_spender_share: float = TOP_SPENDER_SHARE

    def select_claims(self, *claims: str) -> list[Any]:
        """Return the rows with one of these claims, the strongest link first."""
        return list(self.table[self.table["claim"].isin(claims)].itertuples())

    @property
    def has_estimates(self) -> bool:
        """Whether any effect could be estimated."""
        return bool((self.table["claim"] != "not told apart").any())


def estimate_drivers(forecaster: Forecaster) -> Drivers | None:
    """Estimate effects on the training panel of the period to come; None where the log is too short for one."""
    window = forecaster.window
    if not window.has_training_periods(window.future_period):
        return None
    panel = forecaster.training_panel(window.future_period, HISTORY_FEATURE_SET)
    assert panel.y is not None
    cutoffs = [period.cutoff for period in panel.periods]
    sizes = [len(forecaster.features(cutoff, HISTORY_FEATURE_SET)) for cutoff in cutoffs]
    X, origin, small = driver_features(panel.X), np.repeat(np.arange(len(sizes)), sizes), ~is_top_spender(panel.X)
    without_largest = estimate_effects(X[small], panel.y[small], origin[small])
    table = compare_effects(estimate_effects(X, panel.y, origin), without_largest)
    return Drivers(table, panel.X.index.nunique(), cutoffs)


def compare_effects(all_customers: pd.DataFrame, without_largest: pd.DataFrame) -> pd.DataFrame:
    """Set effects beside those without the largest customers and claim what both show, the strongest first.

    Returns
    -------
    pandas.DataFrame
        Columns ``name``, ``customers_with`` (one step more), those of ``estimate_effects``, ``effect_rest``,
        ``lower_95_rest``, ``upper_95_rest`` and ``claim``: ``more``, ``less``, ``no clear link``, ``rests on the
        largest`` or ``not told apart``.
    """
    table = all_customers.merge(without_largest[["name", *EFFECTS[:3]]], on="name", suffixes=("", "_rest"))
    table.insert(1, "customers_with", [STEPS.get(name, name) for name in table["name"]])
    sign, sign_rest = (
        np.where(table[f"lower_95{suffix}"] > 0, 1, np.where(table[f"upper_95{suffix}"] < 0, -1, 0))
        for suffix in ("", "_rest")
    )
    table["claim"] = np.select(
        [table[["effect", "effect_rest"]].isna().any(axis=1), sign == 0, sign != sign_rest, sign > 0],
        ["not told apart", "no clear link", "rests on the largest", "more"],
        "less",
    )
    unclaimed, weakness = ~table["claim"].isin(["more", "less"]), -np.log1p(table["per_deviation"]).abs()
    return table.iloc[np.lexsort([weakness, unclaimed])].reset_index(drop=True)


def driver_features(history: pd.DataFrame) -> pd.DataFrame:
    """Return the features named by ``STEPS`` of each row of ``frequency, recency, T, total_spend``, in those steps."""
    purchase_days = history["frequency"] + 1
    mean_spend = history["total_spend"] / purchase_days
    lowest = 0.01 * mean_spend[mean_spend > 0].median() if (mean_spend > 0).any() else 1.0
    return pd.DataFrame(
        {
            "purchase_days": purchase_days.map(np.log2),
            "spend_per_purchase_day": mean_spend.clip(lower=lowest).map(np.log2),
            "days_since_last": days_since_last(history) / 30,
            "T": history["T"] / 90,
        }
    )


def is_top_spender(history: pd.DataFrame) -> np.ndarray:
    """Return for each row whether its customer is in the top one per cent by spend so far, at least one.

    What customers spent afterwards plays no part.
    """
    highest_spend = history["total_spend"].groupby(level=0).max().sort_values(ascending=False, kind="stable")
    return history.index.isin(highest_spend.index[: max(1, round(TOP_SPENDER_SHARE * len(highest_spend)))])


def estimate_effects(X: pd.DataFrame, y: pd.Series, origin: np.ndarray) -> pd.DataFrame:
    """Estimate by what factor expected spend differs with one more step of each feature, the others being equal.

    A Poisson regression with log link: what is fitted is the mean, zeros included, and effects are factors, so that
    large spenders are not all that counts, as they are in least squares. Spend need not follow a Poisson distribution
    (Gourieroux, Monfort and Trognon 1984): errors come from the residuals, customer by customer (the sandwich of Liang
    and Zeger 1986; see ``half_widths``). Each origin has a level of its own, so that seasons are not taken for effects.
    A feature that those before it explain (variance inflation above 10), or that is the same for all, is left out.

    Parameters
    ----------
    X : pandas.DataFrame
        Features, indexed by customer_id, which repeats over origins.
    y : pandas.Series
        Spend that followed; below zero counts as zero.
    origin : array of int, shape (rows,)

    Returns
    -------
    pandas.DataFrame
        One row a feature: ``name``, ``effect`` (factor less one a step), ``lower_95``, ``upper_95``,
        ``per_deviation``, ``deviation_lower``, ``deviation_upper`` (the same for one standard deviation more); nan
        where it was left out, and everywhere below 300 customers who bought.
    """
    spend = np.maximum(y.to_numpy(dtype=float), 0.0)
    rows = pd.Series(spend).groupby(origin).transform("sum").to_numpy() > 0
    X, spend, origin = X[rows], spend[rows], np.asarray(origin)[rows]
    table = pd.DataFrame(np.nan, index=X.columns, columns=EFFECTS)
    if X.index[spend > 0].nunique() >= MIN_BUYERS:
        features, deviation, standardised = _select_features(X, origin)
        slope, influence = _fit_poisson_with_influence(standardised, spend, origin, pd.factorize(X.index)[0])
        bounds = slope + np.outer([0.0, -1.0, 1.0], half_widths(influence))
        table.loc[features] = np.expm1(np.vstack([bounds * (1 / deviation), bounds])).T
    return table.rename_axis("name").reset_index()


def _select_features(X: pd.DataFrame, origin: np.ndarray) -> tuple[list[str], Floats, Floats]:
    """Return the features that the ones before do not explain, their deviations, and them standardised by origin."""
    centred = X - X.groupby(origin).transform("mean")
    deviations = centred.std(ddof=0)
    selected: list[str] = []
    for name in X.columns[(deviations > 1e-9).to_numpy()]:
        columns = [*selected, str(name)]
        if variance_inflation_factors((centred[columns] / deviations[columns]).to_numpy()).max() <= MAX_INFLATION:
            selected = columns
    return selected, deviations[selected].to_numpy(), (centred[selected] / deviations[selected]).to_numpy()


def _fit_poisson_with_influence(
    standardised: Floats, spend: Floats, origin: np.ndarray, customer: np.ndarray
) -> tuple[Floats, Floats]:
    """Return slopes, and what each customer adds to them, of a Poisson fit with a level for each origin."""
    levels = np.eye(origin.max() + 1)[origin][:, np.unique(origin)]
    design = np.column_stack([standardised, levels])
    scaled = spend / spend.mean()
    model = PoissonRegressor(alpha=0.0, fit_intercept=False, solver="newton-cholesky", tol=1e-8, max_iter=200)
    expected = model.fit(design, scaled).predict(design)
    curvature = design.T @ (design * expected[:, None])
    scores = sum_scores_by_cluster(design, scaled - expected, customer)
    features = standardised.shape[1]
    bread = np.linalg.pinv(curvature, rtol=RANK_TOLERANCE, hermitian=True)[:, :features]
    return model.coef_[:features], scores @ bread


def half_widths(influence: Floats) -> Floats:
    """Return half the widths of 95 % intervals of slopes: spend is so skewed that normal quantiles promise too much.

    Parameters
    ----------
    influence : array, shape (customers, slopes)
        What each customer adds to each slope; sums to zero.

    Returns
    -------
    array, shape (slopes,)
        The sandwich error, times the t quantile with as many degrees of freedom as customers of equal influence would
        make the error as uncertain: (sum of squares)^2 / sum of fourth powers, in the manner of Satterthwaite (1946).
    """
    squares, customers = influence**2, len(influence)
    variance = squares.sum(axis=0)
    parts = squares / np.maximum(variance, np.finfo(float).tiny)
    freedom = 1 / np.maximum((parts**2).sum(axis=0), 1 / customers)
    return np.asarray(student.ppf(0.5 + LEVEL / 2, freedom)) * np.sqrt(variance * customers / (customers - 1))
