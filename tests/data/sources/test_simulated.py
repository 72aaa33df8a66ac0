"""The simulation draws what the papers' closed forms say, and its truth is what customers spend in the mean."""

from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hydra.utils import instantiate
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp2f1

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.data.log import load_log
from clv_experiments.data.queries.outcomes import holdout_spend_and_purchase_days
from clv_experiments.data.sources.simulated import MAX_PARAMETER, MIN_PARAMETER, SPEND_DEFAULTS, simulated
from clv_experiments.data.sources.simulated_purchases import PROCESSES, SeasonalFactor
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.recovery import recovery_scores, recovery_table
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

MODELS = {"pareto_nbd": ParetoNbd, "bg_nbd": BgNbd}
NO_SEASON = SeasonalFactor(0.0, 0.0)
AUTUMN = Period(date(2023, 9, 30), date(2023, 12, 31))


class Desk:
    """Takes rows in and leaves them as they are: for tests that need no engine."""

    def register_arrow(self, name, rows):
        return rows


def shop(**changed):
    given = {"process": "pareto_nbd", "customers": 2000, "start": "2022-01-01", "end": "2023-12-31", "seed": 1}
    return simulated(Desk(), **(given | changed))


def rows(raw):
    return raw.table.to_pandas().assign(date=lambda frame: pd.to_datetime(frame["date"]))


def repeats_of(process, weeks, n=100_000, seed=0, season=NO_SEASON):
    """Repeat purchases of customers who all enter at moment 0, a count each."""
    rng = np.random.default_rng(seed)
    buyers = PROCESSES[process](PROCESSES[process].defaults, np.zeros(n), season, rng)
    return np.bincount(buyers.draw_repeat_purchases(weeks * 7, rng)[0], minlength=n)


# --- the draws against closed forms, t in weeks -------------------------------------------------------------------


def pareto_mean(t, r, alpha, s, beta):
    """Fader and Hardie (2005), "A Note on Deriving the Pareto/NBD Model", equation 17."""
    return r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + t)) ** (s - 1))


def bg_mean(t, r, alpha, a, b):
    """Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way", equation 9."""
    series = hyp2f1(r, b, a + b - 1, t / (alpha + t))
    return (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + t)) ** r * series)


def pareto_none(t, r, alpha, s, beta):
    """1 - the chance that a purchase comes first, while still active."""

    def first(u):
        return r / (alpha + u) * (alpha / (alpha + u)) ** r * (beta / (beta + u)) ** s

    return 1 - quad(first, 0, t)[0]


def bg_none(t, r, alpha, a, b):
    return (alpha / (alpha + t)) ** r


CLOSED = {"pareto_nbd": (pareto_mean, pareto_none), "bg_nbd": (bg_mean, bg_none)}


@pytest.mark.parametrize("weeks", [4, 52, 156])
@pytest.mark.parametrize("process", PROCESSES)
def test_repeat_purchases_have_the_papers_mean_and_share_of_none(process, weeks):
    mean, none = (form(weeks, *PROCESSES[process].defaults.values()) for form in CLOSED[process])
    count = repeats_of(process, weeks)
    assert count.mean() == pytest.approx(mean, abs=4 * count.std() / np.sqrt(len(count)))
    assert (count == 0).mean() == pytest.approx(none, abs=4 * np.sqrt(none * (1 - none) / len(count)))


@pytest.mark.parametrize("process", PROCESSES)
def test_another_parameter_is_seen_by_the_closed_forms(process):
    parameters = {**PROCESSES[process].defaults, "r": 1.1 * PROCESSES[process].defaults["r"]}
    mean = CLOSED[process][0](52, *parameters.values())
    count = repeats_of(process, 52)
    assert abs(count.mean() - mean) > 4 * count.std() / np.sqrt(len(count))


