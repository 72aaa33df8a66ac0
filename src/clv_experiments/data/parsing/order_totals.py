"""Whether each line has an amount of its own, or the total of its order, which then counts once."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import ibis
from ibis.expr.types import Table

from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.columns import ColumnRoles
from clv_experiments.data.parsing.formats import DISCOUNT_UNITS, ParseOptions
from clv_experiments.data.parsing.line_values import compute_line_values, subtract_discount
from clv_experiments.data.parsing.order_allocation import allocate_by_weight, list_order_key_columns
from clv_experiments.data.parsing.role_names import normalise_name
from clv_experiments.errors import ClvError

PAYMENT_NAME = re.compile("payment|zahlung|paiement|pago|pagament")
CENT_TOLERANCE = 0.011  # a line's value is rounded to cents
ORDER_TOTAL_NAME = re.compile(
    "(order|invoice|basket|cart|bestell|rechnungs)(total|amount|value|sum|wert|betrag)|grandtotal"
)
MOST = 0.9  # of the lines or orders that should agree
# Shares of the orders of several lines whose amounts are all equal.
NEARLY_ALL, MANY = 0.95, 0.75
SAME_PRICE_CHANCE = (
    0.75  # in a shop of few prices, customers may buy this often at one price; chance alone is estimated
)
UNLIKELY = 0.001
VALUE, FITS, STATUS_FITS, SEVERAL_FIT = "line: value", "order: fits", "status: fits", "statuses: fit"  # temporary


@dataclass(frozen=True)
class _MatchCounts:
    """Counts of orders of several lines, and of their lines."""

    orders: int
    equal: int  # with one amount on all lines
    differing: int  # whose lines differ in product, quantity or price
    differing_equal: int
    lines: int
    first: str | None  # such an order, for messages
    by_chance: float  # probability that two orders have the same amount
    line_matches: int  # lines whose amount is their quantity times price, by the reading that fits best
    sum_matches: int  # orders whose one amount is the sum of their lines
    contain_discount: bool  # whether these readings, or these sums, are less a discount that is there
    discounted: int = 0  # of all lines
    before_discount: int = 0  # lines whose amount contains no discount, though they have one
    several_statuses: int = 0  # orders with one amount, and lines of more than one status


def allocate_repeated_order_totals(
    lines: Table, columns: ColumnRoles, options: ParseOptions, log: str
) -> tuple[Table, list[str]]:
    """Share an amount that stands on each line of an order out over these lines, if it is the order's total.

    An order is a customer's order id or, without order ids, a customer's day. Amounts are compared within orders of
    several lines, with what chance would give, and with quantity times unit price where they are there.

    Parameters
    ----------
    lines : ibis.Table
        Typed lines with an ``amount``.
    columns : ColumnRoles
    options : ParseOptions
    log : str
        Name of the log, for messages.

    Returns
    -------
    ibis.Table
    list of str
        Notes, for the user to see.

    Raises
    ------
    ClvError
        If both readings are possible, or if the amount does not contain the discount.
    """
    column, is_before, is_paid = columns.by_role["amount"], False, False
    details = [role for role in ("product", "quantity", "unit_price") if role in lines.columns]
    once, notes = options.amount_per == "order", []
    if options.amount_per is None and (details or "order_id" in lines.columns):
        counts = _count_line_and_total_matches(lines, details)
        likely = _is_order_total(counts, column, bool(details))
        is_before = counts.discounted > 0 and counts.before_discount > MOST * counts.discounted
        if likely is None and not is_before:
            raise ClvError(_describe_ambiguity(counts, columns, log))
        once = bool(likely)
        notes = _describe_order_totals(counts, column, lines.columns) if once else []
        is_paid = counts.contain_discount and not is_before
    if once:
        lines, sharing_notes = _allocate_totals_to_lines(lines)
        notes += sharing_notes
    if is_paid or "discount" not in lines.columns:
        return lines, notes
    lines, discount_notes = subtract_discount(lines, columns, options, log, is_before)
    return lines, [*notes, *discount_notes]


def _describe_order_totals(counts: _MatchCounts, column: str, roles: Sequence[str]) -> list[str]:
    order_name = "order" if "order_id" in roles else "customer's day"
    notes = [
        f"{column} is the total of a whole {order_name} and stands on each of its lines ({counts.equal:,} of "
        f"{counts.orders:,} with several lines): it is counted once (data.amount_per=line says otherwise)"
    ]
    if counts.several_statuses and not {"quantity", "unit_price"} <= set(roles):
        notes.append(
            f"{counts.several_statuses:,} {order_name}(s) have lines of several statuses, each of which bears an equal "
            "part of the total: a quantity and a unit_price (data.columns) would tell what each is worth"
        )
    return notes


def _count_line_and_total_matches(lines: Table, details: list[str]) -> _MatchCounts:
    key = list_order_key_columns(lines)
    paid = lines.filter((lines.amount != 0) & lines[key[1]].notnull())
    units: list[str | None] = [None] if {"quantity", "unit_price"} <= set(details) else []
    if units and "discount" in lines.columns:
        units += [unit for unit in DISCOUNT_UNITS if unit != "money_per_order"]
    values = {str(unit): compute_line_values(paid, unit).cast("float64") for unit in units}
    is_close = {name: (value - paid.amount.cast("float64")).abs() < CENT_TOLERANCE for name, value in values.items()}
    sizes = {f"sum {name}": value.sum() for name, value in values.items()}
    sizes |= {f"close {name}": count_true(close) for name, close in is_close.items()}
    sizes |= {f"differ in {role}": (paid[role].min() != paid[role].max()).fill_null(False) for role in details}
    if "status" in lines.columns:
        sizes["statuses"] = paid.status.nunique() + ibis.ifelse(paid.status.count() < paid.count(), 1, 0)
    if len(units) > 1:
        discounted = paid.discount != 0
        sizes["sum money_per_order"] = values["None"].sum() - paid.discount.abs().max().cast("float64")
        sizes |= {"discounted": count_true(discounted), "before_discount": count_true(discounted & is_close["None"])}
    orders = paid.group_by(key).agg(rows=paid.count(), least=paid.amount.min(), most=paid.amount.max(), **sizes)
    return _summarise_matches(orders, list(values), details)


def _summarise_matches(orders: Table, readings: list[str], details: list[str]) -> _MatchCounts:
    several = orders.rows > 1
    equal = several & (orders.least == orders.most)
    differs = reduce(or_, (orders[f"differ in {role}"] for role in details), ibis.literal(False))
    counts = {
        "orders": count_true(several),
        "equal": count_true(equal),
        "differing": count_true(several & differs),
        "differing_equal": count_true(equal & differs),
        "lines": several.ifelse(orders.rows, 0).sum().fill_null(0),
        "first": equal.ifelse(orders[orders.columns[1]].cast("string"), None).min(),
    }
    if "statuses" in orders.columns:
        counts["several_statuses"] = count_true(equal & (orders.statuses > 1))
    if "discounted" in orders.columns:
        counts |= {name: orders[name].sum().fill_null(0) for name in ("discounted", "before_discount")}
    close = {f"close {name}": several.ifelse(orders[f"close {name}"], 0).sum().fill_null(0) for name in readings}
    sums = {}
    for name in [*readings, *(["money_per_order"] if "discounted" in orders.columns else [])]:
        off = (orders[f"sum {name}"] - orders.most.cast("float64")).abs()
        sums[f"sum {name}"] = count_true(equal & differs & (off < CENT_TOLERANCE * orders.rows))
    together = orders.filter(several)
    prices = together.group_by("most").agg(n=together.count().cast("float64"))
    chance = prices.aggregate(squares=(prices.n * prices.n).sum(), total=prices.n.sum())
    row = orders.aggregate(**counts, **close, **sums).cross_join(chance).to_pyarrow().to_pylist()[0]
    line_matches = max((row[name] for name in close), default=0)
    less_discount = max((row[name] for name in sums if name != "sum None"), default=0)
    return _MatchCounts(
        **{name: row[name] for name in counts},
        by_chance=row["squares"] / row["total"] ** 2 if row["total"] else 1.0,
        line_matches=line_matches,
        sum_matches=max((row[name] for name in sums), default=0),
        contain_discount=line_matches > MOST * row["lines"] or less_discount > MOST * max(row["differing"], 1) - 1e-9,
    )


def _is_order_total(counts: _MatchCounts, column: str, has_details: bool) -> bool | None:
    """Return whether the amount is the total of an order; None where both is possible."""
    if not counts.equal or counts.line_matches > MOST * counts.lines:
        return False
    if counts.sum_matches > MOST * max(counts.differing, 1) - 1e-9:
        return True
    if counts.equal == counts.orders:
        by_its_name = ORDER_TOTAL_NAME.search(normalise_name(column))
        unusual = counts.by_chance < MOST or counts.orders == 1
        if by_its_name and unusual:
            return True
        if by_its_name or (unusual and PAYMENT_NAME.search(normalise_name(column))):
            return None  # in a shop of one price, or where an order was paid in two equal parts
    orders, equal = (counts.differing, counts.differing_equal) if has_details else (counts.orders, counts.equal)
    if not orders:  # lines that are alike in all else may well cost the same
        return False
    share, chance = equal / orders, counts.by_chance
    if (
        has_details
        and share >= NEARLY_ALL
        and _chernoff_bound(orders, share, max(chance, SAME_PRICE_CHANCE)) < UNLIKELY
    ):
        return True
    if share >= MANY and _chernoff_bound(orders, share, max(chance, 0.5 if not has_details else 0.3)) < UNLIKELY:
        return None
    return False


def _chernoff_bound(orders: int, share: float, chance: float) -> float:
    """Bound the probability of at least this share of equal orders (Chernoff)."""
    if share <= chance:
        return 1.0
    divergence = share * math.log(share / chance)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - chance))
    return math.exp(-orders * divergence)


def _allocate_totals_to_lines(lines: Table) -> tuple[Table, list[str]]:
    """Share each amount out among the lines of its order, and note what is left open.

    A line bears as much as it is worth by quantity and unit price, where they are there. Where the amount is that of
    the lines of one status, such as those not cancelled, they bear all of it.
    """
    if not {"quantity", "unit_price"} <= set(lines.columns):
        return allocate_by_weight(lines, "amount", ibis.literal(1.0)).cache(), []
    t = lines.mutate(**{VALUE: compute_line_values(lines, None).cast("float64").fill_null(0)})
    key, value, amount = [*list_order_key_columns(lines), "amount"], t[VALUE], t.amount.cast("float64")
    tolerated = CENT_TOLERANCE * t.count().over(group_by=key)
    of_status = value.sum().over(group_by=[*key, "status"]) if "status" in t.columns else ibis.literal(math.inf)
    t = t.mutate(
        **{
            FITS: (value.sum().over(group_by=key) - amount).abs() < tolerated,
            STATUS_FITS: ibis.ifelse((of_status - amount).abs() < tolerated, 1, 0),
        }
    )
    of_one_status = t[STATUS_FITS].max().over(group_by=key) == 1
    worth = ibis.cases((t[FITS], t[VALUE]), (of_one_status, t[VALUE] * t[STATUS_FITS]), else_=t[VALUE].abs())
    if "status" not in t.columns:
        return allocate_by_weight(t, "amount", worth).select(*lines.columns).cache(), []
    fitting = ibis.ifelse(t[STATUS_FITS] == 1, t.status.fill_null(""), None)
    several_fit = ~t[FITS] & (fitting.min().over(group_by=key) != fitting.max().over(group_by=key))
    shared = allocate_by_weight(t.mutate(**{SEVERAL_FIT: several_fit}), "amount", worth).cache()
    orders = aggregate_row(shared, orders=shared[key[1]].nunique(where=shared[SEVERAL_FIT]))["orders"]
    note = (
        f"{orders:,} order(s) have lines of several statuses that each come to the total, such as a line and the one "
        "that replaced it: each status bears an equal part (data.columns.amount=false takes quantity times unit_price)"
    )
    return shared.select(*lines.columns), [note] if orders else []


def _describe_ambiguity(counts: _MatchCounts, columns: ColumnRoles, log: str) -> str:
    by_role = columns.by_role
    order_name = "order" if "order_id" in by_role else "customer's day"
    priced = {"quantity", "unit_price"} <= set(by_role)
    return (
        f"column '{by_role['amount']}' of log '{log}' has one value on all lines of {counts.equal:,} of "
        f"{counts.orders:,} {order_name}s with several lines, such as {order_name} '{counts.first}': type "
        "data.amount_per=order if it is the total, which counts once, or data.amount_per=line if each row has its own "
        f"amount{', or data.columns.amount=false for quantity times unit_price' if priced else ''}"
    )
