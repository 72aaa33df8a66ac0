"""Dates as numbers, periods, words and several columns, beside what plain Python makes of them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.parsing.date_columns import join_date_columns
from clv_experiments.data.parsing.date_inference import infer_dates
from clv_experiments.data.parsing.date_layouts import (
    MONTH_WORDS,
    NUMBER_FORMATS,
    UNMISTAKABLE,
    WEEKDAY_WORDS,
    last_day_of_period,
)
from clv_experiments.data.parsing.dates import add_day_column
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.parsing.money import parse_scale
from clv_experiments.data.raw import RawTable
from clv_experiments.errors import ClvError

few_examples = settings(max_examples=8, deadline=None)  # each reads a whole column
ENGINE = DuckDb()
EPOCH = datetime(1970, 1, 1)
instants = st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)), min_size=1, max_size=10)


def column(values, kind=None):
    return ENGINE.register_arrow("rows", pa.table({"position": range(len(values)), "d": pa.array(values, kind)}))


def read(values, options=None, kind=None):
    """The days of a column as the log's own rows decide them, the format and the notes."""
    table = column(values, kind)
    options, notes = infer_dates(table, "d", options or ParseOptions(), "shop")
    table = add_day_column(table, "d", options.date_order, "day", options.date_format).order_by("position")
    return table.to_pyarrow()["day"].to_pylist(), options.date_format, notes


def error_message(*columns, **settings):
    with pytest.raises(ClvError) as refused:
        read(*columns, **settings)
    return str(refused.value)


def count(instant, unit):
    elapsed = instant - (datetime(1899, 12, 30) if unit == "excel" else EPOCH)
    microseconds = elapsed // timedelta(microseconds=1)
    per_microsecond = {"epoch_nanoseconds": 1000}.get(unit, 1)
    divisor = {"epoch_seconds": 10**6, "epoch_milliseconds": 1000, "excel": 86_400 * 10**6}.get(unit, 1)
    return microseconds * per_microsecond // divisor


def test_years_alone_are_refused():
    assert error_message(["2019", "2020", "2021"]).startswith(
        "column 'd' of log 'shop' holds years, such as '2019', which"
    )
    assert "counts something" in error_message(["2019", "2020", "12"])


def test_ordinal_numbers_and_articles_in_front_of_a_day_change_nothing():
    first = ["1st March 2021", "1st of March, 2021", "Monday the 1st March 2021", "March the 1st, 2021"]
    first += ["le 1er mars 2021", "1º de março de 2021", "1° marzo 2021", "den 1. März 2021", "el 1 de marzo de 2021"]
    assert set(read(first)[0]) == {date(2021, 3, 1)}


@pytest.mark.slow
@few_examples
@given(instants=instants, unit=st.sampled_from(UNMISTAKABLE))
def test_any_instant_comes_back_from_its_number(instants, unit):
    numbers = [count(instant, unit) for instant in instants]
    days = [instant.date() for instant in instants]
    assert read([f"{number}" for number in numbers] + ["NaN", None])[:2] == ([*days, None, None], unit)
    assert read([*numbers, None], kind=pa.int64())[:2] == ([*days, None], unit)
    assert read([f"{number}.25" for number in numbers])[0] == days
    if unit != "epoch_nanoseconds":  # a float keeps 53 bits
        assert read([number + 0.25 for number in numbers] + [float("nan")])[:2] == ([*days, None], unit)


