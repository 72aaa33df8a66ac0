"""Damaged stores: boards, scoring, rerunning and the doctor say so in a sentence, or show what was there before."""

import shutil
import sqlite3
import warnings
from contextlib import closing, suppress
from types import SimpleNamespace

import numpy as np
import pytest
from attempts import COUNT, attempt, damage, needs_alarms, try_inputs
from hydra import compose, initialize_config_dir
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Runs

from clv_experiments.commands.cell_request import require_complete_cell, select_cell_runs
from clv_experiments.commands.doctor import examine_or_repair_store
from clv_experiments.commands.model_reference import resolve_model
from clv_experiments.commands.rerun import rerun
from clv_experiments.comparison.standings import compute_standings
from clv_experiments.config.conf_folders import packaged_conf_folder
from clv_experiments.errors import ClvError
from clv_experiments.tracking.mlflow_tracker import MlflowTracker

pytestmark = [pytest.mark.slow, pytest.mark.fuzz, needs_alarms]
CELL = ["data=cdnow_sample", "models=[bg_nbd]", "replicates=100"]
ODD = ["", "x", "nan", "inf", "-1", "1e400", "null", "[]", "{}", "2023-02-30", "ü🙂", "a; b; c", "x" * 9000,
       "FINISHED", "0",
       "file:///etc", "http://127.0.0.1:1/x", "../../x", "cdnow_sample", "${seed}",
       "clv_experiments.models.x.Y"]  # fmt: skip
TABLES = {  # values that a run is read by
    "params": ("key", "value"), "tags": ("key", "value"), "experiment_tags": ("key", "value"), "metrics": ("key",
    "value", "step"),
    "latest_metrics": ("key", "value", "step"), "experiments": ("name", "artifact_location", "lifecycle_stage"),
    "runs": ("name", "status", "start_time", "end_time", "artifact_uri", "lifecycle_stage"),
    "logged_models": ("name", "artifact_location", "status"), "inputs": ("source_type", "destination_type"),
}  # fmt: skip


@pytest.fixture
def hydra():
    """Hydra, ready to compose what commands compose."""
    with initialize_config_dir(str(packaged_conf_folder()), version_base="1.3"):
        yield


@pytest.fixture(scope="module")
def board_store(tmp_path_factory, migrated, run_without_figures):
    """A store with all runs of a board."""
    folder = migrated(tmp_path_factory.mktemp("board"))
    done = run_without_figures(folder, "scripts/leaderboard.py", *CELL, "--fill")
    assert done.returncode == 0, done.stderr
    return folder / "mlruns"


def forget_stores():
    """Close what MLflow keeps open of stores."""
    for kind in (Runs, Registry):
        for engine in kind._engine_map.values():
            engine.dispose()
        kind._engine_map.clear()
    from mlflow.tracking._model_registry.utils import _get_store_registry
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    for registry in (_tracking_store_registry, _get_store_registry()):
        with suppress(AttributeError):
            registry._get_store_with_resolved_uri.cache_clear()


def damage_file(rng, store):
    """Damage, empty, swap, replace or delete a file of a run; gives the id of whose it was, empty of a model's."""
    files = sorted(path for path in (store / "artifacts").rglob("*") if path.is_file())
    by_kind = {}
    for path in files:
        by_kind.setdefault(path.suffix, []).append(path)
    path = rng.choice(by_kind[rng.choice(sorted(by_kind))])
    content = path.read_bytes()
    kind = rng.randrange(10)
    if kind < 6:
        path.write_bytes(damage(rng, content))
    elif kind == 6:
        path.write_bytes(b"")
    elif kind == 7:
        path.write_bytes(rng.choice(files).read_bytes())
    else:
        path.unlink()
        if kind == 8:
            path.mkdir()
    return path.relative_to(store).as_posix()


