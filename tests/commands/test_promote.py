"""Promotion: the winner is fitted on the whole log as its run was set, and nothing but a whole promotion counts."""

from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from clv_experiments.commands import promote as promotion
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.promote import check_promote_setting, promote
from clv_experiments.comparison.cell import Cell, Entry
from clv_experiments.comparison.standings import compute_standings
from clv_experiments.config.log_and_window import build_window, load_log_from_config
from clv_experiments.config.model_options import build_model
from clv_experiments.config.settings import resolve_masked_settings
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.records import FittedModel, Param, RegistrationRequest, Tag, Text
from clv_experiments.tracking.memory_tracker import MemoryTracker
from clv_experiments.tracking.stored_run import CHAMPION

CONF = Path(__file__).resolve().parents[2] / "conf"
DAYS = pd.date_range("2000-01-01", "2001-06-30")
TYPED = ["features=rfm", "model.estimator.regressor.max_depth=2", "seed=7", "window.cutoff=2001-02-28"]
SPENT = np.array([0.0, 0.0, 5.0, 9.0, 2.0, 0.0, 7.0, 1.0, 3.0, 4.0, 0.0, 6.0])


def composed(name, *typed):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, overrides=[*typed])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A log of 40 customers in a file, and a tracker that promotions use."""
    rng = np.random.default_rng(3)
    rows = [
        (f"c{customer:02d}", day, round(float(rng.gamma(2.0, 10.0 + customer)), 2))
        for customer in range(40)
        for day in rng.choice(DAYS[:-1], size=4 + customer % 5, replace=False)
    ]
    rows += [("c00", DAYS[0], 5.0), ("c39", DAYS[-1], 5.0)]
    path, tracker = tmp_path_factory.mktemp("shop") / "orders.csv", MemoryTracker()
    pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).to_csv(path, index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(promotion, "instantiate", lambda tracking: tracker)
        yield path, tracker


def typed_for(path):
    return ["data=file", f"data.path={path}", "data.name=shop", "window=3m"]


def judged(path, tracker, model, *typed):
    """Leave the run of a model, as train.py does, as far as a promotion reads it."""
    cfg = composed("config", *typed_for(path), "tracking=memory", f"model={model}", *typed)
    log = load_log_from_config(cfg.data, lambda start, end: build_window(cfg.window, start, end).first_forecast_cutoff)
    window = build_window(cfg.window, log.start, log.end)
    made = Forecaster(log, window).forecast(window.period(0), build_model(cfg.model))
    with tracker.run("shop 3m", model) as run:
        run.log(
            [
                Text("config.yaml", OmegaConf.to_yaml(resolve_masked_settings(cfg))),
                Tag("log_fingerprint", log.fingerprint),
            ]
        )
        run.log([FittedModel(made.estimator, made.X.head())])
    return entry_of(run.run_id, model, cfg.model.family)


def entry_of(run_id, model, family, predicted=SPENT):
    table = {"customer_id": [f"c{i:02d}" for i in range(len(SPENT))], "cutoff": pd.Timestamp("2001-03-31")}
    table |= {"y_true": SPENT, "y_pred": predicted, "purchase_days": (SPENT > 0).astype(int)}
    return Entry(
        label=model, model=model, family=family, features="rfm", run_id=run_id, code_version="0.1.0",
        predictions=pd.DataFrame(table), d2_floors=(0.01,),
    )  # fmt: skip


def board(*entries):
    """Set the winner beside models that foresee nothing."""
    cell = Cell(
        data="shop", horizon="3m", identity="0123456789abcdef", holdouts=("2001-04-01 to 2001-06-30",), currency="$",
        entries=tuple(entries),
    )  # fmt: skip
    return compute_standings(cell, "d2_tweedie", replicates=100)


def promoted(path, *entries):
    cfg = composed("leaderboard", *typed_for(path), "promote=true")
    return promote(cfg, typed_for(path), board(*entries), [], Terminal())


NOBODY = entry_of("none", "flat", "baseline", np.full(len(SPENT), 3.0))


@pytest.fixture(scope="module")
def story(shop):
    """A BTYD model that won, and the champion that it became."""
    entry = judged(*shop, "mbg_nbd")
    output = StringIO()
    with redirect_stdout(output):
        champion = promoted(shop[0], entry, replace(entry, label="stack", family="hybrid"), NOBODY)
    return entry, champion, output.getvalue()


@pytest.fixture(scope="module")
def tree(shop):
    """A small tree with settings that somebody typed, and the champion that it became."""
    entry = judged(*shop, "decision_tree", *TYPED)
    return entry, promoted(shop[0], entry, NOBODY), ""


@pytest.mark.parametrize("kind", ["story", "tree"])
def test_the_champion_is_fitted_on_the_whole_log_by_the_settings_of_its_run(shop, kind, request):
    entry, champion, _ = request.getfixturevalue(kind)
    cfg = OmegaConf.create(shop[1].reader().text(entry.run_id, "config.yaml"))
    model = build_model(cfg.model)
    assert model.name == champion.run.tags["model"] == entry.model
    log = load_log_from_config(cfg.data, lambda start, end: build_window(cfg.window, start, end).first_forecast_cutoff)
    assert champion.run.tags["cutoff"] == str(log.end) == "2001-06-30"
    # Fitted by hand: on what is known at the log's end, or on the spend of every whole period that has a past.
    forecaster = Forecaster(log, Window(log.start, log.end, Horizon.parse("3m")))
    at_end = forecaster.features(log.end, model.features)
    assert tuple(at_end.columns) == champion.columns
    by_hand, before = model.estimator, shop[1].reader().model(f"runs:/{entry.run_id}")
    if model.supervised:
        periods = [forecaster.window.period(k) for k in range(5)]
        X = pd.concat([forecaster.features(period.cutoff, model.features) for period in periods])
        by_hand.fit(X, pd.concat([forecaster.outcome(period)["spend"] for period in periods]))
    else:
        by_hand.set_params(horizon_days=92.0).fit(at_end)  # July, August and September
    expected = by_hand.predict(at_end)
    np.testing.assert_allclose(champion.estimator.predict(at_end), expected, rtol=1e-9)
    assert not np.allclose(before.estimator.predict(at_end), expected, rtol=1e-3)
    assert champion.evaluation_run_id == entry.run_id


def test_settings_that_were_typed_for_the_winner_are_kept(shop, tree):
    _, champion, _ = tree
    assert champion.run.params["seed"] == "7"
    assert champion.run.params[TYPED[1].partition("=")[0]] == TYPED[1].partition("=")[2]
    assert "seed: 7" in shop[1].reader().text(champion.run.run_id, "config.yaml")


def test_a_champion_leaves_a_run_of_its_own_kind_with_its_card(shop, story):
    entry, champion, out = story
    about = {"kind": CHAMPION, "cell": "0123456789abcdef", "evaluated_run": entry.run_id}
    assert champion.run.name == "champion mbg_nbd"
    assert about.items() <= champion.run.tags.items()
    why = champion.run.tags["why"]
    assert all(part in why for part in ("mbg_nbd", "D2 0.956", "stack"))
    assert why in out
    assert "version 1 of shop-3m" in out
    assert "models:/shop-3m@champion" in out
    card = shop[1].reader().text(champion.run.run_id, "card.md")
    assert "# mbg_nbd, champion of shop 3m" in card
    assert "2001-07-01 to 2001-09-30" in card
    records = next(run.records for run in shop[1].runs if run.run_id == champion.run.run_id)
    assert isinstance(records[-1], RegistrationRequest)  # the alias moves when everything else is there
    assert (records[-1].name, records[-1].alias, records[-1].text) == ("shop-3m", CHAMPION, card)
    assert Param("model.name", "mbg_nbd") in records


def test_a_log_that_changed_since_is_refused_and_the_old_champion_stays(shop, story):
    path, tracker = shop
    kept = tracker.reader().model("models:/shop-3m@champion").run.run_id
    changed = path.with_name("changed.csv")
    changed.write_text(path.read_text() + "c07,2001-06-30,123.0\n")
    again = r"clv train -m 'model=glob\(\*\)' data=file data\.path="
    with pytest.raises(ClvError, match=rf"log 'shop' is no longer what mbg_nbd was judged on .* {again}"):
        promoted(changed, story[0], NOBODY)
    assert (tracker.runs[-1].name, tracker.runs[-1].status) == ("champion mbg_nbd", "FAILED")
    assert tracker.reader().model("models:/shop-3m@champion").run.run_id == kept


def test_a_promotion_that_would_mislead_is_refused():
    cfg = composed("leaderboard", "promote=true")
    check_promote_setting(cfg, is_single=True)
    with pytest.raises(ClvError, match="leave out -m"):
        check_promote_setting(cfg, is_single=False)
    split = OmegaConf.merge(cfg, {"evaluation": {"protocol": "customer_split"}})
    with pytest.raises(ClvError, match="says nothing about the future"):
        check_promote_setting(split, is_single=True)
    with pytest.raises(ClvError, match="promote must be true or false, got 'maybe'"):
        check_promote_setting(OmegaConf.merge(cfg, {"promote": "maybe"}), is_single=True)
    check_promote_setting(OmegaConf.merge(split, {"promote": False}), is_single=False)
