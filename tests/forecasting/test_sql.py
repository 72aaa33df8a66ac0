"""BTYD models as SQL: the statement's forecasts are the model's, on every engine that runs here."""

from copy import copy
from datetime import date
from functools import partial

import duckdb
import numpy as np
import pandas as pd
import pytest
from sqlglot import exp, parse_one

from clv_experiments.data.horizon import Horizon
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.customer_features import RFM_FIRST_SPEND
from clv_experiments.forecasting.sql import statement
from clv_experiments.forecasting.sql.statement import (
    AGREEMENT,
    COMPILERS_BY_DIALECT,
    RFM_SUMMARY,
    SPACINGS,
    SourceTable,
    build_forecast_query,
    measure_max_relative_difference,
)
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.gamma_gamma import GammaGamma
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # PySpark leaves them to Python
CUTOFF, HORIZON = date(1997, 9, 30), Horizon.parse("39 weeks")
CLASSES = (BgNbd, MbgNbd, ParetoNbd)


@pytest.fixture(scope="module")
def customers(cdnow_sample):
    return RFM_FIRST_SPEND.compute(cdnow_sample, CUTOFF, HORIZON)


@pytest.fixture(
    scope="module",
    params=[*CLASSES, partial(MbgNbd, include_first_spend=True)],
    ids=["BgNbd", "MbgNbd", "ParetoNbd", "first_spend"],
)
def model(request, customers):
    return request.param(horizon_days=HORIZON.period_after(CUTOFF).days).fit(customers)


@pytest.fixture(scope="module")
def rows(cdnow_sample):
    """Purchase days with their lines apart, and some after the cutoff."""
    days = cdnow_sample.purchase_days.to_pyarrow().to_pandas()[["customer_id", "date", "amount"]]
    halves = days.assign(amount=days["amount"].astype(float) / 2)
    return pd.concat([halves, halves])


def python_forecasts(model, customers):
    forecasts = {
        "p_alive": model.probability_alive(customers),
        "expected_purchases": model.expected_purchases(customers),
        "expected_spend": model.predict(customers),
    }
    return pd.DataFrame(forecasts, index=customers.index)


def in_duckdb(text, **tables):
    with duckdb.connect() as connection:
        for name, frame in tables.items():
            connection.register(name, frame)
        return connection.sql(text).df().set_index("customer_id").sort_index()


def assert_agrees(result, model, customers, rtol=1e-11):
    expected = python_forecasts(model, customers)
    assert (expected > 0).all().all()
    pd.testing.assert_frame_equal(result[expected.columns].astype(float), expected, rtol=rtol, atol=0)


def test_duckdb_forecasts_from_purchases_what_the_model_does(model, customers, rows):
    text = build_forecast_query(model, SourceTable("orders"), CUTOFF).to_sql("duckdb")
    assert_agrees(in_duckdb(text, orders=rows), model, customers)


def test_duckdb_forecasts_from_a_summary_what_the_model_does(model, customers):
    text = build_forecast_query(model, SourceTable("rfm", RFM_SUMMARY), CUTOFF).to_sql("duckdb")
    assert_agrees(in_duckdb(text, rfm=customers.reset_index()), model, customers)


@pytest.mark.slow
def test_postgres_forecasts_what_the_model_does(model, customers, rows, new_database, psycopg):
    text = build_forecast_query(model, SourceTable("shop.orders"), CUTOFF).to_sql("postgres")
    with new_database("export") as uri, psycopg.connect(uri) as connection:
        connection.execute("CREATE SCHEMA shop")
        connection.execute("CREATE TABLE shop.orders (customer_id text, date date, amount numeric)")
        with connection.cursor().copy("COPY shop.orders FROM STDIN") as copied:
            for row in rows.itertuples(index=False):
                copied.write_row(row)
        cursor = connection.execute(text)
        names = [column.name for column in cursor.description]
        result = pd.DataFrame(cursor.fetchall(), columns=names).set_index("customer_id").sort_index()
    assert_agrees(result, model, customers)


@pytest.mark.slow
def test_spark_forecasts_what_the_model_does(model, customers, rows, spark):
    spark.session.createDataFrame(rows.to_dict("records")).createOrReplaceTempView("orders")
    text = build_forecast_query(model, SourceTable("orders"), CUTOFF).to_sql("spark")
    result = pd.DataFrame([row.asDict() for row in spark.session.sql(text).collect()])
    assert_agrees(result.set_index("customer_id").sort_index(), model, customers)


@pytest.mark.cross("model", "dialect")
@pytest.mark.parametrize("dialect", COMPILERS_BY_DIALECT)
def test_every_dialect_compiles_to_one_select_of_its_grammar(model, dialect):
    text = build_forecast_query(model, SourceTable("shop.orders"), CUTOFF).to_sql(dialect)
    tree = parse_one(text, dialect=COMPILERS_BY_DIALECT[dialect][1])
    assert isinstance(tree, exp.Select)
    assert tree.named_selects == ["customer_id", "p_alive", "expected_purchases", "expected_spend"]
    defined = {cte.alias for cte in tree.find_all(exp.CTE)}
    read = {table.sql() for table in tree.find_all(exp.Table)}
    assert {name.split(" ")[0] for name in read} - defined == {"shop.orders"}
    assert {call.name.upper() for call in tree.find_all(exp.Anonymous)} <= {"MAKE_DATE", "IEEE_DIVIDE"}


