"""Notes on a log as a whole: totals dated at their start, customers chosen by their future, or older than the log."""

from datetime import date, timedelta
from functools import partial

import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.log import load_log
from clv_experiments.data.raw import RawTable


def load(rows, log_end=None, today=date.max):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    table = pa.Table.from_pandas(frame, preserve_index=False)
    source = partial(lambda table, engine: RawTable(engine.register_arrow("rows", table)), table)
    return load_log("toy", source, [], log_end, today=today)


def notes_about(log, text):
    return [note for note in log.notes if text in note]


def dated(days):
    return [(f"c{number % 3}", day, 1.0) for number, day in enumerate(days)]


def weeks(first, count=12):
    return [first + timedelta(weeks=number) for number in range(count)]


def months(step, count=8):
    return [date(2020 + step * k // 12, step * k % 12 + 1, 1) for k in range(count)]


@pytest.mark.parametrize(
    ("days", "end", "note"),
    [
        (weeks(date(2020, 1, 6)), date(2020, 3, 29), "all dates are Mondays: taken for totals of a week"),
        (weeks(date(2020, 1, 5)), date(2020, 3, 22), "total of the week that it begins, type data.log_end=2020-03-28"),
        (months(1), date(2020, 8, 31), "all dates begin a month: taken for totals of a month"),
        (months(3), date(2021, 12, 31), "all dates begin a quarter"),
        (months(12), date(2027, 12, 31), "all dates begin a year"),
        (weeks(date(2020, 1, 6), 7), date(2020, 2, 17), ""),  # too few to tell
        ([*weeks(date(2020, 1, 6)), date(2020, 3, 3)], date(2020, 3, 23), ""),
    ],
)
def test_totals_dated_at_their_start_run_to_their_end(days, end, note):
    log = load(dated(days))
    assert log.end == end
    assert len(notes_about(log, "all dates")) == bool(note)
    assert not note or notes_about(log, note)
    assert not notes_about(load(dated(days), log_end=end), "all dates")


def test_a_period_that_is_not_over_is_said():
    log = load(dated(months(1)), today=date(2020, 8, 20))
    assert log.end == date(2020, 8, 1)
    assert notes_about(log, "the last month is not over: type data.log_end=2020-07-31")


def bought(customers, *days):
    start = date(2020, 1, 1)
    return [(f"{customers}{k}", start + timedelta(days=k + day), 1.0) for k in range(60) for day in days]


def test_a_log_without_one_time_customers_was_chosen_by_its_future():
    assert notes_about(load(bought("a", 0, 40)), "none of the 60 customers bought on one day only")
    assert not notes_about(load([*bought("a", 0, 40), ("b", date(2020, 1, 1), 1.0)]), "none of the")


@pytest.mark.parametrize(
    ("arrivals", "is_noted"),
    [
        ([90, 30, 20, 10, 10, 10, 10, 10, 10, 10], True),
        ([20, 20, 20, 20, 20, 20, 20, 20, 20, 20], False),
        ([90, 80, 70, 0, 0, 0, 0, 0, 0, 0], False),  # one cohort
        ([90, 90, 60, 1, 1, 0, 1, 1, 1, 1], False),
        ([40, 10, 10, 10, 10, 10, 10, 10, 10, 10], False),  # few
    ],
)
def test_customers_who_are_older_than_the_log_appear_at_once(arrivals, is_noted):
    rows = [("z", date(2020, 1, 1), 1.0), ("z", date(2020, 1, 1) + timedelta(days=280), 1.0)]
    for span, count in enumerate(arrivals):
        first = date(2020, 1, 1) + timedelta(days=28 * span)
        rows += [(f"c{span}-{number}", first + timedelta(days=number % 28), 1.0) for number in range(count)]
    text = f"{arrivals[0] + 1} of {sum(arrivals) + 1} customers first appear in the first 28 days"
    assert bool(notes_about(load(rows), text)) == is_noted