def test_what_numbers_are_is_said_and_can_be_typed():
    assert read(["1641247438"])[2] == [
        "dates are seconds since 1970-01-01 UTC: 1641247438 is 2022-01-03 (data.date_format says otherwise)"
    ]
    assert read(["43100"], ParseOptions(date_format="excel_1904"))[0] == [date(2022, 1, 1)]
    assert read(["5", "7"], ParseOptions(date_format="epoch_days"))[0] == [date(1970, 1, 6), date(1970, 1, 8)]
    assert read([20220103])[:2] == ([date(2022, 1, 3)], None)


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        (["5", "700"], "counts something, such as '5', '700', and no unit makes that days after 1990: type"),
        (["1641247438", "7"], "such as '1641247438', '7': write them all like 2020-12-31, or type data.date_format="),
        (["1641247438", "1641247438000"], "type data.date_format=epoch_seconds or data.date_format=epoch_milliseconds"),
        (["44562", "2022-01-03"], "such as '44562', '2022-01-03'"),
        (["44562", "13/01/2022"], "such as '44562', '13/01/2022'"),
        (["2022-01", "2022-01-03"], "or type data.date_format=month if the others"),
        (["2022-01", "2022-W05"], "type data.date_format=month or data.date_format=week"),
    ],
)
def test_numbers_and_periods_of_several_kinds_are_asked_for(dates, message):
    assert message in error_message(dates)
    assert read(dates, ParseOptions(date_format="excel"))[1] == "excel"  # what was typed is not asked for


MONTHS = {
    "iso": lambda d: f"{d:%Y-%m}",
    "slash": lambda d: f"{d:%m/%Y}",
    "compact": lambda d: f"{d:%Y%m}",
    "short word": lambda d: f"{d:%b %Y}",
    "word": lambda d: f"{d:%B-%Y}",
    "Excel": lambda d: f"{d:%b-%y}",
    "number": lambda d: int(f"{d:%Y%m}"),
}


@pytest.mark.slow
@few_examples
@given(dates=st.lists(st.dates(date(1990, 1, 1), date(2049, 12, 31)), min_size=1, max_size=10))
def test_any_month_comes_back_as_its_first_day(dates):
    for write in MONTHS.values():
        assert read([write(day) for day in dates])[:2] == ([day.replace(day=1) for day in dates], "month")


@pytest.mark.slow
@few_examples
@given(dates=st.lists(st.dates(date(1990, 1, 1), date(2099, 12, 31)), min_size=1, max_size=10))
def test_any_week_comes_back_as_its_monday_and_any_quarter_as_its_first_day(dates):
    weeks = [day.isocalendar() for day in dates]
    mondays = [date.fromisocalendar(week.year, week.week, 1) for week in weeks]
    assert read([f"{week.year}-W{week.week:02}" for week in weeks])[:2] == (mondays, "week")
    assert read([f"{week.year}W{week.week:02}{week.weekday}" for week in weeks])[0] == dates
    quarters = [day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1) for day in dates]
    assert read([f"{day.year}-Q{(day.month + 2) // 3}" for day in dates])[:2] == (quarters, "quarter")
    for first in mondays:
        assert last_day_of_period("week", first) == first + timedelta(days=6)
    for day in quarters:
        assert (last_day_of_period("quarter", day) + timedelta(days=1)).month == day.month % 12 // 3 * 3 % 12 + 4 - (
            12 if day.month == 10 else 0
        )
        assert (last_day_of_period("month", day) + timedelta(days=1)).month == day.month % 12 + 1


def test_numbers_of_weeks_are_told_from_months_by_those_above_12():
    mondays = [date(2022, 1, 31), date(2022, 3, 28)]
    for dates in (["202205", "202213"], ["2022-05", "2022-13"], ["05/2022", "13/2022"], [202205, 202213]):
        assert read(dates) == (
            mondays,
            "week",
            ["dates are ISO weeks, as 1 row(s) above 12 show (data.date_format says otherwise)"],
        )
    assert read(["KW 05/2022", "Week 13 2022"])[:2] == (mondays, "week")
    assert read(["202205"], ParseOptions(date_format="week"))[0] == mondays[:1]
    misprint = ["2022-01"] * 20 + ["2022-13"]
    assert read(misprint)[:2] == ([date(2022, 1, 1)] * 20 + [None], "month")


