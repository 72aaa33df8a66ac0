"""Text to amounts and identifiers: only what is unmistakable is read, and alike on every engine.

Engines differ in what their casts accept as a date or a number, and some abort on anything else. So text is matched
against plain regular expressions (no backslash, which Spark takes for an escape) before it is cast. Each function adds
columns step by step, since one nested expression would repeat its parts thousands of times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import ibis
from ibis.expr.types import DecimalValue, FloatingValue, NumericValue, StringValue, Table, Value

from clv_experiments.data.parsing.date_layouts import DATE_FORMATS, DATE_ORDERS
from clv_experiments.errors import ClvError

AMOUNT = "decimal(18, 4)"
PLACES = 4
AMOUNT_LIMIT = 1e14  # of a decimal(18, 4)
FLOAT_AMOUNT_LIMIT = 1e11  # below it, 4 places make at most 15 digits, which a float keeps
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
# As one pattern of lower-case text: some engines look a long list of values up by a join, for every column there is.
EMPTY_CELL = "^(?:" + "|".join(EMPTY_CELLS[:-1]).replace("(", "[(]").replace(")", "[)]") + ")$"
WHITESPACE = "[ \t\n\r\v\f\u00a0\u2007\u2009\u200b\u202f\u2060\ufeff]"

CURRENCY = (
    "(?:[A-Z]{0,2}[$]|[£€¥₹₩₽₺₫₪₱฿₴₦]|kr|zł|Kč|Ft|USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|"
    "CNY|HKD|TWD|SGD|KRW|INR|IDR|MYR|THB|PHP|VND|TRY|ILS|AED|SAR|ZAR)"
)
ACCOUNTING_ZERO = f"^{CURRENCY} *-$"  # "$ -", as spreadsheets show nothing
AMOUNT_NOTATIONS = {  # how amounts are written beside digits, and what that stands for
    "(?:Rs|S?Fr|[kK]r|руб|р)[.]": "kr",  # abbreviated currencies, whose dot begins no decimals
    "[.,][-–—]+$": "",  # 26,- as prices end
    " *[Cc][Rr]$": "-",  # of accounts
    " *[Dd][Rr]$": "",
    " *[kK]$": "e3",
}
THOUSANDS_SUFFIX = "[0-9] *[kK] *$"  # 12.3k
SCIENTIFIC = "^[+-]?[0-9]{1,20}(?:[.][0-9]{1,20})?[eE][+-]?[0-9]{1,2}$"
UNUSUAL_IN_ID = "[^0-9A-Za-z_-]"
WHOLE_WITH_DECIMALS = "^(-?[0-9]+)[.]0+$"
TRUNCATED_NUMBER = "^[+-]?[0-9](?:[.,][0-9]+)?[eE][+][0-9]+$"  # 1.23457E+12: a spreadsheet lost the other digits
OTHER_DECIMAL = {".": ",", ",": "."}
DISCOUNT_ROLES = ("discount", "second_discount")
DISCOUNT_UNITS = {  # in words
    "share": "a share of the price",
    "percent": "a percentage of the price",
    "money": "money off the line",
    "money_per_unit": "money off each unit",
    "money_per_order": "money off the whole order, once for all its lines",
}
PARSE_CHOICES: Mapping[str, tuple[Iterable[str], str]] = {  # of the settings of ParseOptions, and how they are listed
    "date_order": (DATE_ORDERS, "dmy, mdy, ymd"),
    "decimal": (OTHER_DECIMAL, "'.', ','"),
    "time_zones": (("written", "utc"), "written, utc"),
    "date_format": (DATE_FORMATS, f"one of {', '.join(DATE_FORMATS)}"),
    "amount_per": (("line", "order"), "line, order"),
    "discount_unit": (DISCOUNT_UNITS, ", ".join(DISCOUNT_UNITS)),
}


@dataclass(frozen=True)
class ParseOptions:
    """How to read text that could be read in two ways; None lets the rows decide, or the user is asked.

    Attributes
    ----------
    date_order : {None, "dmy", "mdy", "ymd"}
        Which of 01/02/2020 is the day, or which of 20-12-01 the year.
    decimal : {None, ".", ","}
        Which mark of 1,234 begins the decimals.
    time_zones : {None, "written", "utc"}
        Whether dates may end in different offsets: ``written`` takes each day as it is written. ``utc`` takes the days
        of UTC from a column of instants.
    date_format : str, optional
        One of ``DATE_FORMATS``: which numbers or periods stand for dates.
    scale : Decimal, optional
        What amounts and unit prices are multiplied by: 0.01 for cents.
    amount_per : {None, "line", "order"}
        Whether each row has an amount of its own, or the total of its order.
    discount_unit : {None, "share", "percent", "money", "money_per_unit", "money_per_order"}
        What a discount is in.

    Raises
    ------
    ClvError
        If a setting is none of these.
    """

    date_order: str | None = None
    decimal: str | None = None
    time_zones: str | None = None
    date_format: str | None = None
    scale: Decimal | None = None
    amount_per: str | None = None
    discount_unit: str | None = None

    def __post_init__(self) -> None:
        for setting, (choices, listed) in PARSE_CHOICES.items():
            if getattr(self, setting) not in (None, *choices):
                raise ClvError(f"data.{setting} must be {listed} or null, got '{getattr(self, setting)}'")


def add_text_column(table: Table, column: str, name: str) -> Table:
    """Add a column of text without surrounding blanks; null where an export marks an empty cell."""
    return add_cleaned_text_columns(table, {name: column})


def add_cleaned_text_columns(table: Table, columns: Mapping[str, str]) -> Table:
    """Add several such columns in the same steps; ``columns`` maps the name of each to the column that is read."""
    blanks = f"^{WHITESPACE}+|{WHITESPACE}+$"
    table = table.mutate(
        **{name: table[column].cast("string").re_replace(blanks, "") for name, column in columns.items()}
    )
    lower = {name: table[name].lower() for name in columns}
    is_empty = {name: text.re_search(EMPTY_CELL) | (text == EMPTY_CELLS[-1]) for name, text in lower.items()}
    return table.mutate(**{name: ibis.ifelse(is_empty[name], None, table[name]) for name in columns})


def add_identifier_column(table: Table, column: str, name: str) -> Table:
    """Add the text of a customer, order or product id: 17850, '17850' and 17850.0 are the same.

    Null where a float is too large to tell neighbouring ids apart, or where a spreadsheet has truncated a number.
    """
    return add_identifier_columns(table, {name: column})


def add_identifier_columns(table: Table, columns: Mapping[str, str]) -> Table:
    """Add several identifiers in the same steps; ``columns`` maps the name of each to the column that is read."""
    kinds = {name: table[column].type() for name, column in columns.items()}
    texts = {name: columns[name] for name, kind in kinds.items() if not (kind.is_integer() or kind.is_floating())}
    table = _add_text_identifiers(table, texts) if texts else table
    integers = {name: table[column].cast("string") for name, column in columns.items() if kinds[name].is_integer()}
    floats = {name: columns[name] for name, kind in kinds.items() if kind.is_floating()}
    numbers = integers | {name: _format_float_identifier(table[column]) for name, column in floats.items()}
    return table.mutate(**numbers) if numbers else table


def _format_float_identifier(number: FloatingValue) -> StringValue:
    is_small = ~number.isnan() & (number.abs() < FLOAT_ID_LIMIT)  # engines compare NaN differently
    small = ibis.ifelse(is_small, number, None)
    whole = small.floor().cast("int64")
    return ibis.ifelse(small == whole, whole.cast("string"), small.cast("string"))


def _add_text_identifiers(table: Table, columns: Mapping[str, str]) -> Table:
    """Add text as identifiers; most are letters and digits, of which nothing needs to be removed."""
    cells = {name: table[column].cast("string") for name, column in columns.items()}
    is_usual = {name: cell.re_search("[0-9]") & ~cell.re_search(UNUSUAL_IN_ID) for name, cell in cells.items()}
    rest = {f"{name} rest": ibis.ifelse(is_usual[name], None, cell) for name, cell in cells.items()}
    table = table.mutate(**{name: ibis.ifelse(is_usual[name], cell, None) for name, cell in cells.items()}, **rest)
    table = add_cleaned_text_columns(table, {name: name for name in rest})
    return table.mutate(
        **{name: table[name].fill_null(_format_text_identifier(table[f"{name} rest"])) for name in columns}
    ).drop(*rest)


def _format_text_identifier(text: StringValue) -> StringValue:
    return ibis.cases(
        (text.re_search(TRUNCATED_NUMBER), ibis.null("string")),
        (text.re_search(WHOLE_WITH_DECIMALS), text.re_extract(WHOLE_WITH_DECIMALS, 1)),
        else_=text,
    )


def add_amount_column(table: Table, column: str, decimal: str, name: str) -> Table:
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
    return add_amount_columns(table, {name: column}, decimal)


def add_amount_columns(
    table: Table, columns: Mapping[str, str], decimal: str, largest: Mapping[str, float] | None = None
) -> Table:
    """Add several amounts in the same steps.

    ``columns`` maps the name of each to the column that is read, and ``largest`` to the largest absolute value of those
    columns of numbers where it is known.
    """
    texts = {name: column for name, column in columns.items() if not table[column].type().is_numeric()}
    numbers = {name: column for name, column in columns.items() if name not in texts}
    if texts:
        table = add_cleaned_text_columns(table, texts)
        usual = f"^-?[0-9]{{1,20}}{'([.][0-9]{1,20})?' if decimal == '.' else ''}$"
        is_usual = {name: table[name].re_search(usual) for name in texts}
        rest = {f"{name} rest": ibis.ifelse(is_usual[name], None, table[name]) for name in texts}
        rest = {name: _unify_notation(text) for name, text in rest.items()}
        table = table.mutate(**{name: ibis.ifelse(is_usual[name], table[name], None) for name in texts}, **rest)
        parsed = {name: table[name].fill_null(_parse_number(table[f"{name} rest"], decimal)) for name in texts}
        table = table.mutate(**parsed).drop(*rest)
    amounts = {name: _cast_below(table[name], AMOUNT_LIMIT) for name in texts}
    amounts |= {
        name: _cast_to_exact_decimal(table[column], (largest or {}).get(name)) for name, column in numbers.items()
    }
    return table.mutate(**amounts)


def _cast_below(number: Value, limit: float, largest: float | None = None) -> DecimalValue:
    """Cast to an amount what lies below a limit; where all do, it need not be compared."""
    if largest is not None and largest < limit:
        return number.cast(AMOUNT)
    return ibis.ifelse(number.cast("float64").abs() < limit, number, None).cast(AMOUNT)


def _cast_to_exact_decimal(number: NumericValue, largest: float | None) -> DecimalValue:
    """Write a number as the decimal that was meant: of a float its shortest text, as engines round its binary value."""
    kind = number.type()
    if kind.is_integer() or (kind.is_decimal() and kind.scale is not None and kind.scale <= PLACES):
        return _cast_below(number, AMOUNT_LIMIT, largest)
    if not kind.is_float64():
        return _cast_below(number.cast("string"), AMOUNT_LIMIT)
    # A decimal of so few digits that is this float is its shortest text, and found many times faster than by text.
    decimal = _cast_below(number, FLOAT_AMOUNT_LIMIT, largest)
    is_exact = decimal.cast("float64") == number
    return ibis.ifelse(is_exact, decimal, _cast_below(ibis.ifelse(is_exact, None, number).cast("string"), AMOUNT_LIMIT))


def _unify_notation(text: StringValue) -> StringValue:
    text = text.replace("−", "-").re_replace(WHITESPACE, " ")
    for notation, standard in AMOUNT_NOTATIONS.items():
        text = text.re_replace(notation, standard)
    return text


def _parse_number(text: StringValue, decimal: str) -> StringValue:
    """Write an amount with a sign, groups of digits or a currency as a plain number; null where it is none."""
    sign = text.re_replace("[^-+()]", "").cases(("", ""), ("+", ""), ("-", "-"), ("()", "-"), else_=None)
    digits = text.re_replace(f"[^0-9{decimal}]", "").replace(",", ".")
    return ibis.cases(
        (text.re_search(ACCOUNTING_ZERO), "0"),
        (text.re_search(SCIENTIFIC), text),
        (text.re_search(amount_pattern(decimal)), sign + digits),
    )


def add_currency_columns(table: Table, columns: Mapping[str, str]) -> Table:
    """Add the currency sign or code of several amounts; null where there is none."""
    table, sign = add_cleaned_text_columns(table, columns), f"({CURRENCY})"
    signs = {name: ibis.ifelse(table[name].re_search(sign), table[name].re_extract(sign, 1), None) for name in columns}
    return table.mutate(**signs)


def amount_pattern(decimal: str) -> str:
    """Build the regular expression of an amount; ``add_amount_column`` checks how signs are combined."""
    groups = "|".join(f"(?:{mark}[0-9]{{3}}){{1,6}}" for mark in (f"[{OTHER_DECIMAL[decimal]}]", " ", "['’]"))
    if decimal == ".":
        groups += "|(?:,[0-9]{2}){1,6},[0-9]{3}"  # lakhs: 12,34,567.00
    decimals = f"[{decimal}][0-9]{{1,20}}"
    digits = f"(?:(?:[1-9][0-9]{{0,2}}(?:{groups})|[0-9]{{1,20}})(?:{decimals})?|{decimals})"
    return f"^[(]?[+-]? *{CURRENCY}? *[+-]?[(]?{digits}[)]? *{CURRENCY}? *-?[)]?$"
