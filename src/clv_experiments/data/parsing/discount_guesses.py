"""Columns of discounts that no usual name tells, and second ones, such as coupons beside the shop's own discount."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from clv_experiments.data.parsing.column_contents import CENT, MOST, ColumnSample
from clv_experiments.data.parsing.formats import DISCOUNT_ROLES
from clv_experiments.data.parsing.role_names import DISCOUNT_WORDS, normalise_name

DISCOUNT_NAME_WORDS = sorted(
    {word for word in DISCOUNT_WORDS if len(word) > len("upust")} | {"coupon", "voucher", "promo"}
)
NAME = re.compile("|".join(DISCOUNT_NAME_WORDS))
# What else such a name may be of: a code, the price that is left, or a discount on the delivery.
OTHER_NAME = re.compile("code|type|reason|name|price|preis|prix|precio|before|after|ship|freight|versand|livr|envio|$^")


def guess_discounts(
    available: Sequence[str],
    by_role: Mapping[str, str],
    named: Mapping[str, str | bool | None],
    contents: ColumnSample,
) -> dict[str, str]:
    """Guess the columns of discounts on quantity times unit price that no usual name told, or that are a second one.

    Parameters
    ----------
    available : sequence of str
    by_role : mapping of role to column
        As named and guessed so far.
    named : mapping of role to column
        What the user typed: False where there is no such column.
    contents : ColumnSample

    Returns
    -------
    dict of role to column
        Without a column that tells an earlier discount again, in another unit.
    """
    if "amount" in by_role or not {"quantity", "unit_price"} <= set(by_role) or named.get("discount") is False:
        return {}
    candidates = [column for column in available if column not in by_role.values() and _is_named_discount(column)]
    candidates = [c for c in candidates if contents.holds_mostly_numbers(c) and (contents.numbers(c) != 0).any()]
    discounts = [by_role[role] for role in DISCOUNT_ROLES if role in by_role]
    guessed: dict[str, str] = {}
    for column in candidates:
        role = next((r for r in DISCOUNT_ROLES if not (r in by_role or r in guessed or named.get(r) is False)), None)
        if role and not any(_are_same_discount(column, other, by_role, contents) for other in discounts):
            guessed[role] = column
            discounts.append(column)
    return guessed


def _is_named_discount(column: str) -> bool:
    name = normalise_name(column)
    return bool(NAME.search(name) and not OTHER_NAME.search(name))


def _are_same_discount(column: str, other: str, by_role: Mapping[str, str], contents: ColumnSample) -> bool:
    """Return whether two columns are one discount: equal, in another unit, or of the line and of the order."""
    quantity, price = (contents.numbers(by_role[role]).abs() for role in ("quantity", "unit_price"))
    worth = quantity * price
    one, two = (contents.numbers(name).abs().reindex(worth.index).fillna(0) for name in (column, other))
    given = (one > 0) | (two > 0)

    def fits(money: pd.Series, discount: pd.Series) -> bool:
        readings = (discount, discount * worth, discount * worth / 100, discount * quantity)
        return any(((money - reading)[given].abs() < CENT).mean() > MOST for reading in readings)

    def is_sum(total: pd.Series, part: pd.Series) -> bool:
        if "order_id" not in by_role:
            return False
        orders = contents.sample[by_role["order_id"]].reindex(worth.index)
        sums = pd.DataFrame({"total": total, "part": part}).groupby(orders).agg({"total": "max", "part": "sum"})
        sums = sums[sums.sum(axis=1) > 0]
        return bool(((sums["total"] - sums["part"]).abs() < CENT).mean() > MOST)

    return fits(one, two) or fits(two, one) or is_sum(one, two) or is_sum(two, one)
