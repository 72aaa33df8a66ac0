"""Text as days, amounts and identifiers, beside what plain Python makes of it."""

import itertools
import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.parsing.dates import add_day_column
from clv_experiments.data.parsing.format_inference import infer_formats
from clv_experiments.data.parsing.formats import (
    ParseOptions,
    add_amount_column,
    add_currency_columns,
    add_identifier_column,
    add_text_column,
)
from clv_experiments.errors import ClvError

few_examples = settings(max_examples=8, deadline=None)  # each reads a whole column
ENGINE = DuckDb()
CENT = Decimal("0.0001")


def column(values, kind=None):
    kind = kind or (pa.string() if all(value is None or isinstance(value, str) for value in values) else None)
    return ENGINE.register_arrow("rows", pa.table({"position": range(len(values)), "x": pa.array(values, kind)}))


def read(add, values, *settings, kind=None):
    """What becomes of each value, in order."""
    table = add(column(values, kind), "x", *settings, "result")
    return table.order_by("position").to_pyarrow()["result"].to_pylist()


def read_each(add, values, *settings):
    """What becomes of each value, by value: one query costs more than many rows."""
    return dict(zip(values, read(add, values, *settings), strict=True))


def infer(dates=("2020-01-01",), numbers=("1",), parse_options=None, has_currency=False):
    rows = itertools.zip_longest(dates, numbers)
    table = pa.table({"x": range(max(len(dates), len(numbers)))})
    d, n = (pa.array(part, pa.string()) for part in zip(*rows, strict=True))
    table = ENGINE.register_arrow("rows", table.append_column("d", d).append_column("n", n))
    return infer_formats(table, "d", ["n"], parse_options or ParseOptions(), has_currency, "shop")


def error_message(**log):
    with pytest.raises(ClvError) as refused:
        infer(**log)
    return str(refused.value)


# --- days -------------------------------------------------------------------------------------------------------

LAYOUTS = {
    "iso": lambda d: f"{d:%Y-%m-%d}",
    "slashes": lambda d: f"{d.year}/{d.month}/{d.day}",
    "compact": lambda d: f"{d:%Y%m%d}",
    "compact of pandas": lambda d: f"{d:%Y%m%d}.0",
    "to the second": lambda d: f"{d:%Y%m%d}235959",
    "clock": lambda d: f"{d:%Y-%m-%d} 23:59",
    "T": lambda d: f"{d:%Y-%m-%d}T00:00:01.123456",
    "word": lambda d: f"{d.day} {d:%B} {d.year}",
    "short word": lambda d: f"{d:%d-%b-%Y} 7:05 AM",
    "month word first": lambda d: f"{d:%B} {d.day}, {d.year}",
    "blanks": lambda d: f"\t {d:%Y-%m-%d}\u00a0\n",
}
IN_ORDER = {
    "dmy": [lambda d: f"{d:%d/%m/%Y}", lambda d: f"{d.day}.{d.month}.{d.year}", lambda d: f"{d:%d-%m-%Y} 9:30 pm"],
    "mdy": [lambda d: f"{d:%m/%d/%Y}", lambda d: f"{d.month}/{d.day}/{d.year}", lambda d: f"{d:%m-%d-%Y}, 21:30:00"],
}
some_dates = st.lists(st.dates(date(1000, 1, 1), date(9999, 12, 31)), min_size=1, max_size=10)


@few_examples
@given(dates=some_dates)
def test_any_date_comes_back_from_any_layout(dates):
    written = [write(day) for day in dates for write in LAYOUTS.values()]
    for order in (None, "dmy", "mdy"):
        assert read(add_day_column, written, order) == [day for day in dates for _ in LAYOUTS]


@few_examples
@given(dates=some_dates, order=st.sampled_from(["dmy", "mdy"]))
def test_any_date_comes_back_where_the_order_is_known(dates, order):
    written = [write(day) for day in dates for write in IN_ORDER[order]]
    assert read(add_day_column, written, order) == [day for day in dates for _ in IN_ORDER[order]]
    assert read(add_day_column, written, None) == [None] * len(written)


