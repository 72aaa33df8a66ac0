"""Two columns of discounts, such as coupons beside the shop's own: both are taken off what goods cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import ibis
from ibis.expr.types import NumericValue, Table

from clv_experiments.data.parsing.formats import AMOUNT, DISCOUNT_ROLES, DISCOUNT_UNITS, ParseOptions
from clv_experiments.data.parsing.line_values import (
    absolute_gross_value,
    infer_discount_units,
    summarise_discounts,
)
from clv_experiments.errors import ClvError


def combine_discounts(
    lines: Table, by_role: Mapping[str, str], options: ParseOptions, log: str
) -> tuple[Table, ParseOptions, list[str]]:
    """Combine two discounts into one: money adds up, and shares are taken one after the other.

    Parameters
    ----------
    lines : ibis.Table
        With ``discount``, perhaps ``second_discount``, and their raw cells.
    by_role : mapping of role to column
    options : ParseOptions
    log : str
        Name of the log, for messages.

    Returns
    -------
    ibis.Table
        Without ``second_discount``.
    ParseOptions
        With the unit of the discounts, if there are two.
    list of str
        Notes, for the user to see.

    Raises
    ------
    ClvError
        If they may be in several units, or are in different ones.
    """
    if not set(DISCOUNT_ROLES) <= set(lines.columns):
        return lines, options, []
    unit = options.discount_unit or _infer_common_discount_unit(lines, by_role, log)
    one, two = (lines[role].abs().fill_null(0) for role in DISCOUNT_ROLES)
    both: NumericValue = one + two
    if unit in ("share", "percent"):
        overlap = one.cast("float64") * two.cast("float64") / (100 if unit == "percent" else 1)
        both = both.cast("float64") - overlap
    combined = lines.mutate(discount=both.round(4).cast(AMOUNT)).drop("second_discount")
    first, second = (by_role[role] for role in DISCOUNT_ROLES)
    how = "of what is left" if unit in ("share", "percent") else "too"
    note = f"{second} is subtracted {how}, beside {first} (data.columns.second_discount=false leaves it out)"
    return combined, replace(options, discount_unit=unit), [note]


def _infer_common_discount_unit(lines: Table, by_role: Mapping[str, str], log: str) -> str:
    gross, units = absolute_gross_value(lines), {}
    for role in DISCOUNT_ROLES:
        summary = summarise_discounts(lines.mutate(discount=ibis.coalesce(lines[role], 0)), gross, by_role[role])
        units[role] = infer_discount_units(by_role[role], summary) if summary["discounted"] else list(DISCOUNT_UNITS)
    common = [unit for unit in units["discount"] if unit in units["second_discount"]]
    if len(common) == 1:
        return common[0]
    first, second = (by_role[role] for role in DISCOUNT_ROLES)
    each = [f"data.discount_unit={unit} if each is {DISCOUNT_UNITS[unit]}" for unit in common]
    raise ClvError(
        f"columns '{first}' and '{second}' of log '{log}' both look like discounts, and nothing says in what units: "
        f"type {', or '.join([*each, f'data.columns.second_discount=false to leave {second} out'])}"
    )
