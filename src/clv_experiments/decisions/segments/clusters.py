"""Customers grouped by likeness: k-means on history and prediction, as many groups as stand apart best."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.decisions.snapshot import days_since_last
from clv_experiments.evaluation.checks import Floats

MOST = 8  # clusters
FITTED = 20_000  # customers that centres are learnt from
COMPARED = 5_000  # customers that silhouettes are computed on
SEEDS = 10
APART = 0.5  # standard deviations from the mean customer that earn a word


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of customers.

    Attributes
    ----------
    names : pandas.Series
        Index ``customer_id``; a cluster in words such as ``recent, frequent, high value``.
    order : list of str
        All names, the highest mean predicted spend first.
    silhouettes : pandas.Series
        Index k; mean silhouette, from -1 to 1 (Rousseeuw 1987). Empty where customers differ in nothing.
    agreement : array, shape (45,)
        Adjusted Rand index (Hubert and Arabie 1985) between clusterings from every two of ten seeds: 1 is the same
        clusters, 0 what chance gives.
    agreement_of_samples : array, shape (10,)
        The same between the clusters and those learnt from customers drawn anew with replacement.
    """

    names: pd.Series
    order: list[str]
    silhouettes: pd.Series
    agreement: Floats
    agreement_of_samples: Floats


def coordinates(table: pd.DataFrame) -> pd.DataFrame:
    """Place customers by log1p of days since last, frequency, total and expected spend, standardised.

    What does not vary is left out; spend below zero counts as zero.
    """
    raw = table[["frequency", "total_spend", "expected_spend"]].assign(days_since_last=days_since_last(table))
    logs = np.log1p(raw.clip(lower=0.0))
    spread = logs.std(ddof=0)
    varied = spread.index[spread > 1e-9]
    return (logs[varied] - logs[varied].mean()) / spread[varied]


def clusters(table: pd.DataFrame, seed: int) -> Clusters:
    """Cluster the customers of a snapshot's table.

    k-means (Lloyd 1982; k-means++ starts) for every k from 2 to 8, fewer where fewer customers differ; the k with the
    highest mean silhouette is taken. Of a large log, centres are learnt from a sample and all are assigned to them.

    Parameters
    ----------
    table : pandas.DataFrame
        A snapshot's.
    seed : int
    """
    from sklearn.metrics import adjusted_rand_score

    points = coordinates(table)
    X = points.to_numpy()
    rng = np.random.default_rng(seed)
    sample = X[_some(len(X), FITTED, rng)]
    silhouettes = _silhouettes(sample, seed, rng)
    if silhouettes.empty:
        same = pd.Series("all alike", index=table.index, dtype=object)
        return Clusters(same, ["all alike"], silhouettes, np.array([]), np.array([]))
    k = int(silhouettes.index.to_numpy()[silhouettes.argmax()])
    labels = _fitted(sample, k, seed).predict(X)
    found = [_fitted(sample, k, int(s)).predict(sample) for s in rng.integers(2**31, size=SEEDS)]
    again = [_fitted(_drawn(sample, rng), k, int(s)).predict(sample) for s in rng.integers(2**31, size=SEEDS)]
    own = _fitted(sample, k, seed).predict(sample)
    names, order = _named(labels, points, table)
    return Clusters(
        names,
        order,
        silhouettes,
        np.array([adjusted_rand_score(one, other) for one, other in combinations(found, 2)]),
        np.array([adjusted_rand_score(own, other) for other in again]),
    )


def _silhouettes(X: Floats, seed: int, rng: np.random.Generator) -> pd.Series:
    from sklearn.metrics import silhouette_score

    distinct = len(np.unique(X, axis=0)) if X.shape[1] else 1
    some, scores = _some(len(X), COMPARED, rng), {}
    for k in range(2, min(MOST, distinct - 1) + 1):
        labels = _fitted(X, k, seed).predict(X[some])
        if 1 < len(np.unique(labels)) < len(labels):
            scores[k] = silhouette_score(X[some], labels)
    return pd.Series(scores, dtype=float, name="silhouette").rename_axis("k")


def _fitted(X: Floats, k: int, seed: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(min(k, len(np.unique(X, axis=0))), n_init=5, random_state=seed).fit(X)


def _some(n: int, most: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


def _drawn(X: Floats, rng: np.random.Generator) -> Floats:
    return X[rng.integers(len(X), size=len(X))]


def _named(labels: np.ndarray, points: pd.DataFrame, table: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Name each cluster by how its mean customer differs from the mean customer of all."""
    value = table[["expected_spend", "total_spend"]].groupby(labels).mean()
    value = value.sort_values(["expected_spend", "total_spend"], ascending=False, kind="stable")
    centres, usual = points.groupby(labels).mean(), table["frequency"].groupby(labels).median()
    words = [_words(centres.loc[label], usual[label]) for label in value.index]
    order = [
        word if words.count(word) == 1 else f"{word} ({words[: place + 1].count(word)})"
        for place, word in enumerate(words)
    ]
    names = dict(zip(value.index, order, strict=True))
    return pd.Series([names[label] for label in labels], index=table.index, dtype=object), order


def _words(centre: pd.Series, frequency: float) -> str:
    worth = "expected_spend" if "expected_spend" in centre else "total_spend"
    often = "one purchase" if frequency == 0 else _word(centre, "frequency", "rare", "frequent")
    words = [
        _word(centre, "days_since_last", "recent", "long away"),
        often,
        _word(centre, worth, "low value", "high value"),
    ]
    return ", ".join(filter(None, words)) or "average"


def _word(centre: pd.Series, column: str, below: str, above: str) -> str:
    where = centre.get(column, 0.0)
    return above if where > APART else below if where < -APART else ""