@pytest.mark.slow
@few_examples
@given(dates=st.lists(st.dates(date(1969, 1, 1), date(2068, 12, 31)), min_size=1, max_size=10))
def test_two_digits_are_a_year_of_1969_to_2068(dates):
    dates = [date(1969, 1, 1), date(2068, 12, 31), *dates]
    assert read(add_day_column, [f"{day:%d/%m/%y}" for day in dates], "dmy") == dates
    for mark in "-/.":
        assert read(add_day_column, [f"{day:%y{mark}%m{mark}%d} 9:30" for day in dates], "ymd") == dates
    assert read(add_day_column, [f"{day:%d-%b-%y}" for day in dates], None) == dates


@few_examples
@given(parts=st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 13), st.integers(0, 32)), min_size=1, max_size=40))
def test_only_days_of_the_calendar_are_read(parts):
    def naive(y, m, d):
        try:
            return date(y, m, d) if y >= 1000 else None
        except ValueError:
            return None

    assert read(add_day_column, [f"{y:04}-{m:02}-{d:02}" for y, m, d in parts], None) == [
        naive(*part) for part in parts
    ]


def test_every_29th_of_february_is_that_of_the_calendar():
    years = range(1000, 3000)
    result = read(add_day_column, [f"{year}-02-29" for year in years], None)
    assert [year for year, day in zip(years, result, strict=True) if day] == [
        year for year in years if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    ]


@pytest.mark.parametrize(
    "text", ["3 stycznia 2022 r.", "3 Ocak 2022", "3 ianuarie 2022", "2022. január 3.", "3 января 2022 г."]
)
def test_months_are_known_in_many_languages(text):
    assert read(add_day_column, [text], None) == [date(2022, 1, 3)]


NO_DATES = [
    "2020-02-30", "31/04/2020", "2020-13-01", "soon", "1 marble 2020", "2020-12-31 10:30 America/New_York", "44197",
    "2020-12-3110:30", "2020-12-31\n2020-12-31", "12/2020", "1577836800000", "=2020-12-31", "x" * 10_000, "\\", "'",
]  # fmt: skip


def test_what_is_no_date_is_not_read():
    assert read_each(add_day_column, NO_DATES, "dmy") == dict.fromkeys(NO_DATES)


def test_numbers_are_read_as_compact_dates_and_clock_times_cut():
    assert read(add_day_column, [20201231, 5, None], None) == [date(2020, 12, 31), None, None]
    assert read(add_day_column, [20201231.0, None], None) == [date(2020, 12, 31), None]
    instants = pa.array([1_577_836_799_000_000, None], pa.timestamp("us"))
    assert read(add_day_column, instants, None, kind=pa.timestamp("us")) == [date(2019, 12, 31), None]
    assert read(add_day_column, [date(2020, 1, 1)], None, kind=pa.date32()) == [date(2020, 1, 1)]


@pytest.mark.quick_cases("dates", 7)
@pytest.mark.parametrize(
    ("dates", "order", "note"),
    [
        (["01/02/2020", "31/12/2020", "13/1/2020"], "dmy", ["dates begin with the day, as 2 row(s) show"]),
        (["01/02/2020", "12/31/2020"], "mdy", ["dates begin with the month, as 1 row(s) show"]),
        (["2020-12-31", None, ""], "dmy", []),
        (["05/05/2020", "06.06.2020"], "dmy", []),  # the same in either order
        (["99-12-01", "05-11-10"], "ymd", ["dates begin with the year, as 1 row(s) show"]),
        (["12/31/20", "11/10/20"], "mdy", ["dates begin with the month, as 1 row(s) show"]),
        (["10-12-45", "20-11-15"], "dmy", ["dates begin with the day, as 2 row(s) show"]),  # either leaves out another
        (["31/12/20", "30.11.20"], "dmy", ["dates begin with the day, as 2 row(s) show"]),
        (["31-12-2020", "20-11-2015"], "dmy", ["dates begin with the day, as 2 row(s) show"]),
        (["31-12-99", "20-11-15"], "dmy", ["dates begin with the day, as 2 row(s) show"]),  # no month has a 99th
        (["12-31-20", "10-11-12"], "mdy", ["dates begin with the month, as 1 row(s) show"]),
        (["20-1-5"], "ymd", ["dates begin with the year, as 1 row(s) show"]),
        (["20-12-20", "soon", "45/45/20"], "dmy", []),
    ],
)
def test_one_row_tells_the_order_of_all(dates, order, note):
    reading, notes = infer(dates)
    assert (reading.date_order, notes) == (order, note)


