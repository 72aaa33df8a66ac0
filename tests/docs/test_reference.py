"""Reference pages say something of all that there is: settings, models, metrics, columns, versions."""

import re
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from shown_pages import ROOT, blocks, read

import clv_experiments as clv
from clv_experiments.config.conf_folders import find_option_files
from clv_experiments.decisions.customer_scores import COLUMNS
from clv_experiments.evaluation.metrics import SCORES

SAMPLE, QUICK = ["data=cdnow_sample"], ["window=3m", "evaluation.bootstrap_replicates=10"]


@pytest.mark.extras
def test_every_setting_has_a_meaning(reference_tables):
    table = reference_tables.settings()  # raises where one has none
    for key in ("seed", "data.columns.customer_id", "window.origins", "decisions.tiers.mid", "sweep.n_trials", "fill"):
        assert re.search(rf"^\| `{key}` \| (`[^|]+`)? \| \S+", table, re.MULTILINE), key
    assert "| `model.estimator.regressor.max_depth` | `4` | Maximum tree depth for base learners |" in table


@pytest.mark.extras
def test_a_setting_that_nobody_explains_is_noticed(reference_tables, tmp_path):
    file = tmp_path / "option.yaml"
    file.write_text("# An option\nname: x  # explained\nsilent: 1\n", encoding="utf-8")
    settings = reference_tables.read_settings(file, "group.")
    assert [(setting.key, setting.default, setting.meaning) for setting in settings] == [
        ("group.name", "x", "explained"),
        ("group.silent", "1", ""),
    ]
    with pytest.raises(clv.ClvError, match=r"nothing says what group\.silent mean"):
        reference_tables.render_settings(settings)


@pytest.mark.extras
def test_columns_of_scores_are_all_described(reference_tables):
    assert re.findall(r"^\| `(\w+)`", reference_tables.score_columns(), re.MULTILINE) == list(COLUMNS)


def test_every_model_has_its_equation():
    headings = re.findall(r"^### (.+)$", read("docs/reference/models.md"), re.MULTILINE)
    assert set(find_option_files("model")) <= {name for heading in headings for name in heading.split(", ")}


def test_every_metric_is_explained():
    named = set(re.findall(r"`(\w+)`", read("docs/reference/metrics.md")))
    assert set(SCORES) <= named


def test_the_python_page_has_all_that_is_public():
    page = read("docs/reference/api.md")
    for name in clv.__all__:
        assert re.search(rf":: {name}$", page, re.MULTILINE), name


def test_the_version_is_one():
    citation = yaml.safe_load(read("CITATION.cff"))
    newest = re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)
    assert citation["version"] == clv.__version__
    assert clv.__version__ in newest[:2]  # below Unreleased, where there is such a heading


def test_the_migration_from_lifetimes_gives_the_same(recwarn):
    names = {}
    for body in blocks(read("docs/explanation/from_lifetimes.md"), "python"):
        exec(body, names)
    np.testing.assert_allclose(names["purchases_here"], names["purchases_before"], rtol=1e-3)
    assert names["spend"].shape == (2357,)


def test_the_crm_file_of_the_how_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (body,) = blocks(read("docs/howto/crm_export.md"), "python")
    exec(body, {})
    written = pd.read_csv("crm.csv", dtype={"customer_id": str})
    assert written.columns.tolist() == ["customer_id", "CLV_Tier__c", "Next_Action__c", "Expected_Revenue__c"]
    assert len(written) == 2357
    assert written["customer_id"].str.len().min() == 4


@pytest.mark.slow
@pytest.mark.extras
def test_every_column_of_every_file_is_described(reference_tables, run_process, tmp_path):
    for command in (
        ["train.py", *SAMPLE, "model=linear", "features=rfm"],
        ["train.py", *SAMPLE, "model=linear", "features=rfm", "evaluation=customer_split", "evaluation.splits=3"],
        ["scripts/sweep.py", *SAMPLE, "model=ridge", "sweep.n_trials=2", "sweep.seeds=1"],
        ["scripts/leaderboard.py", *SAMPLE, "models=[mbg_nbd]", "replicates=100", "--fill"],
        ["scripts/score.py", *SAMPLE, "model=mbg_nbd"],
        ["train.py", "data=simulated", "data.source.customers=500", "model=mbg_nbd"],
    ):
        done = run_process([sys.executable, ROOT / command[0], *command[1:], *QUICK], cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
    described = reference_tables.described_files()
    files = [*tmp_path.rglob("*.csv"), *tmp_path.rglob("*.parquet")]
    elsewhere = {"totals.csv", "ranks.csv", "scores.csv"}  # of forecast levels, of several cells, in a table of its own
    written = [file for file in files if file.name in described and file.name != "scores.csv"]
    assert {file.name for file in written} >= set(described) - elsewhere
    scores = {*SCORES, *yaml.safe_load((ROOT / "conf" / "sweep" / "ridge.yaml").read_text())["space"]}
    for file in written:
        columns = pq.read_schema(file).names if file.suffix == ".parquet" else pd.read_csv(file, nrows=0).columns
        unknown = [column for column in columns if column not in described[file.name] and column not in scores]
        assert not unknown, f"{file.name}: {unknown}"
