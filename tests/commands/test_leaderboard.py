"""The leaderboard as a user meets it: gaps named, gaps filled, a board printed, written and tracked."""

import re
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from clv_experiments.commands.leaderboard import CellBoard, run_aggregate_leaderboard, run_leaderboard
from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.checks import Finding
from clv_experiments.comparison.display.markdown_file import BEGIN, END
from clv_experiments.errors import ClvError
from clv_experiments.tracking.mlflow_tracker import MlflowTracker

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "scripts/leaderboard.py"
CELL = ["data=cdnow_sample", "models=[bg_nbd]", "replicates=200"]  # window=3m by default


class Lonely:
    """A check of a user's own."""

    code, title, question = "OWN", "Lonely", "Is there a single model besides the baselines?"

    def find(self, standings):
        models = [label for label, family in standings.cell.families.items() if family != "baseline"]
        return [Finding(f"a single model beside the baselines, {models[0]}", models[0])] if len(models) == 1 else []


def build_board(folder, *typed, is_single=True):
    """Show one cell as scripts/leaderboard.py does."""
    typed = [*typed, f"tracking.folder={folder}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return run_leaderboard(compose("leaderboard", overrides=typed), typed, is_single=is_single)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, migrated, run_without_figures):
    """One BTYD model and the baselines on the CDNOW sample, run by the script itself."""
    folder = migrated(tmp_path_factory.mktemp("filled"))
    return folder, run_without_figures(folder, SCRIPT, *CELL, "--fill")


@pytest.fixture(scope="module")
def store(filled):
    return filled[0] / "mlruns"


@pytest.fixture(scope="module")
def board(store):
    return build_board(store, *CELL)


@pytest.fixture(scope="module")
def written(board, store):
    return store / "leaderboards" / f"cdnow_sample-3m-{board.standings.cell.identity[:8]}"


@pytest.fixture
def copy(board, store, tmp_path):
    """The filled store, to be changed."""
    shutil.copytree(store, tmp_path / "mlruns")
    return tmp_path / "mlruns"


def test_fill_runs_what_was_asked_for_and_the_baselines(board, store):
    runs = MlflowTracker(store).reader().runs("cdnow_sample 3m")
    trained = [run for run in runs if run.tags.get("kind") != "leaderboard"]
    assert len(trained) == len(board.standings.cell.entries) == 7
    assert {"bg_nbd", "zeros", "last_period"} <= {run.tags["model"] for run in trained}
    assert {run.status for run in runs} == {"FINISHED"}


def test_scores_are_those_that_the_runs_logged(board, store):
    runs = {run.run_id: run for run in MlflowTracker(store).reader().runs("cdnow_sample 3m")}
    for entry in board.standings.cell.entries:
        for metric in METRICS:
            logged = runs[entry.run_id].metrics[f"holdout_{metric}"]
            assert board.standings.rows(metric)["score"][entry.label] == pytest.approx(logged, rel=1e-9), metric


def test_coverage_is_what_the_runs_logged(board, store, written):
    runs = {run.tags.get("model"): run for run in MlflowTracker(store).reader().runs("cdnow_sample 3m")}
    table = pd.read_csv(written / "intervals.csv", index_col="label")
    assert set(table.index) == set(board.standings.cell.labels)
    for label, row in table.drop(columns="no_spend").iterrows():
        for name, value in row.items():
            assert value == pytest.approx(runs[label].metrics[f"holdout_{name}"]), (label, name)


def test_files_are_written_beside_the_runs(board, written):
    table = pd.read_csv(written / "leaderboard.csv")
    assert set(table["model"]) == set(board.standings.cell.labels)
    own = board.standings.rows()
    assert table[table["metric"] == "d2_tweedie"]["score"].tolist() == pytest.approx(own["score"].tolist())
    html = (written / "leaderboard.html").read_text(encoding="utf-8")
    markdown = (written / "leaderboard.md").read_text(encoding="utf-8")
    for label in board.standings.cell.labels:
        assert label in html
        assert label in markdown
    assert len(list(written.glob("*.png"))) == 5
    assert list(written.glob(".*")) == []


def test_the_board_is_a_run_of_the_same_experiment(board, store, written):
    first, *_ = MlflowTracker(store).reader().runs("cdnow_sample 3m")
    assert first.name == "leaderboard"
    assert first.tags["cell"] == board.standings.cell.identity
    assert first.tags["leader"] == board.standings.ranking[0]
    artifacts = store / "artifacts" / first.run_id / "artifacts"
    assert (artifacts / "leaderboard.html").read_bytes() == (written / "leaderboard.html").read_bytes()


def test_a_second_board_needs_no_run_and_says_the_same(board, copy, capsys, without_figures, monkeypatch):
    monkeypatch.delattr("clv_experiments.config.composition.compose")  # what the models are run with is known
    again = build_board(copy, *CELL, "checks=[test_leaderboard.Lonely]")
    pd.testing.assert_frame_equal(again.standings.table, board.standings.table)
    out = capsys.readouterr().out
    assert "bg_nbd" in out
    assert "BG/NBD" not in out  # no run was made
    assert "\nOWN: a single model beside the baselines, bg_nbd\n" in out
    assert len(re.findall(r"^M\d: ", out, flags=re.MULTILINE)) == sum(len(result.findings) for result in board.checks)


def test_a_gap_is_named_with_the_command_that_fills_it(copy):
    typed = ["data=cdnow_sample", "models=[bg_nbd,pareto_nbd,linear]"]
    with pytest.raises(ClvError, match="no finished run of pareto_nbd, linear") as error:
        build_board(copy, *typed)
    command = re.search(r"type (clv train .*?), or add --fill", str(error.value))[1]
    assert command.startswith("clv train -m model=pareto_nbd,linear data=cdnow_sample")
    assert "models=" not in command


def test_another_cell_is_not_mixed_in(copy):
    with pytest.raises(ClvError, match="no finished run of any model") as error:
        build_board(copy, *CELL, "window.cutoff=1997-12-31")
    assert "window.cutoff" in str(error.value).split("what is there")[1]


def test_an_unknown_cell_says_what_there_is(copy, board):
    with pytest.raises(ClvError, match=r"has no cell 'ffff'; what is there: .*7 runs, cell") as error:
        build_board(copy, *CELL, "cell=ffff")
    assert board.standings.cell.identity in str(error.value)


def test_where_nothing_was_run_everything_is_missing(tmp_path):
    with pytest.raises(ClvError, match=re.escape("'model=glob(*)' data=cdnow")):
        build_board(tmp_path / "mlruns", "data=cdnow")
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.slow
def test_lost_predictions_are_a_gap_and_a_moved_folder_is_none(board, copy, without_figures):
    lost = next(entry for entry in board.standings.cell.entries if entry.model == "bg_nbd")
    # Where artifacts are is stored absolute: the copy's runs still point at the first store.
    database = copy / "mlflow.db"
    with sqlite3.connect(database) as store:
        store.execute("update runs set artifact_uri = ? where run_uuid = ?", (str(copy / "gone"), lost.run_id))
    assert "bg_nbd" in build_board(copy, *CELL).standings.ranking  # as after moving the folder
    shutil.rmtree(copy / "artifacts" / lost.run_id)
    with pytest.raises(ClvError, match=r"no finished run of bg_nbd .* bg_nbd: without its predictions"):
        build_board(copy, *CELL)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["model=bg_nbd"], "type models="),
        (["runs=some"], "runs must be latest or all"),
        (["models=[bgnbd]"], "there is no model 'bgnbd'"),
        (["fill=maybe"], "fill must be true or false"),
        (["replicates=many"], "replicates must be a whole number"),
        (["confidence=95"], "confidence must be a share"),
        (["metric=mae"], "metric must be one of d2_tweedie"),
        (["window.origins=0"], "window.origins must be"),
        (["cell=123456"], "cell must be text or null"),
        (["cell=abc", "fill=true"], "leave out cell, or fill"),
    ],
)
def test_settings_that_mislead_are_refused(tmp_path, typed, words):
    with pytest.raises(ClvError, match=words):
        build_board(tmp_path / "mlruns", *typed)


