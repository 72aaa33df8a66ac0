"""A log in, a scored customer list out: by an option that is fitted now, and by a stored model."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from clv_experiments.commands import score_files
from clv_experiments.commands.model_reference import (
    ModelReference,
    build_btyd_model,
    check_same_features,
    collect_compatibility_warnings,
    pop_model_override,
    replace_spend_only_model,
    resolve_model,
)
from clv_experiments.commands.score import score
from clv_experiments.config.model_options import build_model
from clv_experiments.config.settings import resolve_masked_settings, setting_records
from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.data.window import Window
from clv_experiments.decisions.customer_scores import COLUMNS
from clv_experiments.decisions.past_predictions import stored_predictions
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.records import File, FittedModel, Param, Table, Tag, Text
from clv_experiments.tracking.memory_tracker import MemoryReader, MemoryRun, MemoryTracker

CONF = Path(__file__).resolve().parents[2] / "conf"
CUTOFF = "1998-03-31"


@pytest.fixture(scope="module")
def rows(cdnow_sample):
    """Every fourth customer of the CDNOW sample, their ids made hostile."""
    days = cdnow_sample.purchase_days.to_pyarrow().to_pandas()
    ids = sorted(days["customer_id"].unique())[::4]
    days = days[days["customer_id"].isin(ids)].assign(
        country=lambda t: np.where(t["customer_id"] < "1000", "=UK", "FR")
    )
    return days.drop(columns="orders").replace({"customer_id": {ids[0]: "=1+1", ids[1]: "<script>"}})


def composed(path, *overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra_compose(
            "score",
            overrides=["data=file", "tracking=memory", f"data.path={path}", "data.log_end=1998-06-30", *overrides],
        )


@pytest.fixture(scope="module")
def scored(rows, tmp_path_factory):
    """The list as of a day in the past, from the log and from one whose later days are another's."""
    folder, folders = tmp_path_factory.mktemp("scores"), {}
    after = rows["date"].astype(str) > CUTOFF
    tampered = pd.concat([rows[~after], rows[after].assign(amount=lambda t: t["amount"].astype(float) * 9 + 1)])
    twice = pd.concat([tampered, rows[after].assign(customer_id="new", amount=5000.0)])
    for name, frame in {"as_is": rows, "tampered": twice.drop_duplicates(["customer_id", "date"])}.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
        cfg = composed(folder / f"{name}.csv", f"window.cutoff={CUTOFF}", "model=mbg_nbd", f"output={folder / name}")
        folders[name] = score(cfg, "mbg_nbd")
    return folders


def test_one_row_a_customer_known_at_the_cutoff(scored, rows):
    scores = pd.read_parquet(scored["as_is"] / "scores.parquet")
    assert scored["as_is"].name == f"as_is-3m-{CUTOFF}-mbg_nbd"
    assert scores.columns.tolist() == [*COLUMNS]
    assert scores["customer_id"].tolist() == sorted(set(rows["customer_id"][rows["amount"] > 0]))
    spend, low, high = (scores[f"expected_spend{end}"] for end in ("", "_low", "_high"))
    assert ((low >= 0) & (low <= spend) & (spend <= high)).all()
    assert scores["p_alive"].between(0, 1).all()
    assert (scores["p_purchase"] <= scores["p_alive"] + 1e-9).all()
    assert (scores["btyd_model"] == "mbg_nbd").all()
    assert pd.to_datetime(scores["last_purchase"]).max() <= pd.Timestamp(CUTOFF)
    assert scores["missed_opportunity"].any()
    assert scores["value_tier"].value_counts(normalize=True)["High"] == pytest.approx(0.1, abs=0.01)


def test_nothing_after_the_cutoff_moves_a_number(scored):
    as_is, tampered = (pd.read_parquet(folder / "scores.parquet") for folder in scored.values())
    pd.testing.assert_frame_equal(as_is, tampered)


def test_the_files_say_the_same_and_defuse_what_is_hostile(scored):
    parquet, csv = pd.read_parquet(scored["as_is"] / "scores.parquet"), pd.read_csv(scored["as_is"] / "scores.csv")
    assert csv["customer_id"][parquet["customer_id"] == "=1+1"].tolist() == ["'=1+1"]
    assert set(csv["country"]) == {"'=UK", "FR"}
    numbers = parquet.select_dtypes("number").columns
    assert np.allclose(csv[numbers], parquet[numbers], atol=5.1e-5)
    text = (scored["as_is"] / "readme.txt").read_text()
    assert all(f"\n{column}: " in text for column in COLUMNS)
    assert "mbg_nbd, fitted now" in text
    summary = pd.read_csv(scored["as_is"] / "summary.csv")
    assert summary["expected_spend"][0] == pytest.approx(parquet["expected_spend"].sum())


