"""The section on segments and tiers stands on any log, and its sentences follow the numbers."""

from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.decisions.display.segments import (
    draw_tier_moves,
    group_exhibit,
    movement_exhibit,
    segments_section,
)
from clv_experiments.decisions.segments.rfm import SegmentSummary, summarise_segments
from clv_experiments.decisions.segments.tiers import NEW, TIERS, TierShareOutcome, TierSummary, measure_tier_movement
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.evaluation.confidence_intervals import Estimate
from clv_experiments.reporting.exhibit import NARROW, WIDE
from clv_experiments.reporting.prose import render_paragraphs

YEAR = Horizon(12, "months")
SHOP = Shop("£", 0.3, 0.1, YEAR, 0.8, (0.1, 0.3), 0.6, YEAR, Campaign(1000.0, 1.0, (0.0, 0.05, 0.1)))
BEFORE, COMING = Period(date(2023, 3, 31), date(2023, 6, 30)), Period(date(2023, 6, 30), date(2023, 9, 30))
HOSTILE = "<script>alert('$x$')</script>" + "长" * 60


def population(n=60, seed=0, country=None):
    rng = np.random.default_rng(seed)
    frequency = rng.poisson(rng.gamma(0.7, 4.0, n)).astype(float)
    T = rng.integers(30, 400, n).astype(float)
    value = rng.lognormal(3, 1, n)
    table = pd.DataFrame({"frequency": frequency, "recency": T * (frequency > 0) * rng.random(n), "T": T})
    table = table.round().assign(
        total_spend=value * (frequency + 1), p_alive=0.5, expected_spend=value * frequency / T * 90
    )
    table = table.assign(p_purchase=0.5, purchase_days=rng.integers(0, 2, n), y_true=value * rng.integers(0, 2, n))
    table.index = pd.Index([f"{HOSTILE}{k:04d}" for k in range(n)], name="customer_id")
    return table.assign(country=country) if country else table


def snapshot_of(table, period=COMING, model="ml"):
    return Snapshot(period, table, None, None, model, "bg_nbd")


def tiers_of(expected, period=COMING):
    table = pd.DataFrame({"expected_spend": np.asarray(expected, float)})
    return snapshot_of(table.set_index(table.index.map("{:04d}".format)), period)


def test_the_section_stands_on_any_log():
    now = snapshot_of(population(80, country=HOSTILE).drop(columns=["y_true", "purchase_days"]))
    previous = snapshot_of(population(60, seed=1, country=HOSTILE), BEFORE)
    section = segments_section(now, previous, SHOP, None, 0, 50)
    tables = {exhibit.name: exhibit.table for exhibit in section.exhibits_and_evidence}
    for name in ("value_tiers", "rfm_segments"):
        assert tables[name]["customers"].sum() == 80
        assert tables[name]["share_of_expected"].sum() == pytest.approx(1.0)
        assert tables[name]["country"].unique().tolist() == [HOSTILE]
    assert tables["tier_movement"]["customers"].sum() == 80
    assert measure_tier_movement(now, previous, SHOP.tiers).counts.loc["High"].sum() == 6
    assert "6 customers who were High" in section.summary[2]
    assert "31 March 2023" in section.summary[2]
    assert [exhibit.name for exhibit in section.exhibits_and_evidence if exhibit.draw] == ["tier_movement"]
    for width in (WIDE, NARROW):
        section.exhibits[0].draw(width).canvas.draw()
    again = segments_section(now, previous, SHOP, None, 0, 50)
    assert [e.sentences for e in again.exhibits] == [e.sentences for e in section.exhibits]
    assert "High is the 10%" in section.method[-1]
    assert "the next 30%" in section.method[-1]


def test_one_customer_and_no_spend_are_no_obstacle():
    alone = population(1).assign(expected_spend=0.0, y_true=0.0)
    now = snapshot_of(alone.drop(columns=["y_true", "purchase_days"]), model="zeros")
    section = segments_section(now, snapshot_of(alone, BEFORE, "zeros"), SHOP, None, 0, 20)
    assert "are in Low" in section.summary[0]
    assert all(exhibit.figure is None for exhibit in section.exhibits)
    rfm = next(exhibit for exhibit in section.exhibits if exhibit.name == "rfm_segments")
    assert "nothing is expected of anybody" in rfm.sentences[0]
    assert "brought nothing" in rfm.sentences[1]


def test_the_best_segment_in_the_sentence_is_the_one_in_the_table_and_changes_with_it():
    def best(table):
        now = snapshot_of(table)
        summary = summarise_segments(now, now, None, 20, 0)
        row = summary.table.sort_values("expected_revenue").iloc[-1]
        paragraphs = render_paragraphs("report/segments.jinja", "rfm_segments", summary, now, now, "£")
        assert paragraphs[0].startswith(f"{row['group']}, {row['customers']} customer")
        assert summary.best["group"] == row["group"]
        return row["group"]

    table = population()
    assert best(table) == "Champions"
    assert best(table.assign(expected_spend=(table["T"] - table["recency"]) ** 3)) != "Champions"


def exhibit_moves(now, previous):
    moves = measure_tier_movement(now, previous, SHOP.tiers)
    return movement_exhibit(moves, now, previous, SHOP)