def test_an_order_that_no_row_tells_is_asked_for():
    message = error_message(dates=["2020-12-31", "01/02/2020", "03/04/2020", "05/06/2020", "07/08/2020"])
    assert message == (
        "dates of log 'shop' such as '01/02/2020', '03/04/2020', '05/06/2020' (column 'd') could begin with the day or "
        "the month, and no row tells: type data.date_order=dmy or data.date_order=mdy"
    )
    for order in ("dmy", "mdy", "ymd"):
        assert infer(["01/02/2020"], parse_options=ParseOptions(date_order=order))[0].date_order == order


@pytest.mark.parametrize(
    ("dates", "asks"),
    [
        (["20-12-21", "21-11-20", "20-10-22"], ["dmy", "ymd"]),
        (["10-12-45", "10-12-01"], ["dmy", "mdy"]),
        (["10-12-10", "11-11-11 9:30"], ["dmy", "mdy", "ymd"]),
    ],
)
def test_two_digits_that_could_be_the_year_or_the_day_are_asked_for(dates, asks):
    words = {"dmy": "the day", "mdy": "the month", "ymd": "the year"}
    message = error_message(dates=dates)
    assert f"could begin with {' or '.join(words[order] for order in asks)}, and no row tells: type " in message
    assert message.endswith(" or ".join(f"data.date_order={order}" for order in asks))
    for order in asks:
        assert infer(dates, parse_options=ParseOptions(date_order=order)) == (ParseOptions(order, "."), [])


@pytest.mark.parametrize("dates", [["31/12/2020", "12/31/2020"], ["99-12-01", "12-31-20"], ["31/12/2020", "99-12-01"]])
def test_dates_that_contradict_each_other_are_refused(dates):
    message = error_message(dates=dates)
    assert message.startswith(
        "column 'd' of log 'shop' has dates that no one order of day, month and year fits, such as "
    )
    for text in dates:
        assert repr(text) in message


@pytest.mark.parametrize(
    "dates",
    [
        ["2020-01-01 10:00+01:00", "2020-06-01 10:00+02:00"],
        ["2020-01-01T10:00:00Z", "2020-01-01 10:00"],
        ["2020-01-01T10:00:00Z", "2020-01-02"],
        ["2020-01-01 10:00:00.5 UTC", "2020-01-01 10:00:00 -0500"],
    ],
)
def test_mixed_time_zones_are_refused(dates):
    message = error_message(dates=dates)
    assert "column 'd' of log 'shop' mixes time zones" in message
    for text in dates:
        assert repr(text) in message


def test_time_zones_that_are_the_shops_own_clock_can_be_taken_as_written():
    dates = ["2020-01-01 23:30 +0100", "2020-06-01 23:30 +0200"]
    assert infer(dates, parse_options=ParseOptions(time_zones="written"))[1] == []
    assert read(add_day_column, dates, None) == [date(2020, 1, 1), date(2020, 6, 1)]


def test_one_time_zone_is_left_out_and_said():
    dates = ["2020-01-01T23:59:00+01:00", "2020-01-02 00:01 +0100"]
    assert infer(dates)[1] == ["dates end in the offset +0100, which was left out: the day written is the day"]
    assert read(add_day_column, dates, None) == [date(2020, 1, 1), date(2020, 1, 2)]
    assert "the offset UTC" in infer(["2020-01-01T10:00Z", "2020-01-01 10:00 GMT", "2020-01-01 10:00+00:00"])[1][0]
    hours = ["2020-01-01 10:00+01", "2020-01-01 10:00 +01:00", "2020-01-01T10:00:00+0100"]
    assert "the offset +0100" in infer(hours)[1][0]
    assert "the offset UTC" in infer(["2020-01-01 10:00-00", "2020-01-01 10:00-00:00"])[1][0]


# --- amounts ----------------------------------------------------------------------------------------------------


def in_groups(whole, mark):
    return re.sub(r"(?<=\d)(?=(\d{3})+$)", mark, str(whole))


GROUPS = {".": ["", ",", " ", "\u00a0", "’", "'"], ",": ["", ".", " ", "\u2009", "\u202f", "'"]}
SIGNS = ["{}", "-{}", "({})", "{}-", "${}", "-${}", "$-{}", "({} EUR)", "{} €", "USD {}", "+{}"]


