"""Every feature against a loop over one customer's rows, lifetimes' summary, and logs with another future."""

import math
import statistics
import warnings
from calendar import monthrange
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.sources.cdnow import cdnow
from clv_experiments.features.behaviour import behaviour
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.momentum import momentum
from clv_experiments.features.periods import periods
from clv_experiments.features.rfm import rfm
from clv_experiments.features.rhythm import rhythm
from clv_experiments.features.season import season

# A DuckDB log and its features cost 100 to 200 ms.
few_examples = settings(max_examples=5, deadline=None)
fewer = settings(max_examples=3, deadline=None)  # several logs an example
FIRST = datetime(2020, 1, 1)
RECENT = (7, 14, 30, 60)
HALF_LIVES = (15, 405)
BLOCKS = {
    "rfm": rfm,
    "periods": periods,
    "behaviour": behaviour,
    "momentum": partial(momentum, half_lives=HALF_LIVES),
    "rhythm": rhythm,
    "season": season,
}
ALL = FeatureSet("all", tuple(BLOCKS.values()))

horizons = st.sampled_from(["1 month", "3 months", "2 weeks", "10 days"]).map(Horizon.parse)


@st.composite
def logs(draw):
    """Rows of few customers with ties in a day, clock times, returns and free items; some logs last two days only."""
    length = draw(st.sampled_from([1, 10, 150]))
    row = st.tuples(st.sampled_from("abcde"), st.integers(0, length * 24 - 1), st.integers(-12, 60))
    rows = [*draw(st.lists(row, min_size=1, max_size=40)), ("y", 0, 0), ("z", 5, 2), ("z", 30, 1)]
    # Quarters of a unit are exact as floats, so that their sums are too.
    return [(customer, FIRST + timedelta(hours=hour), quarters / 4) for customer, hour, quarters in rows]


# The first day, ends of months that clip, and days long after the last purchase.
cutoffs = st.one_of(
    st.integers(0, 200).map(lambda day: FIRST.date() + timedelta(days=day)),
    st.sampled_from([date(2020, 1, 1), date(2020, 2, 29), date(2020, 3, 30), date(2020, 5, 30), date(2021, 3, 31)]),
)


# --- naive definitions: one customer's spend by day, a dict in order of days ------------------------------------


def spend_by_day(rows, cutoff):
    """Map each customer known at the cutoff to its purchase days and their spend."""
    customers = {}
    for customer, moment, amount in sorted(rows, key=lambda row: row[:2]):
        if moment.date() <= cutoff:
            spend = customers.setdefault(customer, {})
            spend[moment.date()] = spend.get(moment.date(), 0.0) + amount
    return customers


def naive_rfm(spend, cutoff, horizon):
    days = list(spend)
    repeat = [spend[day] for day in days[1:]]
    return {
        "frequency": len(repeat),
        "recency": (days[-1] - days[0]).days,
        "T": (cutoff - days[0]).days,
        "monetary_value": sum(repeat) / len(repeat) if repeat else 0,
    }