def with_parameters(kind, values, spend):
    model = kind(horizon_days=180)
    for name, value in zip(kind._parameter_names, values, strict=True):
        setattr(model, f"{name}_", value)
    model.spend_, model.standard_errors_ = spend, np.ones(4)
    return model


@pytest.fixture(scope="module")
def spend(customers):
    return GammaGamma().fit(customers)


EXTREMES = [
    (BgNbd, (0.1, 1.0, 0.05, 0.05)),
    (BgNbd, (5.0, 30.0, 1e-3, 5.0)),  # nobody drops out
    (BgNbd, (1.0, 5.0, 5.0, 1e-3)),  # nearly all at once
    (MbgNbd, (0.5, 9.0, 1e4, 1e5)),  # all alike
    (ParetoNbd, (0.1, 20.0, 0.05, 2.0)),
    (ParetoNbd, (3.0, 2.0, 5.0, 40.0)),
    (ParetoNbd, (1.0, 5.0, 1.0, 5.0)),  # s of 1, where the formula has a limit
    (ParetoNbd, (1.0, 50.0, 1e-4, 1.0)),
]


@pytest.mark.parametrize(("kind", "parameters"), EXTREMES)
def test_agrees_at_the_ends_of_the_parameters(kind, parameters, spend):
    assert (
        build_forecast_query(with_parameters(kind, parameters, spend), SourceTable("t"), CUTOFF).max_relative_difference
        <= AGREEMENT
    )


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "parameters"), EXTREMES)
def test_postgres_takes_the_ends_of_the_parameters_too(kind, parameters, spend, new_database, psycopg):
    """It refuses what overflows or underflows."""
    model = with_parameters(kind, parameters, spend)
    text = build_forecast_query(model, SourceTable("rfm", RFM_SUMMARY), CUTOFF).to_sql("postgres")
    customers = statement._build_test_customers(model).rename_axis("customer_id")
    with new_database("extremes") as uri, psycopg.connect(uri) as connection:
        connection.execute(
            "CREATE TABLE rfm (customer_id int, frequency int, recency int, T int, monetary_value float)"
        )
        rows = [(*map(int, row[:4]), float(row[4])) for row in customers.reset_index().itertuples(index=False)]
        connection.cursor().executemany("INSERT INTO rfm VALUES (%s, %s, %s, %s, %s)", rows)
        cursor = connection.execute(text)
        names = [column.name for column in cursor.description]
        result = pd.DataFrame(cursor.fetchall(), columns=names).set_index("customer_id").sort_index()
    expected = python_forecasts(model, customers)
    pd.testing.assert_frame_equal(result, expected, rtol=1e-9, atol=1e-200, check_index_type=False)


def test_a_formula_that_differs_is_seen_and_refused(customers, monkeypatch):
    model = BgNbd(horizon_days=90).fit(customers)
    assert measure_max_relative_difference(model, 1.5) > 1e-6  # too few nodes
    other = copy(model)
    other.predict = lambda X: model.predict(X) * (1 + 1e-8)
    with pytest.raises(ClvError, match=r"BgNbd cannot be exported: .* would differ by 1e-08 of a forecast"):
        build_forecast_query(other, SourceTable("t"), CUTOFF)
    monkeypatch.setattr(statement, "SPACINGS", (1.5, *SPACINGS))  # finer nodes are tried
    assert build_forecast_query(model, SourceTable("t"), CUTOFF).max_relative_difference <= AGREEMENT


@pytest.mark.parametrize("kind", CLASSES)
def test_without_amounts_purchases_alone_are_forecast(kind, customers, rows):
    model = kind(horizon_days=90).fit(customers.drop(columns="monetary_value"))
    text = build_forecast_query(model, SourceTable("orders"), CUTOFF).to_sql("duckdb")
    result = in_duckdb(text, orders=rows.drop(columns="amount"))
    assert list(result.columns) == ["p_alive", "expected_purchases"]
    np.testing.assert_allclose(result["expected_purchases"], model.predict(customers), rtol=1e-11)


def test_too_few_repeaters_for_a_model_of_spend_have_its_mean(customers, rows):
    model = MbgNbd(horizon_days=90).fit(customers)
    model.spend_ = GammaGamma(min_repeaters=10**6).fit(customers)
    text = build_forecast_query(model, SourceTable("orders"), CUTOFF).to_sql("duckdb")
    assert_agrees(in_duckdb(text, orders=rows), model, customers)


def test_spend_that_depends_on_frequency_follows_its_trend(customers, rows):
    larger = customers.assign(monetary_value=customers["monetary_value"] * (1 + customers["frequency"]))
    model = MbgNbd(horizon_days=90).fit(larger)
    assert model.spend_.trend_.exponent > 0.5
    text = build_forecast_query(model, SourceTable("orders"), CUTOFF).to_sql("duckdb")
    assert_agrees(in_duckdb(text, orders=rows), model, customers)