def test_six_digits_are_a_day_where_all_can_be_and_some_are_no_month():
    assert read(["930101", "191005"])[:2] == ([date(1993, 1, 1), date(2019, 10, 5)], "yymmdd")
    assert read(["201012", "201101"])[:2] == ([date(2010, 12, 1), date(2011, 1, 1)], "month")
    assert "counts something" in error_message(["930101", "930132"])


def test_blanks_may_follow_the_dots_of_a_date():
    assert read(["3. 1. 2022", "13. 1. 2022 10:05", "4.1.2022."])[0] == [date(2022, 1, day) for day in (3, 13, 4)]


def test_a_year_has_its_own_number_of_weeks():
    assert read(["2020-W53", "2021-W53", "2021-W00", "2021-W54"])[0] == [date(2020, 12, 28), None, None, None]


IN_WORDS = [
    "03JAN2022", "03JAN2022:13:45:00", "3JAN22", "3. Januar 2022", "3 de enero de 2022", "3 janv. 2022",
    "3 gennaio 2022", "3 de janeiro de 2022", "3 januari 2022", "3rd January 2022", "Jan 3rd, 2022", "2022-Jan-03",
    "Mon, 3 Jan 2022", "Monday, January 3, 2022", "Montag, 3. Januar 2022", "lunes, 3 de enero de 2022",
    "Mon Jan  3 10:00:00 2022", "Mon 2022-01-03", "3 Jan 2022 10 am", "January 3, 2022 at 10:05 PM",
    "Jan  3 2022 12:00AM", "2022/01/03T10:00Z", "2022-01-03 10:00:00.123456 +0000 UTC", "2022-01-03 10:00:00 UTC",
    "03/Jan/2022:10:00:00 +0000", "20220103T101500Z", "202201031015", "20220103101500", "3 stycznia 2022",
    "3 января 2022 г. 10:05", "3. tammikuuta 2022 klo 10.05", "3. ledna 2022", "3 janvier 2022 à 10h05",
    "3. Januar 2022 um 10:05 Uhr", "3 ene 2022 10:05 p. m.", "2022年1月3日", "2022. 1. 3.", "2022. 01. 03. 10:05:00",
]  # fmt: skip


def read_each(texts):
    """The day of each text, as if the log had no other."""
    options = ParseOptions(date_order="dmy", time_zones="written")
    return dict(zip(texts, read(texts, options)[0], strict=True))


def test_a_date_with_words_clock_and_zone_is_read():
    texts = [*IN_WORDS, *(text.upper() for text in IN_WORDS)]
    assert read_each(texts) == dict.fromkeys(texts, date(2022, 1, 3))
    assert read(["2022/01/03T10:00Z"])[0] == read(["03/Jan/2022:10:00:00 +0000"])[0] == [date(2022, 1, 3)]


def test_what_only_resembles_a_date_is_not_read():
    texts = ["mer 3 2022", "3 mo 2022", "mon", "2022-01-03 10:00 o'clock", "3 ja 2022", "2022-54"]
    assert read_each(texts) == dict.fromkeys(texts)


def test_weekdays_and_days_without_separators_leave_the_order_to_the_rows():
    assert read(["Mo 13.01.2020", "Di 14.01.2020"])[0] == [date(2020, 1, 13), date(2020, 1, 14)]
    assert read(["13012022", "1022022"])[0] == [date(2022, 1, 13), date(2022, 2, 1)]
    assert read([1132022, 1022022])[0] == [date(2022, 1, 13), date(2022, 1, 2)]
    assert "type data.date_order=dmy or data.date_order=mdy" in error_message([1022022])


def test_a_word_stands_for_one_month_and_for_no_weekday():
    words = [word for some in MONTH_WORDS.values() for word in some.split()]
    assert len(words) == len(set(words))
    assert not set(words) & set(WEEKDAY_WORDS.split())


