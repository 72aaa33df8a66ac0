"""Settings build what this package, scikit-learn, XGBoost and the user's own conf/ have, and nothing else."""

import pytest
from omegaconf import OmegaConf

from clv_experiments.config.targets import ForeignTarget, check_targets

EVIL = {"model": {"estimator": {"_target_": "sklearn.linear_model.Ridge", "inner": [{"_target_": "evil.Popen"}]}}}


def test_every_option_of_the_package_is_allowed(compose):
    check_targets(compose("experiment=study"))
    check_targets(compose("model=hybrid_ensemble", "data=simulated"))


def test_code_from_elsewhere_is_refused_wherever_it_stands(work):
    message = r"^model\.estimator\.inner\[0\]\._target_=evil\.Popen of run 1 would run code of neither"
    with pytest.raises(ForeignTarget, match=message):
        check_targets(OmegaConf.create(EVIL), " of run 1")
    with pytest.raises(ForeignTarget):
        check_targets(OmegaConf.create({"tracking": {"_target_": "sklearnevil.Tracker"}}))


@pytest.mark.parametrize(
    "line", ["_target_: evil.Popen", "- {'_target_': 'evil.Popen'}", 'x: {"_target_": evil.Popen}']
)
def test_what_the_users_own_conf_names_is_allowed(work, line):
    (work / "conf" / "model").mkdir(parents=True)
    (work / "conf" / "model" / "own.yaml").write_text(line)
    check_targets(OmegaConf.create(EVIL))


def test_a_command_refuses_it_before_anything_is_built(run_script, work):
    (work / "evil.py").write_text("open('ran', 'w')\nclass Popen: pass\n")
    status, _, stderr = run_script("train.py", "model=mean", "tracking=memory", "model.estimator._target_=evil.Popen")
    assert status == 1
    assert "model.estimator._target_=evil.Popen would run code of neither" in stderr
    assert not (work / "ran").exists()
