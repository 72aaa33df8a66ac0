"""The cleaning steps that ``data.cleaning`` names. No day is changed by what happens after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

import ibis
from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.cleaning.checks import anchor_at_start, check_choice
from clv_experiments.data.cleaning.report import Step, StepResult, raw_columns
from clv_experiments.data.parsing.cells import aggregate_row
from clv_experiments.data.parsing.formats import AMOUNT
from clv_experiments.errors import ClvError

RATE_DECIMAL_TYPE = "decimal(18, 10)"  # PostgreSQL rounds only decimals whose size is known


def missing_customer() -> Step:
    """Remove rows without a customer."""
    return Step("missing customer", is_removed=lambda t: t.customer_id.isnull())


def missing_date() -> Step:
    """Remove rows without a date."""
    return Step("missing date", is_removed=lambda t: t.date.isnull())


def missing_amount() -> Step:
    """Remove rows without an amount."""
    return Step("missing amount", is_removed=lambda t: t.amount.isnull())


def not_goods(codes: Sequence[str] = (), pattern: str | None = None) -> Step:
    """Remove what is no product, bought or returned: postage, fees, vouchers, tests.

    Parameters
    ----------
    codes : sequence of str
        Product codes, in either case.
    pattern : str, optional
        Regular expression for the beginning of such a code.

    Raises
    ------
    ClvError
        If the pattern is no regular expression. When applied: if there are codes but no products.
    """
    excluded = [str(code).upper() for code in ([codes] if isinstance(codes, str) else codes)]
    beginning = anchor_at_start(pattern, "not_goods.pattern")

    def removes(t: Table) -> BooleanValue:
        if "product" not in t.columns:
            if excluded or beginning:
                raise ClvError("data.cleaning.not_goods has codes, but no column: name data.columns.product")
            return ibis.literal(False)
        listed = t.product.upper().isin(excluded)
        return listed | t.product.re_search(beginning) if beginning else listed

    return Step("not goods", is_removed=removes)


def price_not_positive() -> Step:
    """Remove rows whose unit price is not positive or, where there is no price, whose amount is zero.

    A negative amount is a return whatever its price, and left to ``returns``. This step comes first: a purchase that
    was paid for with credit from a return is no free item.
    """

    def removes(t: Table) -> BooleanValue:
        return (t.unit_price <= 0) & (t.amount >= 0) if "unit_price" in t.columns else t.amount == 0

    return Step("price not positive", is_removed=removes)


def duplicates(policy: str | None = None) -> Step:
    """Keep or remove rows that repeat another in every column of the source.

    Parameters
    ----------
    policy : {None, "keep", "drop"}
        Line items of one order may well repeat, so they are kept unless ``drop`` keeps one of each. None also says how
        many there are where they are more than chance gives, as where one export was appended to another.

    Raises
    ------
    ClvError
        If the policy is unknown.
    """
    check_choice(policy, (None, "keep", "drop"), "duplicates.policy")

    def drop(t: Table) -> Table:
        t = t.mutate(copy=ibis.row_number().over(group_by=raw_columns(t), order_by=t.amount.abs()))
        return t.filter(t.copy == 0).drop("copy").cache()

    def describe(t: Table) -> StepResult:
        return StepResult(t, _describe_repeated_rows(t) if raw_columns(t) else ())

    if policy is None:
        return Step("duplicates", describe, needs_raw_columns_if_repeated=True)
    return Step("duplicates", drop, needs_raw_columns=True) if policy == "drop" else Step("duplicates")


def _describe_repeated_rows(t: Table) -> tuple[str, ...]:
    rows = t.group_by(raw_columns(t)).agg(copies=t.count(), paid=t.amount.sum())
    surplus = rows.paid.cast("float64") * (rows.copies - 1) / rows.copies
    several = rows.copies > 1
    sums = aggregate_row(
        rows,
        rows=rows.copies.sum(),
        repeated=rows.copies.sum(where=several),
        paid=rows.paid.sum(),
        surplus=surplus.sum(where=several),
    )
    if not sums["repeated"]:
        return ()
    once = float(sums["paid"] or 0) - float(sums["surplus"] or 0)
    effect = f", which adds {sums['surplus']:,.2f} ({sums['surplus'] / once:.0%}) to the amounts" if once else ""
    share = f"{sums['repeated']:,} of {sums['rows']:,} rows ({sums['repeated'] / sums['rows']:.0%})"
    return (
        f"{share} are equal to another in every column, more than chance gives, as where an export was appended to "
        f"another{effect}: data.cleaning.duplicates.policy=drop counts each once, keep says that they are right",
    )


def in_two_sheets(first: str, last: str) -> Step:
    """Keep one copy of days that two sheets of a workbook both hold, row for row.

    Of identical rows half are kept, rounded up, so that it does not matter which sheet a row came from.

    Parameters
    ----------
    first, last : str
        First and last day that both sheets hold.

    Raises
    ------
    ClvError
        If they are no days, or in the wrong order.
    """
    start, end = _parse_day(first, "in_two_sheets.first"), _parse_day(last, "in_two_sheets.last")
    if start > end:
        raise ClvError(f"data.cleaning.in_two_sheets must begin before it ends, got first={start} and last={end}")

    def halve(t: Table) -> Table:
        inside = t.date.between(ibis.literal(start), ibis.literal(end)).fill_null(False)
        shared, same = t.filter(inside), ibis.window(group_by=raw_columns(t))
        copies = {"copy": ibis.row_number().over(same, order_by=shared.amount), "copies": shared.count().over(same)}
        shared = shared.mutate(**copies)
        halved = shared.filter(shared.copy * 2 < shared.copies).drop("copy", "copies")
        return t.filter(~inside).union(halved).cache()

    return Step("in two sheets", halve, needs_raw_columns=True)


def currency(rates: Mapping[str, float] | None = None) -> Step:
    """Convert amounts into one currency; without rates, check that there is only one.

    Parameters
    ----------
    rates : mapping of currency code to float, optional
        Value of one unit of each currency in that of the log, such as ``{EUR: 1, GBP: 1.17}``.

    Raises
    ------
    ClvError
        If a rate is no positive number. When applied: if there are rates but no currency column, or several currencies
        of which one has no rate.
    """
    exact = {str(code).upper(): _parse_positive(rate, f"currency.rates.{code}") for code, rate in (rates or {}).items()}

    def convert(t: Table) -> Table:
        if "currency" not in t.columns:
            if exact:
                raise ClvError("data.cleaning.currency has rates, but no column: name data.columns.currency")
            return t
        code = t.currency.upper()
        codes = set(t.select(code=code).distinct().limit(100).to_pyarrow()["code"].to_pylist())
        if not exact and len(codes - {None}) < 2:
            return t
        missing = sorted(codes - {None} - set(exact))
        if missing:
            raise ClvError(
                f"no rate for the currency {', '.join(missing[:5])}; type 'data.cleaning.currency.rates={{"
                f"{missing[0]}: <what one unit is worth>, ...}}', or data.columns.currency=false if all are the same"
            )
        if None in codes:
            raise ClvError("data.cleaning.currency has rates, but there are rows without a currency: fill them in")
        factors = {name: ibis.literal(round(rate, 10), RATE_DECIMAL_TYPE) for name, rate in exact.items()}
        amounts = ((code == name, (t.amount * factor).round(4)) for name, factor in factors.items())
        return t.mutate(amount=ibis.cases(*amounts).cast(AMOUNT))

    return Step("currency", convert)


def rounding(decimals: int | None = None) -> Step:
    """Round amounts, half away from zero, to 0 to 4 decimals; None leaves them unchanged.

    Raises
    ------
    ClvError
        If ``decimals`` is none of these.
    """
    check_choice(decimals, (None, 0, 1, 2, 3, 4), "rounding.decimals")
    if decimals is None:
        return Step("rounding")
    return Step("rounding", lambda t: t.mutate(amount=t.amount.round(decimals).cast(AMOUNT)))


def outliers(policy: str = "keep", quantile: float = 0.999) -> Step:
    """Keep extreme amounts or cap them.

    Parameters
    ----------
    policy : {"keep", "winsorise"}
        ``winsorise`` caps every amount at the quantile, in the holdout period too. The quantile is that of the rows up
        to the earliest cutoff of a forecast, so that no forecast learns of a later amount.
    quantile : float
        Between 0 and 1, exclusive; interpolated between two rows.

    Raises
    ------
    ClvError
        If the policy is unknown, or the quantile out of range.
    """
    check_choice(policy, ("keep", "winsorise"), "outliers.policy")
    if not isinstance(quantile, float) or not 0 < quantile < 1:
        raise ClvError(f"data.cleaning.outliers.quantile must lie between 0 and 1, got '{quantile}'")

    def winsorise(t: Table, until: date) -> Table:
        past = t.filter(t.date <= ibis.literal(until))
        limit = past.amount.cast("float64").quantile(quantile).to_pyarrow().as_py()
        if limit is None:
            return t
        cap = ibis.literal(Decimal(f"{limit:.4f}"), AMOUNT)
        return t.mutate(amount=ibis.ifelse(t.amount > cap, cap, t.amount).cast(AMOUNT))

    if policy == "keep":
        return Step("outliers")
    return Step(f"outliers above the {quantile:g} quantile", winsorise, takes_learning_end=True)


def _parse_day(text: str, setting: str) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise ClvError(f"data.cleaning.{setting} must be a day like 2010-12-01, got '{text}'") from error


def _parse_positive(number: float, setting: str) -> Decimal:
    """Parse a positive number exactly as typed."""
    try:
        exact = Decimal(str(number))
    except InvalidOperation:
        exact = Decimal("nan")
    if not exact.is_finite() or exact <= 0:
        raise ClvError(f"data.cleaning.{setting} must be a positive number, got '{number}'")
    return exact
