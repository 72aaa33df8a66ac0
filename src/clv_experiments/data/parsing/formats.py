"""Text to days, amounts and identifiers: only what is unmistakable is read, and alike on every engine.

Engines differ in what their casts accept as a date or a number, and some abort on anything else. So text is matched
against plain regular expressions (no backslash, which Spark takes for an escape) before it is cast. Each function adds
columns step by step, since one nested expression would repeat its parts thousands of times.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import ibis
from ibis.expr.types import StringValue, Table

from clv_experiments.errors import ClvError

AMOUNT = "decimal(18, 4)"
AMOUNT_LIMIT = 1e14  # of a decimal(18, 4)
FLOAT_ID_LIMIT = 2**53  # above it, neighbouring whole numbers share one float
EMPTY_CELLS = (
    "",
    "nan",
    "null",
    "none",
    "n/a",
    "#n/a",
    "nat",
    "<na>",
    "(null)",
    "\\n",
)  # how exports write an empty cell
WHITESPACE = "[ \t\n\r\v\f\u00a0\u2007\u2009\u200b\u202f\u2060\ufeff]"

ZONE = "(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})"
CLOCK = "[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)? *(?:[AaPp][.]?[Mm][.]?)? *"
END = f"(?:,?[ T]+{CLOCK}{ZONE}?)?$"
YEAR = "([0-9]{4}|[0-9]{2})"
# Layouts of a date, and the order of year, month and day in them.
LAYOUTS = {
    "^([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})" + END: "ymd",
    "^([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{6})?" + END: "ymd",
    "^([0-9]{1,2})[- ]([A-Za-z]+)[.]?[-, ]+" + YEAR + END: "dmy",  # 1 December 2010, 01-Dec-10
    "^([A-Za-z]+)[.]? +([0-9]{1,2}),? +" + YEAR + END: "mdy",  # Dec 1, 2010
}
EITHER_ORDER = "^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]" + YEAR + END
YEAR_FIRST = "^([0-9]{2})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})" + END
DATE_ORDERS = {"dmy": EITHER_ORDER, "mdy": EITHER_ORDER, "ymd": YEAR_FIRST}  # layouts that need an order to be read
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
CENTURY_PIVOT = "69"  # two-digit years from here on are of the 1900s, as POSIX has it
LEAP_YEAR = "(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)"
CALENDAR_DATE = (
    "(?:[1-9][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{LEAP_YEAR}-02-29)"
)

CURRENCY = (
    "(?:[A-Z]{0,2}[$]|[£€¥₹₩₽₺₫₪₱฿₴₦]|kr|zł|Kč|Ft|USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|"
    "CNY|HKD|TWD|SGD|KRW|INR|IDR|MYR|THB|PHP|VND|TRY|ILS|AED|SAR|ZAR)"
)
SCIENTIFIC = "^[+-]?[0-9]{1,20}(?:[.][0-9]{1,20})?[eE][+-]?[0-9]{1,2}$"
TRUNCATED_NUMBER = "^[+-]?[0-9](?:[.,][0-9]+)?[eE][+][0-9]+$"  # 1.23457E+12: a spreadsheet lost the other digits
OTHER_DECIMAL = {".": ",", ",": "."}


@dataclass(frozen=True)
class ParseOptions:
    """How to read text that could be read in two ways; None lets the rows decide, or the user is asked.

    Attributes
    ----------
    date_order : {None, "dmy", "mdy", "ymd"}
        Which of 01/02/2020 is the day, or which of 20-12-01 the year.
    decimal : {None, ".", ","}
        Which mark of 1,234 begins the decimals.
    time_zones : {None, "written"}
        Whether dates may end in different offsets: ``written`` takes each day as it is written.

    Raises
    ------
    ClvError
        If a setting is none of these.
    """

    date_order: str | None = None
    decimal: str | None = None
    time_zones: str | None = None

    def __post_init__(self) -> None:
        if self.date_order not in (None, *DATE_ORDERS):
            raise ClvError(f"data.date_order must be dmy, mdy, ymd or null, got '{self.date_order}'")
        if self.decimal not in (None, *OTHER_DECIMAL):
            raise ClvError(f"data.decimal must be '.', ',' or null, got '{self.decimal}'")
        if self.time_zones not in (None, "written"):
            raise ClvError(f"data.time_zones must be written or null, got '{self.time_zones}'")


def add_text(table: Table, column: str, name: str) -> Table:
    """Add a column of text without surrounding blanks; null where an export marks an empty cell."""
    text = table[column].cast("string")
    table = table.mutate(**{name: text.re_replace(f"^{WHITESPACE}+|{WHITESPACE}+$", "")})
    return table.mutate(**{name: ibis.ifelse(table[name].lower().isin(EMPTY_CELLS), None, table[name])})


def add_identifier(table: Table, column: str, name: str) -> Table:
    """Add the text of a customer, order or product id: 17850, '17850' and 17850.0 are the same.

    Null where a float is too large to tell neighbouring ids apart, or where a spreadsheet has truncated a number.
    """
    number, kind = table[column], table[column].type()
    if kind.is_integer():
        return table.mutate(**{name: number.cast("string")})
    table = add_text(table, column, name)
    text = table[name]
    if kind.is_floating():
        # NaN, which engines compare differently, is null by now.
        small = text.notnull() & (number.abs() < FLOAT_ID_LIMIT)
        whole = ibis.ifelse(small & (number == number.floor()), number, None).cast("int64").cast("string")
        return table.mutate(**{name: ibis.ifelse(small, ibis.coalesce(whole, text), None)})
    decimals = "^(-?[0-9]+)[.]0+$"
    table = table.mutate(**{name: ibis.ifelse(text.re_search(TRUNCATED_NUMBER), None, text)})
    text = table[name]
    return table.mutate(**{name: ibis.ifelse(text.re_search(decimals), text.re_extract(decimals, 1), text)})


def add_day(table: Table, column: str, order: str | None, name: str) -> Table:
    """Add the day of a date, a timestamp or text; null where it is empty or cannot be read.

    Parameters
    ----------
    table : ibis.Table
    column : str
        The column to read.
    order : {None, "dmy", "mdy", "ymd"}
        Of day, month and year in text like 01/02/2020 or 20-12-01; None reads no such text.
    name : str
        Name of the added column.
    """
    kind = table[column].type()
    if kind.is_date() or kind.is_timestamp():
        return table.mutate(**{name: table[column].cast("date") if kind.is_timestamp() else table[column]})
    # A number like 20201231 may have been stored as a float.
    table = add_identifier(table, column, name) if kind.is_floating() else add_text(table, column, name)
    usual = table[name].re_search(f"^{CALENDAR_DATE}{END}")
    # Most logs have ISO dates throughout, and null costs the expressions below nothing.
    rest = f"{name} rest"
    table = table.mutate(
        **{name: ibis.ifelse(usual, table[name].left(10), None), rest: usual.ifelse(None, table[name])}
    )
    layouts = LAYOUTS | ({DATE_ORDERS[order]: order} if order else {})

    def part(which: str) -> StringValue:
        parts = (table[rest].re_extract(layout, parts.index(which) + 1) for layout, parts in layouts.items())
        return reduce(add, (part.fill_null("") for part in parts))  # at most one layout matches

    table = table.mutate(**{f"{name} {which}": part(which) for which in "ymd"})
    y, m, d = (table[f"{name} {which}"] for which in "ymd")
    words = {word[:length]: f"{k:02}" for k, word in enumerate(MONTHS, 1) for length in (3, 4, len(word))}
    month = m.lower().cases(*words.items(), else_=m.lpad(2, "0"))
    century = ibis.cases((y.length() == 4, ""), (y < CENTURY_PIVOT, "20"), else_="19")
    iso = table[name].fill_null(century + y + "-" + month + "-" + d.lpad(2, "0"))
    table = table.mutate(**{name: iso}).drop(rest, *(part.get_name() for part in (y, m, d)))
    exists = table[name].re_search(f"^{CALENDAR_DATE}$")
    return table.mutate(**{name: ibis.ifelse(exists, table[name], None).cast("date")})


def add_amount(table: Table, column: str, decimal: str, name: str) -> Table:
    """Add a decimal with four places; null where it is empty, cannot be read or is too large.

    Parameters
    ----------
    table : ibis.Table
    column : str
        The column to read.
    decimal : {".", ","}
        Decimal mark of text; the other mark, blanks and apostrophes may separate groups of three digits.
    name : str
        Name of the added column.
    """
    table = add_text(table, column, name)
    if table[column].type().is_numeric():
        # A float's shortest text is the decimal that was meant; engines round its binary value differently.
        return _add_decimal(table, name)
    usual = table[name].re_search(f"^-?[0-9]{{1,20}}{'([.][0-9]{1,20})?' if decimal == '.' else ''}$")
    rest = f"{name} rest"
    text = usual.ifelse(None, table[name]).replace("−", "-").re_replace(WHITESPACE, " ")
    table = table.mutate(**{name: ibis.ifelse(usual, table[name], None), rest: text})
    text = table[rest]
    sign = text.re_replace("[^-+()]", "").cases(("", ""), ("+", ""), ("-", "-"), ("()", "-"), else_=None)
    digits = text.re_replace(f"[^0-9{decimal}]", "").replace(",", ".")
    number = ibis.cases((text.re_search(SCIENTIFIC), text), (text.re_search(_amount_pattern(decimal)), sign + digits))
    return _add_decimal(table.mutate(**{name: table[name].fill_null(number)}).drop(rest), name)


def add_time_zone(table: Table, column: str, name: str) -> Table:
    """Add the offset at the end of a timestamp, such as +0100; null where it has none."""
    pattern = f":[0-9]{{2}}(?:[.,][0-9]+)? *(?:[AaPp][.]?[Mm][.]?)? *({ZONE})$"
    table = _add_match(table, column, pattern, name)
    table = table.mutate(**{name: table[name].replace(":", "")})
    table = table.mutate(**{name: ibis.ifelse(table[name].re_search("^[+-]..$"), table[name] + "00", table[name])})
    utc = table[name].isin(("Z", "GMT", "+0000", "-0000"))
    return table.mutate(**{name: ibis.ifelse(utc, "UTC", table[name])})


def add_currency(table: Table, column: str, name: str) -> Table:
    """Add the currency sign or code of an amount; null where there is none."""
    return _add_match(table, column, f"({CURRENCY})", name)


def _amount_pattern(decimal: str) -> str:
    """Build the regular expression of an amount; ``add_amount`` checks how signs are combined."""
    groups = "|".join(f"(?:{mark}[0-9]{{3}}){{1,6}}" for mark in (f"[{OTHER_DECIMAL[decimal]}]", " ", "['’]"))
    if decimal == ".":
        groups += "|(?:,[0-9]{2}){1,6},[0-9]{3}"  # lakhs: 12,34,567.00
    decimals = f"[{decimal}][0-9]{{1,20}}"
    digits = f"(?:(?:[1-9][0-9]{{0,2}}(?:{groups})|[0-9]{{1,20}})(?:{decimals})?|{decimals})"
    return f"^[(]?[+-]? *{CURRENCY}? *[+-]?[(]?{digits}[)]? *{CURRENCY}? *-?[)]?$"


def _add_decimal(table: Table, name: str) -> Table:
    small = table[name].cast("float64").abs() < AMOUNT_LIMIT
    return table.mutate(**{name: ibis.ifelse(small, table[name], None).cast(AMOUNT)})


def _add_match(table: Table, column: str, pattern: str, name: str) -> Table:
    table = add_text(table, column, name)
    text = table[name]
    return table.mutate(**{name: ibis.ifelse(text.re_search(pattern), text.re_extract(pattern, 1), None)})