def test_bg_nbd_agrees_with_one_event_at_a_time():
    """A naive oracle that keeps the order of a customer's life; compares the day of the last purchase too."""
    rng, last = np.random.default_rng(5), []
    r, alpha, a, b = PROCESSES["bg_nbd"].defaults.values()
    for _ in range(20_000):
        rate, chance = rng.gamma(r, 1 / alpha), rng.beta(a, b)
        moment = latest = 0.0
        while rate > 0 and (moment := moment + rng.exponential(1 / rate)) < 52:
            latest = moment
            if rng.random() < chance:
                break
        last.append(latest)
    buyers = PROCESSES["bg_nbd"](PROCESSES["bg_nbd"].defaults, np.zeros(20_000), NO_SEASON, rng)
    recency = pd.Series(0, index=range(20_000))
    customer, day = buyers.draw_repeat_purchases(52 * 7, rng)
    recency.update(pd.Series(day + 0.5).groupby(customer).max().astype(int))
    mine, naive = recency / 7, np.asarray(last)
    for share in (0.7, 0.8, 0.9, 0.95):
        assert np.quantile(mine, share) == pytest.approx(np.quantile(naive, share), abs=1.5)
    assert mine.mean() == pytest.approx(naive.mean(), abs=4 * naive.std() * np.sqrt(2 / len(naive)) + 1 / 14)


def test_spend_has_the_gamma_gamma_mean_and_spread():
    raw = shop(customers=50_000)
    spend = rows(raw).groupby("customer_id")["amount"].first()
    p, q, v = SPEND_DEFAULTS.values()
    assert spend.mean() == pytest.approx(p * v / (q - 1), rel=0.02)
    # Var = p v^2 (p + q - 1) / ((q - 1)^2 (q - 2)): within a customer and between customers
    variance = p * v**2 * (p + q - 1) / ((q - 1) ** 2 * (q - 2))
    assert spend.std() == pytest.approx(np.sqrt(variance), rel=0.05)
    assert (spend * 100).sub((spend * 100).round()).abs().max() < 1e-6
    of_customer = rows(raw).groupby("customer_id")["amount"].agg(["mean", "std", "size"]).query("size >= 20")
    assert (of_customer["std"] / of_customer["mean"]).mean() == pytest.approx(1 / np.sqrt(p), rel=0.05)


def test_amounts_are_at_least_a_cent():
    assert rows(shop(parameters={"v": 1e-4}))["amount"].min() == 0.01


# --- entry, growth, season ---------------------------------------------------------------------------------------


def test_every_customer_enters_within_the_share_of_the_log():
    first = rows(shop(entry=0.25)).groupby("customer_id")["date"].min()
    assert list(first.index) == [f"{number:04d}" for number in range(1, 2001)]
    assert first.min() >= pd.Timestamp("2022-01-01")
    assert first.max() <= pd.Timestamp("2022-07-02")
    assert rows(shop()).groupby("customer_id")["date"].min().max() > pd.Timestamp("2023-12-25")


@pytest.mark.parametrize("growth", [-0.5, 0.0, 0.8, 5.0])
def test_growth_is_that_of_new_customers_in_a_year(growth):
    first = rows(shop(customers=40_000, growth=growth)).groupby("customer_id")["date"].min()
    years = first.dt.year.value_counts()
    noise = 4 * (1 + growth) * np.sqrt(1 / years[2022] + 1 / years[2023])
    assert years[2023] / years[2022] == pytest.approx(1 + growth, abs=noise)


def test_growth_without_bounds_is_still_a_log():
    for growth in (-1 + 1e-12, 1e300):
        assert rows(shop(growth=growth))["date"].between("2022-01-01", "2023-12-31").all()


