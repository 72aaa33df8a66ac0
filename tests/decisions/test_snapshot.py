"""Snapshots: what is known at the cutoff, what is predicted, what came; and nothing of the last in the first two."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.decisions.snapshot import take_snapshot
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.spend_regressor import SpendRegressor

RFM = FeatureSet("rfm", (rfm,))
SPEND = Model("linear", "ml", True, RFM, SpendRegressor(LinearRegression()))
PURCHASES = Model("mbg_nbd", "btyd", False, RFM, MbgNbd())
PREDICTED = ["expected_spend", "expected_purchases", "p_alive", "p_purchase"]


def forecaster(log):
    return Forecaster(log, Window(log.start, log.end, Horizon(3, "months")))


@pytest.fixture(scope="module")
def snapshots(cdnow_sample):
    whole = forecaster(cdnow_sample)
    return {
        k: take_snapshot(whole, period, SPEND, PURCHASES)
        for k, period in {-1: whole.window.future_period, 0: whole.window.period(0)}.items()
    }


def test_the_coming_period_is_not_over_and_the_one_before_is(snapshots):
    assert (snapshots[-1].is_over, snapshots[0].is_over) == (False, True)
    assert (snapshots[0].model_name, snapshots[0].btyd_name) == ("linear", "mbg_nbd")
    over = snapshots[0].table
    assert (over["days_to_purchase"].notna() == (over["purchase_days"] > 0)).all()
    assert over["days_to_purchase"].dropna().between(1, snapshots[0].period.days).all()
    assert np.allclose(over["expected_spend"], snapshots[0].model.table["y_pred"])
    assert (over["p_purchase"] <= over["p_alive"] + 1e-9).all()


def test_a_model_that_knows_purchases_speaks_for_itself(cdnow_sample):
    whole = forecaster(cdnow_sample)
    own = take_snapshot(whole, whole.window.future_period, PURCHASES, replace(PURCHASES, name="other"))
    assert own.btyd is own.model
    assert own.btyd_name == "mbg_nbd"


def test_what_came_after_the_cutoff_moves_no_prediction(cdnow_sample, snapshots):
    days = cdnow_sample.purchase_days
    later = days.date > date(1998, 3, 31)
    tampered = replace(cdnow_sample, purchase_days=days.filter(~later | (days.amount < 20)).cache())
    again = forecaster(tampered)
    other = take_snapshot(again, again.window.period(0), SPEND, PURCHASES)
    pd.testing.assert_frame_equal(other.table[PREDICTED], snapshots[0].table[PREDICTED])
    assert not other.table["y_true"].equals(snapshots[0].table["y_true"])