@pytest.mark.parametrize(
    "overrides",
    [("model=mbg_nbd_first_spend",), ("model=spend_rate", "decisions.btyd=mbg_nbd_first_spend")],
    ids=["of spend", "beside"],
)
def test_a_btyd_model_that_counts_the_first_purchase_scores_too(overrides, rows, scored, tmp_path):
    rows.to_csv(tmp_path / "orders.csv", index=False)
    cfg = composed(tmp_path / "orders.csv", f"window.cutoff={CUTOFF}", f"output={tmp_path}", *overrides)
    scores = pd.read_parquet(score(cfg, overrides[0].removeprefix("model=")) / "scores.parquet").set_index(
        "customer_id"
    )
    plain = pd.read_parquet(scored["as_is"] / "scores.parquet").set_index("customer_id")
    assert scores.columns.tolist() == plain.columns.tolist()
    assert (scores["btyd_model"] == "mbg_nbd_first_spend").all()
    once = scores["frequency"] == 0
    worth = (scores["clv"] / scores["expected_purchases"])[once]
    assert worth.nunique() > 20  # the papers' model expects the same of a purchase of everyone who came once
    np.testing.assert_allclose(scores["expected_purchases"], plain["expected_purchases"], rtol=1e-9)


@pytest.fixture(scope="module")
def stored_run(rows, log_of):
    """The run of a linear model of rfm features, with the model and its predictions."""
    log = log_of(rows[["customer_id", "date", "amount"]], log_end=date(1998, 6, 30), name="orders")
    cfg = composed("orders.csv", "model=linear", "features=rfm")
    window, model = Window(log.start, log.end, Horizon.parse("3 months")), build_model(cfg.model)
    latest, earlier = (Forecaster(log, window).forecast(window.period(k), model) for k in (0, 1))
    tags = {"model": "linear", "cutoff": CUTOFF, "log_fingerprint": log.fingerprint, "protocol": "forecast"}
    run = MemoryRun("orders 3m", "linear")
    settings = resolve_masked_settings(cfg)
    run.log(
        [
            *(Tag(*tag) for tag in tags.items()),
            *setting_records(settings),
            FittedModel(latest.estimator, latest.X.head()),
        ]
    )
    run.log([Text("config.yaml", OmegaConf.to_yaml(settings))])
    for name, forecast in (("predictions.parquet", latest), ("validation_predictions.parquet", earlier)):
        run.log([Table(name, forecast.table.assign(cutoff=pd.Timestamp(forecast.period.cutoff)).reset_index())])
    return run


@pytest.fixture(scope="module")
def orders(rows, tmp_path_factory):
    """One file for all that read it, so that it is read once."""
    path = tmp_path_factory.mktemp("orders") / "orders.csv"
    rows.to_csv(path, index=False)
    return path


def test_a_stored_model_scores_with_its_own_features_and_a_btyd_model_beside(stored_run, orders, tmp_path, monkeypatch):
    monkeypatch.setattr(MemoryTracker, "reader", lambda self: MemoryReader([stored_run]))
    cfg = composed(orders, f"output={tmp_path}", "decisions.btyd=bg_nbd")
    monkeypatch.setattr(score_files, "BATCH_CUSTOMERS", 100)
    logged: list = []
    monkeypatch.setattr(MemoryRun, "log", lambda self, records: logged.extend(records))
    scores = pd.read_parquet(score(cfg, f"runs:/{stored_run.run_id}") / "scores.parquet").set_index("customer_id")
    assert (scores["btyd_model"] == "bg_nbd").all()
    estimator = next(record.estimator for record in stored_run.records if isinstance(record, FittedModel))
    X = scores[["frequency", "recency", "T", "monetary_value"]].astype(float)
    assert scores["expected_spend"].to_numpy() == pytest.approx(estimator.predict(X))
    text = (tmp_path / "orders-3m-1998-06-30-linear" / "readme.txt").read_text()
    sentence = next(line for line in text.splitlines() if "kept with the model" in line)
    assert "1998-04-01 to 1998-06-30" in sentence
    # Promised, held of all customers, and held of those with the largest predictions.
    assert len(re.findall(r"\d%", sentence)) == 3
    assert [path.name for path in tmp_path.rglob(".*")] == []
    assert [record.path.name for record in logged if isinstance(record, File)] == ["scores.csv", "scores.parquet"]


