"""Every picture draws nasty data without a warning, shows the numbers it claims, and keeps its words on the page."""

import sys
from io import BytesIO
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.dates import date2num
from matplotlib.text import Text

from clv_experiments.errors import ClvError
from clv_experiments.evaluation import estimator_plots as plot_fits
from clv_experiments.evaluation import forecast_plots as plots
from clv_experiments.evaluation.calibration import decile_table
from clv_experiments.evaluation.coefficients import coefficients
from clv_experiments.reporting.figure_style import Labels, LogScale, format_amount

LABELS = Labels("two_part_xgboost", "cdnow, 3 months to 1998-06-30", "next 3 months", "$")
FORECAST_PICTURES = [plots.predicted_against_actual, plots.decile_calibration, plots.value_capture, plots.residuals]


def forecast(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    chance = rng.beta(1, 3, n)
    y = np.where(rng.random(n) < chance, rng.lognormal(3.3, 1, n), 0).round(2)
    return y, 45 * chance * rng.lognormal(0, 0.5, n), chance


def nasty():
    y, p, _ = forecast()
    single = np.zeros(2000)
    single[7] = 55.0
    returns = y.copy()
    returns[:100] = -20.5
    return {
        "plain": (y, p),
        "all zero predictions": (y, np.zeros(2000)),
        "constant predictions": (y, np.full(2000, 9.5)),
        "one buyer": (single, p),
        "nobody bought": (np.zeros(50), p[:50]),
        "nothing at all": (np.zeros(50), np.zeros(50)),
        "more returned than bought": (returns - 30, p),
        "returns": (returns, p),
        "five customers": (np.array([0, 0, 12.0, 0, 40]), np.array([1, 3, 9.0, 0, 100])),
        "one customer": (np.array([3.0]), np.array([2.0])),
        "tiny unit": (y * 1e-5, p * 1e-5),
        "huge unit": (y * 1e6, p * 1e6),
    }


def drawn(figure):
    """Render as MLflow does and return the figure; a warning is an error."""
    figure.savefig(BytesIO(), format="png")
    return figure


def words(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def check_words(figure):
    said = words(figure)
    assert min(text.get_fontsize() for text in said) >= 11
    assert not [text for text in said if "nan" in text.get_text()]
    box = figure.get_tightbbox()  # inches around all that is drawn; 0.01 is a pixel of grace
    assert min(box.x0, box.y0) > -0.01
    assert box.x1 < 6.41
    assert box.y1 < 4.81


def line(panel, label):
    (found,) = [one for one in panel.lines if one.get_label() == label]
    return np.asarray(found.get_xdata(), dtype=float), np.asarray(found.get_ydata(), dtype=float)


@pytest.mark.parametrize("picture", FORECAST_PICTURES)
@pytest.mark.parametrize("case", nasty().values(), ids=nasty().keys())
def test_a_forecast_picture_survives(picture, case):
    figure = drawn(picture(*case, LABELS))
    said = " ".join(text.get_text() for text in words(figure))
    assert "two_part_xgboost · cdnow, 3 months to 1998-06-30" in said
    assert "next 3 months" in said or picture is plots.residuals
    check_words(figure)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("customers", [1, 2000])
def test_a_reliability_picture_survives(share, customers):
    bought = np.arange(customers) < share * customers
    for chance in (np.zeros(customers), np.ones(customers), forecast(customers)[2]):
        check_words(drawn(plots.reliability(bought, chance, LABELS)))


def test_pictures_leave_no_figure_in_global_state():
    from matplotlib._pylab_helpers import Gcf

    before = dict(mpl.rcParams)
    y, p, chance = forecast(200)
    for picture in FORECAST_PICTURES:
        picture(y, p, LABELS)
    plots.reliability(y > 0, chance, LABELS)
    assert not Gcf.get_all_fig_managers()
    assert dict(mpl.rcParams) == before


def test_scores_and_records_need_neither_matplotlib_nor_scikit_learn(run_process):
    modules = "metrics, records, calibration, coefficients"
    code = f"import sys; from clv_experiments.evaluation import {modules}; print(*sys.modules)"
    loaded = run_process([sys.executable, "-c", code]).stdout.split()
    assert "clv_experiments.evaluation.metrics" in loaded
    assert not {"matplotlib", "sklearn", "scipy", "mlflow", "hydra"} & set(loaded)


# --- what the pictures show -------------------------------------------------------------------------------------


def test_decile_marks_stand_at_the_means_of_the_table():
    y, p, _ = forecast()
    (panel,) = plots.decile_calibration(y, p, LABELS).axes
    table = decile_table(y, p)
    scale = LogScale.around(table[["mean_predicted", "mean_actual"]])
    for label, column in (("predicted", "mean_predicted"), ("actual", "mean_actual")):
        x, height = line(panel, label)
        assert x.tolist() == table["decile"].tolist()
        np.testing.assert_allclose(height, scale(table[column]), rtol=1e-12)


def test_means_of_a_calibrated_forecast_stand_on_the_diagonal():
    rng = np.random.default_rng(1)
    p = rng.lognormal(2, 1, 40_000)
    y = p * rng.exponential(size=40_000)
    x, height = line(plots.predicted_against_actual(y, p, LABELS).axes[0], "mean actual")
    # Twenty means of 2,000 customers each: relative error 1 / sqrt(2,000) = 2.2 %, four of those in log10 is 0.04.
    np.testing.assert_allclose(height, x, atol=0.04)
    assert len(x) == 20


def test_mean_residuals_are_positive_where_the_forecast_is_too_low():
    p = np.linspace(1, 100, 500)
    for factor, sign in ((0.5, 1), (1.5, -1)):
        _, height = line(plots.residuals(p, p * factor, LABELS).axes[0], "mean residual")
        assert (np.sign(height) == sign).all()


def test_value_capture_marks_the_top_fifth():
    y, p = np.array([6.0, 2, 1, 1, 0]), np.array([5.0, 4, 3, 2, 1])
    figure = plots.value_capture(y, p, LABELS)
    x, height = line(figure.axes[0], "this model")
    np.testing.assert_allclose(x, [0, 0.2, 0.4, 0.6, 0.8, 1])
    np.testing.assert_allclose(height, [0, 0.6, 0.8, 0.9, 1, 1])
    assert any("top 20% hold 60% of spend\nnormalised Gini 1.00" in text.get_text() for text in words(figure))
    (empty,) = plots.value_capture(y * 0, p, LABELS).axes
    assert any("no actual spend" in text.get_text() for text in empty.texts)


def test_reliability_shows_observed_shares_and_counts():
    bought, chance = np.array([0, 0, 1, 1, 1, 0]), np.array([0.1, 0.15, 0.55, 0.55, 0.95, 0.15])
    upper, lower = plots.reliability(bought, chance, LABELS).axes
    x, height = line(upper, "this model")
    np.testing.assert_allclose(x, [0.4 / 3, 0.55, 0.95])
    np.testing.assert_allclose(height, [0, 1, 1])
    assert [bar.get_height() for bar in lower.patches] == [3, 2, 1]


def test_tracking_cumulates_above_and_marks_the_cutoff():
    weeks = pd.date_range("1997-01-05", periods=78, freq="W")
    weekly = pd.DataFrame({"week_end": weeks, "actual": np.arange(78.0), "expected": np.full(78, 30.0)})
    cutoff = pd.Timestamp("1997-09-30")
    figure = drawn(plot_fits.tracking(weekly, cutoff, LABELS))
    check_words(figure)
    upper, lower = figure.axes
    x, height = line(upper, "actual")
    assert x.tolist() == date2num(weeks).tolist()
    np.testing.assert_allclose(height, np.cumsum(weekly["actual"]))
    np.testing.assert_allclose(line(lower, "expected")[1], 30.0)
    for panel in (upper, lower):
        assert any(list(one.get_xdata()) == [date2num(cutoff)] * 2 for one in panel.lines)
    with pytest.raises(ClvError, match=r"expected week_end, actual and expected"):
        plot_fits.tracking(weekly.drop(columns="actual"), cutoff, LABELS)
    with pytest.raises(ClvError, match=r"and 0 rows"):
        plot_fits.tracking(weekly.head(0), cutoff, LABELS)


# --- coefficients -----------------------------------------------------------------------------------------------


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


def test_slopes_are_drawn_per_standard_deviation_largest_on_top_without_intercept():
    figure = drawn(plot_fits.coefficients_plot(linear_table(30), LABELS))
    check_words(figure)
    (panel,) = figure.axes
    (points,) = [one for one in panel.lines if one.get_marker() == "o"]
    x = np.asarray(points.get_xdata())
    assert len(x) == 20
    assert x[-1] == 2.0
    assert (np.diff(np.abs(x)) >= 0).all()
    whiskers = panel.collections[0].get_segments()
    assert whiskers[-1][:, 0] == pytest.approx([2 - 50 * 2 * (0.01 + 0.001), 2 + 50 * 2 * (0.01 + 0.001)])
    assert any("20 of 30" in text.get_text() for text in words(figure))


def test_a_slope_of_exactly_zero_has_a_place():
    table = linear_table(3)
    table.loc[2, ["estimate", "standardised_estimate"]] = 0.0
    table.loc[3, ["boot_lower_95", "boot_upper_95"]] = np.nan
    check_words(drawn(plot_fits.coefficients_plot(table, LABELS)))


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
    return coefficients(model, X, X["frequency"], X, X["frequency"], scorer=min, rng=np.random.default_rng(0))


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
def test_parameters_stand_in_the_papers_order(changed):
    figure = drawn(plot_fits.coefficients_plot(parameters(**changed), LABELS))
    check_words(figure)
    (panel,) = figure.axes
    assert [label.get_text() for label in panel.get_yticklabels()] == [
        f"{n} (purchases)" for n in ("b", "a", "alpha", "r")
    ]
    assert panel.get_xscale() == ("linear" if changed.get("estimate") == 0 else "log")


def test_importances_and_models_without_any():
    table = pd.DataFrame(
        {"name": ["a", "b"], "estimate": [0.9, 0.1], "permutation_importance": [0.2, 0.3], "permutation_sd": [0.1, 0.0]}
    )
    figure = drawn(plot_fits.coefficients_plot(table, LABELS))
    check_words(figure)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    empty = drawn(plot_fits.coefficients_plot(table[["name", "estimate"]].head(0), LABELS))
    assert any("no coefficients" in text.get_text() for text in words(empty))
    baseline = drawn(plot_fits.coefficients_plot(table[["name", "estimate"]], LABELS))
    check_words(baseline)
    with pytest.raises(ClvError, match=r"has no column \['estimate'\]"):
        plot_fits.coefficients_plot(table[["name"]], LABELS)


def test_long_names_stay_on_the_page():
    labels = Labels(
        "two_part_xgboost_" * 6, "a log with a very long name indeed, " * 4, "next 39 weeks", "thousand kroner"
    )
    y, p, _ = forecast(100)
    check_words(drawn(plots.value_capture(y, p, labels)))
    check_words(drawn(plots.decile_calibration(y, p, labels)))
    check_words(drawn(plot_fits.coefficients_plot(linear_table(5), labels)))


# --- axes -------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-6, 1e6), st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=9, unique=True))
def test_the_log_scale_keeps_order_sign_and_zero(unit, values):
    scale = LogScale(unit)
    ordered = np.sort(values)
    assert (np.diff(scale(ordered)) >= 0).all()
    np.testing.assert_array_equal(scale(-ordered), -scale(ordered))
    assert scale(0.0) == 0.0
    assert scale(9 * unit) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1234.5, "1,234"), (2_500_000, "2.5M"), (0.05, "0.05"), (2.5, "2.5"), (-30, "-30")]
)
def test_amounts_are_written_as_people_do(value, text):
    assert format_amount(value) == text