WEEKDAYS = [
    "{d:%d.%m.%Y} Mo", "poniedziałek, {d:%d.%m.%Y}", "понедельник {d:%d.%m.%Y}", "{d:%d.%m.%Y} Pazartesi",
    "måndag {d:%Y-%m-%d}", "{d:%Y-%m-%d} (Mon)", "{d:%Y/%m/%d}(月)", "{d:%Y/%m/%d}(月) 10:05", "{d:%Y.%m.%d}(월)",
    "{d:%Y}年{d.month}月{d.day}日(月)", "{d:%Y-%m-%d} 星期一", "{d:%d/%m/%Y}, Monday", "hétfő, {d:%Y-%m-%d}",
]  # fmt: skip


@pytest.mark.quick_cases("text", 5)
@pytest.mark.parametrize("text", WEEKDAYS)
def test_weekdays_stand_on_either_side_in_many_languages(text):
    days = [date(2022, 6, 13), date(2022, 6, 20)]
    assert read([text.format(d=day) for day in days])[0] == days


def test_digits_dashes_and_blanks_of_other_keyboards_are_read():
    texts = ["٢٠٢٢-٠١-٠٣", "２０２２／０１／０３", "2022–01–03", "2022-01-03\u00a010:00", "1/3/2022, 3:05\u202fPM"]
    assert [read([text], ParseOptions(date_order="mdy"))[0] for text in texts] == 5 * [[date(2022, 1, 3)]]


@pytest.mark.quick_cases("layout", 2)
@pytest.mark.parametrize("layout", ["%Y-%j", "%Y%j", "%j/%Y", "%Y%j.0"])
def test_days_of_a_year_are_told_from_months_by_those_above_12(layout):
    days = [date(2020, 1, 3) + timedelta(days=17 * k) for k in range(20)]
    texts = [f"{day:{layout}}" for day in days]
    assert read(texts)[:2] == (days, "day_of_year")
    message = error_message(texts[:1])
    assert message.endswith(
        "could be days of a year or months: type data.date_format=day_of_year or data.date_format=month"
    )
    assert read(texts[:1], ParseOptions(date_format="day_of_year"))[0] == days[:1]
    assert read(["2021366", "2020366"], ParseOptions(date_format="day_of_year"))[0] == [None, date(2020, 12, 31)]


def test_padded_months_are_read_where_they_are_typed():
    assert read(["2022-006", "2022012"], ParseOptions(date_format="month"))[0] == [date(2022, 6, 1), date(2022, 12, 1)]


@pytest.mark.parametrize("text", ["1Q2022", "Q1-22", "T1 2022", "2022T1", "1T 2022", "2022-Q1"])
def test_quarters_are_written_in_many_ways(text):
    assert read([text, text.replace("1", "3", 1)])[:2] == ([date(2022, 1, 1), date(2022, 7, 1)], "quarter")


@pytest.mark.quick_cases("layout", 2)
@pytest.mark.parametrize("layout", ["%d/%m/%Y", "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d 10:00", "%d %b %Y"])
def test_years_of_thailand_are_read_where_all_are(layout):
    days = [date(2024, 2, 29), date(2024, 6, 13)]
    texts = [f"{day:{layout}}".replace("2024", "2567") for day in days]
    assert read(texts)[:2] == (days, "buddhist")
    assert read([*texts, "2024-01-01"])[1] is None


@pytest.mark.quick_cases("mark", 1)
@pytest.mark.parametrize("mark", ["/", "-", "."])
def test_a_year_of_two_digits_comes_first_where_dates_span_far_less_so(mark):
    days = [date(2022, 1, 5) + timedelta(days=9 * k) for k in range(12)]
    assert read([f"{day:%y{mark}%m{mark}%d}" for day in days])[0] == days
    assert read([f"{day:%d{mark}%m{mark}%y}" for day in days])[0] == days