def test_a_look_back_is_not_calibrated_on_the_period_that_it_predicts(stored_run, orders, tmp_path, monkeypatch):
    known = [replace(record, frame=record.frame.assign(y_true=1e9)) if isinstance(record, Table) else record
             for record in stored_run.records]  # fmt: skip
    run = MemoryRun("orders 3m", "linear", known, run_id=stored_run.run_id)
    monkeypatch.setattr(MemoryTracker, "reader", lambda self: MemoryReader([run]))
    folder = score(composed(orders, f"output={tmp_path}", f"window.cutoff={CUTOFF}"), f"runs:/{run.run_id}")
    assert pd.read_parquet(folder / "scores.parquet")["expected_spend_high"].max() < 1e5
    text = (folder / "readme.txt").read_text()
    assert "fitted before it" in next(line for line in text.splitlines() if "1998-01-01 to 1998-03-31" in line)
    assert "1998-04-01 to 1998-06-30" not in text


def test_what_a_stored_model_cannot_do_is_said(stored_run, monkeypatch):
    monkeypatch.setattr(MemoryTracker, "reader", lambda self: MemoryReader([stored_run]))
    cfg, address = composed("orders.csv"), f"runs:/{stored_run.run_id}"
    stored = resolve_model(cfg, address).stored
    with pytest.raises(
        ClvError, match=r"predicts the next 3 months, and window.horizon is 6 months; type window.horizon="
    ):
        resolve_model(composed("orders.csv", "window=6m"), address)
    with pytest.raises(ClvError, match="there is no model models:/orders-3m@champion"):
        resolve_model(cfg, "champion")
    missing = resolve_model(cfg, None)
    assert (missing.stored, missing.trained_until, missing.model.name) == (None, None, "blend")
    for sentence in (missing.description, missing.settings_description):
        assert sentence.startswith("blend")
        assert "models:/orders-3m@champion" in sentence
    model = resolve_model(cfg, address).model
    with pytest.raises(ClvError, match="takes T, which its feature set 'rfm' does not give: fit it again"):
        check_same_features(stored, model, ["customer_id", "frequency", "recency", "monetary_value"])
    with pytest.raises(ClvError, match="was fitted without gap_mean, which its feature set 'rfm' gives now"):
        check_same_features(stored, model, ["frequency", "recency", "T", "monetary_value", "gap_mean"])
    check_same_features(stored, model, ["T", "frequency", "recency", "monetary_value"])


def test_a_stored_model_says_what_it_has_seen(stored_run, monkeypatch):
    reader = MemoryReader(
        [MemoryRun("orders 3m", "linear", [*stored_run.records, Tag("currency", "$")], run_id=stored_run.run_id)]
    )
    monkeypatch.setattr(MemoryTracker, "reader", lambda self: reader)
    address = f"runs:/{stored_run.run_id}"
    request = resolve_model(composed("orders.csv"), address)
    assert request.description == f"linear, {address}, fitted up to {CUTOFF}"
    assert (request.settings_description, str(request.trained_until)) == (f"settings of linear, {address}", CUTOFF)
    fingerprint = request.stored.run.tags["log_fingerprint"]
    assert [*collect_compatibility_warnings(request, fingerprint, "$", date(1998, 3, 31))] == []
    assert "not converted" in next(collect_compatibility_warnings(request, fingerprint, "EUR", date(1998, 3, 31)))
    assert "not the log" in next(collect_compatibility_warnings(request, "another", "$", date(1998, 3, 31)))
    assert "know too much" in next(collect_compatibility_warnings(request, fingerprint, "$", date(1998, 3, 30)))
    split = [Tag("protocol", "customer_split"), Tag("holdouts", "1998-04-01 to 1998-06-30")]
    reader = MemoryReader([MemoryRun("orders 3m", "linear", [*stored_run.records, *split], run_id=stored_run.run_id)])
    assert str(resolve_model(composed("orders.csv"), address).trained_until) == "1998-06-30"


@pytest.mark.parametrize(("tag", "value"), [("cutoff", ""), ("cutoff", "\x1b[31mred"), ("holdouts", "1998-04-01 to ?")])
def test_a_stored_model_that_does_not_say_it_is_refused(stored_run, monkeypatch, tag, value):
    split = [Tag("protocol", "customer_split")] if tag == "holdouts" else []
    records = [*stored_run.records, *split, Tag(tag, value)]
    reader = MemoryReader([MemoryRun("orders 3m", "linear", records, run_id=stored_run.run_id)])
    monkeypatch.setattr(MemoryTracker, "reader", lambda self: reader)
    with pytest.raises(ClvError, match=rf"does not say what it has seen: the tag {tag} .* got '.*'; take") as raised:
        resolve_model(composed("orders.csv"), f"runs:/{stored_run.run_id}")
    assert str(raised.value).isprintable()


