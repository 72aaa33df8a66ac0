"""Customers grouped by likeness: k-means on history and prediction, with the number of groups that separates best."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, pairwise_distances, silhouette_score

from clv_experiments.decisions.snapshot import days_since_last
from clv_experiments.evaluation.confidence_intervals import bootstrap_positions
from clv_experiments.evaluation.validation import Floats

MAX_CLUSTERS = 8
FIT_SAMPLE = 20_000  # customers that centres are learnt from
SILHOUETTE_SAMPLE = 5_000  # customers that silhouettes are computed on
REPEATS = 10
NOTABLE = 0.5  # standard deviations between a cluster's mean and that of all customers that the name mentions
STABLE = 0.9  # adjusted Rand index
ALIKE = "all alike"


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of customers.

    Agreement is the adjusted Rand index (Hubert and Arabie 1985): 1 is the same clusters, 0 what chance gives.
    """

    labels: pd.Series  # index ``customer_id``; the name of the cluster, such as ``recent, frequent, high value``
    names: list[str]  # of all clusters, the highest mean expected spend first
    silhouettes: pd.Series  # by k: mean, from -1 to 1 (Rousseeuw 1987); empty where customers differ in nothing
    seed_agreement: Floats  # between clusterings from every two of ten seeds, shape (45,)
    sample_agreement: Floats  # between the clusters and those learnt from ten bootstrap samples, shape (10,)

    @property
    def structure(self) -> Literal["strong", "reasonable", "weak", "none"]:
        """How far the clusters are separated (Kaufman and Rousseeuw 1990, Finding Groups in Data, table 4)."""
        best = self.silhouettes.max()
        if best > 0.7:
            return "strong"
        return "reasonable" if best > 0.5 else "weak" if best > 0.25 else "none"

    @property
    def is_stable(self) -> bool:
        """Whether other seeds give nearly the same clusters."""
        return bool(self.seed_agreement.min() >= STABLE)


def clustering_features(table: pd.DataFrame) -> pd.DataFrame:
    """Return log1p of days since last, frequency, total and expected spend of each customer, standardised.

    What does not vary is left out; spend below zero counts as zero.
    """
    raw = table[["frequency", "total_spend", "expected_spend"]].assign(days_since_last=days_since_last(table))
    logs = np.log1p(raw.clip(lower=0.0))
    deviation = logs.std(ddof=0)
    varied = deviation.index[deviation > 1e-9]
    return (logs[varied] - logs[varied].mean()) / deviation[varied]


def cluster_customers(table: pd.DataFrame, seed: int) -> Clusters:
    """Cluster the customers of a snapshot's table.

    k-means (Lloyd 1982; k-means++ starts) for every k from 2 to 8, fewer where fewer customers differ; the k with the
    highest mean silhouette is taken. Of a large log, centres are learnt from a sample and all are assigned to them.
    """
    features = clustering_features(table)
    X = features.to_numpy()
    rng = np.random.default_rng(seed)
    sample = X[_subset(len(X), FIT_SAMPLE, rng)]
    silhouettes = _silhouettes(sample, seed, rng)
    if silhouettes.empty:
        one_cluster = pd.Series(ALIKE, index=table.index, dtype=object)
        return Clusters(one_cluster, [ALIKE], silhouettes, np.array([]), np.array([]))
    k = int(silhouettes.index.to_numpy()[silhouettes.argmax()])
    model = _fit(sample, k, seed)
    repeats = [_fit(sample, k, int(s)).predict(sample) for s in rng.integers(2**31, size=REPEATS)]
    seeds = rng.integers(2**31, size=REPEATS)
    resamples = zip(bootstrap_positions(len(sample), REPEATS, rng), seeds, strict=True)
    resampled = [_fit(sample[positions], k, int(s)).predict(sample) for positions, s in resamples]
    labels, names = _name_clusters(model.predict(X), features, table)
    return Clusters(
        labels,
        names,
        silhouettes,
        np.array([adjusted_rand_score(one, other) for one, other in combinations(repeats, 2)]),
        np.array([adjusted_rand_score(model.predict(sample), other) for other in resampled]),
    )


def _silhouettes(X: Floats, seed: int, rng: np.random.Generator) -> pd.Series:
    distinct = len(np.unique(X, axis=0)) if X.shape[1] else 1
    subset, scores = _subset(len(X), SILHOUETTE_SAMPLE, rng), {}
    distances = pairwise_distances(X[subset]) if distinct > 2 else np.empty((0, 0))
    for k in range(2, min(MAX_CLUSTERS, distinct - 1) + 1):
        labels = _fit(X, k, seed).predict(X[subset])
        if 1 < len(np.unique(labels)) < len(labels):
            scores[k] = silhouette_score(distances, labels, metric="precomputed")
    return pd.Series(scores, dtype=float, name="silhouette").rename_axis("k")


def _fit(X: Floats, k: int, seed: int) -> KMeans:
    return KMeans(min(k, len(np.unique(X, axis=0))), n_init=5, random_state=seed).fit(X)


def _subset(n: int, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(n) if n <= size else np.sort(rng.choice(n, size, replace=False))


def _name_clusters(labels: np.ndarray, features: pd.DataFrame, table: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Name each cluster by how its mean customer differs from the mean of all; equal names are numbered."""
    value = table[["expected_spend", "total_spend"]].groupby(labels).mean()
    value = value.sort_values(["expected_spend", "total_spend"], ascending=False, kind="stable")
    centres, frequency = features.groupby(labels).mean(), table["frequency"].groupby(labels).median()
    base_names = [_name(centres.loc[label], frequency[label]) for label in value.index]
    names = [
        name if base_names.count(name) == 1 else f"{name} ({base_names[: position + 1].count(name)})"
        for position, name in enumerate(base_names)
    ]
    by_label = dict(zip(value.index, names, strict=True))
    return pd.Series([by_label[label] for label in labels], index=table.index, dtype=object), names


def _name(centre: pd.Series, frequency: float) -> str:
    worth = "expected_spend" if "expected_spend" in centre else "total_spend"
    parts = [
        _part(centre, "days_since_last", "recent", "long away"),
        "one purchase" if frequency == 0 else _part(centre, "frequency", "rare", "frequent"),
        _part(centre, worth, "low value", "high value"),
    ]
    return ", ".join(filter(None, parts)) or "average"


def _part(centre: pd.Series, column: str, below: str, above: str) -> str:
    value = centre.get(column, 0.0)
    return above if value > NOTABLE else below if value < -NOTABLE else ""
