"""Secrets planted wherever a user may put one: none is shown, and none is in any file that a command leaves."""

import os
import sqlite3
import sys

import pytest
from hydra import compose, initialize_config_dir

from clv_experiments import errors
from clv_experiments.commands.cli.overrides import translate_arguments
from clv_experiments.commands.cli.typed_secrets import restore_and_mask_override
from clv_experiments.config.conf_folders import packaged_conf_folder

PLANTED = "Sesame+42"
URI = f"sqlite://shop.db?user=ann&password={PLANTED},x=y&sslmode=require"
OPTION = f"""
defaults: [sql, _self_]
name: shop
connection: mssql://ann:{PLANTED}@host/shop?driver=x
source:
  _target_: shop_source.read
  connection: ${{data.connection}}
  aws_secret_access_key: {PLANTED}/w1
  account: "AccountName=a;AccountKey={PLANTED}==;EndpointSuffix=core"
  headers: {{authorization: "Bearer {PLANTED}aaaaaaaa"}}
"""
SOURCE = """
import logging
def read(engine, **settings):
    logging.getLogger("shop").warning("asking %s", settings["connection"])
    try:
        raise KeyError(settings["aws_secret_access_key"])
    except KeyError as error:
        raise RuntimeError(f"no answer for {settings}") from error
"""


@pytest.fixture(autouse=True)
def _as_a_new_process(monkeypatch):
    monkeypatch.setattr(errors, "_remembered", set())
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]


@pytest.fixture
def shop(work, cdnow_sample):
    """A working folder with a log in a database that takes any password."""
    days = cdnow_sample.purchase_days.to_pyarrow().to_pylist()
    rows = [(day["customer_id"], str(day["date"]), float(day["amount"])) for day in days]
    with sqlite3.connect(work / "shop.db") as database:
        database.execute("create table orders (customer_id text, date text, amount real)")
        database.executemany("insert into orders values (?, ?, ?)", rows)
    database.close()
    return work


def leaks(folder, ours=()):
    """Files that hold a secret, but for the user's own."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in ours]
    assert files
    return [file for file in files if PLANTED.encode() in file.read_bytes()]


def test_each_value_of_a_multirun_has_a_variable_of_its_own():
    first, second = f"postgresql://a:{PLANTED},x@h/one?sslmode=require", f"mssql://a:{PLANTED}@h/two?sslmode=require"
    words = translate_arguments(["-m", f"data.connection={first},{second}"], "config").overrides_and_options
    assert words[1] == "data.connection=${oc.env:CLV_DATA_CONNECTION},${oc.env:CLV_DATA_CONNECTION_2}"
    assert [os.environ["CLV_DATA_CONNECTION"], os.environ["CLV_DATA_CONNECTION_2"]] == [first, second]
    assert restore_and_mask_override(words[1]) == f"data.connection={first},{second}".replace(
        f"{PLANTED},x", "***"
    ).replace(PLANTED, "***")


@pytest.mark.parametrize(
    ("typed", "hidden"),
    [
        (f"+model.estimator.password={PLANTED}", "++model.estimator.password=${oc.env:CLV_MODEL_ESTIMATOR_PASSWORD}"),
        (f"+model.estimator.a={{token: {PLANTED}, user: b}}", "++model.estimator.a={token:${oc.env:CLV_TOKEN},user:b}"),
        ("model.estimator.seed=1", "model.estimator.seed=1"),
    ],
)
def test_a_secret_is_hidden_by_its_name(typed, hidden):
    assert hidden in translate_arguments([typed], "config").overrides_and_options


@pytest.mark.parametrize(
    ("further", "folder"),
    [
        ([], "data.query=x,data=sql,seed=7"),
        (["hydra.job.config.override_dirname.exclude_keys=[seed]"], "data.query=x,data=sql"),
    ],
)
def test_no_folder_is_named_after_a_secret(further, folder):
    typed = ["data=sql", f"data.connection=postgresql://ann:{PLANTED}@h/shop", "data.query=x", "seed=7", *further]
    with initialize_config_dir(str(packaged_conf_folder()), version_base="1.3"):
        cfg = compose(
            "config", overrides=translate_arguments(typed, "config").overrides_and_options, return_hydra_config=True
        )
    assert cfg.hydra.job.override_dirname == folder
    assert PLANTED in cfg.data.connection


@pytest.mark.slow
@pytest.mark.parametrize("full", ["0", "1"])
def test_a_secret_in_a_users_own_option_is_kept_nowhere(full, work, migrated, run_process):
    migrated(work)
    (work / "conf" / "data").mkdir(parents=True)
    (work / "conf" / "data" / "shop.yaml").write_text(OPTION)
    (work / "shop_source.py").write_text(SOURCE)
    clv = [sys.executable, "-m", "clv_experiments.commands.cli.clv"]
    environment = os.environ | {"HYDRA_FULL_ERROR": full}
    train = [*clv, "train", "-m", "data=shop", "model=zeros,mean", "hydra.output_subdir=.hydra"]
    done = run_process([*train, "hydra/job_logging=default"], cwd=work, env=environment)
    assert done.returncode == 1
    assert "no answer for" in done.stderr
    assert "AccountKey=***" in done.stderr
    for about in (["--cfg", "job"], ["--cfg", "job", "--resolve"], ["--info", "config"]):
        done_about = run_process([*clv, "train", "data=shop", *about], cwd=work, env=environment)
        assert "AccountName=a;AccountKey=***" in done_about.stdout
        assert PLANTED not in done_about.stdout + done_about.stderr
    assert PLANTED not in done.stdout + done.stderr
    written = [file.name for file in work.rglob("*.yaml")]
    assert {"multirun.yaml", "overrides.yaml"} <= set(written)
    assert leaks(work, ["shop.yaml"]) == []


@pytest.mark.slow
def test_commands_work_with_a_password_and_keep_it_nowhere(shop, clv):
    typed = [f"data.connection={URI}", "window=3m"]
    printed = ""
    for command, *further in (
        ("train", "-m", "model=mean,mbg_nbd"),
        ("leaderboard", "--fill", "models=[mbg_nbd]", "replicates=100"),
        ("sweep", "model=ridge", "sweep.n_trials=2", "sweep.seeds=1"),
        ("score", "model=mbg_nbd"),
    ):
        status, stdout, stderr = clv(command, *typed, *further)
        assert (status, stderr) == (0, ""), command
        printed += stdout
    assert "password=***&sslmode=require" in printed, "the winner's command"
    assert PLANTED not in printed
    assert leaks(shop) == []
    status, _, stderr = clv("leaderboard", *typed, "models=[linear]")
    assert status == 1
    assert "'data.connection=sqlite://shop.db?user=ann&password=***&sslmode=require'" in stderr