@pytest.mark.parametrize("process", PROCESSES)
def test_a_season_moves_purchases_to_december_and_keeps_their_number(process):
    """A homogeneous shop (all rates alike, no dropout) of four years: every month against the wave's integral."""
    parameters = {"r": 1e5, "alpha": 1e6, "s": 1e-6, "beta": 1e6, "a": 1e-6, "b": 1e6}
    known = {name: parameters[name] for name in PROCESSES[process].defaults}
    setting = {"process": process, "start": "2020-01-01", "end": "2023-12-31", "entry": 0.0001, "parameters": known}
    flat, wavy = (rows(shop(**setting, season=season))["date"] for season in (0.0, 0.6))
    assert len(wavy) == pytest.approx(len(flat), abs=4 * np.sqrt(2 * len(flat)))
    days = pd.Series(pd.date_range("2020-01-01", "2023-12-31"))
    noon = np.arange(len(days)) + 0.5
    peak = (pd.Timestamp("2020-12-15") - days[0]).days
    expected = pd.Series(1 + 0.6 * np.cos(2 * np.pi * (noon - peak) / 365.25)).groupby(days.dt.month).sum()
    repeats = wavy[wavy > "2020-01-01"]
    result = repeats.groupby(repeats.dt.month).size()
    expected_counts = expected * len(repeats) / expected.sum()
    assert ((result - expected_counts).abs() < 4 * np.sqrt(expected_counts)).all()
    assert result.idxmax() == 12
    assert result.idxmin() == 6


def test_a_year_is_as_long_on_the_clock_of_any_season():
    for amplitude in (0.0, 0.3, 0.999):
        season = SeasonalFactor(amplitude, 348.0)
        assert season.operational_time(900.0 + 365.25) - season.operational_time(900.0) == pytest.approx(365.25)
        assert (np.diff(season.operational_time(np.linspace(0.0, 800.0, 100_001))) > 0).all()


@given(
    st.floats(0, 0.99), st.floats(0, 366), st.floats(0, 1000), st.floats(0.01, 800),
    st.sampled_from([0.0, 1e-15, 1e-6, 0.01, 1.0, 50.0]),
)  # fmt: skip
def test_discounted_season_is_its_integral(amplitude, peak, start, length, decay):
    season = SeasonalFactor(amplitude, peak)
    result = float(season.integrate_discounted(start, start + length, np.array([decay]))[0])
    # Substitute so that half of the nodes lie where the discount still weighs.
    reach = min(length, 40 / decay) if decay else length
    step = reach / 40_000
    moment = (np.arange(40_000) + 0.5) * step
    wave = 1 + amplitude * np.cos(2 * np.pi * (start + moment - peak) / 365.25)
    assert result == pytest.approx(float((wave * np.exp(-decay * moment)).sum() * step), rel=1e-5)


# --- randomness ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("process", PROCESSES)
def test_the_seed_decides_all(process):
    one, same, other = (shop(process=process, seed=seed, season=0.2, growth=0.1) for seed in (3, 3, 4))
    assert one.table.equals(same.table)
    assert not one.table.equals(other.table)
    pd.testing.assert_series_equal(one.truth.expected_spend(AUTUMN), same.truth.expected_spend(AUTUMN))
    assert not one.truth.expected_spend(AUTUMN).equals(other.truth.expected_spend(AUTUMN))


# --- the truth ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("season", [0.0, 0.7])
@pytest.mark.parametrize("process", PROCESSES)
def test_true_expected_spend_is_what_customers_spend_in_the_mean(process, season):
    """In total over seeds, and by quarters of the expected total; before and about the peak, and in summer."""
    periods = [AUTUMN, Period(date(2023, 5, 15), date(2023, 7, 15)), Period(date(2022, 11, 30), date(2022, 12, 31))]
    seen = {period: [] for period in periods}
    for seed in range(4):
        raw = shop(process=process, customers=20_000, season=season, growth=0.3, seed=seed)
        log = rows(raw)
        for period in periods:
            later = log[(log["date"] > str(period.cutoff)) & (log["date"] <= str(period.end))]
            expected = raw.truth.expected_spend(period)
            spent = later.groupby("customer_id")["amount"].sum().reindex(expected.index).fillna(0.0)
            seen[period].append(pd.DataFrame({"expected": expected, "spent": spent}))
    for parts in seen.values():
        both = pd.concat(parts, ignore_index=True)
        off = both["spent"] - both["expected"]
        assert abs(off.mean()) < 3 * off.std() / np.sqrt(len(off))
        alive = both["expected"] > 0
        assert both["spent"][~alive].max() == 0.0, "who has dropped out spends nothing, and exactly that is expected"
        assert 0.1 < alive.mean() < 0.95
        quarter = np.ceil(4 * both["expected"].sort_values().cumsum() / both["expected"].sum() - 1e-9)
        moments = off[alive].groupby(quarter[alive].clip(1, 4)).agg(["mean", "sem"])
        assert len(moments) == 4
        assert (moments["mean"].abs() < 4 * moments["sem"]).all()