def test_moves_between_tiers_are_said_with_what_they_cost():
    then, today = np.arange(20.0), np.arange(20.0)
    today[19], today[0] = 0.5, 30.0
    now, previous = tiers_of([*today, 40.0]), tiers_of(then, BEFORE)
    moves = measure_tier_movement(now, previous, SHOP.tiers)
    assert (moves.counts.loc["High"].tolist(), moves.counts.loc[NEW].tolist()) == ([0, 1, 1], [1, 0, 0])
    assert (moves.spend_before, moves.spend_now) == (37.0, 18.5)
    first, second = exhibit_moves(now, previous).sentences
    for part in ("2 customers who were High", "31 March 2023", "0 (0%) still are", "2 are not", "£37.00 to £18.50"):
        assert part in first
    assert "1 customer rose" in second
    assert "the one customer new since then is High" in second
    still = exhibit_moves(tiers_of(then), tiers_of(then, BEFORE)).sentences[0]
    assert still == "All 2 customers who were High on 31 March 2023 still are."
    assert "£" not in still
    nobody = exhibit_moves(tiers_of([3.0] * 9), tiers_of([3.0] * 9, BEFORE))
    assert len(nobody.sentences) == 1
    assert "Nobody" in nobody.sentences[0]
    assert nobody.figure is None


def test_one_customer_is_spoken_of_as_one():
    """Of one nobody counts how many are left, and a threshold "from 30 on" would promise others."""
    first, second = exhibit_moves(tiers_of([*np.arange(9.0), 0.5, 0.4]), tiers_of(np.arange(10.0), BEFORE)).sentences
    assert first.startswith("The one customer who was High on 31 March 2023 no longer is; the spend expected of that ")
    assert second == "1 customer rose to High from below; the one customer new since then is not High."
    table = pd.DataFrame({"group": ["High", "Low"], "customers": [2, 18], "share_of_customers": [0.1, 0.9]})
    table = table.assign(share_of_expected=[0.6, 0.4])
    now, previous = tiers_of([600.0, 400.0]), tiers_of([1.0], BEFORE)
    (several,) = group_exhibit("value_tiers", table, TierSummary(table, 7.5, []), now, previous, "£").sentences
    assert "The 2 customers in High are 10% of all, with an expected spend from £7.50 on;" in several


def test_bands_of_the_picture_are_as_wide_as_the_counts():
    counts = pd.DataFrame({"High": [3, 1, 0, 2], "Mid": [0, 4, 2, 1], "Low": [0, 0, 9, 1]}, index=[*TIERS, NEW])
    (panel,) = draw_tier_moves(counts, "made up", WIDE).axes
    edges = [band.get_path().vertices[:, 1] for band in panel.patches]
    assert sorted(y[0] - y[-2] for y in edges) == sorted(counts.to_numpy()[counts.to_numpy() > 0])
    assert sorted(y[3] - y[4] for y in edges) == sorted(y[0] - y[-2] for y in edges)
    for side in (0, 3):  # no two bands share customers
        ends = sorted((y[side], y[side] - (y[0] - y[-2])) for y in edges)
        assert all(lower[0] <= upper[1] + 1e-9 for lower, upper in pairwise(ends))


def test_what_high_brought_is_always_said_and_other_tiers_only_where_they_surprise():
    table = pd.DataFrame({"group": ["High", "Low"], "customers": [1, 9], "share_of_customers": [0.1, 0.9]})
    table = table.assign(share_of_expected=[0.6, 0.4])
    share = Estimate(0.5, 0.4, 0.6)
    outcomes = [
        TierShareOutcome("High", 0.5, share),
        TierShareOutcome("Mid", 0.5, share),
        TierShareOutcome("Low", 0.2, share),
    ]
    assert [outcome.verdict for outcome in outcomes] == ["as expected", "as expected", "more"]
    now, previous = tiers_of([600.0, 400.0]), tiers_of([1.0], BEFORE)
    summary = TierSummary(table, 7.5, outcomes)
    high, usual, surprise = group_exhibit("value_tiers", table, summary, now, previous, "£").sentences
    for part in ("one customer in High is 10% of all", "of £7.50;", "60% of the £1,000", "30 September 2023"):
        assert part in high
    for part in ("High on 31 March 2023", "50% (95% interval 40% to 60%)", "50% was expected"):
        assert part in usual
    for part in ("were Low on", "20% was expected", "more than expected"):
        assert part in surprise


def test_customers_who_are_slipping_are_counted_with_what_they_brought():
    table = pd.DataFrame(
        {
            "group": ["Champions", "Cannot lose", "At risk"], "customers": [5, 1, 2],
            "share_of_customers": [0.625, 0.125, 0.25], "share_of_past": [0.6, 0.3, 0.1],
            "share_of_expected": [0.9, 0.1, 0.0],
        }
    )  # fmt: skip
    summary = SegmentSummary(table, table.iloc[0], Estimate(0.8, 0.7, 0.9), Estimate(0.2, 0.1, 0.3))
    now, previous = tiers_of([600.0, 400.0]), tiers_of([1.0], BEFORE)
    best, before, slipping = render_paragraphs("report/segments.jinja", "rfm_segments", summary, now, previous, "£")
    assert (summary.best["group"], summary.slipping["customers"].sum()) == ("Champions", 3)
    for part in ("Champions, 5 customers (62%", "60% of all revenue", "90% of the £1,000"):
        assert part in best
    for part in ("Champions on 31 March 2023", "80% (95% interval 70% to 90%)"):
        assert part in before
    for part in ("3 customers in Cannot lose and At risk", "40% of all revenue", "20% (95% interval 10% to 30%)"):
        assert part in slipping
