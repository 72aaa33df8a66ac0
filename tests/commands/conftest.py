"""Commands typed in a folder with a store."""

import sys
import warnings

import pytest
from hydra.core.global_hydra import GlobalHydra

from clv_experiments.commands.cli.clv import main


@pytest.fixture
def clv(work, monkeypatch, capfd, migrated):
    """Run a command in a folder with a store: exit status, stdout and stderr."""
    migrated(work)

    def run(*typed):
        capfd.readouterr()
        monkeypatch.setattr(GlobalHydra.instance(), "hydra", None)
        monkeypatch.setattr(sys, "argv", ["clv", *typed])
        with warnings.catch_warnings(action="ignore"):  # of libraries, as in a process of its own
            return main(), *capfd.readouterr()

    return run
