"""The cleaning steps that a data config names, each counted in the cleaning report."""

from clv_experiments.data.cleaning.steps import (
    currency,
    duplicates,
    in_two_sheets,
    missing_amount,
    missing_customer,
    missing_date,
    not_goods,
    outliers,
    price_not_positive,
    returns,
    rounding,
)

__all__ = [
    "currency",
    "duplicates",
    "in_two_sheets",
    "missing_amount",
    "missing_customer",
    "missing_date",
    "not_goods",
    "outliers",
    "price_not_positive",
    "returns",
    "rounding",
]
