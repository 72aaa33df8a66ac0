"""Each setting of conf/model is one that its estimator has, so that a misspelt or outdated key cannot stay there."""

import inspect
from pathlib import Path

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

CONF = Path(__file__).resolve().parents[2] / "conf" / "model"


def takes(target, key):
    """Whether a function or a class has a parameter, or takes any keyword, as XGBoost does on behalf of its booster."""
    parameters = inspect.signature(get_object(target)).parameters
    return key in parameters or any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())


def unknown(node):
    """Yield ``target.key`` for each key below a node that its ``_target_`` does not take."""
    if isinstance(node, list):
        for child in node:
            yield from unknown(child)
    elif isinstance(node, dict):
        if target := node.get("_target_"):
            yield from (f"{target}.{key}" for key in node if not key.startswith("_") and not takes(target, key))
        for child in node.values():
            yield from unknown(child)


@pytest.mark.parametrize("option", sorted(path.stem for path in CONF.glob("*.yaml")))
def test_every_setting_is_a_parameter_of_its_target(option, compose):
    estimator = OmegaConf.to_container(compose(f"model={option}").model.estimator, resolve=True)
    assert "_target_" in estimator
    assert list(unknown(estimator)) == []


def test_a_misspelt_setting_is_named_at_any_depth():
    ridge = {"_target_": "sklearn.linear_model.Ridge", "alpha": 1.0, "max_itr": 5}
    estimator = {"_target_": "clv_experiments.models.spend_regressor.SpendRegressor", "fold": 5, "regressor": ridge}
    assert list(unknown(estimator)) == [
        "clv_experiments.models.spend_regressor.SpendRegressor.fold",
        "sklearn.linear_model.Ridge.max_itr",
    ]
