"""A run that is there already is not run again: what makes a study resumable."""

from __future__ import annotations

from hydra.utils import instantiate
from omegaconf import DictConfig

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.train import run_experiment
from clv_experiments.config.settings import check_settings, experiment_name, flatten_settings, run_title
from clv_experiments.errors import LogTooShort
from clv_experiments.leaderboard.selection import find_completed_run
from clv_experiments.tracking.code_version import code_version


def run_once(cfg: DictConfig) -> float | None:
    """Run one experiment; with ``resume=true`` only if it is not there yet, and a log too short for it is no error.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/``.

    Returns
    -------
    float or None
        The validation objective, if there is one, of the run made now or then.

    Raises
    ------
    ClvError
        If the input is bad, in one sentence.
    """
    check_settings(cfg)
    if not cfg.resume:
        return run_experiment(cfg).objective
    reader = instantiate(cfg.tracking).reader()
    found = find_completed_run(reader, experiment_name(cfg), flatten_settings(cfg))
    if found is None:
        try:
            return run_experiment(cfg).objective
        except LogTooShort as error:
            Terminal().say(f"left out: {error}")
            return None
    why = f"left out: {found.tags['failure']}" if found.status == "FAILED" else "there already"
    made, now = found.tags.get("code_version", code_version()), code_version()
    by = f", by code {made}, while this is {now}" if made != now else ""
    Terminal().say(f"{run_title(cfg)}: {why} (run {found.run_id} of {found.started.astimezone():%Y-%m-%d %H:%M}{by})")
    return reader.by_origin(found.run_id, f"validation_{cfg.evaluation.objective}").get(0)
