"""Rules of thumb for next purchases: shares counted by hand, waits cut short, and a rhythm that goes on."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.errors import ClvError
from clv_experiments.models.purchase_baselines import OwnRateBaseline, RecencyBandBaseline

NONE = np.nan


def history(since, **columns):
    return pd.DataFrame({"T": np.full(len(since), 100.0), "recency": 100.0 - np.array(since), **columns})


def test_share_bought_is_counted_among_those_equally_recent():
    X = history([1, 2, 50, 60])
    alike = RecencyBandBaseline().fit(X, [2, 4, 4, NONE], [5, 5, 5, 5])
    assert alike.purchase_probabilities(X.head(1), np.array([1, 2, 3, 4, 5])).tolist() == [
        pytest.approx([0, 0.25, 0.25, 0.75, 0.75])
    ]
    bands = RecencyBandBaseline(2).fit(X, [2, 4, 4, NONE], [5, 5, 5, 5])
    probabilities = bands.purchase_probabilities(history([0, 2, 3, 500]), np.array([2, 5]))
    np.testing.assert_allclose(probabilities, [[0.5, 1.0], [0.5, 1.0], [0.0, 0.5], [0.0, 0.5]])


def test_share_bought_counts_a_wait_cut_short_as_long_as_it_was_seen():
    share = RecencyBandBaseline().fit(history([1, 1, 1]), [4, NONE, NONE], [4, 2, 4])
    assert share.purchase_probabilities(history([1]), np.array([4]))[0, 0] == pytest.approx(0.5)  # 1 of 2 still watched


def test_more_bands_than_recencies_are_fewer_bands():
    X = history([3, 3, 3, 3])
    probabilities = (
        RecencyBandBaseline(10).fit(X, [1, NONE, NONE, NONE], np.full(4, 9)).purchase_probabilities(X, np.array([9]))
    )
    np.testing.assert_allclose(probabilities, 0.25)
    with pytest.raises(ClvError, match="0 rows"):
        RecencyBandBaseline().fit(X.head(0), [], [])


def test_own_rhythm_goes_on_as_before():
    X = pd.DataFrame({"frequency": [4.0, 0.0, 0.0], "recency": [40.0, 0.0, 0.0], "T": [90.0, 20.0, 0.0]})
    probabilities = OwnRateBaseline().purchase_probabilities(X, np.array([10]))[:, 0]
    np.testing.assert_allclose(probabilities, 1 - np.exp([-1.0, -0.5, -10.0]))
