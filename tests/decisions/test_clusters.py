"""Clusters: planted groups are found, named and stable; alike customers are not separated."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.decisions.segments.clusters import ALIKE, REPEATS, cluster_customers, clustering_features

GROUPS = {  # days since last, frequency, total spend, expected spend
    "recent, frequent, high value": (3.0, 40.0, 5000.0, 900.0),
    "recent, one purchase": (5.0, 0.0, 40.0, 30.0),
    "long away, one purchase, low value": (400.0, 0.0, 30.0, 0.5),
}


def population(size=25, seed=0):
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.array(list(GROUPS.values())), size, axis=0)
    rows[:, [0, 2, 3]] *= rng.lognormal(0, 0.1, (len(rows), 3))
    table = pd.DataFrame(rows, columns=["days", "frequency", "total_spend", "expected_spend"])
    table.index = pd.Index([f"{k:03d}" for k in range(len(rows))], name="customer_id")
    return table.assign(T=500.0, recency=500.0 - table.pop("days"))


@pytest.fixture(scope="module")
def clusters():
    return cluster_customers(population(), seed=0)


def test_planted_groups_are_found_and_named(clusters):
    assert clusters.silhouettes.idxmax() == 3
    assert clusters.names == list(GROUPS)
    assert clusters.labels.tolist() == list(np.repeat(list(GROUPS), 25))
    assert list(clusters.silhouettes.index) == list(range(2, 9))
    assert clusters.silhouettes[3] > 0.7
    assert (clusters.structure, clusters.is_stable) == ("strong", True)


def test_groups_that_stand_apart_do_not_hang_on_the_seed(clusters):
    assert len(clusters.seed_agreement) == REPEATS * (REPEATS - 1) // 2
    assert clusters.seed_agreement.min() == clusters.sample_agreement.min() == pytest.approx(1.0)
    assert cluster_customers(population(), seed=1).labels.equals(clusters.labels)


def test_groups_that_are_none_hang_on_the_seed_and_the_same_seed_gives_the_same():
    rng = np.random.default_rng(0)
    noise = population().assign(**{c: rng.lognormal(2, 1, 75) for c in ("frequency", "total_spend", "expected_spend")})
    one, again, other = (cluster_customers(noise, seed) for seed in (0, 0, 1))
    assert one.labels.equals(again.labels)
    assert np.array_equal(one.seed_agreement, again.seed_agreement)
    assert one.seed_agreement.min() < 0.9
    assert not one.is_stable
    assert one.structure in ("weak", "none")
    assert one.sample_agreement.mean() < one.seed_agreement.mean() - 0.05
    assert not np.array_equal(one.sample_agreement, other.sample_agreement)


def test_customers_who_are_all_alike_are_not_separated():
    same = population().assign(frequency=1.0, total_spend=9.0, expected_spend=2.0, recency=400.0)
    clusters = cluster_customers(same, seed=0)
    assert clusters.names == [ALIKE]
    assert clusters.silhouettes.empty
    assert cluster_customers(same.head(1), seed=0).names == [ALIKE]


def test_features_have_one_scale_and_leave_out_what_does_not_vary():
    features = clustering_features(population().assign(expected_spend=0.0))
    assert sorted(features) == ["days_since_last", "frequency", "total_spend"]
    assert features.mean().abs().max() < 1e-9
    assert np.allclose(features.std(ddof=0), 1.0)


def test_clusters_of_one_name_are_counted_from_the_best_down():
    table = population(20).head(40).assign(frequency=0.0, recency=400.0, total_spend=9.0)
    clusters = cluster_customers(
        table.assign(expected_spend=np.repeat([1.0, 5.0, 1000.0, 5000.0], 10) + np.arange(40) / 1e3), seed=0
    )
    high, low = "one purchase, high value", "one purchase, low value"
    assert clusters.names == [f"{high} (1)", f"{high} (2)", f"{low} (1)", f"{low} (2)"]
    assert clusters.labels.iloc[[0, 10, 20, 30]].tolist() == clusters.names[::-1]