def back(day, horizon, times):
    """Count whole horizons back from a day; a month's missing days become its last."""
    if horizon.unit != "months":
        return day - timedelta(days=times * horizon.count * {"days": 1, "weeks": 7}[horizon.unit])
    year, month = divmod(day.year * 12 + day.month - 1 - times * horizon.count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def naive_periods(spend, cutoff, horizon):
    result = {}
    for number in range(4):
        begin, end = (back(cutoff + timedelta(days=1), horizon, number + step) for step in (1, 0))
        inside = [amount for day, amount in spend.items() if begin <= day < end]
        result[f"sales_avg_M_{number + 2}"] = sum(inside) / len(inside) if inside else 0
        result[f"sales_count_M_{number + 2}"] = len(inside)
        result[f"sales_sum_M_{number + 2}"] = sum(inside)
    return result


def naive_behaviour(spend, cutoff, horizon):
    days = list(spend)
    T = (cutoff - days[0]).days
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    usual = statistics.mean(gaps) if gaps else T
    total, size = sum(spend.values()), sum(map(abs, spend.values()))
    # The later half of T, seen from the cutoff: strictly less than half of T ago.
    late = sum(amount for day, amount in spend.items() if (cutoff - day).days < T / 2)
    result = {
        "gap_mean": usual,
        "gap_std": statistics.stdev(gaps) if len(gaps) > 1 else 0,
        "gap_max": max(gaps) if gaps else T,
        "hiatus_ratio": (cutoff - days[-1]).days / usual if usual else 0,
        "first_spend": spend[days[0]],
        "last_spend": spend[days[-1]],
        "largest_spend": max(spend.values()),
        "spend_per_day": total / max(T, 1),
        "spend_trend": (late - (total - late)) / size if size else 0,
    }
    for length in RECENT:
        recent = [amount for day, amount in spend.items() if (cutoff - day).days < length]
        result |= {f"purchase_days_{length}d": len(recent), f"spend_{length}d": sum(recent)}
    return result


def naive_momentum(spend, cutoff, horizon):
    result = {}
    for days in HALF_LIVES:
        weights = {day: round(2 ** (20 - (cutoff - day).days / days)) / 2**20 for day in spend}
        result[f"purchase_days_halved_{days}d"] = sum(weights.values())
        result[f"spend_halved_{days}d"] = sum(weights[day] * amount for day, amount in spend.items())
    return result


def naive_rhythm(spend, cutoff, horizon):
    days = list(spend)
    T, silence = (cutoff - days[0]).days, (cutoff - days[-1]).days
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    paid = [amount for amount in spend.values() if amount > 0]
    return {
        "gap_last": gaps[-1] if gaps else T,
        "gap_cv": statistics.pstdev(gaps) / statistics.mean(gaps) if len(gaps) > 1 else 0,
        "days_since_last": silence,
        "silence_over_longest_gap": silence / max(gaps) if gaps else 1,
        "active_share": (T - silence) / T if T else 0,
        "smallest_spend": min(spend.values()),
        "typical_spend": statistics.geometric_mean(paid) if paid else 0,
    }


def naive_season(spend, cutoff, horizon):
    first = next(iter(spend))
    begin = back(cutoff + timedelta(days=1), Horizon(12, "months"), 1)
    end = min(back(begin, horizon, -1), cutoff + timedelta(days=1))
    year_ago = [amount for day, amount in spend.items() if begin <= day < end]
    angle = 2 * math.pi * (first.timetuple().tm_yday - 1) / 365.25
    return {
        "purchase_days_year_ago": len(year_ago),
        "spend_year_ago": sum(year_ago),
        "known_a_year_ago": int(first < begin),
        "first_season_sin": math.sin(angle),
        "first_season_cos": math.cos(angle),
    }


NAIVE = {
    "rfm": naive_rfm,
    "periods": naive_periods,
    "behaviour": naive_behaviour,
    "momentum": naive_momentum,
    "rhythm": naive_rhythm,
    "season": naive_season,
}


@pytest.mark.parametrize("name", BLOCKS)
@few_examples
@given(rows=logs(), cutoff=cutoffs, horizon=horizons)
def test_features_equal_a_loop_over_each_customers_rows(log_of, name, rows, cutoff, horizon):
    expected = {customer: NAIVE[name](spend, cutoff, horizon) for customer, spend in spend_by_day(rows, cutoff).items()}
    result = FeatureSet(name, [BLOCKS[name]]).compute(log_of(rows), cutoff, horizon)
    assert result.index.name == "customer_id"
    assert list(result.index) == list(expected)
    assert set(result.columns) == set(next(iter(expected.values())))
    assert (result.dtypes == "float64").all()
    assert np.isfinite(result.to_numpy()).all()
    for customer, features in expected.items():
        for column, value in features.items():
            # Sums are exact; a quotient and the square root of a variance (from sums of squares) are rounded.
            assert result.loc[customer, column] == pytest.approx(value, rel=1e-9, abs=1e-12), (customer, column)


@fewer
@given(rows=logs(), cutoff=cutoffs, horizon=horizons, order=st.randoms(use_true_random=False))
def test_a_set_is_the_union_of_the_blocks_in_any_row_order(log_of, rows, cutoff, horizon, order):
    log = log_of(rows)
    together = ALL.compute(log, cutoff, horizon)
    parts = [FeatureSet(name, [block]).compute(log, cutoff, horizon) for name, block in BLOCKS.items()]
    pd.testing.assert_frame_equal(together, pd.concat(parts, axis=1), check_exact=True)
    shuffled = log_of(order.sample(rows, len(rows)))
    pd.testing.assert_frame_equal(together, ALL.compute(shuffled, cutoff, horizon), check_exact=True)


def test_a_worked_customer(log_of):
    # Known since 1 January, T = 90 days to the cutoff, gaps of 31 and 29 days, 30 days since the last purchase day.
    rows = [
        ("a", datetime(2020, 1, 1, 9), 10.0),
        ("a", datetime(2020, 2, 1, 9), 20.0),
        ("a", datetime(2020, 2, 1, 18), 10.0),
        ("a", datetime(2020, 3, 1, 12), 60.0),
        ("a", datetime(2020, 4, 1), 999.0),
        ("b", datetime(2020, 3, 31, 23), 5.0),
    ]
    a = ALL.compute(log_of(rows), date(2020, 3, 31), Horizon.parse("1 month")).loc["a"].round(6).to_dict()
    assert (a["frequency"], a["recency"], a["T"], a["monetary_value"]) == (2, 60, 90, 45)
    assert (a["sales_sum_M_2"], a["sales_sum_M_3"], a["sales_sum_M_4"], a["sales_sum_M_5"]) == (60, 30, 10, 0)
    assert (a["sales_count_M_3"], a["sales_avg_M_3"]) == (1, 30)
    assert (a["gap_mean"], a["gap_std"], a["gap_max"], a["hiatus_ratio"]) == (30, round(2**0.5, 6), 31, 1)
    assert (a["first_spend"], a["last_spend"], a["largest_spend"]) == (10, 60, 60)
    assert a["spend_per_day"] == round(100 / 90, 6)
    assert a["spend_trend"] == 0.2  # 60 in the later 45 days, 40 before: 20 of 100
    assert (a["purchase_days_30d"], a["purchase_days_60d"], a["spend_60d"]) == (0, 2, 90)


def test_recent_days_include_the_cutoff_day(log_of):
    rows = [("a", date(2020, 3, 31), 1.0), ("a", date(2020, 3, 25), 2.0), ("a", date(2020, 3, 24), 4.0)]
    lately = FeatureSet("lately", [partial(behaviour, recent_days=(1, 7))])
    result = lately.compute(log_of([*rows, ("b", date(2020, 3, 1), 1.0)]), date(2020, 3, 31), Horizon.parse("1 month"))
    assert (result.loc["a", "spend_1d"], result.loc["a", "spend_7d"], result.loc["a", "purchase_days_7d"]) == (1, 3, 2)


def test_rfm_is_what_lifetimes_computes(cdnow_sample):
    with warnings.catch_warnings():
        # lifetimes 0.11.3 was written for pandas 0.24 and Python 3.7 and warns of what has changed since.
        warnings.simplefilter("ignore")
        from lifetimes.utils import summary_data_from_transaction_data

        rows = cdnow(DuckDb(), sample=True).table.to_pyarrow().to_pandas()
        summary = summary_data_from_transaction_data(
            rows, "customer_id", "date", "amount", observation_period_end="1997-09-30", freq="D"
        )
    result = FeatureSet("rfm", [rfm]).compute(cdnow_sample, date(1997, 9, 30), Horizon.parse("39 weeks"))
    summary = summary.sort_index()[result.columns].astype("float64")
    summary.index = summary.index.astype(result.index.dtype)
    # Means of a few amounts in cents, added in another order.
    pd.testing.assert_frame_equal(result, summary, rtol=1e-12, check_names=False)


def test_no_customer_is_known_before_the_first_purchase(log_of):
    log = log_of([("a", date(2020, 1, 2), 1.0), ("b", date(2020, 1, 3), 1.0), ("b", date(2020, 1, 4), 1.0)])
    assert ALL.compute(log, date(2020, 1, 1), Horizon.parse("1 month")).empty


# --- nothing after the cutoff is read ---------------------------------------------------------------------------


def assert_blind_after(features, log_of, rows, cutoff, horizon):
    """Assert that features stay the same where all that comes after the cutoff is removed or made up."""
    past = [row for row in rows if row[1].date() <= cutoff]
    later = datetime.combine(cutoff, datetime.min.time()) + timedelta(days=1)
    tampered = [(customer, later + timedelta(days=3), 1e6) for customer, *_ in rows] + [("new", later, 5.0)]
    # A log needs somebody who came back.
    stranger = [("stranger", later + timedelta(days=apart), 1.0) for apart in (1, 2)]
    honest = features(log_of(rows), cutoff, horizon)
    for other in ([*past, *stranger], [*past, *tampered]):
        pd.testing.assert_frame_equal(features(log_of(other), cutoff, horizon), honest, check_exact=True)


@fewer
@given(rows=logs(), cutoff=cutoffs, horizon=horizons)
def test_features_do_not_move_with_what_comes_after_the_cutoff(log_of, rows, cutoff, horizon):
    assert_blind_after(ALL.compute, log_of, rows, cutoff, horizon)


def test_a_feature_that_looks_ahead_is_caught(log_of):
    def looks_ahead(log, cutoff, horizon):
        t = log.purchase_days
        ever = t.group_by("customer_id").agg(first_day=t.date.min(), ever=t.amount.sum().cast("float64"))
        known = ever.filter(ever.first_day <= ibis.literal(cutoff)).order_by("customer_id")
        return known.select("customer_id", "ever").to_pyarrow().to_pandas().set_index("customer_id")

    rows = [("a", FIRST, 1.0), ("b", FIRST, 2.0), ("a", FIRST + timedelta(days=40), 4.0)]
    case = (log_of, rows, date(2020, 1, 31), Horizon.parse("1 month"))
    assert_blind_after(ALL.compute, *case)
    with pytest.raises(AssertionError, match="ever"):
        assert_blind_after(looks_ahead, *case)


# --- identity ---------------------------------------------------------------------------------------------------


def test_identity_is_what_is_computed_not_what_it_is_called():
    counted = [FeatureSet("x", [rfm, partial(periods, count=count)]).cache_key for count in (2, 2, 3)]
    assert counted[0] == counted[1] != counted[2]
    assert FeatureSet("x", [rfm]).cache_key == FeatureSet("y", [rfm]).cache_key != FeatureSet("x", [periods]).cache_key
