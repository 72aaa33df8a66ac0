"""A date that is spread over several columns: year, month and day, or a day and a clock time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import ibis
from ibis.expr.types import StringValue, Table

from clv_experiments.data.parsing.formats import add_identifier_column
from clv_experiments.data.parsing.role_names import PURCHASE_WORDS, USUAL_NAMES, normalise_name
from clv_experiments.errors import ClvError

Named = str | bool | Sequence[str] | None  # what was typed for a role
YEAR_NAMES = ("year", "jahr", "annee", "ano", "anno", "jaar", "rok", "ar", "vuosi", "год", "yyyy", "yr")
MONTH_NAMES = (
    "month", "monthname", "mon", "mth", "monat", "mois", "mes", "mese", "maand", "miesiac", "mesic", "manad", "maned",
    "kuukausi", "месяц", "mm",
)  # fmt: skip
DAY_NAMES = (
    "day",
    "dayofmonth",
    "dy",
    "dom",
    "tag",
    "jour",
    "dia",
    "giorno",
    "dag",
    "dzien",
    "den",
    "paiva",
    "день",
    "dd",
)
WEEK_NAMES = (
    "week", "weekno", "weeknumber", "weeknum", "isoweek", "wk", "woche", "kw", "kalenderwoche", "semaine", "semana",
    "settimana", "tydzien", "vecka", "uge", "uke", "viikko", "неделя",
)  # fmt: skip
QUARTER_NAMES = ("quarter", "qtr", "quartal", "trimestre", "kwartaal", "kwartal", "kvartal")
PERIOD_NAMES = (
    *MONTH_NAMES, "yearmonth", "monthyear", "yyyymm", "yyyyww", "yearweek", *WEEK_NAMES, *QUARTER_NAMES, "period",
    "periode",
)  # fmt: skip
SIGNS = {"W": WEEK_NAMES, "Q": QUARTER_NAMES}  # before a bare number
DATE_PART_NAMES = (*YEAR_NAMES, *DAY_NAMES, *PERIOD_NAMES)
DATE_WORDS = "date|datum|fecha|time|zeit"  # in the name of a column that is a whole date
DATE_COLUMN_COUNTS = (2, 3)  # columns of a date


def join_date_columns(
    table: Table, named: Mapping[str, Named], log: str
) -> tuple[Table, dict[str, str | bool | None], list[str]]:
    """Join the columns of a date, as they were named or guessed, into one column of text.

    Parameters
    ----------
    table : ibis.Table
        The raw log.
    named : mapping of role to column
        What the user typed; for the role ``date`` also a list of year, month and day, of year and month, or of a date
        and a clock time, of which only the date counts.
    log : str
        Name of the log, for messages.

    Returns
    -------
    ibis.Table
        With one more column, if there was something to join.
    dict of role to column
        The role ``date`` is that column.
    list of str
        Notes on what was guessed.

    Raises
    ------
    ClvError
        If another role has a list, the list is too short or too long, or a column of it does not exist.
    """
    roles: dict[str, str | bool | None] = {}
    for role, column in named.items():
        if column is None or isinstance(column, str | bool | int):
            roles[role] = column
        elif role != "date":
            raise ClvError(f"data.columns.{role} must be one column, got {list(column)}")
    columns, notes = named.get("date"), []
    if columns is None:
        columns = _guess_date_part_columns([name for name in table.columns if name not in roles.values()])
        notes = [f"columns guessed: date={', '.join(columns)} (data.columns says otherwise)"] if columns else []
    if not columns or isinstance(columns, str | bool | int):
        return table, roles, []
    parts = [str(column) for column in columns]
    if len(parts) == 1:
        return table, roles | {"date": parts[0]}, notes
    _check_date_parts(parts, table.columns, log)
    name = ", ".join(parts)
    return _join_date_parts(table, parts, name), roles | {"date": name}, notes


def _guess_date_part_columns(available: Sequence[str]) -> list[str]:
    """Find year, month and day, or a period, where no other column has a date's name."""
    names = {_get_date_part(column): column for column in reversed(available)}

    def first(*usual: str) -> list[str]:
        return [names[name] for name in usual if name in names][:1]

    year, month, day = first(*YEAR_NAMES), first(*MONTH_NAMES), first(*DAY_NAMES)
    if any(re.search(DATE_WORDS, name) or name in USUAL_NAMES["date"] for name in names if name not in DATE_PART_NAMES):
        return []
    if year and month:
        return year + month + day
    if {*"ymd"} <= set(names):
        return [names[part] for part in "ymd"]
    part_of_year = first(*WEEK_NAMES, *QUARTER_NAMES)
    if year and part_of_year:
        return year + part_of_year
    return [] if day else first(*PERIOD_NAMES)


def _get_date_part(column: str) -> str:
    """Return what a column's name says of a part of the date: ``OrderYear`` is ``year``."""
    name = normalise_name(column)
    return next(
        (p for p in DATE_PART_NAMES if name.removesuffix(p) != name and name.removesuffix(p) in PURCHASE_WORDS), name
    )


def _check_date_parts(parts: Sequence[str], available: Sequence[str], log: str) -> None:
    if len(parts) not in DATE_COLUMN_COUNTS:
        raise ClvError(f"data.columns.date must be one column, [year,month,day] or [date,time], got {list(parts)}")
    for column in parts:
        if column not in available:
            raise ClvError(f"log '{log}' has no column '{column}' (data.columns.date); it has {', '.join(available)}")


def _join_date_parts(table: Table, parts: Sequence[str], name: str) -> Table:
    """Join parts with hyphens; a last part with a colon is a clock time and left out."""
    texts = [f"{name} {k}" for k in range(len(parts))]
    for part, text in zip(parts, texts, strict=True):
        table = _add_date_part_as_text(table, part, text)
        for sign, names in SIGNS.items():
            if _get_date_part(part) in names:
                is_number = table[text].re_search("^[0-9]{1,2}$")
                table = table.mutate(**{text: ibis.ifelse(is_number, sign + table[text], table[text])})
    first, *others = (table[text] for text in texts)
    joined: StringValue = first.fill_null("")
    for other in others:
        joined += ibis.ifelse(other.contains(":"), "", "-" + other).fill_null(
            "-" if len(parts) == max(DATE_COLUMN_COUNTS) else ""
        )
    if _get_date_part(parts[-1]) in (*WEEK_NAMES, *QUARTER_NAMES):  # 2022-W05 needs no other year
        joined = ibis.ifelse(others[-1].re_search("[0-9]{4}"), others[-1], joined)
    is_empty = ibis.coalesce(first, *others).isnull()
    return table.mutate(**{name: ibis.ifelse(is_empty, None, joined)}).drop(*texts)


def _add_date_part_as_text(table: Table, column: str, name: str) -> Table:
    kind = table[column].type()
    if kind.is_timestamp() or kind.is_date():
        return table.mutate(**{name: table[column].cast("date").cast("string")})
    return add_identifier_column(table, column, name)
