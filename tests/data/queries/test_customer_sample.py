"""A sample of customers: heavy buyers whole, sums right, the same on every engine, nothing of it from later."""

from dataclasses import replace
from datetime import date
from functools import partial

import ibis
import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.log import load_log
from clv_experiments.data.queries.customer_sample import draw_stratified_sample, list_label_weights
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.database import database
from clv_experiments.forecasting.customer_features import RFM

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # PySpark leaves them to Python
CUTOFF, HORIZON = date(1997, 12, 31), Horizon.parse("3 months")


@pytest.fixture(scope="module")
def customers(cdnow_sample):
    """All 2,357 customers, every one of whom is known at the cutoff."""
    return RFM.compute(cdnow_sample, CUTOFF, HORIZON)


def test_heavy_buyers_are_all_taken_and_the_others_in_equal_numbers(cdnow_sample, customers):
    sample = draw_stratified_sample(cdnow_sample, CUTOFF, 800, seed=42)
    stratum = np.searchsorted([1, 2, 4, 8, 16], customers["frequency"], side="right")
    taken = customers.index.isin(sample.weights.index)
    counts = pd.DataFrame({"known": np.bincount(stratum), "taken": np.bincount(stratum[taken])})
    assert counts.loc[4:, "taken"].tolist() == counts.loc[4:, "known"].tolist() == [61, 17]
    assert counts.loc[:2, "taken"].to_numpy() == pytest.approx(193, abs=3 * 193**0.5)
    assert len(sample.weights) == pytest.approx(800, abs=3 * 800**0.5)
    weights = sample.weights.groupby(stratum[taken]).agg(["min", "max"])
    assert (weights["min"] == weights["max"]).all()
    assert weights.loc[4:, "min"].tolist() == [1.0, 1.0]


def test_weights_add_up_to_all_customers_and_to_their_totals_within_the_error_of_a_sample(cdnow_sample, customers):
    totals = {"frequency": customers["frequency"], "spend": customers["frequency"] * customers["monetary_value"]}
    errors = []
    for seed in range(30):
        weights = draw_stratified_sample(cdnow_sample, CUTOFF, 800, seed).weights
        assert weights.sum() == pytest.approx(len(customers), rel=1e-12)
        errors.append(
            {name: (weights * values.loc[weights.index]).sum() / values.sum() - 1 for name, values in totals.items()}
        )
    errors = pd.DataFrame(errors)
    assert (errors.std() < [0.005, 0.02]).all()  # of a plain sample of 800 about 0.05 and 0.09
    assert (errors.mean().abs() < 3 * errors.std() / 30**0.5).all()


def test_where_there_are_no_more_customers_all_are_taken(cdnow_sample, customers):
    assert draw_stratified_sample(cdnow_sample, CUTOFF, len(customers), seed=42) is None
    assert list_label_weights([None, None], [customers["T"]] * 2) is None
    sample = draw_stratified_sample(cdnow_sample, CUTOFF, len(customers) - 1, seed=42)
    whole, weighted = list_label_weights([None, sample], [customers["T"], customers["T"].loc[sample.weights.index]])
    assert (whole == 1).all()
    assert weighted is sample.weights


def test_the_seed_chooses_and_later_cutoffs_take_the_same_customers(cdnow_sample):
    ids = {
        (seed, cutoff): set(draw_stratified_sample(cdnow_sample, cutoff, 800, seed).weights.index)
        for seed, cutoff in [(1, CUTOFF), (2, CUTOFF), (1, date(1997, 9, 30))]
    }
    other_seed, other_cutoff = len(ids[1, CUTOFF] & ids[2, CUTOFF]), len(ids[1, CUTOFF] & ids[1, date(1997, 9, 30)])
    assert set(draw_stratified_sample(cdnow_sample, CUTOFF, 800, 1).weights.index) == ids[1, CUTOFF]
    assert other_seed < 450
    assert other_cutoff > 700


def test_what_comes_after_the_cutoff_changes_nothing(cdnow_sample):
    days = cdnow_sample.purchase_days
    known = replace(cdnow_sample, purchase_days=days.filter(days.date <= ibis.literal(date(1997, 6, 30))))
    samples = [draw_stratified_sample(log, date(1997, 6, 30), 800, seed=42).weights for log in (cdnow_sample, known)]
    pd.testing.assert_series_equal(*samples)


def test_the_sampled_log_holds_these_customers_with_all_their_purchases(cdnow_sample, customers):
    sample = draw_stratified_sample(cdnow_sample, CUTOFF, 800, seed=42)
    pd.testing.assert_frame_equal(RFM.compute(sample.log, CUTOFF, HORIZON), customers.loc[sample.weights.index])


def test_spark_takes_the_same_customers(cdnow_sample, spark):
    rows = cdnow_sample.purchase_days.select("customer_id", "date", "amount").to_pyarrow()
    source = partial(lambda engine, rows: RawTable(engine.register_arrow("rows", rows)), rows=rows)
    log = load_log("cdnow_sample", source, engine=spark)
    assert log.purchase_days.get_backend().name == "pyspark"
    samples = [draw_stratified_sample(one, CUTOFF, 800, seed=42) for one in (cdnow_sample, log)]
    pd.testing.assert_series_equal(*(sample.weights for sample in samples), check_index_type=False)
    features = [RFM.compute(sample.log, CUTOFF, HORIZON) for sample in samples]
    pd.testing.assert_frame_equal(*features, rtol=1e-12, check_index_type=False)


def test_postgres_takes_the_same_customers(cdnow_sample, new_database, psycopg):
    rows = cdnow_sample.purchase_days.select("customer_id", "date", "amount").to_pyarrow().to_pylist()
    with new_database("sampled") as uri:
        with psycopg.connect(uri) as connection:
            connection.execute("CREATE TABLE orders (customer_id text, date date, amount numeric)")
            values = [(row["customer_id"], row["date"], row["amount"]) for row in rows]
            connection.cursor().executemany("INSERT INTO orders VALUES (%s, %s, %s)", values)
        log = load_log("cdnow_sample", partial(database, connection=uri, table="orders"))
        assert log.purchase_days.get_backend().name == "postgres"
        samples = [draw_stratified_sample(one, CUTOFF, 800, seed=42).weights for one in (cdnow_sample, log)]
        log.purchase_days.get_backend().disconnect()
    pd.testing.assert_series_equal(*samples, check_index_type=False)
