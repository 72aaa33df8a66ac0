"""A ranking beside rankings in random order."""

import numpy as np
import pytest

from clv_experiments.evaluation.metrics import normalised_gini
from clv_experiments.evaluation.ranking import compare_ranking_with_chance


def spend(rng, n=400):
    return np.where(rng.random(n) < 0.3, rng.lognormal(3, 1, n), 0.0)


def test_rankings_by_chance_pass_as_often_as_they_may():
    rng = np.random.default_rng(0)
    found = [compare_ranking_with_chance(spend(rng), rng.random(400)).beats_chance for _ in range(600)]
    assert np.mean(found) == pytest.approx(0.05, abs=0.02)


def test_the_p_value_is_the_share_of_random_orders_that_rank_as_well():
    rng = np.random.default_rng(1)
    y = spend(rng)
    predicted = np.round(rng.normal(size=400) + 0.1 * (y > 0))  # with ties
    found = compare_ranking_with_chance(y, predicted)
    orders = [normalised_gini(y, rng.permutation(predicted)) for _ in range(2000)]
    assert found.gini == normalised_gini(y, predicted)
    assert found.p_value == pytest.approx(np.mean(np.array(orders) >= found.gini), abs=0.03)


def test_a_good_ranking_beats_chance_a_reversed_or_constant_one_does_not():
    y = spend(np.random.default_rng(2))
    assert compare_ranking_with_chance(y, y).beats_chance
    assert not compare_ranking_with_chance(y, -y).beats_chance
    assert not compare_ranking_with_chance(y, np.ones(400)).beats_chance
    assert not compare_ranking_with_chance(np.zeros(400), y).beats_chance
