"""The last two gaps of each customer, in days on which anybody bought."""

from datetime import date

import pandas as pd
import pytest

from clv_experiments.data.queries.activity import count_last_two_gaps

ROWS = [
    ("a", "2020-01-01", 1.0), ("a", "2020-01-05", 1.0), ("a", "2020-01-05", 1.0), ("a", "2020-01-20", 1.0),
    ("b", "2020-01-01", 1.0), ("b", "2020-01-03", 1.0), ("b", "2020-01-05", 1.0), ("b", "2020-01-20", 1.0),
    ("c", "2020-01-03", 1.0), ("c", "2020-01-20", 1.0),
    ("d", "2020-01-20", 1.0),
]  # fmt: skip


@pytest.fixture
def log(log_of):
    return log_of([(customer, pd.Timestamp(day), amount) for customer, day, amount in ROWS], log_end=date(2020, 1, 25))


def test_gaps_count_the_days_on_which_anybody_bought(log):
    """Days of the log are 1, 3, 5 and 20 January. a: 1, 5, 20; b: 3, 5, 20; the others have no two gaps."""
    assert count_last_two_gaps(log, date(2020, 1, 25)).values.tolist() == [[1, 1, 1], [2, 1, 1]]


def test_nothing_after_the_cutoff_counts(log):
    assert count_last_two_gaps(log, date(2020, 1, 19)).values.tolist() == [[1, 1, 1]]
    assert count_last_two_gaps(log, date(2020, 1, 4)).empty
