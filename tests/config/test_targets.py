"""Settings build estimators, what the packaged conf/ builds and what the user's own names, and nothing else."""

import pytest
from omegaconf import OmegaConf

from clv_experiments.config.targets import ForeignTarget, read_logged_settings, require_allowed_targets
from clv_experiments.errors import ClvError

EVIL = {"model": {"estimator": {"_target_": "sklearn.linear_model.Ridge", "inner": [{"_target_": "evil.Popen"}]}}}
SETTINGS = "data: {}\nevaluation: {}\nwindow: {}\n"


def test_every_option_of_the_package_is_allowed(compose):
    require_allowed_targets(compose("experiment=study"))
    require_allowed_targets(compose("model=hybrid_ensemble", "data=simulated"))


def test_code_from_elsewhere_is_refused_wherever_it_stands(work):
    message = r"^model\.estimator\.inner\[0\]\._target_=evil\.Popen of run 1 would run code of neither"
    with pytest.raises(ForeignTarget, match=message):
        require_allowed_targets(OmegaConf.create(EVIL), " of run 1")
    with pytest.raises(ForeignTarget):
        require_allowed_targets(OmegaConf.create({"tracking": {"_target_": "sklearnevil.Tracker"}}))


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "clv_experiments.tracking.loader.joblib.load", "filename": "planted"},
        {"_target_": "clv_experiments.tracking.loader._load_pyfunc", "path": "planted"},
        {"_target_": "clv_experiments.data.sources.database.database", "connection": "duckdb://", "query": "COPY ..."},
        {"_target_": "sklearn.datasets.load_files", "container_path": "planted"},
        "${oc.create:'{_target_: evil.Popen}'}",
        "${oc.decode:'{inner: [{_target_: evil.Popen}]}'}",
        {"inner": "${oc.decode:'[{_target_: evil.Popen}]'}"},
        {"_target_": "${oc.decode:evil.Popen}"},
    ],
)
def test_code_is_refused_by_whatever_name_it_is_reached(work, node):
    with pytest.raises(ForeignTarget, match=r"would run code of neither .* that belongs there"):
        require_allowed_targets(OmegaConf.create({"model": {"estimator": node}}))


def test_a_check_of_ones_own_is_named_with_its_settings(work):
    require_allowed_targets(
        OmegaConf.create({"checks": ["my_checks.Worthless", {"_target_": "my_checks.Worthless", "share": 0.7}]})
    )


def test_estimators_that_no_option_names_are_allowed(work):
    for target in (
        "sklearn.linear_model.Ridge",
        "xgboost.XGBRFRegressor",
        "clv_experiments.models.mbg_cnbd_k.MbgCnbdK",
    ):
        require_allowed_targets(OmegaConf.create({"model": {"estimator": {"inner": [{"_target_": target}]}}}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: [", r"^config\.yaml of run 7 is not readable \(ParserError\); take another run$"),
        ("- model", r"^config\.yaml of run 7 has no data, evaluation, model, window;"),
        ("model: {}\ndata: {}\nwindow: 3m", r"^config\.yaml of run 7 has no evaluation, window;"),
        (f"{SETTINGS}model: {{x: '${{oc.env:SHOP_KEY}}'}}", r"says model\.x=\$\{oc\.env:SHOP_KEY\}, and no run refers"),
        (f"{SETTINGS}model: {{x: {{_target_: evil.Popen}}}}", r"^model\.x\._target_=evil\.Popen of run 7 would run"),
    ],
)
def test_settings_that_were_changed_in_a_store_are_refused(work, monkeypatch, text, message):
    monkeypatch.setenv("SHOP_KEY", "sesame")
    with pytest.raises(ClvError, match=message) as raised:
        read_logged_settings(text, "7")
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize(
    "line", ["_target_: evil.Popen", "- {'_target_': 'evil.Popen'}", 'x: {"_target_": evil.Popen}']
)
def test_what_the_users_own_conf_names_is_allowed(work, line):
    (work / "conf" / "model").mkdir(parents=True)
    (work / "conf" / "model" / "own.yaml").write_text(line)
    require_allowed_targets(OmegaConf.create(EVIL))


def test_a_command_refuses_it_before_anything_is_built(run_script, work):
    (work / "evil.py").write_text("open('ran', 'w')\nclass Popen: pass\n")
    status, _, stderr = run_script("train.py", "model=mean", "tracking=memory", "model.estimator._target_=evil.Popen")
    assert status == 1
    assert "model.estimator._target_=evil.Popen would run code of neither" in stderr
    assert not (work / "ran").exists()
