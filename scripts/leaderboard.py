"""Compare the tracked runs of all models: ``python scripts/leaderboard.py data=cdnow window=3m``; see ``--help``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from clv_experiments.commands.cli.command_line import CommandLine
from clv_experiments.errors import ClvError, LogTooShort

if TYPE_CHECKING:
    from clv_experiments.commands.leaderboard import Board

terminal = CommandLine("leaderboard")
boards: list[Board] = []


@hydra.main(version_base="1.3", config_path="../conf", config_name="leaderboard")
def main(cfg: DictConfig) -> None:
    """Show one cell; heavy imports wait until then, so that --help answers at once."""
    with terminal.job():
        from clv_experiments.commands.leaderboard import run_leaderboard

        job = HydraConfig.get()
        alone = job.mode is RunMode.RUN
        try:
            boards.append(run_leaderboard(cfg, job.overrides.task, alone=alone))
        except LogTooShort as error:
            if alone:
                raise
            sys.stdout.write(f"left out: {error}\n")


def all_cells() -> None:
    """Show every cell that was asked for and, where there are several, what they say together."""
    for argument in sys.argv[1:]:
        if argument.lstrip("+").startswith(("experiment=", "hydra/launcher=")):
            raise ClvError(f"a leaderboard takes no {argument}; type data, window and evaluation, with -m for several")
    main()
    if terminal.failed and boards:
        sys.stdout.write("the cells are not set side by side, since one of them cannot be shown\n")
    if terminal.failed or len(boards) < 2:
        return
    from clv_experiments.commands.leaderboard import run_aggregate

    run_aggregate(boards)


if __name__ == "__main__":
    sys.exit(terminal.run(all_cells))