def test_truth_lists_the_customers_of_the_cell():
    source = partial(simulated, process="bg_nbd", customers=300, start="2022-01-01", end="2023-12-31", seed=7)
    log = load_log("simulated", source, log_end=date(2023, 12, 31))
    for period in (AUTUMN, Period(date(2022, 1, 10), date(2022, 2, 10))):
        expected = log.truth.expected_spend(period)
        pd.testing.assert_index_equal(expected.index, holdout_spend_and_purchase_days(log, period).index)
    assert len(expected) < 300
    assert len(log.truth.expected_spend(Period(date(2021, 12, 31), date(2022, 1, 31)))) == 0
    assert (log.customers, log.end, log.notes) == (300, date(2023, 12, 31), ())


def test_truth_holds_no_purchases():
    """What it keeps has one number a customer."""
    raw = shop(customers=500, parameters={"alpha": 1.0})
    population = raw.truth.expected_spend.__self__
    arrays = [v for v in (*vars(population).values(), *vars(population.buyers).values()) if hasattr(v, "__len__")]
    assert len(arrays) >= 5
    assert {len(array) for array in arrays} == {500}


# --- the models recover it ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=sorted(MODELS))
def recovered(request):
    """The model of each process, fitted on a log of 20,000 customers."""
    setting = {"customers": 20_000, "start": "2021-01-01", "end": "2023-12-31", "entry": 0.7, "seed": 11}
    log = load_log(request.param, partial(simulated, process=request.param, **setting), log_end=date(2023, 12, 31))
    X = FeatureSet("rfm", [rfm]).compute(log, AUTUMN.cutoff, Horizon(3, "months"))
    model = MODELS[request.param](horizon_days=float(AUTUMN.days)).fit(X)
    y = holdout_spend_and_purchase_days(log, AUTUMN)["spend"]
    return model, recovery_scores(y, pd.Series(model.predict(X), X.index), log.truth.expected_spend(AUTUMN), 0.1), log


def within_reach(table):
    """Which parameters lie within three standard errors and the 7 % that merging purchases of one day may cost."""
    off = (table["estimate"] - table["truth"]).abs()
    return off < 3 * table["standard_error"] + 0.07 * table["truth"]


def test_the_models_recover_parameters_and_total(recovered):
    model, scores, log = recovered
    table = recovery_table(model.parameters_, log.truth.parameters)
    assert len(table) == 7
    assert within_reach(table).all(), table
    assert (table["relative_error"].abs() < 0.25).all(), table
    assert abs(scores["truth_bias"]) < 0.03
    assert scores["truth_spearman"] > 0.3
    assert 0.5 < scores["attainable_d2_tweedie"] < 1


def test_a_wrong_parameter_is_seen(recovered):
    model, _, log = recovered
    for name, value in log.truth.parameters.items():
        table = recovery_table(model.parameters_, log.truth.parameters | {name: value / 2})
        assert table["parameter"][~within_reach(table)].tolist() == [name]


