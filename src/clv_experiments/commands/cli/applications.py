"""The commands as Hydra applications; what is heavy is imported when a job starts, so that --help answers at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from clv_experiments.commands.cli.command_line import CommandLine
from clv_experiments.commands.cli.masked_output import mask_hydra_files
from clv_experiments.commands.cli.typed_secrets import get_unresolved_job_overrides
from clv_experiments.commands.model_reference import pop_model_override
from clv_experiments.config.conf_folders import packaged_conf_folder
from clv_experiments.config.targets import require_allowed_targets
from clv_experiments.errors import ClvError, LogTooShort, iterate_possible_secret_texts, remember_secrets_in

if TYPE_CHECKING:
    from clv_experiments.commands.leaderboard import CellBoard

RUN_ID = re.compile(r"(runs:/)?[0-9a-f]{32}")


def train() -> int:
    """Run experiments; the objective of each is its validation score. Gives the exit status."""

    def job(cfg: DictConfig) -> float | None:
        from clv_experiments.commands.train import train

        return train(cfg)

    return _run_hydra_jobs("config", job)


def sweep() -> int:
    """Search the settings of models; the objective of a study is its best validation score. Gives the exit status."""

    def job(cfg: DictConfig) -> float | None:
        from clv_experiments.commands.sweep import tune_model

        return tune_model(cfg, get_unresolved_job_overrides())

    return _run_hydra_jobs("sweep", job)


def score() -> int:
    """Write scored customer lists. Gives the exit status."""
    return _run_with_model("score", _run_score)


def export() -> int:
    """Write a model as SQL. Gives the exit status."""
    return _run_with_model("export", _run_export)


def insights() -> int:
    """Write reports. Gives the exit status."""
    return _run_with_model("insights", _write_insights)


def leaderboard() -> int:
    """Show every cell that was asked for and what several of them say together. Gives the exit status."""
    boards: list[CellBoard] = []

    def job(cfg: DictConfig) -> None:
        from clv_experiments.commands.leaderboard import run_leaderboard

        is_single = HydraConfig.get().mode is RunMode.RUN
        try:
            boards.append(run_leaderboard(cfg, get_unresolved_job_overrides(), is_single=is_single))
        except LogTooShort as error:
            if is_single:
                raise
            sys.stdout.write(f"left out: {error}\n")

    def all_cells(terminal: CommandLine, main: Callable[[], None]) -> None:
        for argument in sys.argv[1:]:
            if argument.lstrip("+").startswith(("experiment=", "hydra/launcher=")):
                raise ClvError(
                    f"a leaderboard takes no {argument}; type data, window and evaluation, with -m for several"
                )
        main()
        if terminal.failed and boards:
            sys.stdout.write("the cells are not set side by side, since one of them cannot be shown\n")
        if terminal.failed or len(boards) < 2:
            return
        from clv_experiments.commands.leaderboard import run_aggregate_leaderboard

        run_aggregate_leaderboard(boards)

    return _run_hydra_jobs("leaderboard", job, all_cells)


def promote() -> int:
    """Show one cell and make its winner the champion. Gives the exit status."""
    sys.argv[1:1] = ["promote=true"]
    return leaderboard()


def cell() -> int:
    """Write what is to be predicted, for tools elsewhere. Gives the exit status."""

    def job(cfg: DictConfig) -> None:
        from clv_experiments.commands.cell import write_cell

        write_cell(cfg)

    return _run_hydra_jobs("cell", job)


def submit() -> int:
    """Put predictions made elsewhere on their board. Gives the exit status."""

    def job(cfg: DictConfig) -> None:
        from clv_experiments.commands.submit import submit

        submit(cfg)

    return _run_hydra_jobs("submit", job)


def rerun() -> int:
    """Make a run again and compare it. Gives the exit status: 0 if every metric is the same."""

    def job(cfg: DictConfig) -> None:
        from clv_experiments.commands.rerun import rerun

        rerun(cfg, get_unresolved_job_overrides())

    sys.argv[1:] = [f"run={word}" if RUN_ID.fullmatch(word) else word for word in sys.argv[1:]]
    return _run_hydra_jobs("rerun", job)


def doctor() -> int:
    """Say what is wrong with kept runs. Gives the exit status."""

    def job(cfg: DictConfig) -> None:
        from clv_experiments.commands.doctor import examine_or_repair_store

        examine_or_repair_store(cfg)

    return _run_hydra_jobs("doctor", job)


def _run_score(cfg: DictConfig, model: str | None) -> None:
    from clv_experiments.commands.score import score

    score(cfg, model)


def _run_export(cfg: DictConfig, model: str | None) -> None:
    from clv_experiments.commands.export import export

    export(cfg, model)


def _write_insights(cfg: DictConfig, model: str | None) -> None:
    from clv_experiments.commands.insights import write_insights

    write_insights(cfg, model)


def _run_with_model(config_name: str, command: Callable[[DictConfig, str | None], None]) -> int:
    """Run a command whose model may be one that is kept, and so no option of Hydra's."""
    requested: list[str | None] = []

    def take_model(_: CommandLine, main: Callable[[], None]) -> None:
        model, sys.argv[1:] = pop_model_override(sys.argv[1:])
        requested.append(model)
        main()

    return _run_hydra_jobs(config_name, lambda cfg: command(cfg, requested[-1]), take_model)


def _run_hydra_jobs(
    config_name: str,
    job: Callable[[DictConfig], Any],
    wrapper: Callable[[CommandLine, Callable[[], Any]], None] = lambda _, main: main(),
) -> int:
    """Run the jobs that the command line asks for.

    Workers of a multirun receive the job itself, with the terminal of the process that started them: functions that
    are nobody's but this one's travel whole.
    """
    terminal = CommandLine(config_name)

    @hydra.main(version_base="1.3", config_path=str(packaged_conf_folder()), config_name=config_name)
    def main(cfg: DictConfig) -> Any:
        with terminal.run_job():
            mask_hydra_files()
            remember_secrets_in(*iterate_possible_secret_texts(OmegaConf.to_container(cfg)))
            require_allowed_targets(cfg)
            return job(cfg)
        return None  # the job failed and said so

    return terminal.run(lambda: wrapper(terminal, main))
