"""Links of history and spend on made-up customers whose effects are known, and the sentences that say them."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.decisions.display.drivers import draw_effects, drivers_section
from clv_experiments.decisions.drivers import (
    MIN_BUYERS,
    STEPS,
    Drivers,
    compare_effects,
    driver_features,
    estimate_drivers,
    estimate_effects,
    half_widths,
    is_top_spender,
)
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.exhibit import WIDE
from clv_experiments.reporting.prose import render_paragraphs

NAMES = list(STEPS)


def customers(slopes, rows=1500, seed=0, origins=2, tail=1.0):
    """Standard normal features; expected spend is exp of their sum, spend is that times a heavy-tailed chance or 0."""
    rng = np.random.default_rng(seed)
    index = pd.Index([f"c{k}" for k in range(rows)] * origins)
    X = pd.DataFrame(rng.normal(size=(rows * origins, len(NAMES))), columns=NAMES, index=index)
    origin = np.repeat(np.arange(origins), rows)
    mean = np.exp(X.to_numpy() @ np.array(slopes) + 0.7 * origin + 1)
    chance = np.tile(rng.lognormal(-(tail**2) / 2, tail, rows), origins)  # a customer keeps it over origins
    return X, pd.Series(mean * chance * rng.binomial(1, 0.4, len(X)) / 0.4, index=index), origin


def effects_of(slopes, **settings):
    X, y, origin = customers(slopes, **settings)
    table = estimate_effects(X, y, origin)
    return compare_effects(table, table)


def prose(macro, table, horizon="3 months"):
    return render_paragraphs("report/drivers.jinja", macro, Drivers(table, 1500, []), horizon)


def test_known_effects_are_within_their_intervals_and_a_null_is_not_claimed():
    slopes = [0.5, -0.4, 0.0, 0.2]
    table = effects_of(slopes).set_index("name").loc[NAMES]
    assert (table["lower_95"] < np.expm1(slopes)).all()
    assert (table["upper_95"] > np.expm1(slopes)).all()
    assert list(table["claim"]) == ["more", "less", "no clear link", "more"]


def test_claims_flip_when_the_data_flip():
    table, back = effects_of([0.5, -0.4, 0.0, 0.2]), effects_of([-0.5, 0.4, 0.0, -0.2])
    turned = {"more": "less", "less": "more"}
    expected_claims = {
        row.name_: turned.get(row.claim, row.claim) for row in table.rename(columns={"name": "name_"}).itertuples()
    }
    assert dict(zip(back["name"], back["claim"], strict=True)) == expected_claims
    assert back["name"].iloc[0] == "purchase_days"
    text = prose("links", back)[0]
    assert "twice as many purchase days" in text
    assert "% less in" in text
    assert "following 3 months" in text
    assert "(95% interval −" in text


def test_intervals_hold_what_they_promise_where_few_customers_spend_most():
    slopes, covered = np.array([0.3, 0.0, -0.3, 0.0]), 0
    for seed in range(40):
        table = estimate_effects(*customers(slopes, rows=1000, seed=seed, origins=1, tail=2.0))
        covered += ((table["lower_95"] < np.expm1(slopes)) & (table["upper_95"] > np.expm1(slopes))).sum()
    assert 0.92 <= covered / 160 <= 0.99


def test_an_error_that_rests_on_few_customers_reaches_further():
    even = np.tile([1.0, -1.0], 200)
    few = np.array([9.0, -9.0, *[0.1, -0.1] * 199])
    widths = half_widths(np.column_stack([even, few]))
    assert widths[0] == pytest.approx(student.ppf(0.975, 400) * np.sqrt(400 * 400 / 399))
    freedom = (few**2).sum() ** 2 / (few**4).sum()  # 2.1 customers
    assert widths[1] == pytest.approx(student.ppf(0.975, freedom) * np.sqrt((few**2).sum() * 400 / 399))
    assert half_widths(np.zeros((400, 1))) == 0


def test_a_level_of_an_origin_is_not_taken_for_an_effect():
    rng = np.random.default_rng(5)
    skewed = rng.exponential(1.0, 800) - 1
    x = np.concatenate([skewed, -skewed])  # rare high values where the level is low, rare low ones where it is high
    origin, index = np.repeat([0, 1], 800), [f"c{k}" for k in range(1600)]
    spend = np.exp(0.3 * x + 3.0 * origin) * rng.uniform(0.5, 1.5, 1600)
    (row,) = estimate_effects(pd.DataFrame({"x": x}, index=index), pd.Series(spend, index=index), origin).to_dict(
        "records"
    )
    assert row["lower_95"] < np.expm1(0.3) < row["upper_95"]
    assert row["upper_95"] - row["lower_95"] < 0.1


def test_rows_of_a_customer_count_together():
    X, y, origin = customers([0.3, 0.0, 0.0, 0.0], rows=1000, origins=1)
    once = estimate_effects(X, y, origin)
    fourfold = estimate_effects(pd.concat([X] * 4), pd.concat([y] * 4), np.repeat(np.arange(4), 1000))
    assert fourfold["effect"].to_numpy() == pytest.approx(once["effect"].to_numpy(), abs=1e-5)
    assert fourfold["upper_95"].to_numpy() == pytest.approx(once["upper_95"].to_numpy(), rel=0.01, abs=1e-3)


def test_a_feature_that_another_tells_or_that_is_the_same_for_all_is_left_out():
    X, y, origin = customers([0.5, 0.0, 0.0, 0.0])
    table = estimate_effects(X.assign(days_since_last=2 * X["purchase_days"], T=3.0 + origin), y, origin).set_index(
        "name"
    )
    assert list(table["effect"].isna()) == [False, False, True, True]
    compared = compare_effects(table.reset_index(), table.reset_index())
    omitted = [link.name for link in Drivers(compared, 1500, []).select_claims("not told apart")]
    assert sorted(omitted) == ["T", "days_since_last"]
    text = prose("links", compared)[-1]
    assert "30 more days since the last" in text
    assert "90 more days since the first" in text


def test_few_buyers_give_no_claim():
    X, y, origin = customers([2.0, 0.0, 0.0, 0.0], rows=1200, origins=1)
    buyers = y.index[y > 0]
    enough = X.index.isin(buyers[:MIN_BUYERS]) | (y == 0).to_numpy()
    short = enough & (X.index != buyers[0])
    many, few = (estimate_effects(X[kept], y[kept], origin[kept]) for kept in (enough, short))
    assert many["effect"].notna().all()
    assert few["effect"].isna().all()
    for table in (compare_effects(few, few), compare_effects(many, few)):
        assert not Drivers(table, 1200, []).has_estimates
        assert "300 customers who bought in the month after an earlier day" in prose("summary", table, "month")[0]
        assert prose("links", table) == prose("summary", table)
        assert "300 customers" in prose("summary", table)[0]
    unclear = compare_effects(many, many).assign(claim="no clear link")
    assert Drivers(unclear, 1200, []).has_estimates
    assert Drivers(unclear, 1200, []).select_claims("more", "less") == []
    assert "clearly linked" in prose("summary", unclear)[0]


def test_effects_are_no_shares():
    X, y, origin = customers([0.5, 0.0, 0.0, 0.0])
    table = estimate_effects(X, y, origin).assign(effect=0.997, lower_95=0.2, upper_95=1.996)
    text = prose("links", compare_effects(table, table), "month")[0]
    for part in ("twice as many purchase days", "100% more in the following month", "(95% interval +20% to +200%)"):
        assert part in text


def test_a_link_of_the_largest_customers_alone_is_not_claimed():
    X, y, origin = customers([0.0, 0.0, 0.0, 0.0])
    strong = estimate_effects(*customers([0.5, 0.0, 0.0, 0.0]))
    table = compare_effects(strong, estimate_effects(X, y, origin))
    text = " ".join(prose("links", table))
    assert table.set_index("name")["claim"]["purchase_days"] == "rests on the largest"
    assert "without the top 1%" in text
    assert not Drivers(table, 1500, []).select_claims("more", "less")


def test_the_largest_are_chosen_by_what_they_had_spent_and_go_with_all_their_rows():
    history = pd.DataFrame({"total_spend": [*range(200), 500, *[0] * 199]}, index=[*range(200), *range(200)])
    largest = is_top_spender(history)
    assert set(history.index[largest]) == {199, 0}
    assert largest[history.index == 0].all()


def test_features_are_in_the_steps_that_sentences_name():
    history = pd.DataFrame({"frequency": [0, 3], "recency": [0, 60], "T": [90, 180], "total_spend": [8.0, 64.0]})
    assert driver_features(history.astype(float)).to_numpy().tolist() == [[0.0, 3.0, 3.0, 1.0], [2.0, 4.0, 4.0, 2.0]]


@pytest.mark.parametrize("half_width", [0.1, 0.28, 0.36, 0.6, 1.45, 1.7, 4.0])
def test_names_on_the_axis_of_effects_stand_apart(half_width):
    bounds = {"effect": 0.0, "lower_95": np.expm1(-half_width), "upper_95": np.expm1(half_width)}
    row = {"customers_with": "twice as many purchase days", "claim": "no clear link", **bounds}
    (panel,) = draw_effects(pd.DataFrame([row]), "made up", WIDE).axes
    low, high = panel.get_xlim()
    ticks = panel.get_xticks()
    assert len(ticks) >= 3
    assert np.diff(ticks).min() / (high - low) > 0.08  # a label of five letters on an axis of 5 inches


def test_section_of_cdnow(cdnow_sample):
    forecaster = Forecaster(cdnow_sample, Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3 months")))
    section = drivers_section(estimate_drivers(forecaster), forecaster.window.horizon)
    (exhibit,) = section.exhibits
    claims = dict(zip(exhibit.table["customers_with"], exhibit.table["claim"], strict=True))
    assert claims["twice as many purchase days"] == "more"
    assert claims["30 more days since the last purchase"] == "less"
    assert exhibit.table["customers_with"].iloc[0] in section.summary[0]
    assert exhibit.figure is not None


def test_a_log_too_short_says_so(cdnow_sample):
    forecaster = Forecaster(cdnow_sample, Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("12 months")))
    section = drivers_section(estimate_drivers(forecaster), forecaster.window.horizon)
    assert "too short" in section.summary[0]
    assert not section.exhibits
