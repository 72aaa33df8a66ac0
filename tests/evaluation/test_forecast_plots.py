"""Every plot draws nasty data without a warning, shows the numbers it claims, and keeps its texts on the page."""

import sys

import matplotlib as mpl
import numpy as np
import pytest

from clv_experiments.evaluation import forecast_plots as plots
from clv_experiments.evaluation.calibration import decile_table
from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.symlog_scale import SymlogScale

LABELS = FigureLabels("two_part_xgboost", "cdnow, 3 months to 1998-06-30", "next 3 months", "$")
FORECAST_PLOTS = [
    plots.plot_predicted_against_actual,
    plots.plot_decile_calibration,
    plots.plot_value_capture,
    plots.plot_residuals,
]


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


@pytest.mark.slow
@pytest.mark.parametrize("plot", FORECAST_PLOTS)
@pytest.mark.parametrize("case", nasty().values(), ids=nasty().keys())
def test_a_forecast_picture_survives(plot, case, texts, check_figure):
    figure = check_figure(plot(*case, LABELS))
    shown_texts = " ".join(text for text in texts(figure))
    assert "two_part_xgboost · cdnow, 3 months to 1998-06-30" in shown_texts
    assert "next 3 months" in shown_texts or plot is plots.plot_residuals


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("customers", [1, 2000])
def test_a_reliability_picture_survives(share, customers, check_figure):
    bought = np.arange(customers) < share * customers
    for chance in (np.zeros(customers), np.ones(customers), forecast(customers)[2]):
        check_figure(plots.plot_reliability(bought, chance, LABELS))


def test_pictures_leave_no_figure_in_global_state():
    from matplotlib._pylab_helpers import Gcf

    before = dict(mpl.rcParams)
    y, p, chance = forecast(200)
    for plot in FORECAST_PLOTS:
        plot(y, p, LABELS)
    plots.plot_reliability(y > 0, chance, LABELS)
    assert not Gcf.get_all_fig_managers()
    assert dict(mpl.rcParams) == before


def test_scores_and_records_need_neither_matplotlib_nor_scikit_learn(run_process):
    code = (
        "import sys; from clv_experiments.evaluation import metrics, calibration, coefficients; "
        "from clv_experiments.reporting import records; print(*sys.modules)"
    )
    loaded = run_process([sys.executable, "-c", code]).stdout.split()
    assert "clv_experiments.evaluation.metrics" in loaded
    assert not {"matplotlib", "sklearn", "scipy", "mlflow", "hydra"} & set(loaded)


# --- what the pictures show -------------------------------------------------------------------------------------


def test_decile_marks_stand_at_the_means_of_the_table(line):
    y, p, _ = forecast()
    (panel,) = plots.plot_decile_calibration(y, p, LABELS).axes
    table = decile_table(y, p)
    scale = SymlogScale.from_values(table[["mean_predicted", "mean_actual"]])
    for label, column in (("predicted", "mean_predicted"), ("actual", "mean_actual")):
        x, height = line(panel, label)
        assert x.tolist() == table["decile"].tolist()
        np.testing.assert_allclose(height, scale(table[column]), rtol=1e-12)


def test_means_of_a_calibrated_forecast_stand_on_the_diagonal(line):
    rng = np.random.default_rng(1)
    p = rng.lognormal(2, 1, 40_000)
    y = p * rng.exponential(size=40_000)
    x, height = line(plots.plot_predicted_against_actual(y, p, LABELS).axes[0], "mean actual")
    # Twenty means of 2,000 customers each: relative error 1 / sqrt(2,000) = 2.2 %, four of those in log10 is 0.04.
    np.testing.assert_allclose(height, x, atol=0.04)
    assert len(x) == 20


def test_mean_residuals_are_positive_where_the_forecast_is_too_low(line):
    p = np.linspace(1, 100, 500)
    for factor, sign in ((0.5, 1), (1.5, -1)):
        _, height = line(plots.plot_residuals(p, p * factor, LABELS).axes[0], "mean residual")
        assert (np.sign(height) == sign).all()


def test_value_capture_marks_the_top_fifth(texts, line):
    y, p = np.array([6.0, 2, 1, 1, 0]), np.array([5.0, 4, 3, 2, 1])
    figure = plots.plot_value_capture(y, p, LABELS)
    x, height = line(figure.axes[0], "this model")
    np.testing.assert_allclose(x, [0, 0.2, 0.4, 0.6, 0.8, 1])
    np.testing.assert_allclose(height, [0, 0.6, 0.8, 0.9, 1, 1])
    assert any("top 20% hold 60% of spend\nnormalised Gini 1.00" in text for text in texts(figure))
    (empty,) = plots.plot_value_capture(y * 0, p, LABELS).axes
    assert any("no actual spend" in text.get_text() for text in empty.texts)


def test_reliability_shows_observed_shares_and_counts(line):
    bought, chance = np.array([0, 0, 1, 1, 1, 0]), np.array([0.1, 0.15, 0.55, 0.55, 0.95, 0.15])
    upper, lower = plots.plot_reliability(bought, chance, LABELS).axes
    x, height = line(upper, "this model")
    np.testing.assert_allclose(x, [0.4 / 3, 0.55, 0.95])
    np.testing.assert_allclose(height, [0, 1, 1])
    assert [bar.get_height() for bar in lower.patches] == [3, 2, 1]


def test_long_names_stay_on_the_page(check_figure):
    labels = FigureLabels(
        "two_part_xgboost_" * 6, "a log with a very long name indeed, " * 4, "next 39 weeks", "thousand kroner"
    )
    y, p, _ = forecast(100)
    check_figure(plots.plot_value_capture(y, p, labels))
    check_figure(plots.plot_decile_calibration(y, p, labels))
