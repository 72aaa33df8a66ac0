"""One pipeline on DuckDB, Spark and PostgreSQL: the same report, fingerprint, features and holdout spend."""

import os
import sqlite3
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from clv_experiments.config.log_and_window import load_log_from_config
from clv_experiments.data import cleaning
from clv_experiments.data.engine import DuckDb, Spark, open_engine
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.log import load_log
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.queries.activity import count_last_two_gaps
from clv_experiments.data.queries.cohort_months import sum_repeat_purchases_by_cohort_month
from clv_experiments.data.queries.outcomes import holdout_spend_and_purchase_days
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.database import database
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rhythm import log_gap_sum
from clv_experiments.forecasting.customer_features import count_customers_by_history

FOLDER = os.environ.get("CLV_DATA_DIR")
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # PySpark leaves them to Python


def outcome(log, compose, horizon="3 months"):
    """What must not depend on the engine."""
    window = Window(log.start, log.end, Horizon.parse(horizon))
    period = window.period(0)
    features = FeatureSet("full", [instantiate(block) for block in compose("features=full").features.blocks])
    return {
        "fingerprint": log.fingerprint,
        "report": log.report.table,
        "span": (log.start, log.end, log.customers),
        "features": features.compute(log, period.cutoff, window.horizon),
        "spend": holdout_spend_and_purchase_days(log, period),
        "cohorts": sum_repeat_purchases_by_cohort_month(log, period.cutoff).past,
        "gaps": count_last_two_gaps(log, period.cutoff),
        "rhythm": FeatureSet("rhythm", [log_gap_sum]).compute(log, period.cutoff, window.horizon),
        **_counts(log, period.cutoff, window.horizon),
    }


def _counts(log, cutoff, horizon):
    histories, spends = count_customers_by_history(log, cutoff, horizon)
    return {"histories": pd.DataFrame(vars(histories)), "spends": pd.DataFrame(vars(spends) if spends else {})}


def assert_same(result, expected):
    pd.testing.assert_frame_equal(result["report"], expected["report"])
    assert result["span"] == expected["span"]
    assert result["fingerprint"] == expected["fingerprint"]
    for frame in ("features", "spend", "cohorts", "gaps", "rhythm", "histories", "spends"):
        pd.testing.assert_frame_equal(result[frame], expected[frame], rtol=1e-9, atol=1e-9)


# --- a small log that has everything wrong with it ---------------------------------------------------------------

IDS = ["17850", "17850.0", " 17850 ", "\t12346", "Zoë", "zoë", "ß", "SS", "=1+1", "'; drop table log; --", "客户"]
IDS += ["Ann@x.de", "ann@X.de", "guest", "GUEST"]
NO_IDS = ["", "  ", "NaN", None]
DAYS = (
    "{:%d/%m/%Y}",
    "{:%d.%m.%Y} 8:26",
    "{:%Y-%m-%d}",
    "{:%Y-%m-%d} 23:59:59",
    "{:%Y%m%d}",
    "{:%d %B %Y}",
    "{:%d-%b-%Y}",
)
AMOUNTS = ("{:.2f}", "£{:,.2f}", " {:.4f}", "{:.3e}", "+{:.2f}", "GBP {:,.2f}")
STATUSES = ("paid", "Cancelled", "Refund", None, "odd one", "REFUNDED", "wc-completed", "paid")
WHERE = "`note %s` is null or not (`order` in ['C7', 'O''x'] and k >= 3) and when > '2019-12-03'"
STEPS = (
    cleaning.id_case(),
    cleaning.guests(),
    cleaning.status(),
    cleaning.refunded(),
    cleaning.missing_customer(),
    cleaning.missing_date(),
    cleaning.missing_amount(),
    cleaning.duplicates("drop"),
    cleaning.discount_lines("deduct"),
    cleaning.returns("net", cancelled="C"),
    cleaning.currency({"GBP": 1, "EUR": 0.8571, "jpy": 0.0052}),
    cleaning.rounding(2),
    cleaning.outliers("winsorise", 0.95),
)


