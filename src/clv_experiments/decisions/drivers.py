"""What goes with spend: how the history of a customer is linked with what follows, each link beside the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student
from sklearn.linear_model import PoissonRegressor

from clv_experiments.decisions.snapshot import days_since_last
from clv_experiments.evaluation.checks import Floats
from clv_experiments.evaluation.sandwich import RANK_TOLERANCE, cluster_scores, variance_inflation

MOST_INFLATION = 10.0  # variance inflation from which on a feature is told by others already
LEAST_BUYERS = 300  # customers who bought, below which nothing is claimed
LARGEST = 0.01  # share of customers without whom links are fitted once more
LEVEL = 0.95


@dataclass(frozen=True)
class Driver:
    """One feature of a customer's history, in steps that people understand.

    Attributes
    ----------
    name : str
    step : str
        What one more of it means, in words: begins ``"customers with ..."``.
    of : callable
        Takes ``frequency, recency, T, total_spend`` and returns the feature in those steps.
    """

    name: str
    step: str
    of: Callable[[pd.DataFrame], pd.Series]


def _spend_a_day(history: pd.DataFrame) -> pd.Series:
    mean = history["total_spend"] / (history["frequency"] + 1)
    floor = 0.01 * mean[mean > 0].median() if (mean > 0).any() else 1.0
    return mean.clip(lower=floor).map(np.log2)


# A doubling where sizes differ by powers of ten, a span of days where time fades.
DRIVERS = (
    Driver("purchase_days", "twice as many purchase days", lambda h: (h["frequency"] + 1).map(np.log2)),
    Driver("spend_per_purchase_day", "twice the mean spend on a purchase day", _spend_a_day),
    Driver("days_since_last", "30 more days since the last purchase", lambda h: days_since_last(h) / 30),
    Driver("T", "90 more days since the first purchase", lambda h: h["T"] / 90),
)


def features_of(history: pd.DataFrame) -> pd.DataFrame:
    """Return the drivers of each row, in their steps."""
    return pd.DataFrame({driver.name: driver.of(history) for driver in DRIVERS})


def links(X: pd.DataFrame, y: pd.Series, origin: np.ndarray) -> pd.DataFrame:
    """Say by what factor expected spend differs with one more step of each feature, the others being equal.

    A Poisson regression with log link: what is fitted is the mean, zeros included, and effects are factors, so that
    large spenders are not all that counts, as they are in least squares. Spend need not follow a Poisson distribution
    (Gourieroux, Monfort and Trognon 1984): errors come from the residuals, customer by customer (the sandwich of Liang
    and Zeger 1986), and an interval is the wider the fewer customers its error rests on: spend is so skewed that normal
    quantiles promise too much. Each origin has a level of its own, so that seasons are not taken for effects. A feature
    that the others before it tell already (variance inflation above 10), or that is the same for all, is left out.

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
        ``per_deviation``, ``deviation_lower``, ``deviation_upper`` (the same for one standard deviation more) and
        ``steps_in_deviation``; nan where it was left out, and everywhere below 300 customers who bought.
    """
    kept = pd.Series(np.maximum(y.to_numpy(dtype=float), 0.0)).groupby(origin).transform("sum").to_numpy() > 0
    X, spend, origin = X[kept], np.maximum(y.to_numpy(dtype=float), 0.0)[kept], np.asarray(origin)[kept]
    columns = ["effect", "lower_95", "upper_95", "per_deviation", "deviation_lower", "deviation_upper"]
    table = pd.DataFrame(np.nan, index=X.columns, columns=[*columns, "steps_in_deviation"])
    if X.index[spend > 0].nunique() >= LEAST_BUYERS:
        told, standardised, deviation = _told_apart(X, origin)
        slope, influence = _fitted(standardised, spend, origin, pd.factorize(X.index)[0])
        reach = reach_of(influence)
        for scale, (middle, low, high) in ((1 / deviation, columns[:3]), (np.ones(len(deviation)), columns[3:])):
            for column, value in ((middle, slope), (low, slope - reach), (high, slope + reach)):
                table.loc[told, column] = np.expm1(value * scale)
        table.loc[told, "steps_in_deviation"] = deviation
    return table.rename_axis("name").reset_index()


def without_largest(history: pd.DataFrame) -> np.ndarray:
    """Say which rows are of customers below the top one per cent by spend so far, whatever they spent afterwards.

    Returns
    -------
    numpy.ndarray of bool, shape (rows,)
        All rows of a customer alike; at least one customer is left out.
    """
    most = history["total_spend"].groupby(level=0).max().sort_values(ascending=False, kind="stable")
    return ~history.index.isin(most.index[: max(1, round(LARGEST * len(most)))])


def _told_apart(X: pd.DataFrame, origin: np.ndarray) -> tuple[list[str], Floats, Floats]:
    """Return the features that can be told apart, standardised within origins, and their standard deviations."""
    within = X - X.groupby(origin).transform("mean")
    deviations = within.std(ddof=0)
    told: list[str] = []
    for name in X.columns[(deviations > 1e-9).to_numpy()]:
        columns = [*told, str(name)]
        if variance_inflation((within[columns] / deviations[columns]).to_numpy()).max() <= MOST_INFLATION:
            told = columns
    return told, (within[told] / deviations[told]).to_numpy(), deviations[told].to_numpy()


def _fitted(standardised: Floats, spend: Floats, origin: np.ndarray, customer: np.ndarray) -> tuple[Floats, Floats]:
    """Return slopes, and what each customer adds to them, of a Poisson fit with a level for each origin."""
    levels = np.eye(origin.max() + 1)[origin][:, np.unique(origin)]
    design = np.column_stack([standardised, levels])
    scaled = spend / spend.mean()
    model = PoissonRegressor(alpha=0.0, fit_intercept=False, solver="newton-cholesky", tol=1e-8, max_iter=200)
    expected = model.fit(design, scaled).predict(design)
    curvature = design.T @ (design * expected[:, None])
    scores = cluster_scores(design, scaled - expected, customer)
    features = standardised.shape[1]
    bread = np.linalg.pinv(curvature, rtol=RANK_TOLERANCE, hermitian=True)[:, :features]
    return model.coef_[:features], scores @ bread


def reach_of(influence: Floats) -> Floats:
    """Return how far 95 % intervals reach on either side of slopes.

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
