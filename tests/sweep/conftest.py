"""The config of a study, composed as scripts/sweep.py does."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture(scope="module", autouse=True)
def _hydra():
    """Hydra stays open during a module, since the trials of a study compose too."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


@pytest.fixture(scope="session")
def compose_sweep():
    """Compose the config of a study from overrides, with runs kept in memory; returns it and what was typed."""

    def composed(*overrides):
        typed = ["tracking=memory", *overrides]
        return compose("sweep", overrides=typed), typed

    return composed
