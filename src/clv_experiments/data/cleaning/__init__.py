"""The cleaning steps that a data config names, each counted in the cleaning report."""

from clv_experiments.data.cleaning.discount_lines import discount_lines
from clv_experiments.data.cleaning.guests import guests
from clv_experiments.data.cleaning.id_case import id_case
from clv_experiments.data.cleaning.returns import returns
from clv_experiments.data.cleaning.status import refunded, status
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
    rounding,
)

__all__ = [
    "currency",
    "discount_lines",
    "duplicates",
    "guests",
    "id_case",
    "in_two_sheets",
    "missing_amount",
    "missing_customer",
    "missing_date",
    "not_goods",
    "outliers",
    "price_not_positive",
    "refunded",
    "returns",
    "rounding",
    "status",
]
