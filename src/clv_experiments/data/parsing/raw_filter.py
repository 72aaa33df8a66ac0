"""Keep the raw rows that meet a typed condition, on any engine, and count those that do not."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, mul, or_
from typing import Any, TypeAlias

import ibis
from ibis.expr.types import Table, Value

from clv_experiments.data.parsing.cells import aggregate_row
from clv_experiments.data.parsing.dates import add_day_column
from clv_experiments.data.parsing.formats import (
    AMOUNT,
    AMOUNT_LIMIT,
    ParseOptions,
    add_amount_column,
    add_identifier_column,
    add_text_column,
)
from clv_experiments.data.parsing.where import GRAMMAR, ParsedCondition
from clv_experiments.errors import ClvError

COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: eq, ast.Lt: lt, ast.LtE: le, ast.Gt: gt, ast.GtE: ge,
}  # fmt: skip
Comparison: TypeAlias = Callable[[Any, Any], Any]
OPERATOR_BY_NEGATION = {ast.NotEq: ast.Eq, ast.NotIn: ast.In, ast.IsNot: ast.Is}
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")
PREFIX = "where: "  # of temporary columns
KEPT, CUSTOMER = f"{PREFIX}kept", f"{PREFIX}customer"


@dataclass(frozen=True, eq=False)
class FilteredRows:
    """The raw rows that are read, and those that are not.

    Attributes
    ----------
    kept, removed : ibis.Table
    rule : str
        As the cleaning report calls it.
    """

    kept: Table
    removed: Table
    rule: str

    def measure_removed(self, by_role: Mapping[str, str], decimal: str | None) -> dict[str, int | Decimal]:
        """Count the rows that are not read, the customers who are lost with them, and their amounts."""
        marks = dict.fromkeys([decimal or ".", decimal or ","])
        factors = ("amount",) if "amount" in by_role else ("quantity", "unit_price") if "unit_price" in by_role else ()
        columns = [by_role[role] for role in factors if role in by_role]
        customer = by_role["customer_id"]
        table = add_identifier_column(self.removed, customer, CUSTOMER)
        for column in columns:
            for mark in marks:
                table = add_amount_column(table, column, mark, f"{PREFIX}{column}{mark}")
        numbers = [ibis.coalesce(*(table[f"{PREFIX}{column}{mark}"] for mark in marks)) for column in columns]
        amounts = {"amount": reduce(mul, numbers).round(4).cast(AMOUNT).sum()} if numbers else {}
        summary = aggregate_row(table, rows=table.count(), **amounts)
        kept = add_identifier_column(self.kept, customer, CUSTOMER)
        lost = table.drop_null(CUSTOMER).select(CUSTOMER).distinct()
        lost = lost.anti_join(kept, CUSTOMER).count().to_pyarrow().as_py()
        return {"rows": summary["rows"], "customers": lost, "amount": summary.get("amount") or Decimal(0)}


def split_rows_by_condition(raw: Table, where: str, options: ParseOptions, log: str) -> FilteredRows:
    """Split the raw rows by a condition.

    An empty cell is equal to nothing, so that ``!=`` and ``not in`` keep it. Text equals text, letter by letter; beside
    a number, text is read as one; beside a day like ``'2024-12-31'``, dates and times are compared by their days.

    Parameters
    ----------
    raw : ibis.Table
    where : str
        The condition as typed.
    options : ParseOptions
        How to read text that could be read in two ways.
    log : str
        Name of the log, for messages.

    Returns
    -------
    FilteredRows

    Raises
    ------
    ClvError
        If the condition cannot be read, names no column of the log, compares what cannot be compared, or keeps no row.
    """
    condition = _ConditionCompiler(raw, ParsedCondition(where), options)
    keeps = condition.compile(condition.parsed.tree)
    table = condition.table.mutate(**{KEPT: keeps}).cache()
    kept, removed = (table.filter(rows).select(*raw.columns) for rows in (table[KEPT], ~table[KEPT]))
    if not table[KEPT].any().to_pyarrow().as_py():
        raise ClvError(
            f"data.where=\"{condition.parsed.text}\" keeps no row of log '{log}'{_describe_examples(raw, condition)}"
        )
    return FilteredRows(kept, removed, f"where {condition.parsed.text}")


def _describe_examples(raw: Table, condition: _ConditionCompiler) -> str:
    columns = [node for node in ast.walk(condition.parsed.tree) if isinstance(node, ast.Name)]
    if not columns:
        return ""
    column = condition.parsed.original_name(columns[0])
    distinct = raw.filter(raw[column].notnull()).select(column).distinct()
    values = distinct.order_by(column).limit(5).to_pyarrow()[column].to_pylist()
    return f"; column '{column}' holds {', '.join(repr(str(value)) for value in values)} and such" if values else ""


class _ConditionCompiler:
    """From the tree of a condition to an expression without nulls; columns that are read otherwise join ``table``."""

    def __init__(self, raw: Table, parsed: ParsedCondition, options: ParseOptions) -> None:
        self.raw, self.table, self.parsed, self.options = raw, raw, parsed, options

    def compile(self, node: ast.expr) -> Any:
        if isinstance(node, ast.BoolOp):
            return reduce(and_ if isinstance(node.op, ast.And) else or_, map(self.compile, node.values))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.compile(node.operand)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            pairs = zip(sides, node.ops, sides[1:], strict=False)
            return reduce(and_, (self._compare(node, left, op, right) for left, op, right in pairs))
        if isinstance(node, ast.Name) and self._column_type(node).is_boolean():
            return ibis._[self.parsed.original_name(node)].fill_null(False)
        raise self.parsed.build_error(node, f"that is no comparison; {GRAMMAR}")

    def _compare(self, node: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        if type(op) in OPERATOR_BY_NEGATION:
            return ~self._compare(node, left, OPERATOR_BY_NEGATION[type(op)](), right)
        if isinstance(op, ast.Is):
            return self._is_null(node, left, right)
        if isinstance(op, ast.In):
            if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
                raise self.parsed.build_error(node, "after in comes a list, such as ['a', 'b']")
            return reduce(or_, (self._compare_values(node, left, eq, value) for value in right.elts))
        return self._compare_values(node, left, COMPARISONS[type(op)], right)

    def _compare_values(self, node: ast.Compare, left: ast.expr, compare: Comparison, right: ast.expr) -> Any:
        if not isinstance(left, ast.Name):
            if not isinstance(right, ast.Name):
                raise self.parsed.build_error(node, "one side of a comparison must be a column")
            mirrored = {lt: gt, gt: lt, le: ge, ge: le}.get(compare, compare)
            return self._compare_values(node, right, mirrored, left)
        if isinstance(right, ast.Name):
            return compare(*self._columns_for_comparison(node, left, right)).fill_null(False)
        value = self._evaluate_constant(node, right)
        if value is None:
            raise self.parsed.build_error(node, "write is null or is not null")
        column, value = self._column_for_comparison(node, left, value, is_order=compare is not eq)
        return compare(column, value).fill_null(False)

    def _is_null(self, node: ast.Compare, left: ast.expr, right: ast.expr) -> Any:
        if not (isinstance(left, ast.Name) and isinstance(right, ast.Constant) and right.value is None):
            raise self.parsed.build_error(node, "only a column is null or is not null")
        return self._text_column(left).isnull()

    def _column_for_comparison(self, node: ast.Compare, name: ast.Name, value: Any, is_order: bool) -> tuple[Any, Any]:
        """Return the column as it compares with a value, and the value."""
        kind, day = self._column_type(name), _parse_iso_date(value)
        if kind.is_boolean() and isinstance(value, bool):
            return ibis._[self.parsed.original_name(name)], value
        if kind.is_date() or kind.is_timestamp():
            if day is None:
                raise self.parsed.build_error(node, "beside a date, write a day like '2024-12-31'")
            return self._day_column(name), ibis.literal(day)
        if kind.is_numeric() and not isinstance(value, bool):
            if not isinstance(value, str):
                return self._number_column(name), value
            if NUMBER.fullmatch(value):
                return self._number_column(name), float(value)
        if not kind.is_string() or (isinstance(value, bool) and is_order):
            raise self.parsed.build_error(node, f"the column holds {kind} values, with which this cannot be compared")
        if isinstance(value, bool):
            return self._text_column(name).lower(), str(value).lower()
        if isinstance(value, str):
            return self._text_or_day_for_comparison(node, name, value, day, is_order)
        if abs(value) >= AMOUNT_LIMIT:  # the number of a card or an order
            return self._text_column(name), str(value)
        return self._read_text_column_as_numbers(node, name), value

    def _text_or_day_for_comparison(
        self, node: ast.Compare, name: ast.Name, value: str, day: date | None, is_order: bool
    ) -> tuple[Any, Any]:
        if day is None:
            return self._text_column(name), value
        unread = self._count_unparsed_cells(name, self._day_column(name))
        if unread and is_order:
            raise self.parsed.build_error(
                node,
                f"{unread:,} cell(s) of the column cannot be read as dates; data.date_order may say how",
            )
        return (self._text_column(name), value) if unread else (self._day_column(name), ibis.literal(day))

    def _read_text_column_as_numbers(self, node: ast.Compare, name: ast.Name) -> Any:
        number, text = self._number_column(name), self._text_column(name)
        row = aggregate_row(self.table, some=number.notnull().any(), filled=text.notnull().any())
        if row["filled"] and not row["some"]:
            raise self.parsed.build_error(node, "no cell of the column is a number; put text in quotes")
        return number

    def _columns_for_comparison(self, node: ast.Compare, left: ast.Name, right: ast.Name) -> tuple[Any, Any]:
        kinds = self._column_type(left), self._column_type(right)
        if all(kind.is_numeric() for kind in kinds):
            return self._number_column(left), self._number_column(right)
        if all(kind.is_date() or kind.is_timestamp() for kind in kinds):
            return self._day_column(left), self._day_column(right)
        if all(kind.is_string() for kind in kinds):
            return self._text_column(left), self._text_column(right)
        raise self.parsed.build_error(node, "columns of two kinds cannot be compared")

    def _column_type(self, node: ast.Name) -> Any:
        return self.raw[self.parsed.check_column(node, list(self.raw.columns))].type()

    def _add_parsed_column(self, node: ast.Name, kind: str, add: Callable[[Table, str, str], Table]) -> Any:
        column = self.parsed.check_column(node, list(self.raw.columns))
        name = f"{PREFIX}{kind} {column}"
        if name not in self.table.columns:
            self.table = add(self.table, column, name)
        return ibis._[name]

    def _text_column(self, node: ast.Name) -> Any:
        return self._add_parsed_column(node, "text", add_text_column)

    def _day_column(self, node: ast.Name) -> Any:
        return self._add_parsed_column(
            node, "day", lambda t, column, name: add_day_column(t, column, self.options.date_order, name)
        )

    def _number_column(self, node: ast.Name) -> Any:
        if not self._column_type(node).is_string():
            return self._add_parsed_column(node, "number", _add_number_without_nan)
        return self._add_parsed_column(
            node, "number", lambda t, column, name: add_amount_column(t, column, self.options.decimal or ".", name)
        )

    def _count_unparsed_cells(self, name: ast.Name, read: Any) -> int:
        text = self._text_column(name)
        return int(self.table.filter(text.notnull() & read.isnull()).count().to_pyarrow().as_py())

    def _evaluate_constant(self, node: ast.Compare, value: ast.expr) -> Any:
        try:
            constant = ast.literal_eval(value)
        except (ValueError, TypeError):
            constant = ...  # of none of the types of a value
        if not isinstance(constant, str | int | float | None):
            raise self.parsed.build_error(node, f"{self.parsed.source_text(value)} is no value; {GRAMMAR}")
        if isinstance(constant, float) and not math.isfinite(constant):
            raise self.parsed.build_error(node, "the number is too large")
        return constant


def _add_number_without_nan(table: Table, column: str, name: str) -> Table:
    """Add a number without NaN, which engines compare differently."""
    number: Value = table[column]
    if not number.type().is_integer():
        number = number.cast("float64")
        number = ibis.ifelse(number.isnan(), None, number)
    return table.mutate(**{name: number})


def _parse_iso_date(value: Any) -> date | None:
    if not isinstance(value, str) or not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
