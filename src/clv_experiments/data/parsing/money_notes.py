"""What columns without a role say of amounts: what these contain beside goods, and which of them give money back."""

from __future__ import annotations

import re
from itertools import chain, combinations

from clv_experiments.data.parsing.column_contents import CENT, MOST, ColumnSample
from clv_experiments.data.parsing.column_messages import quote_for_command_line
from clv_experiments.data.parsing.columns import ColumnRoles
from clv_experiments.data.parsing.role_names import normalise_name
from clv_experiments.data.parsing.where import quote_name

EXTRAS = re.compile(
    "^(?:tip|tax)|(?:tip|tax|fee|vat|gst)(?:es|s)?(?:amount|total)?$|gratuity|trinkgeld|pourboire|propina|shipping|freight|"
    "postage|delivery|versand|fracht|livraison|envio|spedizione|frete|mwst|^ust|^tva|^iva|^vat|^btw|^moms"
)
NO_EXTRA = re.compile("date|method|address|name|country|city|rate|pct|percent|zip|id$|incl|excl")
RATE = re.compile("exchangerate|fxrate|conversionrate|currencyrate|wechselkurs|umrechnungskurs|tauxdechange")
PRICE_UNIT_COLUMNS = (
    "priceunit",
    "preiseinheit",
    "peinh",
    "kpein",
    "pricebase",
    "priceper",
    "unitsperprice",
    "prisenhet",
)
DEBIT_CREDIT_MARK_PAIRS = (("d", "c"), ("dr", "cr"), ("debit", "credit"), ("soll", "haben"), ("s", "h"))
PLUS_MINUS_MARKS = ("+", "-")
MAX_COLUMNS_IN_SUMS = 8  # of numbers, that sums are looked for in
MIN_ROWS, MIN_EXTRAS = 20, 3


def describe_other_money_columns(columns: ColumnRoles, contents: ColumnSample) -> list[str]:
    """Return notes on what columns without a role say of the amounts.

    Parameters
    ----------
    columns : ColumnRoles
    contents : ColumnSample
    """
    if not columns.has_amounts or len(contents.sample) < MIN_ROWS:
        return []
    free = [column for column in contents.sample.columns if column not in columns.by_role.values()]
    about_columns = (
        _describe_charges_included_in_amount,
        _describe_price_per_several_units,
        _describe_debit_credit_column,
    )
    notes = [describe(columns, free, contents) for describe in about_columns]
    rates = "" if "currency" in columns.by_role else _describe_unused_exchange_rates(free, contents)
    return [note for note in (*notes, rates) if note]


def _describe_charges_included_in_amount(columns: ColumnRoles, free: list[str], contents: ColumnSample) -> str:
    """Say what an amount contains beside goods, if it is another column and some of these."""
    amount = columns.by_role.get("amount")
    names = {column: normalise_name(column) for column in free}
    extras = [
        c
        for c in free
        if EXTRAS.search(names[c]) and not NO_EXTRA.search(names[c]) and contents.holds_mostly_numbers(c)
    ]
    if amount is None or not extras:
        return ""
    parts = {c: contents.numbers(c) for c in free if c not in extras and contents.holds_mostly_numbers(c)}
    advice = {part: f"data.columns.amount={quote_for_command_line(part)} takes {part} alone" for part in parts}
    if {"quantity", "unit_price"} <= set(columns.by_role):
        quantity, price = columns.by_role["quantity"], columns.by_role["unit_price"]
        product = f"{quantity} x {price}"
        parts = {product: contents.numbers(quantity) * contents.numbers(price), **parts}
        advice[product] = "data.columns.amount=false takes that product alone"
    paid = contents.numbers(amount)
    for part, worth in list(parts.items())[:MAX_COLUMNS_IN_SUMS]:
        rest = (paid - worth).dropna()
        for some in chain.from_iterable(combinations(extras[:MAX_COLUMNS_IN_SUMS], size) for size in (1, 2, 3)):
            values = [contents.numbers(column).reindex(rest.index).fillna(0) for column in some]
            fits = (rest - sum(values)).abs() < CENT
            if len(rest) >= MIN_ROWS and fits.mean() > MOST and all((v != 0).sum() >= MIN_EXTRAS for v in values):
                return f"{amount} is {part} + {' + '.join(some)}, all of which count as spend ({advice[part]})"
    return ""


def _describe_price_per_several_units(columns: ColumnRoles, free: list[str], contents: ColumnSample) -> str:
    """Say that a price may be that of 100 or 1000 units, as another column says."""
    column = next(
        (c for c in free if normalise_name(c) in PRICE_UNIT_COLUMNS and contents.kind(c).name == "whole"), None
    )
    if column is None or "amount" in columns.by_role:
        return ""
    units = sorted(contents.numbers(column).astype(int).unique())
    if units[-1] <= 1:
        return ""
    advice = f"type data.scale={1 / units[0]:g}" if len(units) == 1 else "divide the prices by it"
    listed = ", ".join(map(str, units[:3]))
    price = columns.by_role["unit_price"]
    return f"column '{column}' ({listed}) is left aside: if {price} is the price of so many units, {advice}"


def _describe_unused_exchange_rates(free: list[str], contents: ColumnSample) -> str:
    """Say that rates of exchange are left aside, where they differ from row to row."""
    column = next((c for c in free if RATE.search(normalise_name(c)) and contents.holds_mostly_numbers(c)), None)
    rates = contents.numbers(column) if column else None
    if rates is None or rates.nunique() < 2:
        return ""
    return (
        f"column '{column}' ({rates.min():g} to {rates.max():g}) is left aside: if amounts are in several currencies, "
        "multiply them by it before, or name data.columns.currency and type data.cleaning.currency.rates"
    )


def _describe_debit_credit_column(columns: ColumnRoles, free: list[str], contents: ColumnSample) -> str:
    """Say that a column marks debits and credits, where no amount is below 0."""
    signed = [columns.by_role[role] for role in ("amount", "quantity") if role in columns.by_role]
    if "status" in columns.by_role or any((contents.numbers(column) < 0).any() for column in signed):
        return ""
    for column in free:
        cells = contents.sample[column].dropna()
        counts = cells.value_counts()
        if len(counts) == 2 and {str(mark).lower().rstrip(".") for mark in counts.index} in map(
            set, (*DEBIT_CREDIT_MARK_PAIRS, PLUS_MINUS_MARKS)
        ):
            (most, many), (fewer, few) = counts.items()
            setting = f"data.columns.status={quote_for_command_line(column)} \"data.cleaning.status.net=['{fewer}']\""
            if fewer in PLUS_MINUS_MARKS:  # of which a status, compared by its letters, tells nothing
                setting = f"data.where=\"{quote_name(column)} == '{most}'\"".replace("`", "\\`")
            return (
                f"column '{column}' ('{most}' {many:,}, '{fewer}' {few:,}) is left aside, and no amount is below 0: if "
                f"'{fewer}' gives money back, type {setting}"
            )
    return ""
