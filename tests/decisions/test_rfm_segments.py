"""RFM scores and segments: hand-worked fifths, ties that stay together, one segment for every score."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.decisions.segments.rfm import SEGMENTS, RfmCutPoints
from clv_experiments.errors import ClvError


def table(days, frequency, spend):
    frame = pd.DataFrame({"T": 1000.0, "recency": 1000.0 - np.asarray(days, float), "frequency": frequency})
    return frame.assign(total_spend=spend)


def test_ten_customers_by_hand():
    frame = table(np.arange(10), [0, 0, 0, 0, 0, 0, 1, 1, 2, 9], np.arange(100, 0, -10))
    scores = RfmCutPoints.from_customers(frame).assign_scores(frame)
    assert scores["r"].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert scores["f"].tolist() == [1, 1, 1, 1, 1, 1, 4, 4, 5, 5]
    assert scores["m"].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_scores_are_fifths_of_average_ranks(values):
    spend = np.array(values, float)
    frame = table(np.zeros(len(spend)), 3.0, spend)
    expected = [1 + int(5 * ((spend < v).sum() + (spend == v).sum() / 2) / len(spend) + 1e-9) for v in spend]
    assert RfmCutPoints.from_customers(frame).assign_scores(frame)["m"].tolist() == expected


def test_customers_who_are_all_alike_are_middling_and_those_who_never_came_back_are_not():
    frame = table([7.0] * 4, [0] * 4, [5.0] * 4)
    assert RfmCutPoints.from_customers(frame).assign_scores(frame).drop_duplicates().to_numpy().tolist() == [[3, 1, 3]]
    often = frame.assign(frequency=2)
    assert RfmCutPoints.from_customers(often).assign_scores(often)["f"].unique().tolist() == [3]


def test_every_score_has_one_segment_and_every_segment_a_score():
    cuts = RfmCutPoints((-3.0, -2.0, -1.0, 0.0), (2.0, 3.0, 4.0, 5.0), (2.0, 3.0, 4.0, 5.0))
    every = pd.DataFrame(list(product(range(1, 6), repeat=3)), columns=["r", "f", "m"])
    frame = table(4 - (every["r"] - 1), every["f"], every["m"])
    assert cuts.assign_scores(frame).equals(every)
    named = cuts.assign_segments(frame)
    assert set(named) == set(SEGMENTS)
    by_score = dict(zip(every.itertuples(index=False, name=None), named, strict=True))
    known = {
        (5, 5, 5): "Champions", (5, 1, 1): "New", (1, 1, 1): "Lost", (1, 5, 5): "Cannot lose", (4, 5, 4): "Loyal",
        (2, 1, 1): "Hibernating", (5, 5, 4): "Champions", (2, 4, 4): "At risk", (4, 1, 1): "Promising",
    }  # fmt: skip
    assert {score: by_score[score] for score in known} == known


def test_what_was_learnt_once_scores_any_batch_alike():
    rng = np.random.default_rng(0)
    frame = table(rng.integers(0, 300, 60), rng.poisson(1, 60), rng.lognormal(3, 1, 60)).set_index(pd.Index(range(60)))
    rule = RfmCutPoints.from_customers(frame)
    parts = pd.concat([rule.assign_segments(part) for part in (frame[40:], frame[:40])])
    assert parts.sort_index().equals(rule.assign_segments(frame))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "days_since_last must hold one finite number a customer to be ranked, got none"),
        ([1.0, np.nan, np.inf], "total_spend must hold one finite number a customer to be ranked, got 2 that are not"),
    ],
)
def test_what_cannot_be_ranked_is_refused(values, message):
    days = frequency = [1.0] * len(values)
    with pytest.raises(ClvError, match=message):
        RfmCutPoints.from_customers(table(days, frequency, values))
