"""Run one experiment: ``python train.py model=xgboost window=3m``; ``python train.py --help`` lists the choices."""

import sys

import hydra
from omegaconf import DictConfig

from clv_experiments.commands.cli.command_line import CommandLine

terminal = CommandLine()


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> float | None:
    """Return the validation objective; heavy imports wait until a run starts, so that --help answers at once."""
    with terminal.job():
        from clv_experiments.commands.train import train

        return train(cfg)
    return None  # the job failed and said so


if __name__ == "__main__":
    sys.exit(terminal.run(main))
