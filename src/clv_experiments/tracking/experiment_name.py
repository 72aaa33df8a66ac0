"""What runs are filed under: one MLflow experiment for a log and a horizon, and one registered model for it."""

from __future__ import annotations

import re
from hashlib import sha256

from clv_experiments.tracking.stored_run import CHAMPION


def format_experiment_name(log: str, horizon: str) -> str:
    """Name the experiment of a log and the label of a horizon; MLflow shows of a name what follows its last ``/``.

    Examples
    --------
    >>> format_experiment_name("cdnow", "3m")
    'cdnow 3m'
    """
    return f"{log} {horizon}"


def parse_experiment_name(name: str) -> tuple[str, str]:
    """Return the log and the horizon of an experiment.

    Examples
    --------
    >>> parse_experiment_name("our shop 3m")
    ('our shop', '3m')
    """
    log, _, horizon = name.rpartition(" ")
    return log, horizon


def legacy_experiment_name(experiment: str) -> str:
    """Return what an experiment was called by versions that wrote ``cdnow/3m``: its runs are still read."""
    return "/".join(parse_experiment_name(experiment))


def champion_model_name(experiment: str) -> str:
    """Name the registered model of an experiment: one name each, that an address can hold.

    MLflow allows no ``/`` and no ``:`` in it, and an address gives other characters a meaning of their own: where the
    log's name holds any of those, a digest of it stands behind what is left of it.

    Examples
    --------
    >>> champion_model_name("cdnow 3m"), champion_model_name("our:shop 3m")
    ('cdnow-3m', 'our-shop-beca08-3m')
    """
    log, horizon = parse_experiment_name(experiment)
    slug = re.sub(r"[^\w.-]+", "-", log).strip(".-")
    if slug != log:
        slug += f"-{sha256(log.encode()).hexdigest()[:6]}"
    return f"{slug}-{horizon}"


def champion_model_uri(experiment: str) -> str:
    """Return the address of an experiment's champion: ``models:/cdnow-3m@champion``."""
    return f"models:/{champion_model_name(experiment)}@{CHAMPION}"