@pytest.mark.cross("zero", "dates")
@pytest.mark.parametrize("zero", ["0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "00000000", "0", "0001-01-01"])
@pytest.mark.parametrize(
    "dates", [["2022-01-03", "2022-01-04"], ["20220103", "20220104"], ["1641168000", "1641254400"]]
)
def test_a_date_of_zeros_is_none(zero, dates):
    assert read([*dates, zero])[0] == [date(2022, 1, 3), date(2022, 1, 4), None]


def test_time_zones_by_name_are_one_or_are_refused():
    assert read(["2022-01-03 10:00:00 +0000 UTC", "2022-01-03T10:00Z", "2022-01-03 10:00 GMT+00:00"])[2] == [
        "dates end in the offset UTC, which was left out: the day written is the day"
    ]
    assert "mixes time zones" in error_message(["2022-01-03 10:00 EST", "2022-07-03 10:00 EDT"])
    assert "mixes time zones" in error_message(["2022-01-03 10:00 UTC+01:00", "2022-07-03 10:00 +0200 CEST"])


def test_the_day_of_an_instant_is_that_of_utc():
    late = datetime(2022, 1, 3, 23, 59, 59, 999_999, tzinfo=UTC)
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("ns", "America/New_York")):
        assert read([late, None], kind=kind)[0] == [date(2022, 1, 3), None]


# --- several columns --------------------------------------------------------------------------------------------


def joined(columns, date_columns=None):
    table, roles, notes = join_date_columns(
        ENGINE.register_arrow("rows", pa.table(columns)), {"date": date_columns}, "shop"
    )
    return table.to_pyarrow()[roles["date"]].to_pylist(), notes


def test_year_month_and_day_are_one_date():
    parts = {"Year": [2022, 2022, None], "Month": ["1", "Feb", None], "DAY": [3.0, 4.0, None]}
    note = "columns guessed: date=Year, Month, DAY (data.columns says otherwise)"
    assert joined(parts) == (["2022-1-3", "2022-Feb-4", None], [note])
    assert joined({"año": [2022], "mes": [1]}) == (
        ["2022-1"],
        ["columns guessed: date=año, mes (data.columns says otherwise)"],
    )
    assert joined({"y": ["2022"], "m": [1], "d": pa.array([None], pa.int64())}, ["y", "m", "d"])[0] == [
        "2022-1-"
    ]  # and is refused


def test_parts_of_a_date_have_names_of_several_words_or_are_weeks_and_quarters():
    assert joined({"OrderDay": [3], "OrderMonth": [1], "OrderYear": [2022]})[0] == ["2022-1-3"]
    assert joined({"sale_month": [1], "sale_year": [2022]})[0] == ["2022-1"]
    assert joined({"Year": [2022, 2022], "Week": ["5", "2022-W06"]})[0] == ["2022-W5", "2022-W06"]
    assert joined({"Jahr": [2022, 2022], "Quartal": ["1", "Q2"]})[0] == ["2022-Q1", "2022-Q2"]


def test_of_a_date_and_a_clock_time_the_date_counts():
    assert joined({"d": [date(2022, 1, 3)], "t": ["10:00"]}, ["d", "t"])[0] == ["2022-01-03"]
    assert joined({"d": ["3.1.22"], "t": pa.array([None], pa.string())}, ["d", "t"])[0] == ["3.1.22"]


def test_a_column_with_a_dates_name_is_not_joined():
    for name in ("Order Date", "timestamp", "Fecha de compra"):
        table = ENGINE.register_arrow("rows", pa.table({name: ["x"], "year": [1], "month": [1], "day": [1]}))
        assert join_date_columns(table, {}, "shop")[1:] == ({}, [])


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"date": ["a", "b", "a", "b"]}, "data.columns.date must be one column, [year,month,day] or [date,time], got"),
        ({"date": ["a", "c"]}, "log 'shop' has no column 'c' (data.columns.date); it has a, b"),
        ({"amount": ["a", "b"]}, "data.columns.amount must be one column, got ['a', 'b']"),
    ],
)
def test_a_list_of_columns_that_is_none_is_refused(named, message):
    with pytest.raises(ClvError, match=r"must be one column|has no column") as refused:
        join_date_columns(ENGINE.register_arrow("rows", pa.table({"a": ["1"], "b": ["2"]})), named, "shop")
    assert message in str(refused.value)


