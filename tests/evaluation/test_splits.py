"""Scores and coefficients over random splits: medians, intervals, and what was published beside them."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.evaluation.splits import split_metrics, split_records, summarise_coefficients_over_splits
from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.records import FigureRecord, Metric, Table

LABELS = FigureLabels("linear", "toy", "next 3 months", "£")


def scores(n=50, seed=0):
    rng = np.random.default_rng(seed)
    names = ("r2", "mae", "mse", "median_ae", "aggregate_bias")
    return [{name: float(rng.normal()) for name in names} for _ in range(n)]


def test_a_score_is_its_median_with_interval_and_range():
    metrics = {metric.name: metric.value for metric in split_metrics([{"r2": value} for value in range(101)])}
    ends = {"": 50, "_lower": 2.5, "_upper": 97.5, "_least": 0, "_most": 100}
    assert metrics == {f"split_r2{end}": value for end, value in ends.items()}


def test_coefficients_over_splits_by_hand():
    slopes = pd.DataFrame({"up": [1.0, 2.0, 3.0], "flips": [-1.0, 1.0, -3.0]})
    table = summarise_coefficients_over_splits(slopes, {"up": 2.5, "flips": 9.0}).set_index("name")
    assert table["median"].to_dict() == {"up": 2.0, "flips": -1.0}
    assert table["negative"].to_dict() == {"up": 0.0, "flips": pytest.approx(2 / 3)}
    assert table["inside"].to_dict() == {"up": True, "flips": False}
    assert (table["least"]["flips"], table["most"]["flips"]) == (-3.0, 1.0)


def test_nothing_published_nothing_claimed():
    assert "published" not in summarise_coefficients_over_splits(pd.DataFrame({"a": [1.0, 2.0]}), {})


def test_records_hold_every_split_and_two_pictures():
    slopes = pd.DataFrame(np.random.default_rng(1).normal(size=(50, 3)), columns=["a", "b", "c"])
    records = split_records(scores(), slopes, {"a": 0.5}, LABELS)
    tables = {record.name: record.frame for record in records if isinstance(record, Table)}
    assert list(tables["splits.csv"]["split"]) == list(range(50))
    assert len(tables["split_coefficients.csv"]) == 3
    assert {record.name for record in records if isinstance(record, FigureRecord)} == {
        "splits.png",
        "split_coefficients.png",
    }
    assert len([record for record in records if isinstance(record, Metric)]) == 25


def test_a_model_without_coefficients_has_no_picture_of_them():
    records = split_records(scores(), pd.DataFrame(), {}, LABELS)
    assert {record.name for record in records if isinstance(record, FigureRecord)} == {"splits.png"}


@pytest.mark.parametrize("n", [1, 2])
def test_few_splits_and_constant_scores_can_be_drawn(n, tmp_path):
    slopes = pd.DataFrame({"a": [0.0] * n})
    for record in split_records([dict.fromkeys(scores(1)[0], 0.0)] * n, slopes, {}, LABELS):
        if isinstance(record, FigureRecord):
            record.figure.savefig(tmp_path / record.name)
