"""What a log must hold for a model to be fitted on it, and what of it a model does not know."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.activity import count_last_two_gaps
from clv_experiments.errors import ClvError, LogWithLosses, LogWithoutAmounts, command
from clv_experiments.evaluation.regularity import measure_regularity
from clv_experiments.forecasting.level import OWN
from clv_experiments.forecasting.model import Model
from clv_experiments.reporting.prose import render_paragraphs

FAMILIES_NEEDING_NO_AMOUNTS = ("baseline", "btyd")  # they predict purchases where the log has no amounts


def require_amounts_suit_model(log: TransactionLog, model: Model) -> None:
    """Refuse a model that learns from spend where the log has no amounts, or from spend of 0 or more where it lost.

    Raises
    ------
    LogWithoutAmounts
    LogWithLosses
    """
    if not log.has_amounts and model.family not in FAMILIES_NEEDING_NO_AMOUNTS:
        raise LogWithoutAmounts(
            f"log '{log.name}' has no amounts, and a model of family {model.family} predicts spend; type "
            "model=mbg_nbd, which predicts purchases, or name data.columns.amount"
        )
    if log.has_losses and not getattr(model.estimator, "takes_losses", True):
        raise LogWithLosses(
            f"log '{log.name}' has purchase days below 0, and {model.name} cannot learn from losses; type "
            "model=linear, ridge or random_forest, which can, or data.cleaning.returns.policy=drop or net if they are "
            "returns"
        )
    if log.has_losses and model.level != OWN:
        raise LogWithLosses(
            f"log '{log.name}' has purchase days below 0, and the level that {model.name} is brought to rests on BTYD, "
            "which knows no losses; type model.level=own"
        )


def require_holdout_spend(log: TransactionLog, period: Period, spend: pd.Series) -> None:
    """Refuse a holdout period in which nobody who was known before it spent anything: no score means anything there.

    Raises
    ------
    ClvError
        Names the period and what to choose instead.
    """
    if not spend.any():
        raise ClvError(
            f"nobody {'spent' if log.has_amounts else 'bought'} anything in the holdout period {period} of "
            f"log '{log.name}' among the {len(spend):,} customers known before it; choose another "
            "window.cutoff or horizon"
        )


def choose_model_or_fallback(model: Model, log: TransactionLog, *, has_labels: bool) -> tuple[Model, str]:
    """Let a model's fallback stand in where the log has no amounts, or no earlier period to learn from.

    Parameters
    ----------
    model : Model
    log : TransactionLog
    has_labels : bool
        Whether an earlier period tells what spend followed.

    Returns
    -------
    Model
        Under the name that was asked for.
    str
        Why it is another; "" where it is not.
    """
    if model.fallback is None or (has_labels and log.has_amounts):
        return model, ""
    lack = "no amounts" if not log.has_amounts else "no earlier period of that length to learn from"
    note = f"log '{log.name}' has {lack}: {model.fallback.name} stands in for {model.name}"
    return replace(model.fallback, name=model.name), note


def require_no_negative_spend(log: TransactionLog, subject: str) -> None:
    """Refuse what rests on shares of spend and on BTYD models of it, where some of the log's lies below 0.

    Raises
    ------
    LogWithLosses
    """
    if log.has_losses:
        raise LogWithLosses(
            f"{subject} rests on shares of spend and on BTYD models, which know no losses, and log '{log.name}' has "
            f"some; {command('train')}, {command('sweep')} and {command('leaderboard')} take it, or type "
            "data.cleaning.returns.policy=drop or net if they are returns"
        )


def require_amounts_or_purchase_model(log: TransactionLog, model: Model) -> None:
    """Refuse to score a log without amounts by a model that knows nothing of purchases.

    Raises
    ------
    LogWithoutAmounts
    """
    if not log.has_amounts and not hasattr(model.estimator, "discounted_purchases"):
        raise LogWithoutAmounts(
            f"log '{log.name}' has no amounts, and {model.name} does not say who is alive and who buys; type "
            "model=mbg_nbd, or name data.columns.amount"
        )


def describe_if_too_regular(log: TransactionLog, cutoff: date, model: Model) -> list[str]:
    """Say that customers buy too regularly for a BTYD model, by their gaps up to a cutoff; nothing of other models."""
    if model.family != "btyd":
        return []
    regularity = measure_regularity(count_last_two_gaps(log, cutoff))
    return render_paragraphs("run/warnings.jinja", "too_regular", regularity, model.name) if regularity.is_high else []
