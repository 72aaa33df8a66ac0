"""What became of an order: cancelled, failed and refunded ones are no sales, refunds of their own give money back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table

from clv_experiments.data.cleaning.report import RETURNED, Step, StepResult
from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.formats import AMOUNT
from clv_experiments.data.parsing.status_values import (
    REVERSAL,
    RowAction,
    build_status_rules,
    normalise_status,
)
from clv_experiments.errors import ClvError

MAX_STATUSES = 1_000
MAX_QUOTED = 5


def status(keep: Sequence[str] = (), drop: Sequence[str] = (), net: Sequence[str] = ()) -> Step:
    """Remove rows whose status says that nothing was sold, and mark those that give money back as returns.

    An empty status of a line is that of its order. What gives money back gets a negative amount, and ``returns``
    decides what becomes of it. A refunded or cancelled row whose amount is negative already is such a row too.

    Parameters
    ----------
    keep, drop, net : sequence of str
        Further values that are sales, no sales, or money given back, in any case, with or without blanks, hyphens and
        underscores. They come before those that ``status_values`` knows; unknown values are kept and said.

    Raises
    ------
    ClvError
        If a value is in two of the lists. When applied: if there are values but no status, or no row has a value.
    """
    typed = {effect.value: _as_list(values) for effect, values in zip(RowAction, (keep, drop, net), strict=True)}
    seen = Counter(value for values in typed.values() for value in {normalise_status(value) for value in values})
    if twice := [value for value, times in seen.items() if times > 1]:
        raise ClvError(f"data.cleaning.status has '{twice[0]}' in two of keep, drop and net; leave it in one")
    rules = build_status_rules(**typed)

    def apply(t: Table) -> Table | StepResult:
        if "status" not in t.columns:
            if rules.user_rules:
                raise ClvError("data.cleaning.status has values, but no column: name data.columns.status")
            return t
        t = _fill_status_from_order(t)
        statuses = _count_statuses(t)
        _check_values_occur(typed, statuses)
        by_effect: defaultdict[RowAction | None, Counter[str]] = defaultdict(Counter)
        for value, rows in statuses.items():
            by_effect[rules.get_action(value)][value] = rows
        lost, returned = ([*by_effect[effect]] for effect in (RowAction.DROP, RowAction.NET))
        reversed_sales = [value for value in lost if REVERSAL.search(normalise_status(value))]
        is_return = _is_one_of(t.status, returned) | (_is_one_of(t.status, reversed_sales) & (t.amount < 0))
        is_return = is_return.fill_null(False)
        dropped = _is_one_of(t.status, lost) & ~is_return
        t = t.mutate(**{RETURNED: is_return, "amount": ibis.ifelse(is_return, -t.amount.abs(), t.amount).cast(AMOUNT)})
        lost_totals = _describe_orders_losing_only_amount(t, dropped) if lost else []
        return StepResult(t.filter(~dropped).cache(), (*_describe_statuses(by_effect), *lost_totals))

    return Step("status", apply)


def refunded() -> Step:
    """Deduct from each row the amount of it that was refunded, and remove rows that were refunded altogether.

    What was refunded until the log was exported is deducted on the day of the sale: the log does not say when.
    """

    def apply(t: Table) -> Table | StepResult:
        if "refunded" not in t.columns:
            return t
        refund = ibis.ifelse(t.amount > 0, t.refunded.abs(), 0).fill_null(0)
        if not aggregate_row(t, rows=count_true(refund > 0))["rows"]:
            return t
        t = _allocate_order_refunds_to_lines(t.mutate(refund=refund))
        undone = (t.refund > 0) & (t.refund >= t.amount)
        summary = aggregate_row(t, rows=count_true(t.refund > 0), undone=count_true(undone))
        note = (
            f"{summary['rows']:,} row(s) were refunded, {summary['undone']:,} of them altogether: deducted on the day "
            "of the sale, though it was known only later (data.columns.refunded=false leaves it in)"
        )
        t = t.filter(~undone.fill_null(False))
        return StepResult(t.mutate(amount=(t.amount - t.refund).cast(AMOUNT)).drop("refund").cache(), (note,))

    return Step("refunded amounts", apply)


def _as_list(values: Sequence[str] | str | None) -> list[str]:
    if values is None:
        return []
    return [str(value) for value in ([values] if isinstance(values, str) else values)]


def _is_one_of(status: StringValue, values: Sequence[str]) -> BooleanValue:
    return status.isin(values).fill_null(False) if values else ibis.literal(False)


def _fill_status_from_order(t: Table) -> Table:
    """Give lines without a status that of their order, which exports write on the first line only."""
    if "order_id" not in t.columns or not aggregate_row(t, gaps=count_true(t.status.isnull()))["gaps"]:
        return t
    of_order = t.status.max().over(group_by=[t.order_id, t.date])
    return t.mutate(status=t.status.fill_null(ibis.ifelse(t.order_id.notnull(), of_order, None)))


def _allocate_order_refunds_to_lines(t: Table) -> Table:
    """Take a refund that stands on each line of an order from its largest lines, where it exceeds one of them."""
    if "order_id" not in t.columns:
        return t
    of_order = ibis.window(group_by=[t.order_id, t.date])
    is_order_refund = (t.refund.count().over(of_order) > 1) & (
        t.refund.min().over(of_order) == t.refund.max().over(of_order)
    )
    marked = t.mutate(is_order_refund=is_order_refund & t.order_id.notnull() & (t.refund > 0))
    exceeds = marked.is_order_refund & (marked.refund > marked.amount)
    if not aggregate_row(marked, rows=count_true(exceeds))["rows"]:
        return t
    ties = [marked[column] for column in ("product",) if column in t.columns]
    largest_first = ibis.window(
        group_by=[marked.order_id, marked.date], order_by=[marked.amount.desc(), *ties], preceding=None, following=0
    )
    before = marked.amount.sum().over(largest_first) - marked.amount
    line_refund = ibis.least(ibis.greatest(marked.refund - before, 0), marked.amount)
    return (
        marked.mutate(refund=ibis.ifelse(marked.is_order_refund, line_refund, marked.refund).cast(AMOUNT))
        .select(*t.columns)
        .cache()
    )


def _count_statuses(t: Table) -> Counter[str]:
    counts = t.group_by("status").agg(rows=t.count()).order_by(ibis.desc("rows"), "status").limit(MAX_STATUSES)
    rows = counts.to_pyarrow().to_pylist()
    return Counter({row["status"]: row["rows"] for row in rows if row["status"] is not None})


def _check_values_occur(typed: dict[str, list[str]], statuses: Counter[str]) -> None:
    occurring = {normalise_status(value): value for value in statuses}
    for effect, values in typed.items():
        for value in values:
            if normalise_status(value) not in occurring:
                near = get_close_matches(normalise_status(value), list(occurring), n=1)
                hint = (
                    f"did you mean '{occurring[near[0]]}'?"
                    if near
                    else f"there are {', '.join([*occurring.values()][:10])}"
                )
                raise ClvError(f"no row has the status '{value}' (data.cleaning.status.{effect}); {hint}")


def _describe_orders_losing_only_amount(t: Table, dropped: BooleanValue) -> list[str]:
    """Say which orders lose their only amount with a line that is dropped, though they keep others."""
    if "order_id" not in t.columns:
        return []
    with_order = t.filter(t.order_id.notnull()).mutate(dropped=dropped)
    orders = with_order.group_by("order_id", "date").agg(
        lost=count_true(with_order.dropped & with_order.amount.notnull()),
        kept=count_true(~with_order.dropped & with_order.amount.notnull()),
        remaining=count_true(~with_order.dropped),
        example=with_order.order_id.max(),
    )
    bare = orders.filter((orders.lost > 0) & (orders.kept == 0) & (orders.remaining > 0))
    row = aggregate_row(bare, orders=bare.count(), example=bare.example.min())
    if not row["orders"]:
        return []
    priced = {"quantity", "unit_price"} <= set(t.columns)
    advice = (
        "data.columns.amount=false takes quantity times unit_price of each line instead"
        if priced
        else ("write the amount of each line, or the total, on the lines that were sold")
    )
    return [
        f"{row['orders']:,} order(s), such as '{row['example']}', lose their only amount with a line that is no sale, "
        f"though their other lines are kept: {advice}"
    ]


def _describe_statuses(by_effect: Mapping[RowAction | None, Counter[str]]) -> list[str]:
    """Say what becomes of the rows of each status, where that is worth saying, given how many rows each has."""
    notes, texts = [], {RowAction.DROP: "no sales and left out", RowAction.NET: "returns"}
    for effect, text in texts.items():
        if statuses := by_effect[effect]:
            setting = f"\"data.cleaning.status.keep=['{_most_frequent_value(statuses)}']\""
            notes.append(f"rows of status {_quote_values(statuses)} are {text} ({setting} keeps them)")
    if unknown := by_effect[None]:
        setting = f"\"data.cleaning.status.drop=['{_most_frequent_value(unknown)}']\""
        notes.append(
            f"rows of the unknown status {_quote_values(unknown)} are kept as sales: {setting} leaves them out, "
            ".net takes them as returns, and .keep says that they are right"
        )
    return notes


def _quote_values(statuses: Counter[str]) -> str:
    examples = ", ".join(f"'{value}' {rows:,}" for value, rows in statuses.most_common(MAX_QUOTED))
    return examples + ", ..." * (len(statuses) > MAX_QUOTED)


def _most_frequent_value(statuses: Counter[str]) -> str:
    return max(statuses, key=lambda value: (statuses[value], value))