@few_examples
@given(
    st.lists(
        st.tuples(st.integers(0, 99_999_999_999_999), st.integers(0, 9_999), st.sampled_from(SIGNS)),
        min_size=1,
        max_size=10,
    )
)
def test_any_amount_comes_back_in_any_convention(rows):
    rows = [(1_234_567, 5, sign) for sign in SIGNS] + rows
    exact = [
        (Decimal(whole) + Decimal(part) / 10_000) * (-1 if "-" in sign or "(" in sign else 1)
        for whole, part, sign in rows
    ]
    for decimal, groups in GROUPS.items():
        written = [
            sign.format(f"{in_groups(whole, group)}{decimal}{part:04}")
            for group in groups
            for whole, part, sign in rows
        ]
        assert read(add_amount_column, written, decimal) == exact * len(groups)


@few_examples
@given(
    st.lists(st.floats(-1e13, 1e13).map(lambda x: x if abs(x) > 1e-90 else 0.0), min_size=1), st.sampled_from("eEgf")
)
def test_any_float_is_the_decimal_that_it_shows(floats, style):
    texts = [f"{value:.10{style}}" for value in floats]
    rounded = [Decimal(text).quantize(CENT, ROUND_HALF_UP) for text in texts]
    assert read(add_amount_column, texts, ".") == rounded
    assert read(add_amount_column, floats, ".") == [
        Decimal(repr(value)).quantize(CENT, ROUND_HALF_UP) for value in floats
    ]


AMOUNTS = [  # as written, with a decimal point, with a decimal comma
    ("1,234", 1234, "1.234"),
    ("1.234", "1.234", 1234),
    ("1,234,567", 1234567, None),
    ("12,34,567.50", "1234567.5", None),  # lakhs
    ("0,123", None, "0.123"),
    (".5", "0.5", None),
    ("−5", -5, -5),
    ("1.5e3", 1500, 1500),
    ("0.00005", "0.0001", None),
    ("-0.00005", "-0.0001", None),
]


@pytest.mark.parametrize(("decimal", "place"), [(".", 1), (",", 2)])
def test_amounts_by_hand(decimal, place):
    expected = {row[0]: None if row[place] is None else Decimal(row[place]) for row in AMOUNTS}
    assert read_each(add_amount_column, list(expected), decimal) == expected


NO_AMOUNTS = [
    "abc", "(5", "5)", "--5", "(-5)", "5-5", "1,23,4", "1 234,567.0", "12USD500", "1e400", "1e5000000000", "12.5.2020",
    "=1+1", "@5", "5%", "inf", "1" * 400, "100000000000000", "0x10", "1_000", "$", "-", "'; DROP TABLE x; --",
]  # fmt: skip


def test_what_is_no_amount_is_not_read():
    assert read_each(add_amount_column, NO_AMOUNTS, ".") == dict.fromkeys(NO_AMOUNTS)


def test_numbers_that_are_too_large_or_infinite_are_not_read_and_nan_is_missing():
    assert read(add_amount_column, [1e14, float("inf"), float("nan"), 0.1], ".") == [None, None, None, Decimal("0.1")]
    assert read(add_amount_column, [-(2**63), 2**63 - 1, 5], ".") == [None, None, 5]
    assert read(add_amount_column, [Decimal("1e20"), Decimal("1.00005")], ".") == [None, Decimal("1.0001")]
    assert read(add_text_column, [float("inf"), float("nan"), 0.5]) == [
        "inf",
        None,
        "0.5",
    ]  # so inf is shown, nan is not


@pytest.mark.parametrize(
    ("numbers", "decimal", "note"),
    [
        (["1,234", "1.50"], ".", []),
        (["1.234", "1,50", "2,5"], ",", ["decimals begin with a comma, as 2 row(s) show"]),
        (["1.234", "1.234.567"], ",", ["decimals begin with a comma, as 1 row(s) show"]),
        (["1,234", "1,234,567"], ".", []),
        (["1.234", "1 234,5"], ",", ["decimals begin with a comma, as 1 row(s) show"]),
        (["1", "20", "$3", None], ".", []),
        (["1.5e3", "1.234e5"], ".", []),
    ],
)
def test_one_row_tells_the_decimal_mark_of_all(numbers, decimal, note):
    reading, notes = infer(numbers=numbers)
    assert (reading.decimal, notes) == (decimal, note)


