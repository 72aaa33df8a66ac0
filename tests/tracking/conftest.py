"""A migrated MLflow database to copy, since making one takes seconds."""

import shutil

import pytest

from clv_experiments.tracking.mlflow_tracker import MlflowTracker


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    with MlflowTracker(folder).run("template", "template"):
        pass
    return folder / "mlflow.db"


@pytest.fixture
def tracker(template, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlruns").mkdir()
    shutil.copy(template, tmp_path / "mlruns" / "mlflow.db")
    return MlflowTracker("mlruns")
