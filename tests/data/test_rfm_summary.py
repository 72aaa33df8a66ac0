"""A table of frequency, recency and T: recognised by its columns, in days, and refused where it cannot be so."""

import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.raw import RawTable
from clv_experiments.data.rfm_summary import read_rfm_summary
from clv_experiments.errors import ClvError

TABLE = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "frequency": [2, 0, 5],
        "recency": [300, 0, 700],
        "T": [650, 12, 800],
        "monetary_value": [10.5, 0.0, 20.0],
    }
)
IN_WEEKS = TABLE.assign(recency=TABLE["recency"] / 7, T=TABLE["T"] / 7)

IN_MONTHS = TABLE.assign(recency=TABLE["recency"] / 30.4375, T=TABLE["T"] / 30.4375)


def raw(frame):
    return RawTable(DuckDb().register_arrow("rows", pa.Table.from_pandas(frame, preserve_index=False)))


def read(frame, **options):
    return read_rfm_summary(raw(frame), options.pop("named", {}), "crm", **options)


def as_read(frame):
    return frame.set_index("customer_id").astype(float)


@pytest.mark.parametrize(
    "names",
    [
        ["customer_id", "frequency", "recency", "T", "monetary_value"],
        ["ID", "Frequency", "RECENCY", "t", "Monetary Value"],
        ["column1", "x", "t.x", "T.cal", "m.x"],
        ["id", "frequency_cal", "recency_cal", "T_cal", "monetary_value_cal"],
        ["Id", "repeat purchases", "recency_days", "age", "Spending"],
    ],
)
def test_it_is_known_by_its_columns_under_any_usual_name(names):
    summary = read(TABLE.set_axis(names, axis=1))
    pd.testing.assert_frame_equal(summary.customers, as_read(TABLE), check_names=False, check_column_type=False)
    assert summary.has_amounts


def test_money_may_be_unknown_and_customers_unnamed():
    summary = read(TABLE[["frequency", "recency", "T"]])
    assert not summary.has_amounts
    assert list(summary.customers.index) == ["1", "2", "3"]
    assert any("numbered" in note for note in summary.notes)


def test_what_has_a_date_is_a_log():
    assert read(TABLE.assign(date="2020-01-01")) is None
    assert read(TABLE.assign(bought="2020-01-01"), named={"date": "bought"}) is None
    assert read(TABLE.drop(columns="T")) is None


def test_where_a_log_is_needed_it_says_what_can_be_done():
    with pytest.raises(ClvError, match=r"^'crm' is a table of frequency, recency and T.*clv score with model="):
        load_log("crm", lambda engine: raw(TABLE))


def test_a_table_without_t_says_what_it_lacks():
    with pytest.raises(ClvError, match="has frequency and recency of each customer, and neither dates nor T"):
        load_log("crm", lambda engine: raw(TABLE.drop(columns="T")))


@pytest.mark.parametrize("name", ["frequency", "n_orders"])
def test_the_first_purchase_is_deducted_where_it_was_counted(name):
    counted = TABLE.assign(frequency=TABLE["frequency"] + 1).rename(columns={"frequency": name})
    summary = read(counted)
    pd.testing.assert_frame_equal(summary.customers, as_read(TABLE))
    assert any(note.startswith(f"{name} counts the first purchase too, as those show") for note in summary.notes)
    nobody_once = counted[counted["recency"] > 0]
    assert read(nobody_once).customers["frequency"].tolist() == ([2, 5] if name == "n_orders" else [3, 6])


def test_what_is_not_used_is_said():
    summary = read(TABLE.assign(frequency_holdout=1, duration_holdout=90))
    assert "not used: frequency_holdout, duration_holdout" in summary.notes


@pytest.mark.parametrize(
    ("frame", "unit"),
    [
        (TABLE, "days"),  # 800 weeks are 15 years
        (IN_WEEKS, "weeks"),
        (IN_WEEKS.round(2), "weeks"),
        (IN_MONTHS, "months"),
        (IN_MONTHS.round(2), "months"),
        (TABLE.rename(columns={"T": "tenure_days"}).assign(recency=[30, 0, 70], tenure_days=[65, 12, 80]), "days"),
        (TABLE.assign(recency=[3, 0, 4], T=[5, 12, 60]), "weeks"),  # five purchase days in four days
    ],
)
def test_the_unit_is_the_one_that_fits(frame, unit):
    summary = read(frame)
    assert any(f"taken as {unit}" in note for note in summary.notes)
    pd.testing.assert_frame_equal(summary.customers, read(frame, unit=unit).customers)


@pytest.mark.parametrize(
    "frame", [TABLE.assign(recency=[30, 0, 70], T=[65, 12, 80]), TABLE.assign(T=[650.25, 12, 800])]
)
def test_a_unit_that_nothing_tells_is_asked_for(frame):
    with pytest.raises(ClvError, match=r"type data\.rfm_unit=days or data\.rfm_unit=weeks"):
        read(frame)
    assert read(frame, unit="weeks").customers["T"].tolist() == (frame["T"] * 7).tolist()


def test_times_in_weeks_become_whole_days():
    pd.testing.assert_frame_equal(read(IN_WEEKS.round(2)).customers, as_read(TABLE))


def test_text_is_read_with_either_decimal_mark():
    texts = TABLE.astype(str)
    pd.testing.assert_frame_equal(read(texts).customers, as_read(TABLE))
    commas = texts.assign(monetary_value=["10,5", "", "20"])
    pd.testing.assert_frame_equal(read(commas, decimal=",").customers, as_read(TABLE))
    with pytest.raises(ClvError, match=r"'monetary_value'.*'10,5'.*data\.decimal=','"):
        read(commas)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frequency": [2.5, 0, 5]}, "frequency is no whole number.*first 'a'"),
        ({"frequency": [-1, 0, 5]}, "below 0"),
        ({"recency": [700, 0, 700]}, r"later than T.*first 'a' \(frequency 2, recency 700, T 650"),
        ({"recency": [300, 5, 700]}, "frequency is 0 while recency is not.*not the time since the last"),
        ({"recency": [0, 0, 700]}, "recency is 0 while frequency is not.*after the first"),
        ({"monetary_value": [0.0, 0.0, 20.0]}, "monetary_value is not above 0.*first 'a'"),
        ({"T": [650, None, 800]}, "without a number in each column.*first 'b'"),
        ({"customer_id": ["a", "a", "c"]}, "customer 'a' has several rows"),
        ({"customer_id": ["a", None, "c"]}, r"1 row\(s\) without customer_id"),
        ({"T": ["650", "soon", "800"]}, r"column 'T' of 'crm' has 1 row\(s\).*'soon'"),
    ],
)
def test_what_cannot_be_so_is_refused_in_one_sentence(change, message):
    with pytest.raises(ClvError, match=message):
        read(TABLE.assign(**change), unit="days")


def test_settings_are_checked():
    with pytest.raises(ClvError, match=r"data\.rfm_unit must be days, weeks or months, got 'years'"):
        read(TABLE, unit="years")
    with pytest.raises(ClvError, match=r"no column 'who' \(data\.columns\.customer_id\)"):
        read(TABLE, named={"customer_id": "who"})
    with pytest.raises(ClvError, match="no row"):
        read(TABLE.iloc[:0])