def test_a_decimal_mark_that_no_row_tells_is_asked_for():
    assert error_message(numbers=["7", "1,234", "$5.678"]) == (
        "amounts of log 'shop' such as '1,234', '$5.678' (column 'n') could be thousands or decimals, and no row "
        "tells: type data.decimal=. or data.decimal=','"
    )
    assert infer(numbers=["1,234"], parse_options=ParseOptions(decimal=","))[0].decimal == ","


def test_amounts_that_contradict_each_other_are_refused():
    message = error_message(numbers=["1.50", "2,50"])
    assert "begin their decimals with . and with , such as '1.50', '2,50'; write them all like 1234.50" in message


def test_two_currencies_need_a_column_that_says_which():
    message = error_message(numbers=["$5", "5 €"])
    assert (
        "column 'n' of log 'shop' has amounts in $ and in €; give one currency, or a column that says which" in message
    )
    assert infer(numbers=["$5", "5 €"], has_currency=True)
    assert infer(numbers=["$5", "-$3", "4"])
    signs = ["$5", "5 €", "kr 5", "R$ 5", "5 PLN", "5", "CAREFUL"]
    assert read(lambda table, column, name: add_currency_columns(table, {name: column}), signs) == [
        "$",
        "€",
        "kr",
        "R$",
        "PLN",
        None,
        None,
    ]


@pytest.mark.parametrize(("setting", "value"), [("date_order", "ydm"), ("decimal", ";")])
def test_a_reading_that_is_none_is_refused(setting, value):
    with pytest.raises(ClvError, match=f"data.{setting} must be .* got '{value}'"):
        ParseOptions(**{setting: value})


# --- identifiers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([17850], pa.int64()),
        ([17850], pa.int16()),
        ([17850.0], pa.float64()),
        ([17850.0], pa.float32()),
        ([Decimal("17850.00")], pa.decimal128(10, 2)),
        (["17850"], None),
        (["17850.0"], None),
        (["17850.000"], None),
        ([" 17850\t"], None),
        (["\u00a017850"], None),
        (["\u200b17850\u2060"], None),
    ],
)
def test_one_customer_however_the_number_is_stored(values, kind):
    assert read(add_identifier_column, values, kind=kind) == ["17850"]


def test_other_text_is_kept_as_it_is():
    texts = ["00123", "1e20", "12e5", "1E12", "a.0", "17850.5", "x\ny", "'; DROP TABLE x; --", "<b>", "\\nx", "NA"]
    assert read(add_identifier_column, texts) == texts


def test_what_exports_write_for_nothing_is_missing():
    texts = ["", "  ", "\n", "NaN", "nan", "NULL", "None", "n/a", "#N/A", "<NA>", "(null)", "\\N", None]
    assert read_each(add_identifier_column, texts) == read_each(add_text_column, texts) == dict.fromkeys(texts)


@few_examples
@given(st.lists(st.integers(1 - 2**53, 2**53 - 1), min_size=1, max_size=20))
def test_whole_floats_are_whole_numbers(numbers):
    assert read(add_identifier_column, [float(number) for number in numbers]) == [str(number) for number in numbers]


def test_floats_that_may_have_lost_digits_are_not_read():
    assert read(add_identifier_column, [1e20, float(2**53), float("inf"), float("nan"), 1.5]) == [
        None,
        None,
        None,
        None,
        "1.5",
    ]


def test_text_that_a_spreadsheet_has_cut_is_not_read_as_an_identifier():
    texts = ["1.23457E+12", "1.23457e+12", "1,23457E+12", "1E+15", "-1.5e+20", " 1.23457E+12 "]
    assert read_each(add_identifier_column, [*texts, "17850"]) == dict.fromkeys(texts) | {"17850": "17850"}


@few_examples
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=10))
def test_any_text_reads_without_an_error(texts):
    blanks = " \t\n\r\v\f\u00a0\u2007\u2009\u200b\u202f\u2060\ufeff"
    nothing = {"", "nan", "null", "none", "n/a", "#n/a", "nat", "<na>", "(null)", "\\n"}
    stripped = [text.strip(blanks) for text in texts]
    assert read(add_text_column, texts) == [text if text.lower() not in nothing else None for text in stripped]
    for add, *how in ((add_day_column, "dmy"), (add_amount_column, "."), (add_amount_column, ",")):
        read(add, texts, *how)
