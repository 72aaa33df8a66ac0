"""Columns of which a glance tells that every cell can be read, so that no line needs to be checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
from ibis.expr.types import Table

from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.formats import AMOUNT_LIMIT, FLOAT_ID_LIMIT, add_identifier_column, add_text_column

NUMBER_ROLES = ("amount", "quantity", "unit_price", "discount", "second_discount", "refunded")
CELL, ID, TEXT = "cell", "identifier", "text"  # names of temporary columns


@dataclass(frozen=True)
class FullyReadableRoles:
    """Roles whose columns hold nothing that cannot be read.

    Attributes
    ----------
    roles : frozenset of str
    unchanged_ids : frozenset of str
        Those of text that is an identifier already.
    max_abs : mapping of str to float
        The largest absolute value of roles of numbers; infinite if one is no number.
    """

    roles: frozenset[str]
    unchanged_ids: frozenset[str]
    max_abs: Mapping[str, float]

    @property
    def product_limit(self) -> float:
        """Quantity times unit price is nowhere above it; infinite if that is not known."""
        return math.prod(self.max_abs.get(role, math.inf) for role in ("quantity", "unit_price"))


def find_fully_readable_roles(raw: Table, by_role: Mapping[str, str]) -> FullyReadableRoles:
    """Find the columns that can be read throughout: from the extremes of numbers, and the distinct cells of text.

    Parameters
    ----------
    raw : ibis.Table
    by_role : mapping of role to column
    """
    kinds = {role: raw[column].type() for role, column in by_role.items()}
    identifiers = {role: kind for role, kind in kinds.items() if role not in (*NUMBER_ROLES, "date")}
    limits = {role: AMOUNT_LIMIT for role, kind in kinds.items() if role in NUMBER_ROLES and kind.is_numeric()}
    limits |= {role: float(FLOAT_ID_LIMIT) for role, kind in identifiers.items() if kind.is_floating()}
    max_abs = _find_max_absolute_values(raw, {role: by_role[role] for role in limits})
    readable = {role for role, size in max_abs.items() if size < limits[role]}
    readable |= {role for role, kind in identifiers.items() if kind.is_integer()}
    if kinds["date"].is_date() or (kinds["date"].is_timestamp() and not kinds["date"].timezone):
        readable.add("date")
    texts = {role: by_role[role] for role, kind in identifiers.items() if kind.is_string()}
    read, unchanged_ids = _find_identifiers(raw, texts) if texts else (set(), set())
    return FullyReadableRoles(frozenset(readable | read), frozenset(unchanged_ids), max_abs)


def _find_max_absolute_values(raw: Table, columns: Mapping[str, str]) -> dict[str, float]:
    """Find the largest absolute value of each column; infinite if one is no number."""
    least = {f"least {role}": raw[column].min() for role, column in columns.items()}
    most = {f"most {role}": raw[column].max() for role, column in columns.items()}
    row = {name: abs(float(value or 0)) for name, value in aggregate_row(raw, **least, **most).items()}
    sizes = {role: (row[f"least {role}"], row[f"most {role}"]) for role in columns}
    return {role: math.inf if any(map(math.isnan, both)) else max(both) for role, both in sizes.items()}


def _find_identifiers(raw: Table, columns: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """Find the columns whose every cell is empty or an identifier, and those where it is one as it is written."""
    cells = [
        raw.filter(raw[column].notnull()).select(role=ibis.literal(role), **{CELL: raw[column]}).distinct()
        for role, column in columns.items()
    ]
    table = add_text_column(add_identifier_column(ibis.union(*cells), CELL, ID), CELL, TEXT)
    # Counted without a filter, which Spark would move below the distinct cells and try on every line.
    counts = table.group_by("role").agg(
        unread=count_true(table[ID].isnull() & table[TEXT].notnull()),
        rewritten=count_true(table[ID].isnull() | (table[ID] != table[CELL])),
    )
    rows = {row["role"]: row for row in counts.to_pyarrow().to_pylist()}
    read = {role for role in columns if role not in rows or not rows[role]["unread"]}
    return read, {role for role in columns if role not in rows or not rows[role]["rewritten"]}
