"""The cleaning steps that ``data.cleaning`` names. None of them tells a day what comes after it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

import ibis
from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.cleaning.net_returns import net_returns
from clv_experiments.data.cleaning.report import Step, raw_columns
from clv_experiments.data.parsing.formats import AMOUNT
from clv_experiments.errors import ClvError

RATE = "decimal(18, 10)"  # PostgreSQL rounds only decimals whose size is known


def missing_customer() -> Step:
    """Remove rows without a customer."""
    return _removing("missing customer", lambda t: t.customer_id.isnull())


def missing_date() -> Step:
    """Remove rows without a date."""
    return _removing("missing date", lambda t: t.date.isnull())


def missing_amount() -> Step:
    """Remove rows without an amount."""
    return _removing("missing amount", lambda t: t.amount.isnull())


def not_goods(codes: Sequence[str] = (), pattern: str | None = None) -> Step:
    """Remove what is no product, bought or returned: postage, fees, vouchers, tests.

    Parameters
    ----------
    codes : sequence of str
        Product codes, in either case.
    pattern : str, optional
        Regular expression that begins such a code.

    Raises
    ------
    ClvError
        If the pattern is no regular expression. When applied: if there are codes but no products.
    """
    known = [str(code).upper() for code in ([codes] if isinstance(codes, str) else codes)]
    begins = beginning(pattern, "not_goods.pattern")

    def removes(t: Table) -> BooleanValue:
        if "product" not in t.columns:
            if known or begins:
                raise ClvError("data.cleaning.not_goods has codes, but no column: name data.columns.product")
            return ibis.literal(False)
        listed = t.product.upper().isin(known)
        return listed | t.product.re_search(begins) if begins else listed

    return _removing("not goods", removes)


def price_not_positive() -> Step:
    """Remove rows whose unit price is zero or below; where there is no price, those whose amount is zero.

    A negative amount is a return whatever its price, and left to that step. This one goes before it: a purchase that
    credit from a return has paid for is no free item.
    """

    def removes(t: Table) -> BooleanValue:
        return (t.unit_price <= 0) & (t.amount >= 0) if "unit_price" in t.columns else t.amount == 0

    return _removing("price not positive", removes)


def returns(policy: str = "drop", cancelled: str | None = None) -> Step:
    """Deal with cancellations and returns: rows with a negative quantity or amount, or on a cancelled order.

    Parameters
    ----------
    policy : {"drop", "net"}
        ``drop`` removes them. ``net`` removes them too, and sets each against the same customer's purchases, from that
        day on (see ``net_returns.py``).
    cancelled : str, optional
        Regular expression that begins the order id of a cancellation.

    Raises
    ------
    ClvError
        If the policy is another, or ``cancelled`` no regular expression. When applied: if there are no order ids.
    """
    one_of(policy, ("drop", "net"), "returns.policy")
    begins = beginning(cancelled, "returns.cancelled")

    def is_return(t: Table) -> BooleanValue:
        found = (t.amount < 0).fill_null(False)
        if "quantity" in t.columns:
            found |= (t.quantity < 0).fill_null(False)
        if begins:
            if "order_id" not in t.columns:
                raise ClvError(
                    "data.cleaning.returns.cancelled needs order ids, but no column: name data.columns.order_id"
                )
            found |= t.order_id.re_search(begins).fill_null(False)
        return found

    if policy == "net":
        return Step("netted returns", lambda t: net_returns(t, is_return(t)))
    return _removing("cancellations and returns", is_return)


def duplicates(policy: str = "keep") -> Step:
    """Deal with rows that repeat another in every column of the source.

    Parameters
    ----------
    policy : {"keep", "drop"}
        Line items of one order may well repeat, so ``keep`` is the default. ``drop`` keeps one of each.

    Raises
    ------
    ClvError
        If the policy is another.
    """
    one_of(policy, ("keep", "drop"), "duplicates.policy")

    def drop(t: Table) -> Table:
        t = t.mutate(copy=ibis.row_number().over(group_by=raw_columns(t), order_by=t.amount))
        return t.filter(t.copy == 0).drop("copy").cache()

    return Step("duplicates", drop if policy == "drop" else _unchanged, compares_rows=policy == "drop")


def in_two_sheets(first: str, last: str) -> Step:
    """Keep one copy of days that stand in two sheets of a workbook, row for row.

    A row that repeats within each sheet keeps half of its copies, and one of an odd number that half rounded up: which
    sheet a row came from need not be known.

    Parameters
    ----------
    first, last : str
        First and last day that both sheets hold.

    Raises
    ------
    ClvError
        If they are no days, or in the wrong order.
    """
    start, end = day(first, "in_two_sheets.first"), day(last, "in_two_sheets.last")
    if start > end:
        raise ClvError(f"data.cleaning.in_two_sheets must begin before it ends, got first={start} and last={end}")

    def halve(t: Table) -> Table:
        inside = t.date.between(ibis.literal(start), ibis.literal(end)).fill_null(False)
        twice = t.filter(inside)
        same = ibis.window(group_by=raw_columns(t))
        twice = twice.mutate(copy=ibis.row_number().over(same, order_by=twice.amount), copies=twice.count().over(same))
        kept = twice.filter(twice.copy * 2 < twice.copies).drop("copy", "copies")
        return t.filter(~inside).union(kept).cache()

    return Step("in two sheets", halve, compares_rows=True)


def currency(rates: Mapping[str, float] | None = None) -> Step:
    """Turn amounts into one currency; without rates, make sure that there is one only.

    Parameters
    ----------
    rates : mapping of currency code to number, optional
        What one unit of each currency is worth in that of the log, such as ``{EUR: 1, GBP: 1.17}``.

    Raises
    ------
    ClvError
        If a rate is no positive number. When applied: if there are rates but no currency column, or several currencies
        of which one has no rate.
    """
    worth = {str(code).upper(): positive(rate, f"currency.rates.{code}") for code, rate in (rates or {}).items()}

    def convert(t: Table) -> Table:
        if "currency" not in t.columns:
            if worth:
                raise ClvError("data.cleaning.currency has rates, but no column: name data.columns.currency")
            return t
        code = t.currency.upper()
        found = set(t.select(code=code).distinct().limit(100).to_pyarrow()["code"].to_pylist())
        if not worth and len(found - {None}) < 2:
            return t
        missing = sorted(found - {None} - set(worth))
        if missing:
            raise ClvError(
                f"no rate for the currency {', '.join(missing[:5])}; type 'data.cleaning.currency.rates={{"
                f"{missing[0]}: <what one unit is worth>, ...}}', or data.columns.currency=false if all are the same"
            )
        if None in found:
            raise ClvError("data.cleaning.currency has rates, but there are rows without a currency: fill them in")
        exact = {name: ibis.literal(round(rate, 10), RATE) for name, rate in worth.items()}
        amounts = ((code == name, (t.amount * rate).round(4)) for name, rate in exact.items())
        return t.mutate(amount=ibis.cases(*amounts).cast(AMOUNT))

    return Step("currency", convert)


def rounding(decimals: int | None = None) -> Step:
    """Round amounts, half away from zero, to so many decimals (0 to 4); None leaves them.

    Raises
    ------
    ClvError
        If there are more or fewer.
    """
    one_of(decimals, (None, 0, 1, 2, 3, 4), "rounding.decimals")
    if decimals is None:
        return Step("rounding", _unchanged)
    return Step("rounding", lambda t: t.mutate(amount=t.amount.round(decimals).cast(AMOUNT)))


def outliers(policy: str = "keep", quantile: float = 0.999) -> Step:
    """Deal with extreme amounts.

    Parameters
    ----------
    policy : {"keep", "winsorise"}
        ``winsorise`` lowers every amount above the quantile to it, in the holdout period too. The quantile is that of
        the rows up to the earliest cutoff that is forecast from, so that no forecast learns of a later amount.
    quantile : float
        Between 0 and 1, exclusive; between two rows it is interpolated.

    Raises
    ------
    ClvError
        If the policy is another, or the quantile out of range.
    """
    one_of(policy, ("keep", "winsorise"), "outliers.policy")
    if not isinstance(quantile, float) or not 0 < quantile < 1:
        raise ClvError(f"data.cleaning.outliers.quantile must lie between 0 and 1, got '{quantile}'")

    def winsorise(t: Table, until: date) -> Table:
        known = t.filter(t.date <= ibis.literal(until))
        cap = known.amount.cast("float64").quantile(quantile).to_pyarrow().as_py()
        if cap is None:
            return t
        most = ibis.literal(Decimal(f"{cap:.4f}"), AMOUNT)
        return t.mutate(amount=ibis.ifelse(t.amount > most, most, t.amount).cast(AMOUNT))

    if policy == "keep":
        return Step("outliers", _unchanged)
    return Step(f"outliers above the {quantile:g} quantile", winsorise, learns=True)


def _removing(name: str, removes: Callable[[Table], BooleanValue]) -> Step:
    return Step(name, lambda t: t.filter(~removes(t).fill_null(False)))


def _unchanged(t: Table) -> Table:
    return t


HARMLESS = r"\\[^1-9]|\[\^?\]?(?:\\.|[^\]\\])*\]"  # escaped characters and sets of characters


def one_of(value: object, known: tuple[object, ...], setting: str) -> None:
    """Raise ClvError unless the value is one of those known."""
    if value not in known:
        either = ", ".join("null" if option is None else str(option) for option in known)
        raise ClvError(f"data.cleaning.{setting} must be one of {either}, got '{value}'")


def beginning(pattern: str | None, setting: str) -> str | None:
    """Tie a regular expression, if there is any, to where a text begins, or raise ClvError if some engine lacks it."""
    if not pattern:
        return None
    try:
        re.compile(str(pattern))
    except re.error as error:
        raise ClvError(f"data.cleaning.{setting} must be a regular expression, got '{pattern}' ({error})") from error
    if re.search(r"\(\?(?!:)|\\[1-9]", re.sub(HARMLESS, "", str(pattern))):
        raise ClvError(
            f"data.cleaning.{setting} must do without look-around, back-references and flags, which not every engine "
            f"knows (of all that begins with (? only (?: is known), got '{pattern}'"
        )
    return f"^({pattern})"


def day(text: str, setting: str) -> date:
    """Read a day, or raise ClvError."""
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise ClvError(f"data.cleaning.{setting} must be a day like 2010-12-01, got '{text}'") from error


def positive(number: float, setting: str) -> Decimal:
    """Read a positive number exactly as typed, or raise ClvError."""
    try:
        exact = Decimal(str(number))
    except InvalidOperation:
        exact = Decimal("nan")
    if not exact.is_finite() or exact <= 0:
        raise ClvError(f"data.cleaning.{setting} must be a positive number, got '{number}'")
    return exact
