"""Weekly repeat spend against a hand-worked case and a naive loop."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from clv_experiments.evaluation.estimator_plots import weekly_repeat_spend

DAYS = pd.date_range("2020-01-01", periods=24, name="date")


def linear_buyer(rate, spend):
    """A customer who makes ``rate`` repeat purchases a day, each worth ``spend``."""
    return SimpleNamespace(
        expected_cumulative_purchases=lambda days: rate * days, spend_=SimpleNamespace(mean_spend_=spend)
    )


def test_weeks_count_from_the_first_day_and_only_whole_ones():
    daily = pd.DataFrame({"new_customers": 0, "repeat_spend": np.arange(24.0)}, index=DAYS)
    weekly = weekly_repeat_spend(daily, linear_buyer(1.0, 1.0))
    assert weekly["week_end"].tolist() == [DAYS[6], DAYS[13], DAYS[20]]
    assert weekly["actual"].tolist() == [21.0, 70.0, 119.0]
    assert weekly["expected"].tolist() == [0.0, 0.0, 0.0]


def test_expectation_ages_every_cohort_from_its_own_first_day():
    rng = np.random.default_rng(1)
    daily = pd.DataFrame({"new_customers": rng.integers(0, 5, 24), "repeat_spend": 0.0}, index=DAYS)
    weekly = weekly_repeat_spend(daily, linear_buyer(0.3, 20.0))
    for number, end in enumerate((6, 13, 20)):
        by_then = [
            sum(daily["new_customers"].iloc[born] * 0.3 * (day - born) * 20.0 for born in range(day + 1))
            for day in (end - 7, end)
        ]
        assert np.isclose(weekly["expected"].iloc[number], by_then[1] - (by_then[0] if end > 6 else 0.0))