# --- whole logs -------------------------------------------------------------------------------------------------

DAYS = [datetime(2022, 1, 3, 22) + timedelta(days=9 * k) for k in range(60)]
WRITTEN = {
    "seconds": lambda d: {"date": f"{count(d, 'epoch_seconds')}"},
    "milliseconds": lambda d: {"date": count(d, "epoch_milliseconds")},
    "Excel": lambda d: {"date": f"{count(d, 'excel')}.916"},
    "SAS": lambda d: {"date": f"{d:%d%b%Y}".upper()},
    "BigQuery": lambda d: {"date": f"{d:%Y-%m-%d %H:%M:%S} +0000 UTC"},
    "three columns": lambda d: {"year": d.year, "month": d.month, "day": d.day},
    "three letters": lambda d: {"y": d.year, "m": d.month, "d": d.day},
    "numbers of pandas": lambda d: {"date": f"{d:%Y%m%d}.0"},
}


def log_of(write, log_end=None, **options):
    rows = [{"customer_id": k % 7, **write(day), "amount": f"{100 * k + 50}"} for k, day in enumerate(DAYS)]
    table = pa.Table.from_pylist(rows)
    return load_log(
        "shop",
        lambda engine: RawTable(engine.register_arrow("rows", table)),
        log_end=log_end,
        parse_options=ParseOptions(**options),
    )


@pytest.fixture(scope="module")
def plain():
    return log_of(lambda day: {"date": f"{day:%Y-%m-%d}"})


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)
def test_a_log_is_the_same_however_its_dates_are_written(write, plain):
    assert log_of(write).fingerprint == plain.fingerprint


def test_the_last_month_of_a_log_of_months_may_be_complete():
    log = log_of(lambda day: {"month": f"{day:%Y-%m}"})
    assert (log.start, log.end) == (date(2022, 1, 1), date(2023, 6, 30))
    assert [note for note in log.notes if "month" in note and "guessed" not in note] == [
        "dates are months, each read as its first day: taken for totals of a month, so that the log ends on 2023-06-30 "
        "(data.log_end says otherwise)"
    ]
    assert log_of(lambda day: {"month": f"{day:%Y-%m}"}, date(2023, 6, 30)).end == date(2023, 6, 30)
    with pytest.raises(ClvError, match="the log end 2023-07-01 lies 30 days after the last purchase"):
        log_of(lambda day: {"month": f"{day:%Y-%m}"}, date(2023, 7, 1))


def test_amounts_in_cents_are_scaled_exactly(plain):
    scaled = log_of(lambda day: {"date": f"{day:%Y-%m-%d}"}, scale=Decimal("0.01"))
    total, cents = (log.purchase_days.amount.sum().to_pyarrow().as_py() for log in (scaled, plain))
    assert total == cents / 100 == Decimal("1800")
    assert scaled.fingerprint != plain.fingerprint
    assert "amounts were multiplied by 0.01 (data.scale)" in scaled.notes
    with pytest.raises(ClvError, match=r"60 amount\(s\) of log 'shop' times data.scale=0.000001 need more than four"):
        log_of(lambda day: {"date": f"{day:%Y-%m-%d}"}, scale=Decimal("0.000001"))


@pytest.mark.parametrize("value", [0, "cents", "nan", True, "1e-9", 10**10])
def test_a_scale_is_a_number(value):
    assert (parse_scale(0.01), parse_scale("-1")) == (Decimal("0.01"), -1)
    assert parse_scale(None) is None
    with pytest.raises(ClvError, match=r"data[.]scale must be a number of at most eight decimals"):
        parse_scale(value)


def test_a_date_format_is_one_of_those_known():
    with pytest.raises(ClvError, match=r"data[.]date_format must be one of epoch_seconds, "):
        ParseOptions(date_format="unix")
    assert all(ParseOptions(date_format=name) for name in NUMBER_FORMATS)
