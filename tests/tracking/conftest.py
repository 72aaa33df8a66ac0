"""A tracker of our own in an empty working folder."""

import pytest

from clv_experiments.tracking.mlflow_tracker import MlflowTracker


@pytest.fixture
def tracker(migrated, tmp_path, monkeypatch):
    monkeypatch.chdir(migrated(tmp_path))
    return MlflowTracker("mlruns")
