"""Search the settings of a model, never on the holdout: ``python scripts/sweep.py model=xgboost``; see ``--help``."""

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from clv_experiments.commands.cli.command_line import CommandLine

terminal = CommandLine("sweep")


@hydra.main(version_base="1.3", config_path="../conf", config_name="sweep")
def main(cfg: DictConfig) -> float | None:
    """Return the best validation score; heavy imports wait until a study starts, so that --help answers at once."""
    with terminal.job():
        from clv_experiments.commands.sweep import run_study

        return run_study(cfg, HydraConfig.get().overrides.task)
    return None  # the study failed and said so


if __name__ == "__main__":
    sys.exit(terminal.run(main))
