"""Early stopping says where it was cut short."""

import numpy as np
import pandas as pd
import pytest
from xgboost import XGBRegressor

from clv_experiments.models.early_stopping import EarlyStoppingRegressor


def fitted(limit, patience, spent=None):
    X = pd.DataFrame({"frequency": np.arange(200.0) % 10}, index=[f"c{n}" for n in range(200)])
    y = X["frequency"].to_numpy() * 10.0 + 1.0 if spent is None else spent
    regressor = XGBRegressor(n_estimators=limit, learning_rate=0.1, n_jobs=1, random_state=0)
    return EarlyStoppingRegressor(regressor, patience=patience).fit(X, y)


def test_trees_that_ran_out_before_patience_did_are_at_the_edge():
    model = fitted(limit=5, patience=3)
    assert model.rounds_ == 5
    assert model.at_edge_ == [
        "the best of 5 trees allowed was number 5, before patience had run out: allow more "
        "(model.estimator.regressor.n_estimators)"
    ]


@pytest.mark.parametrize(("room", "at_edge"), [(0, True), (1, False)])
def test_the_edge_is_where_patience_would_have_ended_it(room, at_edge):
    noise = np.random.default_rng(0).exponential(size=200)
    enough = fitted(limit=500, patience=4, spent=noise)
    assert enough.at_edge_ == []
    # Patience runs out four trees after the best one: with one tree fewer it did not.
    limited = fitted(limit=enough.rounds_ + 3 + room, patience=4, spent=noise)
    assert limited.rounds_ == enough.rounds_
    assert bool(limited.at_edge_) == at_edge


def test_where_nothing_was_searched_nothing_is_at_the_edge():
    assert fitted(limit=3, patience=3, spent=np.r_[9.0, np.zeros(199)]).at_edge_ == []