def nasty(typed):
    """Write 400 rows of 11 spellings of 9 customers, as text or in the types that databases keep."""
    rng = np.random.default_rng(7)
    rows = []
    for k in range(400):
        day = datetime(2019, 12, 1) + timedelta(days=int(rng.integers(0, 500)))
        paid = float(np.round(rng.gamma(1.2, 400) + 0.01, 2)) * (-1 if k % 9 == 0 else 1)
        sign = f"-{-paid:.2f}" if k % 2 else f"({-paid:,.2f})"
        text = sign if paid < 0 else AMOUNTS[k % len(AMOUNTS)].format(paid)
        customer = NO_IDS[k // 40 % 4] if k % 40 == 0 else IDS[int(rng.integers(0, len(IDS)))]
        whole = None if k % 40 == 0 else float(17_850 + rng.integers(0, 12))
        order = f"{'C' if paid < 0 and k % 3 else ''}{k // 2}"
        rows.append(
            {
                "Customer ID": whole if typed else customer,
                "when": (day if k % 50 else None) if typed else (DAYS[k % len(DAYS)].format(day) if k % 50 else "NaT"),
                "paid": (paid if k % 60 else float("nan")) if typed else (text if k % 60 else "n/a"),
                "order": order,
                "currency": ("GBP", "eur", "JPY")[k % 3],
                "note %s": '=HYPERLINK("x")' if k % 5 else None,
                "k": str(k % 7),
                "order status": STATUSES[k % len(STATUSES)],
                "Amount Refunded": "3.00" if k % 13 == 0 else None,
                "e-mail": f"{'E' if k % 2 else 'e'}{k % 3}@x" if k % 4 else None,
            }
        )
        if k % 23 == 5:  # a coupon on the order
            rows.append(rows[-1] | {"paid": -1.25 if typed else "-1.25", "Amount Refunded": None})
    rows += rows[100:120]
    kinds = [pa.float64(), pa.timestamp("us"), pa.float64()] if typed else [pa.string()] * 3
    schema = pa.schema(list(zip(rows[0], [*kinds, *[pa.string()] * 7], strict=True)))
    return pa.Table.from_pylist(rows, schema=schema)


@pytest.fixture(scope="module", params=[False, True], ids=["text", "typed"])
def rows(request):
    return nasty(request.param)


def read_nasty(source, compose, engine=None):
    log = load_log(
        "nasty",
        source,
        STEPS,
        date(2021, 3, 31),
        "£",
        columns={
            "customer_id": "Customer ID",
            "date": "when",
            "amount": "paid",
            "order_id": "order",
            "currency": "currency",
        },
        parse_options=ParseOptions("dmy", "."),
        engine=engine,
        where=WHERE,
        get_learning_end=lambda first, last: date(2020, 12, 31),
    )
    return outcome(log, compose), log.notes


@pytest.fixture(scope="module")
def expected(rows, compose):
    return read_nasty(lambda engine: RawTable(engine.register_arrow("nasty", rows)), compose)[0]


@pytest.mark.slow
def test_the_nasty_log_exercises_every_step(expected):
    report = expected["report"].set_index("rule")
    of_names = ["ids in lower case", "guests"]  # which the log that is typed does not have
    assert (report[["rows", "amount"]] != 0).any(axis=1).drop(["currency", *of_names]).all()
    assert (report.loc[of_names, "customers"] != 0).all() == ("客户" in expected["features"].index)
    assert report["amount"].iloc[1:].sum() == report["amount"].iloc[0]
    assert expected["span"][2] == len(expected["features"])
    assert "17850" in expected["features"].index
    assert "17850.0" not in expected["features"].index


def test_the_nasty_log_on_spark(rows, expected, compose, spark):
    assert_same(read_nasty(lambda engine: RawTable(engine.register_arrow("nasty", rows)), compose, spark)[0], expected)


@pytest.mark.parametrize("push_down", [True, False])
def test_the_nasty_log_in_postgresql(rows, expected, compose, postgres, copy_into_postgres, pushed_down, push_down):
    copy_into_postgres("nasty", rows)
    source = partial(database, connection=postgres, table="nasty", push_down=push_down)
    result, notes = read_nasty(lambda engine: pushed_down(source(engine)), compose)
    assert_same(result, expected)
    assert any("copied" in note for note in notes) is not push_down


@pytest.mark.slow
def test_the_nasty_log_in_a_duckdb_file(rows, expected, compose, tmp_path, pushed_down):
    file = tmp_path / "nasty.duckdb"
    with duckdb.connect(str(file)) as made:
        made.register("rows", rows)
        made.execute("CREATE TABLE nasty AS SELECT * FROM rows")
    source = partial(database, connection=f"duckdb://{file}", table="nasty")
    before = file.read_bytes()
    result, notes = read_nasty(lambda engine: pushed_down(source(engine)), compose)
    assert_same(result, expected)
    assert not any("copied" in note for note in notes)
    assert file.read_bytes() == before


@pytest.mark.slow
def test_the_nasty_log_in_an_sqlite_file(rows, expected, compose, tmp_path):
    file = tmp_path / "nasty.sqlite"
    kinds = {pa.string(): "TEXT", pa.float64(): "REAL", pa.timestamp("us"): "TIMESTAMP"}
    columns = ", ".join(f'"{field.name}" {kinds[field.type]}' for field in rows.schema)
    values = [[str(cell) if isinstance(cell, datetime) else cell for cell in row.values()] for row in rows.to_pylist()]
    made = sqlite3.connect(file)
    made.execute(f"CREATE TABLE nasty ({columns})")
    made.executemany(f"INSERT INTO nasty VALUES ({', '.join('?' * rows.num_columns)})", values)
    made.commit()
    made.close()
    result, notes = read_nasty(partial(database, connection=f"sqlite://{file}", table="nasty"), compose)
    assert_same(result, expected)
    assert "rows were copied out of the database, since sqlite cannot run the pipeline itself" in notes


# --- Online Retail II --------------------------------------------------------------------------------------------

real = pytest.mark.skipif(FOLDER is None, reason="CLV_DATA_DIR does not say where the Parquet files of UCI are")


def get_learning_end(first, last):
    return date(2011, 8, 31)


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    """Every eighth customer, with all rows; of rows without a customer, those of every eighth invoice."""
    rows = pq.read_table(Path(FOLDER) / "online_retail_ii.parquet")
    number = pc.utf8_slice_codeunits(rows["Invoice"], -3).cast(pa.int64())
    rows = rows.filter(pc.equal(pc.bit_wise_and(pc.coalesce(rows["Customer ID"], number), 7), 0))
    path = tmp_path_factory.mktemp("retail") / "online_retail_ii.parquet"
    pq.write_table(rows, path, row_group_size=50_000)
    return path


@pytest.fixture(scope="module")
def composed(some, compose):
    source = f"+data.source={{_target_: clv_experiments.data.sources.files.files, _partial_: true, path: '{some}'}}"
    return partial(compose, "data=online_retail_ii", "~data.source", source, "data.cleaning.outliers.policy=winsorise")


@pytest.fixture(scope="module")
def retail(composed, compose):
    return outcome(load_log_from_config(composed().data, get_learning_end), compose)


@real
def test_every_eighth_customer_exercises_every_step_that_acts_on_all(retail):
    report = retail["report"].set_index("rule")
    assert report.loc["raw log", "rows"] > 100_000
    acting = ["in two sheets", "missing customer", "not goods", "price not positive", "cancellations and returns"]
    assert (report.loc[[*acting, "after log end 2011-11-30"], "rows"] > 0).all()
    assert report.loc["outliers above the 0.999 quantile", "amount"] > 0


@real
def test_online_retail_ii_on_spark(retail, composed, compose, spark):
    data = composed("data.engine=spark").data  # takes the session that is there
    assert_same(outcome(load_log_from_config(data, get_learning_end), compose), retail)


@real
def test_online_retail_ii_in_postgresql(retail, some, composed, compose, postgres, copy_into_postgres, pushed_down):
    copy_into_postgres("online_retail_ii", pq.read_table(some))
    data = composed().data
    source = partial(database, connection=postgres, table="public.online_retail_ii")
    log = load_log(
        data.name,
        lambda engine: pushed_down(source(engine)),
        [instantiate(step) for step in data.cleaning.values() if step is not None],
        date.fromisoformat(data.log_end),
        data.currency,
        columns=OmegaConf.to_container(data.columns),
        get_learning_end=get_learning_end,
    )
    assert_same(outcome(log, compose), retail)
    other = ibis.connect(postgres)
    assert [name for name in other.list_tables(database="public") if "cached" in name] == []  # all else was temporary
    other.disconnect()


# --- Spark ------------------------------------------------------------------------------------------------------


def test_large_integers_beside_nulls_stay_exact_on_spark(spark):
    numbers = [2**53 + 1, None, -(2**62) - 1]
    table = spark.register_arrow(
        "numbers", pa.table({"n": pa.array(numbers, pa.int64()), "d": [Decimal("0.1001"), None, None]})
    )
    assert table.to_pyarrow().to_pydict() == {"n": numbers, "d": [Decimal("0.1001"), None, None]}


def test_a_cluster_that_is_not_there_is_said_at_once(unused_port, pyspark, run_process):
    master = f"spark://127.0.0.1:{unused_port}"
    program = f"from clv_experiments.data.engine import Spark; Spark({master!r}).connection"
    done = run_process([sys.executable, "-c", program], cwd=ROOT, timeout=60)
    assert done.stderr.splitlines()[-1].startswith(
        f"clv_experiments.errors.ClvError: no Spark master answers at '{master}' (data.spark_master); type spark://"
    )


@pytest.mark.parametrize(("setting", "message"), [("java", "have Java 17 or 21"), ("master", "'nonsense'")])
def test_why_spark_does_not_start_is_one_sentence(setting, message, pyspark, run_process):
    environment = os.environ | ({"JAVA_HOME": "/nowhere"} if setting == "java" else {})
    master = "nonsense" if setting == "master" else "local"
    command = [sys.executable, "train.py", "data=cdnow_sample", "data.engine=spark", f"data.spark_master={master}"]
    command += ["model=zeros", "tracking=memory"]
    done = run_process(command, cwd=ROOT, env=environment)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1
    assert lines[0].startswith(f"error: Spark does not start on '{master}' (data.spark_master): ")
    assert message in lines[0]


def test_without_pyspark_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    monkeypatch.setitem(sys.modules, "py4j.protocol", None)
    with pytest.raises(ClvError, match=r"PySpark, which is not installed: type pip install .*\[spark\]"):
        _ = Spark("local").connection


def test_an_unknown_engine_is_named():
    assert isinstance(open_engine("duckdb"), DuckDb)
    with pytest.raises(ClvError, match=r"data\.engine must be one of duckdb, spark, got 'dask'"):
        open_engine("dask")
