"""The recovery report sets like beside like: hand-worked tables and scores, and a picture of what it claims."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.metrics import d2_tweedie, normalised_gini
from clv_experiments.evaluation.recovery import plot_recovery, recovery_records, recovery_scores, recovery_table
from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.records import FigureRecord, Metric, Param, Table
from clv_experiments.reporting.symlog_scale import SymlogScale

LABELS = FigureLabels("pareto_nbd", "simulated, 2023-10-01 to 2023-12-31", "next 3 months", "$")
TRUTH = {"r": 0.5, "alpha": 10.0, "q": 4.0}
FITTED = pd.DataFrame(
    {
        "parameter": ["r", "alpha", "a", "q"],
        "estimate": [0.6, 9.0, 0.8, 4.0],
        "standard_error": [0.05, 1.0, 0.1, np.nan],
        "part": ["purchases", "purchases", "purchases", "spend"],
    }
)


def customers(n=3000, seed=0):
    """A population a third of which has dropped out; what it spends is the expectation by luck."""
    rng = np.random.default_rng(seed)
    ids = pd.Index([f"{k:05d}" for k in range(n)], name="customer_id")
    expected = pd.Series(np.where(rng.random(n) < 1 / 3, 0.0, rng.lognormal(2, 1.3, n)), ids)
    spent = expected * rng.gamma(0.4, 2.5, n)
    predicted = pd.Series(expected * rng.lognormal(0, 0.4, n) + 0.3, ids)
    return pd.DataFrame({"y_true": spent, "y_pred": predicted}), expected


def test_parameters_that_both_have_stand_side_by_side():
    table = recovery_table(FITTED, TRUTH)
    assert table["parameter"].tolist() == ["r", "alpha", "q"]
    assert table["truth"].tolist() == [0.5, 10.0, 4.0]
    assert table["estimate"].tolist() == [0.6, 9.0, 4.0]
    assert table["relative_error"].tolist() == pytest.approx([0.2, -0.1, 0.0])
    assert table["standard_error"].tolist()[:2] == [0.05, 1.0]
    assert list(table) == ["parameter", "truth", "estimate", "standard_error", "relative_error"]
    assert recovery_table(FITTED, {"s": 1.0}).empty


def test_scores_by_hand():
    y_true, y_pred, expected = (pd.Series(values) for values in ([0.0, 0, 30], [1.0, 5, 12], [0.0, 3, 12]))
    scores = recovery_scores(y_true, y_pred, expected, floor=0.5)
    assert scores["truth_bias"] == pytest.approx(18 / 15 - 1)
    assert scores["truth_rmse"] == pytest.approx(np.sqrt((1 + 4 + 0) / 3))
    assert scores["truth_spearman"] == pytest.approx(1.0)
    assert scores["attainable_normalised_gini"] == normalised_gini(y_true, expected)
    assert scores["attainable_d2_tweedie"] == d2_tweedie(y_true, expected, floor=0.5)


def test_the_truth_recovers_itself():
    table, expected = customers()
    scores = recovery_scores(table["y_true"], expected, expected, floor=0.1)
    assert (scores["truth_bias"], scores["truth_rmse"]) == (0.0, 0.0)
    assert scores["truth_spearman"] == pytest.approx(1.0)
    assert scores["attainable_normalised_gini"] > normalised_gini(
        table["y_true"], table["y_pred"].iloc[::-1].to_numpy()
    )


def test_records_name_what_they_hold():
    table, expected = customers()
    wider = pd.concat([expected, pd.Series({"99999": 1e6})]).sample(frac=1, random_state=0)
    records = recovery_records(table, wider, TRUTH, FITTED, 0.1, LABELS)
    assert [r for r in records if isinstance(r, Param)] == [Param(f"truth_{n}", v) for n, v in TRUTH.items()]
    metrics = {r.name: r.value for r in records if isinstance(r, Metric)}
    scores = recovery_scores(table["y_true"], table["y_pred"], expected, 0.1)
    assert metrics == {f"holdout_{name}": value for name, value in scores.items()}
    assert [r.name for r in records if isinstance(r, FigureRecord | Table)] == ["recovery.png", "recovery.csv"]


@pytest.mark.parametrize("parameters", [None, pd.DataFrame({"parameter": ["decile 1"], "estimate": [3.0]})])
def test_a_model_without_the_truths_parameters_has_no_table_of_them(parameters):
    table, expected = customers(50)
    records = recovery_records(table, expected, TRUTH, parameters, 0.1, LABELS)
    assert not [r for r in records if isinstance(r, Table)]
    assert [r for r in records if isinstance(r, FigureRecord)]


def test_a_customer_without_truth_is_an_error():
    table, expected = customers(50)
    with pytest.raises(ClvError, match="true expected spend holds 1 values that are not finite"):
        recovery_records(table, expected.iloc[1:], TRUTH, FITTED, 0.1, LABELS)


def test_the_picture_shows_the_mean_truth_of_each_bin():
    table, expected = customers(4000)
    table["y_pred"] += np.arange(4000) * 1e-6  # no two alike
    (panel,) = plot_recovery(expected, table["y_pred"], LABELS, bins=4).axes
    (marks,) = [line for line in panel.lines if line.get_label() == "mean truth"]
    order = np.argsort(table["y_pred"].to_numpy())
    means = [(table["y_pred"].iloc[part].mean(), expected.iloc[part].mean()) for part in np.split(order, 4)]
    scale = SymlogScale.from_values(means)
    np.testing.assert_allclose(marks.get_xydata(), scale(means), rtol=1e-12)


@pytest.mark.parametrize(
    ("expected", "predicted"),
    [
        (np.zeros(40), np.zeros(40)),
        (np.zeros(40), np.full(40, 5.0)),
        (np.arange(40.0), np.full(40, 5.0)),
        (np.arange(40.0) * 1e6, np.arange(40.0) * 2e6),
        (np.array([3.0]), np.array([4.0])),
        (np.arange(3000.0) % 700, np.arange(3000.0) % 500),
    ],
)
def test_the_plot_survives(expected, predicted, check_figure):
    check_figure(plot_recovery(pd.Series(expected), pd.Series(predicted), LABELS))
