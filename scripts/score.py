"""Score the customers of a log: ``python scripts/score.py data=file data.path=orders.csv``; see ``--help``."""

import sys

import hydra
from omegaconf import DictConfig

from clv_experiments.commands.cli.command_line import CommandLine
from clv_experiments.commands.model_reference import pop_model_override

terminal = CommandLine("score")
asked: list[str | None] = []


@hydra.main(version_base="1.3", config_path="../conf", config_name="score")
def main(cfg: DictConfig) -> None:
    """Write one list; heavy imports wait until then, so that --help answers at once."""
    with terminal.job():
        from clv_experiments.commands.score import score

        score(cfg, asked[-1])


def with_model() -> None:
    """Take out of the command line a model that is no option of Hydra's."""
    model, sys.argv[1:] = pop_model_override(sys.argv[1:])
    asked.append(model)
    main()


if __name__ == "__main__":
    sys.exit(terminal.run(with_model))
