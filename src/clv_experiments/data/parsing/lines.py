"""From a raw table to typed lines: a column of one type per role, and a clear refusal of what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
from ibis.expr.types import Table

from clv_experiments.data.cleaning.report import RAW_PREFIX
from clv_experiments.data.parsing.cells import aggregate_row, count_true, quote_cells
from clv_experiments.data.parsing.column_contents import ColumnSample
from clv_experiments.data.parsing.columns import ColumnRoles
from clv_experiments.data.parsing.date_layouts import ZERO_DATE
from clv_experiments.data.parsing.dates import add_day_column
from clv_experiments.data.parsing.format_inference import infer_formats
from clv_experiments.data.parsing.formats import (
    AMOUNT,
    AMOUNT_LIMIT,
    DISCOUNT_ROLES,
    ParseOptions,
    add_amount_columns,
    add_identifier_columns,
    add_text_column,
)
from clv_experiments.data.parsing.line_values import add_amount_from_price
from clv_experiments.data.parsing.money import align_price_unit_with_amount, scale_money
from clv_experiments.data.parsing.order_allocation import COPY, number_repeated_rows
from clv_experiments.data.parsing.order_totals import allocate_repeated_order_totals
from clv_experiments.data.parsing.readable_columns import NUMBER_ROLES, FullyReadableRoles, find_fully_readable_roles
from clv_experiments.data.parsing.second_discount import combine_discounts
from clv_experiments.data.parsing.where import quote_name
from clv_experiments.errors import ClvError

KEYS = ("customer_id", "date", "order_id", "status", "currency")
WHOLE_NUMBER_TYPE = "decimal(18, 0)"
MAX_CELLS_IN_SUGGESTED_FILTER = 3  # odd cells, of which a condition is written
SHELL_SPECIAL_CHARACTERS = set("'\"\\$`!")  # inside the quotes of a shell
TYPED_PREFIX, TEXT, WITHOUT_PERCENT = "typed: ", "text", "without %: "  # names of temporary columns
DATE_EXAMPLES = {
    None: "1997-12-31",
    "dmy": "1997-12-31 or 31/12/1997",
    "mdy": "1997-12-31 or 12/31/1997",
    "ymd": "1997-12-31 or 97-12-31",
}


def read_lines(
    raw: Table,
    columns: ColumnRoles,
    options: ParseOptions,
    log: str,
    keep_raw_columns: bool,
    is_live: bool = False,
    contents: ColumnSample | None = None,
) -> tuple[Table, ParseOptions, list[str]]:
    """Type the columns of a raw log.

    Parameters
    ----------
    raw : ibis.Table
    columns : ColumnRoles
    options : ParseOptions
    log : str
        Name of the log, for messages.
    keep_raw_columns : bool
        Keep the raw columns too, each under ``source: <name>``.
    is_live : bool
        Whether others may change the raw log meanwhile, so that the lines must be copied.
    contents : ColumnSample, optional
        What the columns hold; by default they are looked at.

    Returns
    -------
    ibis.Table
        One row per line of the source: ``customer_id`` (string), ``date``, ``amount`` (decimal; quantity times unit
        price, less the discount, where there is no amount; of a log without amounts the quantity, or 1) and the other
        roles of the log. Null where a cell is empty. DuckDB reads typed lines anew from the source in each query, which
        is faster than a copy of them; a copy is made of those that had to be parsed, and on other engines.
    ParseOptions
        With what the rows decided.
    list of str
        Notes on how text was read that could be read in two ways.

    Raises
    ------
    ClvError
        If there is no row, a cell cannot be read, all amounts are negative, or the amounts may be the totals of whole
        orders or lack a discount.
    """
    by_role = columns.by_role
    _check_column_types(raw, by_role, options, log)
    numbers = [by_role[role] for role in NUMBER_ROLES if role in by_role]
    options, notes = infer_formats(raw, by_role["date"], numbers, options, "currency" in by_role, log)
    readable = find_fully_readable_roles(raw, by_role)
    typed = _add_typed_columns(raw, by_role, options, readable)
    raw_names = raw.columns if keep_raw_columns else dict.fromkeys(by_role.values())
    sources = {role: by_role[role] if role in readable.unchanged_ids else TYPED_PREFIX + role for role in by_role}
    lines = typed.select(
        **{role: typed[column] for role, column in sources.items()},
        **{RAW_PREFIX + column: typed[column] for column in raw_names},
    )
    lines = lines.cache() if is_live or _is_copy_faster(raw, by_role, readable) else lines
    unsure = {role: by_role[role] for role in by_role if role not in readable.roles}
    notes += _check_all_parsed(lines, unsure, options, log)
    if keep_raw_columns and ("amount" in by_role or "discount" in by_role):
        lines = number_repeated_rows(lines)
    lines, options, discount_notes = combine_discounts(lines, by_role, options, log)
    lines, ratio, unit_notes = align_price_unit_with_amount(lines, columns, options.scale, log)
    if "amount" in by_role:
        lines, amount_notes = allocate_repeated_order_totals(lines, columns, options, log)
    elif columns.has_amounts:
        discount, largest = by_role.get("discount"), readable.product_limit
        lines, amount_notes = add_amount_from_price(lines, discount, options, log, largest)
    else:
        lines, amount_notes = _use_quantity_as_amount(lines), []
    lines, scale_notes = scale_money(lines, columns, options.scale, log, contents or ColumnSample(raw), ratio)
    _check_has_purchases(lines, options, log)
    notes += [*unit_notes, *amount_notes, *discount_notes, *scale_notes]
    internal = [COPY] if keep_raw_columns else [RAW_PREFIX + column for column in raw_names]
    lines = lines.drop(*(column for column in internal if column in lines.columns))
    return lines, options, notes


def _is_copy_faster(raw: Table, by_role: Mapping[str, str], readable: FullyReadableRoles) -> bool:
    """Return whether every pass over the lines would parse text, or run where a copy in memory is read faster."""
    parsed = [role for role in (*KEYS, *NUMBER_ROLES) if role in by_role and role not in readable.unchanged_ids]
    return raw.get_backend().name != "duckdb" or any(raw[by_role[role]].type().is_string() for role in parsed)


def _add_typed_columns(
    raw: Table, by_role: Mapping[str, str], options: ParseOptions, readable: FullyReadableRoles
) -> Table:
    """Add the columns of each kind together: Ibis compiles few wide steps faster than many narrow ones."""
    names = {TYPED_PREFIX + role: column for role, column in by_role.items() if role not in readable.unchanged_ids}
    date = names.pop(f"{TYPED_PREFIX}date")
    typed = add_day_column(raw, date, options.date_order, f"{TYPED_PREFIX}date", options.date_format)
    numbers = {TYPED_PREFIX + role: names.pop(TYPED_PREFIX + role) for role in NUMBER_ROLES if role in by_role}
    for role in DISCOUNT_ROLES:
        discount = numbers.get(TYPED_PREFIX + role)
        if discount and raw[discount].type().is_string():
            typed = typed.mutate(**{WITHOUT_PERCENT + role: typed[discount].replace("%", "")})
            numbers[TYPED_PREFIX + role] = WITHOUT_PERCENT + role
    largest = {TYPED_PREFIX + role: size for role, size in readable.max_abs.items()}
    whole = numbers.pop(f"{TYPED_PREFIX}quantity", None) if _has_whole_quantities(raw, by_role, readable) else None
    typed = add_amount_columns(typed, numbers, options.decimal or ".", largest)
    typed = typed.mutate(**{f"{TYPED_PREFIX}quantity": typed[whole].cast(WHOLE_NUMBER_TYPE)}) if whole else typed
    return add_identifier_columns(typed, names)


def _has_whole_quantities(raw: Table, by_role: Mapping[str, str], readable: FullyReadableRoles) -> bool:
    """Return whether quantities are whole numbers: without decimals they multiply faster, and need no rounding."""
    return "quantity" in readable.roles and raw[by_role["quantity"]].type().is_integer()


def _check_column_types(raw: Table, by_role: Mapping[str, str], options: ParseOptions, log: str) -> None:
    for column in by_role.values():
        kind = raw[column].type()
        if kind.is_nested() or kind.is_binary():
            raise ClvError(f"column '{column}' of log '{log}' holds {kind} values; text, a number or a date is needed")
    # The day of an instant depends on where the shop is, which nothing here tells.
    if getattr(raw[by_role["date"]].type(), "timezone", None) and options.time_zones != "utc":
        raise ClvError(
            f"column '{by_role['date']}' of log '{log}' carries a time zone; give the shop's local date or time "
            "without one: in SQL with AT TIME ZONE 'Europe/London', in pandas with .dt.tz_convert('Europe/London')"
            ".dt.tz_localize(None); or type data.time_zones=utc to take the days of UTC"
        )


def _check_all_parsed(lines: Table, by_role: Mapping[str, str], options: ParseOptions, log: str) -> list[str]:
    notes: list[str] = []
    suspects = {role: lines[RAW_PREFIX + column].notnull() & lines[role].isnull() for role, column in by_role.items()}
    counts = {role: count_true(suspect) for role, suspect in suspects.items()}
    for role, count in aggregate_row(lines, **counts).items():
        if not count:
            continue
        column = RAW_PREFIX + by_role[role]
        unreadable = add_text_column(lines.filter(suspects[role]), column, TEXT)
        unreadable = unreadable.filter(unreadable[TEXT].notnull())
        if role == "date":
            is_zero = unreadable[TEXT].re_search(ZERO_DATE)
            notes += _describe_zero_dates(unreadable.filter(is_zero), by_role[role])
            unreadable = unreadable.filter(~is_zero)
        rows = unreadable.count().to_pyarrow().as_py()
        if rows:
            if role == "date":
                expected = f"a date like {DATE_EXAMPLES[options.date_order]}"
                if options.date_format:
                    expected += f" or as {options.date_format} (data.date_format)"
            elif role in NUMBER_ROLES:
                expected = f"a number below {AMOUNT_LIMIT:,.0f}"
            else:
                expected = "a whole number of at most 15 digits (all that a float keeps: store longer ones as text)"
            is_rare = 2 * rows <= lines.count().to_pyarrow().as_py()
            advice = _advise_filtering_out(unreadable, by_role[role]) if is_rare else ""
            raise ClvError(
                f"column '{by_role[role]}' of log '{log}' has {rows:,} row(s) that cannot be read as {expected}, such "
                f"as {', '.join(quote_cells(unreadable, column))}; correct them or leave them empty{advice}"
            )
    return notes


def _describe_zero_dates(zeros: Table, column: str) -> list[str]:
    rows = zeros.count().to_pyarrow().as_py()
    example = "".join(quote_cells(zeros, RAW_PREFIX + column, rows=1))
    return [f"{rows:,} row(s) have a date like {example} in '{column}', which stands for none"] if rows else []


def _advise_filtering_out(unreadable: Table, column: str) -> str:
    """Say what leaves out the rows of a few odd cells, such as '-'; empty where there are many, or no such column."""
    cells = (
        unreadable.select(TEXT)
        .distinct()
        .order_by(TEXT)
        .limit(MAX_CELLS_IN_SUGGESTED_FILTER + 1)
        .to_pyarrow()[TEXT]
        .to_pylist()
    )
    is_text = unreadable[RAW_PREFIX + column].type().is_string()
    if (
        not is_text
        or len(cells) > MAX_CELLS_IN_SUGGESTED_FILTER
        or any(set(cell) & SHELL_SPECIAL_CHARACTERS for cell in cells)
        or ", " in column
    ):
        return ""
    name = quote_name(column).replace("`", "\\`")
    values = ", ".join(f"'{cell}'" for cell in cells)
    return f', or type data.where="{name} not in [{values}]" to leave their rows out'


def _use_quantity_as_amount(lines: Table) -> Table:
    """Let a line of a log without amounts count as many as it says, or one."""
    count = lines.quantity.fill_null(1) if "quantity" in lines.columns else ibis.literal(1)
    return lines.mutate(amount=count.cast(AMOUNT))


def _check_has_purchases(lines: Table, options: ParseOptions, log: str) -> None:
    if lines.filter(lines.amount >= 0).select("amount").limit(1).to_pyarrow().num_rows:  # found without a whole pass
        return
    summary = aggregate_row(lines, rows=lines.count(), least=lines.amount.min(), most=lines.amount.max())
    if summary["rows"] == 0:
        raise ClvError(f"log '{log}' has a header but no row")
    if summary["most"] is not None and summary["most"] < 0:
        raise ClvError(
            f"all amounts of log '{log}' are negative, from {summary['least']:f} to {summary['most']:f}; purchases "
            f"must be positive and returns negative: type data.scale={-(options.scale or 1)} to turn the sign"
        )
