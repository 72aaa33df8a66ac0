"""Days that stand for no date: left out and said, unless they may be real."""

from datetime import date

import pyarrow as pa
import pytest

from clv_experiments.data.cleaning import missing_date
from clv_experiments.data.log import load_log
from clv_experiments.data.raw import RawTable
from clv_experiments.errors import ClvError

DAYS = ["2022-01-03", "2022-01-09", "2022-02-03", "2022-03-03", "2022-03-05"]


def load(*placeholders, days=DAYS):
    dates = [*days, *placeholders]
    rows = {"customer_id": [f"c{k % 2}" for k in range(len(dates))], "date": dates, "amount": [1.5] * len(dates)}
    source = lambda engine: RawTable(engine.register_arrow("rows", pa.table(rows)))  # noqa: E731
    return load_log("shop", source, [missing_date()], today=date(2026, 12, 2))


@pytest.mark.parametrize("day", ["1970-01-01", "1900-01-01", "9999-12-31", "2099-12-31", "0000-00-00"])
def test_a_placeholder_is_left_out_and_said(day):
    log = load(day)
    assert (log.start, log.end) == (date(2022, 1, 3), date(2022, 3, 5))
    assert list(log.report.changes["rows"]) == [1]
    assert any("1 row(s)" in note and day in note for note in log.notes)


def test_a_real_day_of_that_name_stays():
    log = load(days=["1969-11-01", "1970-01-01", "1970-02-01", "1971-03-01", "1971-04-05"])
    assert log.start == date(1969, 11, 1)
    assert log.report.changes.empty


def test_a_log_of_placeholders_and_one_of_another_calendar_are_refused():
    with pytest.raises(
        ClvError, match=r"6 of 11 row\(s\) of log 'shop' are dated 1970-01-01, which stands for no date"
    ):
        load(*6 * ["1970-01-01"])
    with pytest.raises(ClvError, match=r"such as 1401-03-05 are of a Persian or Islamic calendar"):
        load(days=[day.replace("2022", "1401") for day in DAYS])
    with pytest.raises(ClvError, match=r"purchases after today .*, up to 2027-05-01.* type data\.log_end=2022-03-05"):
        load("2027-05-01")
