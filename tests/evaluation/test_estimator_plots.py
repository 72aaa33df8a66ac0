"""Plots of a fitted model, and weekly repeat spend against a hand-worked case and a naive loop."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.dates import date2num

from clv_experiments.errors import ClvError
from clv_experiments.evaluation import estimator_plots
from clv_experiments.evaluation.coefficients import describe_fitted_estimator
from clv_experiments.evaluation.estimator_plots import weekly_repeat_spend
from clv_experiments.reporting.chart_style import FigureLabels

LABELS = FigureLabels("two_part_xgboost", "cdnow, 3 months to 1998-06-30", "next 3 months", "$")
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


def test_tracking_cumulates_above_and_marks_the_cutoff(line, check_figure):
    weeks = pd.date_range("1997-01-05", periods=78, freq="W")
    weekly = pd.DataFrame({"week_end": weeks, "actual": np.arange(78.0), "expected": np.full(78, 30.0)})
    cutoff = pd.Timestamp("1997-09-30")
    figure = check_figure(estimator_plots.plot_weekly_repeat_spend(weekly, cutoff, LABELS))
    upper, lower = figure.axes
    x, height = line(upper, "actual")
    assert x.tolist() == date2num(weeks).tolist()
    np.testing.assert_allclose(height, np.cumsum(weekly["actual"]))
    np.testing.assert_allclose(line(lower, "expected")[1], 30.0)
    for panel in (upper, lower):
        assert any(list(line.get_xdata()) == [date2num(cutoff)] * 2 for line in panel.lines)
    with pytest.raises(ClvError, match=r"expected week_end, actual and expected"):
        estimator_plots.plot_weekly_repeat_spend(weekly.drop(columns="actual"), cutoff, LABELS)
    with pytest.raises(ClvError, match=r"and 0 rows"):
        estimator_plots.plot_weekly_repeat_spend(weekly.head(0), cutoff, LABELS)


def linear_table(features):
    names = ["intercept"] + [f"a_feature_with_quite_a_long_name_{i}" for i in range(features)]
    standardised = np.concatenate([[np.nan], np.linspace(-1, 2, features)])
    estimate = np.concatenate([[1000.0], standardised[1:] / 50])
    error = np.abs(estimate) / 4 + 0.001
    return pd.DataFrame(
        {
            "name": names,
            "estimate": estimate,
            "standard_error": error,
            "boot_lower_95": estimate - 2 * error,
            "boot_upper_95": estimate + 2 * error,
            "standardised_estimate": standardised,
        }
    )


def test_slopes_are_drawn_per_standard_deviation_largest_on_top_without_intercept(texts, check_figure):
    figure = check_figure(estimator_plots.plot_estimates(linear_table(30), LABELS))
    (panel,) = figure.axes
    (points,) = [line for line in panel.lines if line.get_marker() == "o"]
    x = np.asarray(points.get_xdata())
    assert len(x) == 20
    assert x[-1] == 2.0
    assert (np.diff(np.abs(x)) >= 0).all()
    whiskers = panel.collections[0].get_segments()
    assert whiskers[-1][:, 0] == pytest.approx([2 - 50 * 2 * (0.01 + 0.001), 2 + 50 * 2 * (0.01 + 0.001)])
    assert any("20 of 30" in text for text in texts(figure))


def test_a_slope_of_exactly_zero_has_a_place(check_figure):
    table = linear_table(3)
    table.loc[2, ["estimate", "standardised_estimate"]] = 0.0
    table.loc[3, ["boot_lower_95", "boot_upper_95"]] = np.nan
    check_figure(estimator_plots.plot_estimates(table, LABELS))


def parameters(**changed):
    table = pd.DataFrame(
        {
            "parameter": ["r", "alpha", "a", "b"],
            "estimate": [0.2426, 4.4136, 0.7929, 2.4259],
            "standard_error": [0.0126, 0.378, 0.19, 0.7],
            "part": "purchases",
        }
    )
    for column, value in changed.items():
        table.loc[3, column] = value
    X = pd.DataFrame({"frequency": [1.0]})
    model = SimpleNamespace(parameters_=table)
    return describe_fitted_estimator(
        model, X, X["frequency"], X, X["frequency"], scorer=min, rng=np.random.default_rng(0)
    )


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"standard_error": np.nan},
        {"estimate": 4000.0, "standard_error": 1e9},
        {"estimate": np.nan},
        {"estimate": 0.0},
    ],
)
def test_parameters_stand_in_the_papers_order(changed, check_figure):
    figure = check_figure(estimator_plots.plot_estimates(parameters(**changed), LABELS))
    (panel,) = figure.axes
    assert [label.get_text() for label in panel.get_yticklabels()] == [
        f"{n} (purchases)" for n in ("b", "a", "alpha", "r")
    ]
    assert panel.get_xscale() == ("linear" if changed.get("estimate") == 0 else "log")


def test_importances_and_models_without_any(texts, check_figure):
    table = pd.DataFrame(
        {"name": ["a", "b"], "estimate": [0.9, 0.1], "permutation_importance": [0.2, 0.3], "permutation_sd": [0.1, 0.0]}
    )
    figure = check_figure(estimator_plots.plot_estimates(table, LABELS))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    empty = check_figure(estimator_plots.plot_estimates(table[["name", "estimate"]].head(0), LABELS))
    assert any("no coefficients" in text for text in texts(empty))
    check_figure(estimator_plots.plot_estimates(table[["name", "estimate"]], LABELS))
    with pytest.raises(ClvError, match=r"has no column \['estimate'\]"):
        estimator_plots.plot_estimates(table[["name"]], LABELS)


def test_long_feature_names_stay_on_the_page(check_figure):
    labels = FigureLabels(
        "two_part_xgboost_" * 6, "a log with a very long name indeed, " * 4, "next 39 weeks", "kroner"
    )
    check_figure(estimator_plots.plot_estimates(linear_table(5), labels))
