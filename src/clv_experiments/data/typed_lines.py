"""From a raw table to lines: which column is what, what counts as one row, and how its text is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import ibis

from clv_experiments.data.cleaning.report import CleaningReport, Step
from clv_experiments.data.parsing.cell_units import detect_cell_units
from clv_experiments.data.parsing.column_contents import SAMPLE_ROWS, ColumnSample
from clv_experiments.data.parsing.columns import ColumnRoles, choose_column_roles
from clv_experiments.data.parsing.date_columns import Named, join_date_columns
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.parsing.lines import read_lines
from clv_experiments.data.parsing.money_notes import describe_other_money_columns
from clv_experiments.data.parsing.order_roles import find_status_email_refund_columns
from clv_experiments.data.parsing.raw_filter import FilteredRows, split_rows_by_condition
from clv_experiments.data.parsing.readable_columns import NUMBER_ROLES
from clv_experiments.data.parsing.repeated_rows import has_unlikely_repeated_rows
from clv_experiments.data.parsing.role_names import MONEY_ROLES
from clv_experiments.data.parsing.wide_tables import check_not_wide
from clv_experiments.data.raw import RawTable
from clv_experiments.data.rfm_summary import refuse_rfm_summary
from clv_experiments.errors import ClvError

MAX_COLUMNS = 500  # from which roles are guessed


@dataclass(frozen=True, eq=False)
class TypedLines:
    """The rows of a source with days, exact amounts and identifiers, before cleaning.

    Attributes
    ----------
    lines : ibis.Table
        One row each, with a column for each role.
    roles : ColumnRoles
    parse_options : ParseOptions
        As typed, and inferred where they were not.
    notes : tuple of str
        What was guessed.
    filtered : FilteredRows, optional
        Where a condition left rows out.
    """

    lines: ibis.Table
    roles: ColumnRoles
    parse_options: ParseOptions
    notes: tuple[str, ...]
    filtered: FilteredRows | None

    def prepend_filter(self, report: CleaningReport) -> CleaningReport:
        """Let the report begin with the rows that the condition left out."""
        if self.filtered is None:
            return report
        removed = self.filtered.measure_removed(self.roles.by_role, self.parse_options.decimal)
        return report.prepend_removal(self.filtered.rule, removed)


def read_typed_lines(
    raw: RawTable,
    name: str,
    steps: Sequence[Step],
    *,
    where: str | None,
    columns: Mapping[str, Named] | None,
    parse_options: ParseOptions | None,
) -> TypedLines:
    """Choose the columns of a raw table and read them as days, amounts and identifiers.

    Parameters
    ----------
    raw : RawTable
    name : str
        Of the log, for messages.
    steps : sequence of Step
        What follows: some compare rows by all of their columns, which are then kept.
    where, columns, parse_options
        As ``load_log`` takes them.

    Raises
    ------
    ClvError
        If the table is no log or has a column a period, or a column is missing or cannot be read.
    """
    columns, options = columns or {}, parse_options or ParseOptions()
    raw = replace(raw, table=_keep_named_columns_if_many(raw.table, columns, name))
    refuse_rfm_summary(raw, columns, name)
    check_not_wide(raw.table.columns, columns, name, raw.reader, options.date_order)
    filtered = split_rows_by_condition(raw.table, where, options, name) if where is not None else None
    table, named, date_notes = join_date_columns(filtered.kept if filtered else raw.table, columns, name)
    roles, contents = _choose_column_roles(table, named, name)
    table, roles, status_notes = find_status_email_refund_columns(table, roles, named, contents, name)
    numbers, money = ([roles.by_role[r] for r in some if r in roles.by_role] for some in (NUMBER_ROLES, MONEY_ROLES))
    units = detect_cell_units(numbers, contents, money)
    roles = replace(roles, cells_in_cents=units.in_cents)
    table = units.strip_units(table)
    keep_raw_columns = any(step.needs_raw_columns for step in steps) or (
        any(step.needs_raw_columns_if_repeated for step in steps) and has_unlikely_repeated_rows(table, roles.by_role)
    )
    lines, options, parse_notes = read_lines(table, roles, options, name, keep_raw_columns, raw.is_live, contents)
    if filtered:
        filtered = replace(filtered, removed=units.strip_units(filtered.removed))
    other_money = describe_other_money_columns(roles, contents)
    notes = (str(roles), *date_notes, *status_notes, *other_money, *units.notes, *parse_notes)
    return TypedLines(lines, roles, options, notes, filtered)


def _keep_named_columns_if_many(table: ibis.Table, named: Mapping[str, Named], name: str) -> ibis.Table:
    """Read the named columns alone where there are too many to look at."""
    if len(table.columns) <= MAX_COLUMNS:
        return table
    if not (named.get("customer_id") and named.get("date") and (named.get("amount") or named.get("unit_price"))):
        raise ClvError(
            f"log '{name}' has {len(table.columns):,} columns, too many to guess from: type data.columns.customer_id="
            "<column> data.columns.date=<column> data.columns.amount=<column>, and no other is looked at"
        )
    typed: set[object] = set()
    for columns in named.values():
        typed |= {*columns} if isinstance(columns, Sequence) and not isinstance(columns, str) else {columns}
    return table.select(*(column for column in table.columns if column in typed))


def _choose_column_roles(
    table: ibis.Table, named: Mapping[str, str | bool | None], name: str
) -> tuple[ColumnRoles, ColumnSample]:
    """Choose columns by the first rows or, where these leave a role or all money open, by rows from all of the log."""
    contents = ColumnSample(table)
    try:
        roles = choose_column_roles(table.columns, named, name, contents)
        if roles.has_amounts or named.get("amount") is False or len(contents.sample) < SAMPLE_ROWS:
            return roles, contents
    except ClvError:
        if len(contents.sample) < SAMPLE_ROWS:
            raise
    contents = ColumnSample(table, spread=True)
    return choose_column_roles(table.columns, named, name, contents), contents
