"""``clv export``: a BTYD model becomes SQL files; what cannot be exported is refused in a sentence."""

from datetime import date

import duckdb
import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.forecasting.customer_features import RFM
from clv_experiments.tracking.run_reader import RunReader

CELL = ("data=cdnow_sample", "window=3m")


def forecast(path, log):
    with duckdb.connect() as connection:
        connection.register("transactions", log.purchase_days.to_pyarrow())
        return connection.sql(path.read_text()).df().set_index("customer_id").sort_index()


def test_an_option_is_fitted_on_the_whole_log_and_written_in_every_dialect(clv, work, cdnow_sample):
    status, stdout, stderr = clv("export", *CELL, "model=mbg_nbd")
    assert (status, stderr) == (0, "")
    folder = work / "mlruns" / "sql" / "cdnow_sample-3m-1998-06-30-mbg_nbd"
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["bigquery.sql", "duckdb.sql", "postgres.sql", "snowflake.sql", "spark.sql"]
    assert str((folder / "duckdb.sql").relative_to(work)) in stdout
    text = (folder / "duckdb.sql").read_text()
    assert "-- Over the 92 days after 1998-06-30" in text
    assert len(forecast(folder / "duckdb.sql", cdnow_sample)) == cdnow_sample.customers


@pytest.mark.slow
def test_the_model_of_a_run_is_exported_as_it_is_at_any_cutoff(clv, work, cdnow_sample):
    assert clv("train", *CELL, "model=bg_nbd")[0] == 0
    reader = RunReader(work / "mlruns")
    (run,) = reader.runs("cdnow_sample 3m")
    model = reader.model(f"runs:/{run.run_id}").estimator
    for typed, cutoff in [((), "1998-03-31"), (("window.cutoff=1998-01-15",), "1998-01-15")]:
        status, _, stderr = clv("export", *CELL, f"model=runs:/{run.run_id}", "dialects=[duckdb]", *typed)
        assert (status, stderr) == (0, "")
        (path,) = (work / "mlruns" / "sql" / f"cdnow_sample-3m-{cutoff}-bg_nbd").iterdir()
        period = Horizon.parse("3 months").period_after(date.fromisoformat(cutoff))
        customers = RFM.compute(cdnow_sample, period.cutoff, Horizon.parse("3 months"))
        result = forecast(path, cdnow_sample)
        expected = model.set_params(horizon_days=float(period.days)).predict(customers)
        assert result["expected_spend"].to_numpy() == pytest.approx(expected, rel=1e-9)
        assert list(result.index) == list(customers.index)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["model=xgboost"], "xgboost cannot be exported: only a BTYD model"),
        (["model=hybrid_ensemble"], "hybrid_ensemble cannot be exported: only a BTYD model"),
        ([], "blend cannot be exported: only a BTYD model"),
        (
            ["model=mbg_nbd", "+model.level=forecast"],
            "mbg_nbd cannot be exported: its predictions are brought to a level",
        ),
        (["model=champion"], "champion"),
        (
            ["model=mbg_nbd", "dialects=[postgresql]"],
            "there is no dialect 'postgresql' (dialects); did you mean postgres?",
        ),
        (["model=mbg_nbd", "dialects=duckdb"], "dialects must be a list such as [duckdb], got 'duckdb'"),
        (["model=mbg_nbd", "rows=lines"], "rows must be transactions or rfm_summary, got 'lines'"),
        (["model=mbg_nbd", "table='orders; DROP TABLE x'"], "table must name a table, such as orders or shop.orders"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_the_log_is_read(clv, work, typed, sentence):
    status, stdout, stderr = clv("export", *CELL, *typed)
    assert status == 1
    assert stderr.startswith("error: ")
    assert sentence in stderr
    assert "reading" not in stdout
    assert not (work / "mlruns" / "sql").exists()
