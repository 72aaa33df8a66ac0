"""Clusters: planted groups are found, named and stable; alike customers are not parted."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.decisions.segments.clusters import SEEDS, clusters, coordinates

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
def found():
    return clusters(population(), seed=0)


def test_planted_groups_are_found_and_named_in_words(found):
    assert found.silhouettes.idxmax() == 3
    assert found.order == list(GROUPS)
    assert found.names.tolist() == list(np.repeat(list(GROUPS), 25))
    assert list(found.silhouettes.index) == list(range(2, 9))
    assert found.silhouettes[3] > 0.7


def test_groups_that_stand_apart_do_not_hang_on_the_seed(found):
    assert len(found.agreement) == SEEDS * (SEEDS - 1) // 2
    assert found.agreement.min() == found.agreement_of_samples.min() == pytest.approx(1.0)
    assert clusters(population(), seed=1).names.equals(found.names)


def test_groups_that_are_none_hang_on_the_seed_and_the_same_seed_gives_the_same():
    rng = np.random.default_rng(0)
    noise = population().assign(**{c: rng.lognormal(2, 1, 75) for c in ("frequency", "total_spend", "expected_spend")})
    one, again, other = (clusters(noise, seed) for seed in (0, 0, 1))
    assert one.names.equals(again.names)
    assert np.array_equal(one.agreement, again.agreement)
    assert one.agreement.min() < 0.9
    assert one.agreement_of_samples.mean() < one.agreement.mean() - 0.05
    assert not np.array_equal(one.agreement_of_samples, other.agreement_of_samples)


def test_customers_who_are_all_alike_are_not_parted():
    same = population().assign(frequency=1.0, total_spend=9.0, expected_spend=2.0, recency=400.0)
    found = clusters(same, seed=0)
    assert found.order == ["all alike"]
    assert found.silhouettes.empty
    assert clusters(same.head(1), seed=0).order == ["all alike"]


def test_coordinates_have_one_scale_and_leave_out_what_does_not_vary():
    points = coordinates(population().assign(expected_spend=0.0))
    assert sorted(points) == ["days_since_last", "frequency", "total_spend"]
    assert points.mean().abs().max() < 1e-9
    assert np.allclose(points.std(ddof=0), 1.0)


def test_clusters_of_one_name_are_counted_from_the_best_down():
    table = population(20).head(40).assign(frequency=0.0, recency=400.0, total_spend=9.0)
    found = clusters(
        table.assign(expected_spend=np.repeat([1.0, 5.0, 1000.0, 5000.0], 10) + np.arange(40) / 1e3), seed=0
    )
    high, low = "one purchase, high value", "one purchase, low value"
    assert found.order == [f"{high} (1)", f"{high} (2)", f"{low} (1)", f"{low} (2)"]
    assert found.names.iloc[[0, 10, 20, 30]].tolist() == found.order[::-1]
