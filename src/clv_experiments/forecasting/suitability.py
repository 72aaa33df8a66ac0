"""What a log must hold for a model to be fitted on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clv_experiments.data.log import TransactionLog
from clv_experiments.errors import LogWithLosses, LogWithoutAmounts

if TYPE_CHECKING:
    from clv_experiments.forecasting.forecaster import Model

COUNTING_FAMILIES = ("baseline", "btyd")  # they predict purchases where the log has no amounts


def require_learnable_amounts(log: TransactionLog, model: Model) -> None:
    """Refuse a model that learns from spend where the log has no amounts, or from spend of 0 or more where it lost.

    Raises
    ------
    LogWithoutAmounts
    LogWithLosses
    """
    if not log.has_amounts and model.family not in COUNTING_FAMILIES:
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


def require_no_losses(log: TransactionLog, what: str) -> None:
    """Refuse what rests on shares of spend and on BTYD models of it, where some of the log's lies below 0.

    Raises
    ------
    LogWithLosses
    """
    if log.has_losses:
        raise LogWithLosses(
            f"{what} rests on shares of spend and on BTYD models, which know no losses, and log '{log.name}' has some; "
            "train.py, scripts/sweep.py and scripts/leaderboard.py take it, or type "
            "data.cleaning.returns.policy=drop or net if they are returns"
        )


def require_purchases(log: TransactionLog, model: Model) -> None:
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