def test_stored_predictions_are_of_periods_that_are_over(stored_run):
    reader = MemoryReader([stored_run])
    stored = reader.model(f"runs:/{stored_run.run_id}")
    window = Window(date(1997, 1, 1), date(1998, 6, 30), Horizon.parse("3 months"))
    past = stored_predictions(reader, stored, window)
    assert (past.period, past.origin) == (Period(date(1998, 3, 31), date(1998, 6, 30)), "stored")
    assert min(len(past.latest), len(past.earlier)) > 500
    assert stored_predictions(reader, stored, window.truncate_at(date(1998, 6, 29))) is None
    stored.run.tags["protocol"] = "customer_split"
    assert stored_predictions(reader, stored, window) is None


def test_purchases_are_predicted_by_a_model_of_purchases():
    assert build_btyd_model(composed("orders.csv", "decisions.btyd=bg_nbd")).name == "bg_nbd"
    with pytest.raises(ClvError, match=r"decisions.btyd must be a model of purchases, such as mbg_nbd, and linear is"):
        build_btyd_model(composed("orders.csv", "decisions.btyd=linear"))


def test_a_kept_model_of_purchases_is_not_replaced_where_there_is_a_log(stored_run):
    bg_nbd = build_btyd_model(composed("orders.csv", "decisions.btyd=bg_nbd"))
    kept = ModelReference(bg_nbd, MemoryReader([stored_run]).model(f"runs:/{stored_run.run_id}"), "kept", "kept", None)
    other = build_btyd_model(composed("orders.csv"))
    assert replace_spend_only_model(kept, other, "there is no money", refit=False) is kept
    assert replace_spend_only_model(kept, other, "there is no log", refit=True).model is other


def test_settings_that_no_longer_build_are_said(stored_run, monkeypatch):
    moved = [Text("config.yaml", r.text.replace("features.rfm.rfm", "gone.rfm")) if isinstance(r, Text) else r
             for r in stored_run.records if r != Param("window.horizon", "6 months")]  # fmt: skip
    monkeypatch.setattr(
        MemoryTracker, "reader", lambda self: MemoryReader([MemoryRun("f", "linear", moved, run_id="1")])
    )
    with pytest.raises(ClvError, match=r"runs:/1 \(linear\) was made by settings that this version cannot build"):
        resolve_model(composed("orders.csv"), "runs:/1")


@pytest.mark.parametrize(
    ("typed", "model", "remaining"),
    [
        ([], None, []),
        (["data=cdnow", "model=champion"], "champion", ["data=cdnow"]),
        (["model='runs:/abc/model'"], "runs:/abc/model", []),
        (["model=bg_nbd", "seed=1"], "bg_nbd", ["model=bg_nbd", "seed=1"]),
        (["model=xgboost", "model.estimator.patience=3"], "xgboost", ["model=xgboost", "model.estimator.patience=3"]),
    ],
)
def test_what_model_names_is_taken_out_of_the_command_line(typed, model, remaining):
    assert pop_model_override(typed) == (model, remaining)


@pytest.mark.parametrize("typed", [["features=rfm"], ["model=champion", "model.estimator.patience=3"]])
def test_settings_of_an_option_need_the_option(typed):
    with pytest.raises(ClvError, match=f"type model=<option> beside {typed[-1]}"):
        pop_model_override(typed)


def test_a_log_too_short_to_judge_is_scored_without_intervals(tmp_path):
    days = pd.date_range("2021-01-01", "2021-03-20")
    rows = [(f"c{k % 40}", days[(k * 7) % len(days)].date(), 5.0 + k % 9) for k in range(400)]
    pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).to_csv(tmp_path / "short.csv", index=False)
    cfg = composed(tmp_path / "short.csv", "data.log_end=2021-03-20", "model=mbg_nbd", f"output={tmp_path}")
    folder = score(cfg, "mbg_nbd")
    scores = pd.read_parquet(folder / "scores.parquet")
    assert scores["expected_spend_low"].isna().all()
    assert not scores["missed_opportunity"].any()
    text = (folder / "readme.txt").read_text()
    assert "no intervals" in text
    assert not re.search(r"\d{4}-\d\d-\d\d to ", text)  # no earlier period was predicted
    assert "mbg_nbd: a/(a+b) < 1e-4" in text
