"""What a log must hold for a model to be fitted on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clv_experiments.data.log import TransactionLog
from clv_experiments.errors import LogWithoutAmounts

if TYPE_CHECKING:
    from clv_experiments.forecasting.forecaster import Model

COUNTING_FAMILIES = ("baseline", "btyd")  # they predict purchases where the log has no amounts


def require_amounts(log: TransactionLog, family: str) -> None:
    """Refuse a model family that learns from spend where the log has no amounts.

    Raises
    ------
    LogWithoutAmounts
    """
    if not log.has_amounts and family not in COUNTING_FAMILIES:
        raise LogWithoutAmounts(
            f"log '{log.name}' has no amounts, and a model of family {family} predicts spend; type model=mbg_nbd, "
            "which predicts purchases, or name data.columns.amount"
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
