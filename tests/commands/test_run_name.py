"""A table of runs tells them apart by their names."""

import pytest

from clv_experiments.commands.train import MAX_NAME_CHARACTERS, name_run

SPLIT = ("model=linear", "features=rfm", "evaluation=customer_split")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (("model=xgboost",), "xgboost"),
        (("model=mbg_nbd", "data=cdnow_sample", "window=1m", "tracking=memory", "resume=true"), "mbg_nbd"),
        (("model=decision_tree", "model.estimator.regressor.max_depth=4"), "decision_tree max_depth=4"),
        (("model=xgboost", "seed=7", "features=rfm"), "xgboost features=rfm seed=7"),
        (("model=ridge", "window.origins=all", "window.training_origins=2"), "ridge training_origins=2 origins=all"),
        (SPLIT, "linear features=rfm customer_split"),
        (("model=xgboost", "seed=7", "model.name='xgboost (tuned)'"), "xgboost (tuned)"),
        (("model=linear", "model.name=mine"), "mine"),
    ],
)
def test_a_name_says_model_changed_settings_and_protocol(compose, typed, name):
    assert name_run(compose(*typed)) == name


def test_a_long_name_is_cut(compose):
    cfg = compose("model=linear", "model.name='" + "x" * 150 + "'", "evaluation=customer_split")
    assert len(name_run(cfg)) == MAX_NAME_CHARACTERS
