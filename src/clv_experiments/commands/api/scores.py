"""``score``: one row a customer, as ``clv score`` writes it, as a frame."""

from __future__ import annotations

from datetime import date
from tempfile import TemporaryDirectory

import pandas as pd

from clv_experiments.commands.api.logs import Log
from clv_experiments.commands.api.results import Result
from clv_experiments.commands.api.settings import Settings, compose_settings
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.model_reference import reference_unfitted_model
from clv_experiments.commands.score import score as write_scores
from clv_experiments.commands.score_files import PARQUET
from clv_experiments.config.model_options import build_model


def score(
    log: Log,
    window: str = "3m",
    model: str | Result | None = None,
    *,
    cutoff: date | str | None = None,
    settings: Settings | None = None,
    verbose: bool = False,
) -> pd.DataFrame:
    """Score all customers of a log: what each is expected to spend and buy, when, what that is worth, what to do.

    Parameters
    ----------
    log : Log
    window : str
        How far ahead.
    model : str or Result, optional
        An option of ``conf/model``, or a result, such as a board's champion, whose settings are fitted on the whole
        log; by default ``blend``.
    cutoff : date or str, optional
        Score as things stood at the end of that day; by default the log's last.
    settings : mapping, optional
        Any other setting by its full name: ``{"decisions.margin": 0.4}``.
    verbose : bool
        Show the steps.

    Returns
    -------
    pandas.DataFrame
        One row a customer, by id; ``attrs["notes"]`` says what they rest on.

    Raises
    ------
    ClvError
        If a setting is bad or the model cannot score the log.

    Examples
    --------
    >>> from clv_experiments.commands.api.logs import read_log
    >>> scores = score(read_log("cdnow_sample"), window="3m", model="mbg_nbd")
    >>> len(scores), bool((scores["expected_spend"] >= 0).all())
    (2357, True)
    """
    option = model if isinstance(model, str) else None
    chosen = {"model": option, "window": window, "window.cutoff": str(cutoff) if cutoff else None}
    with TemporaryDirectory() as folder:
        cfg = compose_settings("score", chosen | {"output": folder}, settings)
        cfg.data = log.settings
        if isinstance(model, Result):
            cfg.model = model.settings.model
        output = write_scores(
            cfg,
            cfg.model.name,
            log=log.transactions,
            reference=reference_unfitted_model(build_model(cfg.model)),
            terminal=Terminal(quiet=not verbose),
        )
        scores = pd.read_parquet(output / PARQUET)
        scores.attrs["notes"] = (output / "readme.txt").read_text(encoding="utf-8")
    return scores
