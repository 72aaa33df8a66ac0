"""A table with a column for each period is no log: recognise it, and say how pandas makes a log of it."""

from __future__ import annotations

import json
import re
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from clv_experiments.data.parsing.columns import choose_column_roles
from clv_experiments.data.parsing.date_layouts import MONTH_WORDS
from clv_experiments.errors import ClvError

MIN_PERIODS = 3
ANY_YEAR = 2000  # stands for the year where names of months or quarters lack one
TOTALS = re.compile(r"(?i)(grand|row|sub)?[ _-]*(total|totals|sum|all|gesamt|summe|totale)")
MONTHS = {word: int(number) for number, words in MONTH_WORDS.items() for word in words.split() if word[0] != "q"}
MONTH = rf"(?P<month>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\.?"
YEAR = r"(?P<year>(?:19|20)\d\d)"
WEEK = r"(?:w|kw|wk|week)[-_/. ]?(?P<week>\d\d?)"
DAY_MONTH_IN_EITHER_ORDER = re.compile(
    r"(\d{1,2})([-/.])(\d{1,2})\2((?:19|20)?\d\d)"
)  # day and month, or month and day
MIDNIGHT_SUFFIX = " 00:00:00"  # behind a day that pandas wrote as the name of a column
PERIODS = (  # pandas' letter of the period, and what may stand in a column's name, with any words before it
    ("D", rf"{YEAR}[-_/. ](?P<month>0[1-9]|1[0-2])[-_/. ](?P<day>0[1-9]|[12]\d|3[01])(?:[ T]00:00:00)?"),
    ("M", rf"{YEAR}[-_/. ]?m?(?P<month>0[1-9]|1[0-2])"),
    ("W", rf"{YEAR}[-_/. ]*{WEEK}"),
    ("W", rf"{WEEK}[-_/. ]*{YEAR}"),
    ("Q", rf"{YEAR}[-_/. ]*q(?P<quarter>[1-4])"),
    ("Q", rf"q(?P<quarter>[1-4])[-_/. ']*(?:{YEAR}|(?P<short>\d\d))"),
    ("M", rf"(?P<month>0?[1-9]|1[0-2])[-_/. ]{YEAR}"),
    ("M", rf"{MONTH}[-_/. ']*(?:{YEAR}|(?P<short>\d\d))"),
    ("M", rf"{YEAR}[-_/. ]*{MONTH}"),
    ("Y", YEAR),
    ("M", MONTH),
    ("M", r"(?:m|month)[-_/. ]?(?P<month>0?[1-9]|1[0-2])"),
    ("Q", r"(?:q|quarter)[-_/. ]?(?P<quarter>[1-4])"),
)


@dataclass(frozen=True)
class WideTable:
    """A table with a column for each period.

    Attributes
    ----------
    last_days : mapping of str to str
        Column of a period to the last day of it, as 2024-01-31.
    identifiers : tuple of str
        The columns that are repeated for each period: the customer and what is known of it.
    has_years : bool
        Whether the columns name their years, too.
    """

    last_days: Mapping[str, str]
    identifiers: tuple[str, ...]
    has_years: bool


def check_not_wide(
    columns: Sequence[str], named: Mapping[str, object], log: str, reader: str | None, date_order: str | None = None
) -> None:
    """Refuse a table with a column for each month, quarter or year, unless it is a log all the same.

    Parameters
    ----------
    columns : sequence of str
        Columns of the raw log.
    named : mapping of role to column
        What the user typed.
    log : str
        Name of the log, for messages.
    reader : str, optional
        The Python expression that reads the file with pandas, for the line that melts it.
    date_order : {None, "dmy", "mdy", "ymd"}
        Of columns such as 02/01/2022.

    Raises
    ------
    ClvError
        With that line, which can be pasted; or if columns are days whose order is open.
    """
    if named.get("date") or _has_log_columns(columns, named):
        return
    wide = _find_day_columns(columns, log, date_order) or find_period_columns(columns)
    if wide is None or not wide.identifiers:
        return
    periods = [*wide.last_days]
    year = "" if wide.has_years else f"; it takes {ANY_YEAR} for the year, which its columns do not name: put yours in"
    raise ClvError(
        f"log '{log}' is a wide table, a row a customer and a column a period ('{periods[0]}' to '{periods[-1]}'), "
        f"where a log has a row a purchase with its date; make one that dates each sum to its period's last day: type "
        f"python -c {shlex.quote(generate_melting_code(wide, reader, log))}, then data.path={log}_log.csv{year}"
    )


