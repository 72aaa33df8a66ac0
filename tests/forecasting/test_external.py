"""Predictions made elsewhere: whose they are, of when, and what can be scored."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.score_records import score_predictions
from clv_experiments.forecasting.evaluation_result import d2_floor, forecast_and_score
from clv_experiments.forecasting.external import ExternalForecaster, external_model, validate_cell_predictions
from clv_experiments.forecasting.forecaster import Forecaster

CELL = "0123456789abcdef"


@pytest.fixture(scope="module")
def forecaster(cdnow_sample):
    return Forecaster(cdnow_sample, Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3 months"), origins=2))


@pytest.fixture
def table(forecaster):
    """A prediction of 5 for everybody at both cutoffs."""
    frames = [
        pd.DataFrame({"customer_id": forecaster.outcome(period).index, "cutoff": str(period.cutoff), "y_pred": 5.0})
        for period in (forecaster.window.period(1), forecaster.window.period(0))
    ]
    return pd.concat(frames, ignore_index=True)


def check(forecaster, table, **claims):
    return validate_cell_predictions(table, forecaster, "mine", cell=CELL, **claims)


def test_predictions_are_scored_as_they_are(forecaster, table):
    table["y_pred"] = np.random.default_rng(1).exponential(8.0, len(table))
    tables = check(forecaster, table.sample(frac=1, random_state=1))
    external = ExternalForecaster(forecaster, tables)
    for period in (forecaster.window.period(1), forecaster.window.period(0)):
        evaluated = forecast_and_score(external, period, external_model("mine"))
        of_cutoff = table[table["cutoff"] == str(period.cutoff)].set_index("customer_id")["y_pred"]
        expected = forecaster.outcome(period).rename(columns={"spend": "y_true"}).join(of_cutoff)
        assert evaluated.scores == score_predictions(expected, d2_floor(forecaster, period))
        assert evaluated.forecast.table["y_pred"].to_dict() == of_cutoff.to_dict()


def test_a_validation_period_is_evaluated_where_it_was_predicted(forecaster, table):
    earlier = forecaster.window.period(2)
    more = pd.DataFrame({"customer_id": forecaster.outcome(earlier).index, "cutoff": earlier.cutoff, "y_pred": 1.0})
    days = table.assign(cutoff=pd.to_datetime(table["cutoff"]).dt.date)
    tables = check(forecaster, pd.concat([days, more]))
    with_validation = ExternalForecaster(forecaster, tables)
    assert [origin.validation is not None for origin in with_validation.origins()] == [True, True]
    without = ExternalForecaster(forecaster, check(forecaster, table))
    assert [origin.validation is not None for origin in without.origins()] == [False, True]


def test_customers_are_the_same_whether_text_or_numbers(log_of):
    rows = [(str(customer), date(2020, 1, 1 + day), 10.0) for customer in (7, 8) for day in (0, 9, 20)]
    log = log_of(rows)
    numbers = Forecaster(log, Window(log.start, log.end, Horizon.parse("5 days")))
    cutoff = numbers.window.period(0).cutoff
    for ids in ([7, 8], [7.0, 8.0], ["7", "8"]):
        tables = check(numbers, pd.DataFrame({"customer_id": ids, "cutoff": cutoff, "y_pred": [1, 2]}))
        assert tables[cutoff]["y_pred"].to_dict() == {"7": 1.0, "8": 2.0}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda t: t.drop(columns="y_pred"), "lack the column y_pred; they have customer_id, cutoff"),
        (lambda t: t.drop(columns="cutoff"), "lack the column cutoff"),
        (lambda t: t.iloc[1:], "lack 1 customers, the first 0001; expected is one row for each of the 2,357"),
        (lambda t: pd.concat([t, t.tail(2)]), "of 1998-03-31 have 2 rows too many, the first of customer "),
        (lambda t: pd.concat([t, t.tail(1).assign(customer_id="x")]), "1 customers of no purchase before it"),
        (lambda t: t.assign(customer_id=t["customer_id"].where(t.index != 4)), "1 rows without a customer_id"),
        (lambda t: t.assign(cutoff=t["cutoff"].where(t.index != 4)), "1 rows without a cutoff"),
        (lambda t: t.assign(cutoff="soon"), "a cutoff that is no day .* 1998-03-31"),
        (lambda t: t[t["cutoff"] == "1998-03-31"], "lack 1997-12-31; this cell is forecast from 1997-12-31"),
        (lambda t: pd.concat([t, t.tail(3).assign(cutoff="1998-05-01")]), "are of 1998-05-01 too"),
        (lambda t: t.assign(y_pred=t["y_pred"].where(t.index != 4)), "1 values of y_pred .* nan of customer 0005"),
        (lambda t: t.assign(y_pred=np.inf), "y_pred that cannot be scored, the first inf"),
        (lambda t: t.assign(y_pred=-1), "the first -1 of customer 0001; expected is a finite spend of 0 or more"),
        (lambda t: t.assign(y_pred="much"), "the first much"),
        (lambda t: t.assign(p_purchase=1.2), "p_purchase .* a probability from 0 to 1"),
        (lambda t: t.assign(expected_purchases=-0.1), "expected_purchases"),
        (lambda t: t.assign(cell="abc"), "were made for cell abc, and .* are cell 0123456789abcdef"),
    ],
)  # fmt: skip
def test_what_cannot_stand_on_the_board_is_refused_in_a_sentence(forecaster, table, damage, words):
    with pytest.raises(ClvError, match=words):
        check(forecaster, damage(table))


def test_a_claimed_cell_may_be_the_beginning_of_its_fingerprint(forecaster, table):
    assert check(forecaster, table, claimed_cell="01234")
    with pytest.raises(ClvError, match="were made for cell 01235"):
        check(forecaster, table, claimed_cell="01235")
