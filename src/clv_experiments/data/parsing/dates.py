"""Text and numbers to days: only what is unmistakable is read, and alike on every engine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add

import ibis
from ibis.expr.types import IntegerValue, StringValue, Table

from clv_experiments.data.parsing.date_layouts import (
    BUDDHIST_YEAR_OFFSET,
    CALENDAR_DATE,
    CENTURY_PIVOT,
    COMPACT_LAYOUTS,
    DATE_ORDERS,
    DAY_OF_YEAR_LAYOUTS,
    END,
    MONTH_WORD_LOOKUP_STRING,
    NUMBER,
    NUMBER_FORMATS,
    OTHER_CHARACTERS,
    PART_ORDER_BY_DATE_PATTERN,
    PERIOD_LAYOUTS,
    PLAIN_CHARACTERS,
    TIME_WITH_ZONE,
    WEEK_LAYOUTS,
    WEEK_NUMBER_LAYOUTS,
    WEEKDAY,
    ZERO_DATE,
    SerialDateFormat,
    is_layout_compatible,
)
from clv_experiments.data.parsing.formats import add_text_column

INT64_LIMIT = 9.2e18
UNUSUAL = "[^ -@apmtz]"  # what weekdays and the characters of other keyboards have
MAX_DAYS = 2_900_000  # from any origin, within the year 9999


def add_day_column(table: Table, column: str, order: str | None, name: str, date_format: str | None = None) -> Table:
    """Add the day of a date, a timestamp, text or a number; null where it is empty or cannot be read.

    Of an instant, a timestamp with a time zone, it is the day of UTC.

    Parameters
    ----------
    table : ibis.Table
    column : str
        The column to read.
    order : {None, "dmy", "mdy", "ymd"}
        Of day, month and year in text like 01/02/2020 or 20-12-01; None reads no such text.
    name : str
        Name of the added column.
    date_format : str, optional
        One of ``DATE_FORMATS``: what else than whole dates is read. Periods are read as their first day.
    """
    kind = table[column].type()
    if kind.is_timestamp() and kind.timezone:
        seconds = table[column].truncate("s").epoch_seconds()  # engines round a fraction differently
        table = table.mutate(**{name: seconds.cast("int64")})
        return _convert_numbers_to_days(table, NUMBER_FORMATS["epoch_seconds"], name)
    if kind.is_date() or kind.is_timestamp():
        return table.mutate(**{name: table[column].cast("date") if kind.is_timestamp() else table[column]})
    lower_text, iso, other_text = f"{name} whole", f"{name} iso", f"{name} rest"
    table = add_date_text_columns(table, column, lower_text, iso, other_text)
    layouts = PART_ORDER_BY_DATE_PATTERN | (PERIOD_LAYOUTS | COMPACT_LAYOUTS).get(date_format or "", {})
    if order:
        layouts |= {layout: order for layout in DATE_ORDERS[order] if is_layout_compatible(layout, date_format)}
    table = _add_iso_text(table, other_text, layouts, name)
    text = table[iso].fill_null(table[name])
    if date_format == "buddhist":
        year = text.re_extract("^([0-9]{4})-", 1).nullif("").cast("int64") - BUDDHIST_YEAR_OFFSET
        text = year.cast("string") + text.substr(4)
    exists = text.re_search(f"^{CALENDAR_DATE}$")
    table = table.mutate(**{name: ibis.ifelse(exists, text, None).cast("date")})
    if date_format in NUMBER_FORMATS:
        table = _fill_date_from_number(table, other_text, NUMBER_FORMATS[date_format], name)
    elif date_format == "week":
        table = _fill_date_from_iso_week(table, other_text, name)
    elif date_format == "day_of_year":
        table = _fill_date_from_day_of_year(table, other_text, name)
    return table.drop(lower_text, iso, other_text)


def add_date_text_columns(table: Table, column: str, lower_text: str, iso: str, other_text: str) -> Table:
    """Add text in lower case, its ISO dates of ten characters, and what else there is, without weekdays and zero dates.

    Most logs have ISO dates throughout, and what is null in ``other_text`` costs later expressions nothing.
    """
    floating = table[column].type().is_floating()
    table = _add_float_text(table, column, lower_text) if floating else add_text_column(table, column, lower_text)
    table = table.mutate(**{lower_text: table[lower_text].lower()})
    text, usual = table[lower_text], table[lower_text].re_search(f"^{CALENDAR_DATE}{END}")
    table = table.mutate(**{iso: ibis.ifelse(usual, text.left(10), None), other_text: usual.ifelse(None, text)})
    other = table[other_text]
    plain = other.translate(OTHER_CHARACTERS, PLAIN_CHARACTERS).re_replace(WEEKDAY, "")
    usual = ibis.ifelse(other.re_search(UNUSUAL), plain, other)
    return table.mutate(**{other_text: ibis.ifelse(usual.re_search(ZERO_DATE), None, usual)})


def add_time_zone_column(table: Table, column: str, name: str) -> Table:
    """Add the offset at the end of a timestamp, such as +0100; null where it has none."""
    table = add_text_column(table, column, name)
    text = table[name].lower()
    table = table.mutate(
        **{name: ibis.ifelse(text.re_search(TIME_WITH_ZONE), text.re_extract(TIME_WITH_ZONE, 1), None)}
    )
    # UTC+01:00 and +01:00 (Central European Time) are +0100.
    offset = table[name].re_extract("([+-][0-9:]+)", 1).replace(":", "")
    zone = ibis.ifelse(table[name].re_search("[+-]"), offset, table[name].upper())
    table = table.mutate(**{name: zone})
    table = table.mutate(**{name: ibis.ifelse(table[name].re_search("^[+-]..$"), table[name] + "00", table[name])})
    utc = table[name].isin(("Z", "GMT", "+0000", "-0000"))
    return table.mutate(**{name: ibis.ifelse(utc, "UTC", table[name])})


def _add_float_text(table: Table, column: str, name: str) -> Table:
    """Add a float as text: 44562.0 as 44562, and 44562.75 as 44562.5, so that a fraction still shows."""
    number = table[column]
    table = add_text_column(table, column, name)  # NaN, which engines compare differently, becomes null
    small = table[name].notnull() & (number.abs() < INT64_LIMIT)
    table = table.mutate(**{name: ibis.ifelse(small, number, None)})
    floored = table[name].floor()
    fraction = ibis.ifelse(table[name] == floored, "", ".5")
    return table.mutate(**{name: floored.cast("int64").cast("string") + fraction})


def _add_iso_text(table: Table, other_text: str, layouts: dict[str, str], name: str) -> Table:
    """Add what fits a layout as text like 2020-12-31, whether there is such a day or not."""
    table = table.mutate(
        **{f"{name} {which}": _extract_date_part(table[other_text], layouts, which) for which in "ymd"}
    )
    y, m, d = (table[f"{name} {which}"] for which in "ymd")
    word = ";" + m + "="
    position = ibis.literal(MONTH_WORD_LOOKUP_STRING).find(word)
    month = ibis.ifelse(
        position >= 0, ibis.literal(MONTH_WORD_LOOKUP_STRING).substr(position + word.length(), 2), m.lpad(2, "0")
    )
    century = ibis.cases((y.length() == 4, ""), (y < CENTURY_PIVOT, "20"), else_="19")
    day = ibis.ifelse((d == "") & (y != ""), "01", d.lpad(2, "0"))  # of a period
    return table.mutate(**{name: century + y + "-" + month + "-" + day}).drop(*(v.get_name() for v in (y, m, d)))


def _add_date_parts(table: Table, text: str, layouts: Mapping[str, str], parts: Mapping[str, str]) -> Table:
    """Add parts of dates, by the names that their columns get; null where text has none."""
    return table.mutate(**{c: _extract_date_part(table[text], layouts, part).nullif("") for c, part in parts.items()})


def _extract_date_part(text: StringValue, layouts: Mapping[str, str], which: str) -> StringValue:
    """Extract a part, such as the year, from text that fits at most one layout; empty where it has none."""
    parts = (text.re_extract(layout, parts.index(which) + 1) for layout, parts in layouts.items() if which in parts)
    joined = reduce(add, (part.fill_null("") for part in parts))
    return ibis.ifelse(text.notnull(), joined, None)


def _fill_date_from_number(table: Table, other_text: str, counted: SerialDateFormat, name: str) -> Table:
    number = f"{name} number"
    table = add_integer_part_column(table, other_text, number)
    table = _convert_numbers_to_days(table, counted, number)
    return table.mutate(**{name: ibis.coalesce(table[name], table[number])}).drop(number)


def _convert_numbers_to_days(table: Table, counted: SerialDateFormat, name: str) -> Table:
    value = table[name]
    days = ((value - value % counted.per_day) / counted.per_day).cast("int64")
    table = table.mutate(**{name: ibis.ifelse(days < MAX_DAYS, days, None)})
    return table.mutate(**{name: _add_days(ibis.literal(counted.origin), table[name])})


def add_integer_part_column(table: Table, text: str, name: str) -> Table:
    """Add the whole part of text that is a number; null elsewhere."""
    matches = table[text].re_search(NUMBER)
    table = table.mutate(**{name: ibis.ifelse(matches, table[text].re_extract(NUMBER, 1), None)})
    small = table[name].cast("float64") < INT64_LIMIT
    return table.mutate(**{name: ibis.ifelse(small, table[name], None).cast("int64")})


def _fill_date_from_iso_week(table: Table, other_text: str, name: str) -> Table:
    """Fill in the days of ISO weeks: week 1 has the 4th of January, and a week without a day is its Monday."""
    fourth, shift = f"{name} fourth", f"{name} shift"
    year, number, day = f"{name} year", f"{name} week", f"{name} day"
    layouts = WEEK_LAYOUTS | WEEK_NUMBER_LAYOUTS
    table = _add_date_parts(table, other_text, layouts, {year: "y", number: "w", day: "d"})
    week = table[number].cast("int64")
    in_year = ibis.ifelse((week >= 1) & (week <= 53), 7 * (week - 1), None)
    first_days = ibis.ifelse(table[year].re_search("^[1-9]"), table[year] + "-01-04", None).cast("date")
    table = table.mutate(**{fourth: first_days, shift: in_year, day: table[day].fill_null("1").cast("int64") - 1}).drop(
        year, number
    )
    monday = table[shift] - table[fourth].day_of_week.index().cast("int64")
    table = table.mutate(**{shift: monday})
    # A week belongs to the year of its Thursday.
    exists = _add_days(table[fourth], table[shift] + 3).year() == table[fourth].year()
    result = ibis.ifelse(exists, _add_days(table[fourth], table[shift] + table[day]), None)
    return table.mutate(**{name: ibis.coalesce(table[name], result)}).drop(fourth, shift, day)


def _fill_date_from_day_of_year(table: Table, other_text: str, name: str) -> Table:
    year, number, first = f"{name} year", f"{name} number", f"{name} first"
    table = _add_date_parts(table, other_text, DAY_OF_YEAR_LAYOUTS, {year: "y", number: "j"})
    table = table.mutate(**{first: (table[year] + "-01-01").cast("date"), number: table[number].cast("int64") - 1})
    day = _add_days(table[first], table[number])
    result = ibis.ifelse(day.year() == table[first].year(), day, None)
    return table.mutate(**{name: ibis.coalesce(table[name], result)}).drop(year, number, first)


def _add_days(day: ibis.expr.types.DateValue, days: IntegerValue) -> ibis.expr.types.DateValue:
    return (day + days.cast("int32").as_interval("D")).cast("date")