# --- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"customers": 1}, "data.source.customers must be a whole number from 2 to 100,000,000, got '1'"),
        ({"customers": 2.5}, "data.source.customers must be"),
        ({"customers": 10**9}, "data.source.customers must be"),
        ({"process": "nbd"}, "data.source.process must be one of pareto_nbd, bg_nbd, got 'nbd'"),
        ({"season": 1.0}, "data.source.season must be a number from 0 to below 1, got '1.0'"),
        ({"season": -0.1}, "data.source.season"),
        ({"season": float("nan")}, "data.source.season"),
        ({"season": "0.3"}, "data.source.season"),
        ({"growth": -1}, "data.source.growth must be a number above -1, such as 0.2 for a fifth more a year, got '-1'"),
        ({"growth": float("inf")}, "data.source.growth"),
        ({"entry": 0}, "data.source.entry must be a share above 0 and up to 1, got '0'"),
        ({"entry": 1.1}, "data.source.entry"),
        ({"seed": -1}, "data.source.seed must be a whole number of at least 0, got '-1'"),
        ({"seed": None}, "data.source.seed"),
        ({"start": "2022-13-01"}, "data.source.start must be a date like 2022-01-31, got '2022-13-01'"),
        ({"end": "2021-12-31"}, "data.source.end must lie after data.source.start, got 2021-12-31 and 2022-01-01"),
        ({"parameters": {"a": 1.0}}, "pareto_nbd with Gamma-Gamma spend has no parameter 'a'"),
        ({"parameters": {"r": 0}}, "data.source.parameters.r must be a number from 0.000001 to 1,000,000, got '0'"),
        ({"parameters": {"alpha": -1.0}}, "data.source.parameters.alpha"),
        ({"parameters": {"beta": "x"}}, "data.source.parameters.beta"),
        ({"parameters": {"s": True}}, "data.source.parameters.s"),
        ({"parameters": {"q": 1}}, "data.source.parameters.q must be a number from 1.000001 to 1,000,000, got '1'"),
        ({"parameters": {"alpha": 1e-6}}, "this simulation would draw .* purchases, more than 100,000,000"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(setting, message):
    with pytest.raises(ClvError, match=message):
        shop(**setting)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), process=st.sampled_from(sorted(PROCESSES)), season=st.floats(0, 0.999), entry=st.floats(0.01, 1))
def test_any_setting_gives_a_log_and_a_finite_truth(data, process, season, entry):
    extremes = st.sampled_from([MIN_PARAMETER, 1e-3, 0.5, 1.0, 1.001, 20.0, 1e3, MAX_PARAMETER])
    names = (*PROCESSES[process].defaults, *SPEND_DEFAULTS)
    parameters = {name: data.draw(extremes, label=name) for name in names}
    parameters["q"] = max(parameters["q"], 1 + MIN_PARAMETER)
    assume(parameters["r"] / parameters["alpha"] < 1e4)  # more is refused: too many purchases
    raw = shop(process=process, customers=20, end="2022-06-30", season=season, entry=entry, parameters=parameters)
    log = rows(raw)
    assert log["customer_id"].nunique() == 20
    assert log["date"].between("2022-01-01", "2022-06-30").all()
    assert np.isfinite(log["amount"]).all()
    expected = raw.truth.expected_spend(Period(date(2022, 4, 1), date(2022, 5, 1)))
    assert (np.isfinite(expected) & (expected >= 0)).all()
    first = log.groupby("customer_id")["date"].min()
    assert list(expected.index) == list(first.index[first <= "2022-04-01"])


def test_the_command_line_reaches_every_setting(compose):
    changed = ["customers=50", "process=bg_nbd", "season=0.3", "end=2022-12-31", "parameters.r=0.9"]
    cfg = compose("data=simulated", "seed=9", *(f"data.source.{change}" for change in changed)).data
    assert cfg.log_end == "2022-12-31"
    raw = instantiate(cfg.source)(DuckDb())
    assert raw.truth.parameters == {**PROCESSES["bg_nbd"].defaults, **SPEND_DEFAULTS, "r": 0.9}
    setting = {"process": "bg_nbd", "customers": 50, "end": "2022-12-31", "season": 0.3, "seed": 9}
    same = rows(shop(**setting, parameters={"r": 0.9}))
    result = raw.table.to_pyarrow().to_pandas()
    assert sorted(result["amount"]) == sorted(same["amount"])
    assert shop(**setting).table["amount"].to_pylist() != same["amount"].tolist()
