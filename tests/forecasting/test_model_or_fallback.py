"""A model's fallback stands in where there is nothing to learn from, and the run says so."""

from dataclasses import replace

import pytest

from clv_experiments.commands.train import run_experiment
from clv_experiments.config.model_options import build_model
from clv_experiments.forecasting.suitability import choose_model_or_fallback


@pytest.fixture(scope="module")
def blend(compose):
    return build_model(compose("model=blend").model)


def test_with_amounts_and_labels_a_model_is_itself(blend, cdnow_sample):
    assert choose_model_or_fallback(blend, cdnow_sample, has_labels=True) == (blend, "")


def test_without_labels_its_fallback_stands_in_under_its_name(blend, cdnow_sample):
    model, note = choose_model_or_fallback(blend, cdnow_sample, has_labels=False)
    assert (model.name, model.family, model.supervised) == ("blend", "btyd", False)
    assert model.features == blend.fallback.features
    assert note.endswith(f"no earlier period of that length to learn from: {blend.fallback.name} stands in for blend")


def test_without_amounts_too(blend, cdnow_sample):
    counts = replace(cdnow_sample, has_amounts=False)
    assert choose_model_or_fallback(blend, counts, has_labels=True)[0].family == "btyd"
    assert "has no amounts" in choose_model_or_fallback(blend, counts, has_labels=True)[1]


def test_a_model_without_fallback_is_left_to_say_what_it_lacks(blend, cdnow_sample):
    alone = replace(blend, fallback=None)
    assert choose_model_or_fallback(alone, cdnow_sample, has_labels=False) == (alone, "")


def test_a_run_on_a_log_too_short_to_learn_from_is_that_of_the_fallback(compose, monkeypatch):
    monkeypatch.setattr("clv_experiments.commands.train.build_all_baselines", lambda cfg: [])
    monkeypatch.setattr("clv_experiments.commands.train.forecast_records", lambda *_: [])
    tables = [
        run_experiment(compose("data=cdnow_sample", "window=12m", f"model={name}")).latest_forecast.table
        for name in ("blend", "mbg_nbd_first_spend")
    ]
    assert tables[0].equals(tables[1])
