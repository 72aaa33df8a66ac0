"""From scores to records: names, means over origins, and the comparison with the baselines."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.evaluation.score_records import (
    BaselineComparison,
    BetterBaselines,
    baseline_comparison_records,
    format_headline_scores,
    holdout_records,
    score_metrics,
    score_predictions,
)
from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.records import Description, FigureRecord, Metric, Table, Tag


def scores(gini, spearman, d2, bias=0.0, mae=1.0):
    return {"normalised_gini": gini, "spearman": spearman, "d2_tweedie": d2, "aggregate_bias": bias, "mae": mae}


@pytest.fixture
def comparison():
    by_model = {
        "fancy": scores(0.7, 0.3, 0.2),
        "zeros": scores(0.0, 0.0, -5.0, -1.0, 0.5),
        "rate": scores(0.8, 0.2, 0.1),
        "mean": scores(0.0, 0.0, -0.1),
    }
    return BaselineComparison(by_model, "fancy", ["zeros", "rate", "mean"], "d2_tweedie")


def test_best_baseline_is_by_the_objective_and_never_the_model_itself(comparison):
    assert comparison.best_baseline == "rate"
    assert BaselineComparison(comparison.scores, "rate", ["zeros", "rate"], "d2_tweedie").best_baseline == "zeros"
    assert BaselineComparison({"zeros": scores(0, 0, 0)}, "zeros", ["zeros"], "d2_tweedie").best_baseline is None


def test_a_model_is_beaten_metric_by_metric_and_mae_does_not_count(comparison):
    assert comparison.better_baselines == [BetterBaselines("Gini", 0.7, {"rate": 0.8})]
    unbeaten = BaselineComparison(
        comparison.scores | {"fancy": scores(0.9, 0.9, 0.9, mae=9.0)}, "fancy", ["zeros", "rate"], "mae"
    )
    assert unbeaten.better_baselines == []
    assert unbeaten.warnings == []


def test_a_beaten_model_is_named_with_every_better_baseline(comparison):
    worse = BaselineComparison(
        comparison.scores | {"fancy": scores(-0.0712, 0.9, -0.2)}, "fancy", ["rate", "mean"], "mae"
    )
    assert worse.warnings == [
        "fancy is beaten on Gini (-0.071) by rate 0.800, mean 0.000",
        "fancy is beaten on D2 (-0.200) by rate 0.100, mean -0.100",
    ]


def test_table_is_sorted_best_first(comparison):
    assert comparison.table["model"].tolist() == ["fancy", "rate", "mean", "zeros"]


def test_summary_shows_model_best_baseline_and_zeros(comparison):
    rows = format_headline_scores(comparison)
    assert list(rows) == ["fancy", "rate (best baseline)", "zeros"]
    assert rows["zeros"] == ["-100.0%", "0.000", "0.000", "-5.000", "0.50"]
    alone = BaselineComparison({"zeros": scores(0, 0, 0)}, "zeros", ["zeros"], "d2_tweedie")
    assert list(format_headline_scores(alone)) == ["zeros"]


def test_ladder_records_can_be_read_and_searched(comparison):
    records = baseline_comparison_records(comparison, "1998")
    (description,) = (record.text for record in records if isinstance(record, Description))
    assert "| rate (best baseline) | +0.0% | 0.800 |" in description
    assert "fancy is beaten on Gini (0.700) by rate 0.800" in description
    assert Tag("best_baseline", "rate") in records
    (table,) = (record.frame for record in records if isinstance(record, Table))
    assert len(table) == 4


def test_scores_of_several_origins_come_with_mean_and_spread():
    metrics = score_metrics("holdout", {0: {"mae": 2.0}, 1: {"mae": 5.0}})
    assert metrics == [
        Metric("holdout_mae", 2.0, 0),
        Metric("holdout_mae", 5.0, 1),
        Metric("holdout_mae_mean", 3.5),
        Metric("holdout_mae_spread", 3.0),
    ]
    assert score_metrics("validation", {}) == []


def test_probabilities_are_scored_and_drawn_only_where_they_are_given():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"y_true": rng.poisson(0.5, 200) * 10.0, "y_pred": rng.gamma(1, 5, 200)})
    table["purchase_days"] = (table["y_true"] / 10).astype(int)
    with_chance = table.assign(p_purchase=rng.uniform(size=200))
    assert "buys_brier" not in score_predictions(table, 0.1)
    assert "buys_brier" in score_predictions(with_chance, 0.1)
    names = [
        {r.name for r in holdout_records(t, FigureLabels("m")) if isinstance(r, FigureRecord)}
        for t in (table, with_chance)
    ]
    assert names[1] - names[0] == {"reliability.png"}
