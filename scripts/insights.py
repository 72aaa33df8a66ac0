"""Write the report that a shop reads: ``python scripts/insights.py data=cdnow window=3m``; see ``--help``."""

import sys

import hydra
from omegaconf import DictConfig

from clv_experiments.commands.cli.command_line import CommandLine
from clv_experiments.commands.model_reference import pop_model_override

terminal = CommandLine("insights")
asked: str | None = None


@hydra.main(version_base="1.3", config_path="../conf", config_name="insights")
def main(cfg: DictConfig) -> None:
    """Write one report; heavy imports wait until then, so that --help answers at once."""
    with terminal.job():
        from clv_experiments.commands.insights import write_insights

        write_insights(cfg, asked)


def one_report() -> None:
    """Take the model out of what was typed, since it may be one that is kept, and write the report."""
    global asked
    asked, sys.argv[1:] = pop_model_override(sys.argv[1:])
    main()


if __name__ == "__main__":
    sys.exit(terminal.run(one_report))