@pytest.mark.slow
def test_the_part_of_a_markdown_file_is_replaced_and_the_rest_kept(copy, tmp_path):
    page = tmp_path / "results.md"
    page.write_text("no marks\n", encoding="utf-8")
    with pytest.raises(ClvError, match="has no place for the leaderboard"):
        build_board(copy, *CELL, f"markdown={page}")
    assert page.read_text(encoding="utf-8") == "no marks\n"
    page.write_text(f"before\n{BEGIN}\nOUTDATED\n{END}\nafter\n", encoding="utf-8")
    build_board(copy, *CELL, f"markdown={page}")
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "OUTDATED" not in text
    assert "\n## cdnow_sample 3m\n" in text
    assert "| bg_nbd |" in text
    assert (tmp_path / "leaderboard.png").stat().st_size > 10_000


def test_the_script_fills_and_shows(filled):
    done = filled[1]
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "running what is missing, 7 of 7" in done.stdout
    assert " on D2" in done.stdout.split("resampling the customers")[1].split("cdnow_sample 3m, holdout")[0]
    assert "\ncdnow_sample 3m, holdout 1998-04-01 to 1998-06-30: 2,357 customers" in done.stdout


def test_cells_together_are_ranked_written_and_tracked(board, copy, capsys, without_figures):
    here = CellBoard(OmegaConf.merge(board.cfg, {"tracking": {"folder": str(copy)}}), board.standings, board.checks)
    cell = replace(board.standings.cell, data="other", identity="another")
    run_aggregate_leaderboard([replace(here, standings=replace(board.standings, cell=cell)), here])
    out = capsys.readouterr().out
    assert out.startswith(f"{board.standings.ranking[0]} has the best mean rank on D2 over 2 cells.")
    assert "\n2 cells together" in out
    assert (copy / "leaderboards" / "together" / "leaderboard.html").exists()
    assert [run.name for run in MlflowTracker(copy).reader().runs("leaderboard")] == ["leaderboard"]


@pytest.mark.slow
def test_the_script_sets_several_cells_side_by_side(copy, run_script, without_figures):
    status, _, stderr = run_script(SCRIPT, "-m", *CELL, "metric=d2_tweedie,r2", f"tracking.folder={copy}")
    assert status == 1
    assert stderr.startswith("error: boards of different metric cannot be ranked together")


@pytest.mark.slow
def test_a_missing_cell_refuses_the_aggregate(copy, run_script, without_figures):
    status, stdout, stderr = run_script(SCRIPT, "-m", *CELL, "window=3m,39w", f"tracking.folder={copy}")
    assert status == 1
    assert stderr.startswith("error: cdnow_sample 39w has no finished run of any model")
    assert "cells together" not in stdout
    assert "\ncdnow_sample 3m" in stdout


def test_the_script_ends_in_one_sentence(run_script, work):
    status, _, stderr = run_script(SCRIPT, "data=cdnow_sample")
    assert status == 1
    assert stderr.startswith("error: cdnow_sample 3m has no finished run of any model")
    assert stderr.count("\n") == 1
    assert list(work.iterdir()) == []