def damage_row(rng, store):
    """Change or delete a value in the database."""
    with closing(sqlite3.connect(store / "mlflow.db")) as database, database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("PRAGMA ignore_check_constraints = ON")
        table = rng.choice(list(TABLES))
        rows = [row for (row,) in database.execute(f"SELECT rowid FROM {table}")]
        if not rows:
            return ""
        row, column = rng.choice(rows), rng.choice(TABLES[table])
        (before,) = database.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", [row]).fetchone()
        with suppress(sqlite3.IntegrityError, sqlite3.OperationalError):
            if rng.random() < 0.3:
                database.execute(f"DELETE FROM {table} WHERE rowid = ?", [row])
                return f"{table} without {before}"
            value = rng.choice([*ODD, None, -1, 2**62, 1.5, b"\xff"])
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [value, row])
            return f"{table}.{column}: {value!r} for {before}"[:200]
    return ""


def damage_pages(rng, store):
    """Damage the bytes of the database, not its first page alone."""
    content = bytearray((store / "mlflow.db").read_bytes())
    for _ in range(rng.choice((1, 3, 20))):
        at = rng.randrange(len(content)) if rng.random() < 0.9 else rng.randrange(4096)
        content[at : at + rng.choice((1, 4, 64))] = rng.randbytes(1)
    (store / "mlflow.db").write_bytes(content[: rng.randrange(len(content)) if rng.random() < 0.1 else None])
    return "pages"


@pytest.mark.usefixtures("hydra")
@pytest.mark.filterwarnings("ignore")  # of libraries, as in a process of its own
def test_damage_is_said_or_changes_nothing(board_store, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def stop(*_):
        raise ClvError("the log would be read now")

    monkeypatch.setattr("clv_experiments.commands.rerun.load_run_log", stop)
    monkeypatch.setattr("clv_experiments.tracking.store.PAUSES", (0.0,))

    def configs(store):
        typed = [*CELL, f"tracking.folder={store}"]
        board = compose("leaderboard", overrides=typed)
        others = {name: compose(name, overrides=[*CELL[:1], typed[-1]] if name == "score" else typed[-1:])
                  for name in ("score", "doctor", "rerun")}  # fmt: skip
        return typed, SimpleNamespace(board=board, **others)

    def board(typed, cfg):
        cell = require_complete_cell(select_cell_runs(cfg.board, typed), cfg.board, typed)
        table = compute_standings(cell, cfg.board.metric, replicates=100, confidence=0.95, seed=0)
        rows = table.rows()["score"]
        return {entry.run_id: rows[entry.label] for entry in cell.entries}

    typed, cfg = configs(board_store)
    scores = board(typed, cfg)
    runs = MlflowTracker(board_store).reader().runs("cdnow_sample 3m")
    fitted = next(run.run_id for run in runs if run.tags.get("model") == "bg_nbd")
    stored = MlflowTracker(board_store).reader().model(f"runs:/{fitted}")
    example = np.array([[2.0, 10.0, 20.0, 5.0], [0.0, 0.0, 9.0, 0.0]])

    def predictions(estimator):
        import pandas as pd

        frame = pd.DataFrame(example[:, : len(stored.columns)], columns=list(stored.columns))
        return estimator.predict(frame).tolist()

    predicted = predictions(stored.estimator)

    def check(rng):
        forget_stores()
        shutil.rmtree("mlruns", ignore_errors=True)
        shutil.copytree(board_store, "mlruns")
        harm = rng.choice((damage_file, damage_file, damage_row, damage_row, damage_pages))
        what = harm(rng, tmp_path / "mlruns")
        typed, cfg = configs("mlruns")
        with warnings.catch_warnings(action="ignore"):
            shown = attempt(lambda: board(typed, cfg))
            model = attempt(lambda: resolve_model(cfg.score, f"runs:/{fitted}"))
            attempt(lambda: examine_or_repair_store(cfg.doctor))
            cfg.rerun.run = rng.choice(list(scores))
            attempt(lambda: rerun(cfg.rerun, typed[-1:]))
        if harm is damage_file:
            changed = {run: (score, scores[run]) for run, score in (shown or {}).items() if score != scores[run]}
            assert changed == {}, (what, changed)
            assert model is None or predictions(model.stored.estimator) == predicted, what
        return shown is not None

    try_inputs("stored runs", check, capsys, count=-(-COUNT // 5))