def find_period_columns(columns: Sequence[str]) -> WideTable | None:
    """Find the columns that are named after periods of one length; None if there are fewer than three.

    Examples
    --------
    >>> find_period_columns(["client", "spend_2024Q1", "spend_2024Q2", "spend_2024Q3", "Total"]).last_days
    {'spend_2024Q1': '2024-03-31', 'spend_2024Q2': '2024-06-30', 'spend_2024Q3': '2024-09-30'}
    >>> find_period_columns(["customer_id", "frequency", "recency", "T", "monetary_value"])
    """
    groups: dict[tuple[str, int], dict[str, pd.Period]] = defaultdict(dict)
    for column in columns:
        for pattern, (frequency, expression) in enumerate(PERIODS):
            match = re.fullmatch(
                rf"(?P<words>(?:(?!\d+[-/.]).*[^a-z0-9])?|[a-z]*(?=\d)){expression}", column.strip().lower()
            )
            if match:
                groups[match["words"], pattern][column] = _parse_period(match.groupdict(), frequency)
                break
    if not groups:
        return None
    (_, pattern), periods = max(groups.items(), key=lambda group: len(group[1]))
    if len(set(periods.values())) < max(MIN_PERIODS, len(periods)):
        return None
    if PERIODS[pattern][0] == "D" and all(period.day == 1 for period in periods.values()):
        periods = {column: period.asfreq("M") for column, period in periods.items()}  # as a spreadsheet writes months
    dated = {column for group in groups.values() for column in group}
    identifiers = [column for column in columns if column not in dated and not TOTALS.fullmatch(column.strip())]
    last_days = {column: str(period.end_time.date()) for column, period in periods.items()}
    return WideTable(last_days, tuple(identifiers), any(part in PERIODS[pattern][1] for part in ("year", "short")))


def _find_day_columns(columns: Sequence[str], log: str, date_order: str | None) -> WideTable | None:
    """Find the columns that are named like 31/01/2022.

    The order of day and month is that in which each name is another day, or the one that makes all of them first days
    of a month; else the user tells.
    """
    cells = {column: match for column in columns if (match := DAY_MONTH_IN_EITHER_ORDER.fullmatch(column.strip()))}
    orders = [date_order] if date_order in ("dmy", "mdy") else ["dmy", "mdy"]
    readings = {order: [_parse_day_name(match, order) for match in cells.values()] for order in orders}
    possible = [days for days in readings.values() if len(set(days) - {None}) == len(cells)]
    months = [days for days in possible if all(day and day.day == 1 for day in days)]
    possible = months if len(months) == 1 else possible
    if len(cells) < MIN_PERIODS or not possible:
        return None
    if len(possible) > 1:
        raise ClvError(
            f"log '{log}' is a wide table, a row a customer and a column a period ('{next(iter(cells))}' to "
            f"'{[*cells][-1]}'), and its columns could begin with the day or the month: type data.date_order=dmy or "
            "data.date_order=mdy to see the line that makes a log of it"
        )
    [days] = possible
    wide = find_period_columns([*(str(day) for day in days), *(column for column in columns if column not in cells)])
    return wide and replace(wide, last_days=dict(zip(cells, wide.last_days.values(), strict=True)))


def _parse_day_name(match: re.Match[str], order: str) -> date | None:
    day, month = (match[1], match[3]) if order == "dmy" else (match[3], match[1])
    year = match[4] if len(match[4]) == 4 else f"20{match[4]}"
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def generate_melting_code(wide: WideTable, reader: str | None, log: str) -> str:
    """Write the Python code that makes a log of a wide table, without its totals and its empty periods."""
    days, identifiers, values = (
        json.dumps(names, ensure_ascii=False)
        for names in (
            {column.removesuffix(MIDNIGHT_SUFFIX): day for column, day in wide.last_days.items()},
            list(wide.identifiers),
            [*wide.last_days.values()],
        )
    )
    customer = json.dumps(wide.identifiers[0], ensure_ascii=False)
    return (
        f'import pandas; {reader or "rows"}.rename(columns=lambda name: str(name).removesuffix("{MIDNIGHT_SUFFIX}"))'
        f".rename(columns={days})"
        f'.loc[lambda rows: ~rows[{customer}].astype(str).str.fullmatch("(?i)((grand|sub) ?)?total|all|sum")]'
        f'.melt(id_vars={identifiers}, value_vars={values}, var_name="date", value_name="amount")'
        f'.dropna(subset="amount").query("amount != 0").to_csv({json.dumps(f"{log}_log.csv")}, index=False)'
    )


def _parse_period(parts: Mapping[str, str | None], frequency: str) -> pd.Period:
    year = int(parts.get("year") or (f"20{parts['short']}" if parts.get("short") else ANY_YEAR))
    if parts.get("week"):
        return pd.Period(date.fromisocalendar(year, 1, 1), freq=frequency) + int(parts["week"] or 1) - 1
    month = parts.get("month") or "1"
    number = int(month) if month.isdecimal() else MONTHS[month]
    if parts.get("quarter"):
        number = int(parts["quarter"] or 1) * 3
    return pd.Period(year=year, month=number, day=1, freq=frequency) + int(parts.get("day") or 1) - 1


def _has_log_columns(columns: Sequence[str], named: Mapping[str, object]) -> bool:
    try:
        choose_column_roles(columns, named, "")  # type: ignore[arg-type]
    except ClvError:
        return False
    return True
