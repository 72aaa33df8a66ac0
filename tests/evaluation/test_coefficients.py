"""Coefficients: exact sandwich by loops, classical limits, scalers undone, collinearity flagged, seeds proved."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Lasso, LinearRegression, Ridge, TweedieRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.clustered_errors import (
    cluster_bootstrap,
    clustered_covariance,
    variance_inflation_factors,
)
from clv_experiments.evaluation.coefficients import describe_fitted_estimator, likelihood_statistics
from clv_experiments.evaluation.metrics import normalised_gini, spearman


class Fitted:
    """The least a project estimator offers once fitted."""

    def __init__(self, regressor, X, y):
        self.regressor_ = regressor.fit(X, y)
        self.feature_names_in_ = np.asarray(X.columns)

    def fit(self, X, y):
        raise AssertionError("nothing may refit the model it describes")

    def predict(self, X):
        return self.regressor_.predict(X)


def panel(customers=300, origins=3, seed=0, shared=0.0):
    """Spend that is linear in three features; `shared` is noise and signal common to a customer's rows."""
    rng = np.random.default_rng(seed)
    rows = customers * origins
    index = pd.Index(np.tile(np.arange(customers), origins) + 1000, name="customer_id")
    common = np.tile(rng.normal(size=(customers, 3)), (origins, 1))
    noise = np.tile(rng.normal(size=customers), origins)
    X = pd.DataFrame(
        (shared * common + (1 - shared) * rng.normal(size=(rows, 3))) * [1.0, 5.0, 100.0] + [2.0, 0.0, 50.0],
        columns=["days", "orders", "spend"],
        index=index,
    )
    y = 400 + X.to_numpy() @ [3.0, -1.0, 0.2] + 10 * (shared * noise + (1 - shared) * rng.normal(size=rows))
    return X, pd.Series(y, index=index)


def describe(estimator, X, y, seed=0, replicates=200, scorer=spearman, **more):
    rng = np.random.default_rng(seed)
    return describe_fitted_estimator(estimator, X, y, X, y, scorer=scorer, rng=rng, replicates=replicates, **more)


# --- the sandwich -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [0.0, 2.5])
def test_the_sandwich_is_exact_on_a_tiny_panel(penalty):
    rng = np.random.default_rng(2)
    design = np.column_stack([np.ones(9), rng.normal(size=(9, 2))])
    residuals, cluster = rng.normal(size=9), np.array([0, 0, 0, 1, 1, 2, 3, 3, 3])
    ridge = np.array([0.0, penalty, penalty])

    gram, meat = np.diag(ridge), np.zeros((3, 3))
    for row in design:
        gram = gram + np.outer(row, row)
    for customer in range(4):
        total = np.zeros(3)
        for i in range(9):
            if cluster[i] == customer:
                total += design[i] * residuals[i]
        meat += np.outer(total, total)
    expected = 4 / 3 * 8 / 6 * np.linalg.inv(gram) @ meat @ np.linalg.inv(gram)
    np.testing.assert_allclose(clustered_covariance(design, residuals, cluster, ridge), expected, rtol=1e-10)


def test_one_row_a_customer_and_even_noise_agree_with_the_textbook():
    X, y = panel(customers=20_000, origins=1)
    table = describe(Fitted(LinearRegression(), X, y), X, y, replicates=2).set_index("name")
    design = np.column_stack([np.ones(len(X)), X.to_numpy()])
    residuals = y.to_numpy() - design @ table["estimate"].to_numpy()
    classical = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * (residuals @ residuals) / (len(X) - 4))
    # The sandwich's own sampling error is about 1 / sqrt(20,000) = 0.7 %; 3 % is four of those.
    np.testing.assert_allclose(table["standard_error"], classical, rtol=0.03)


def test_rows_of_one_customer_that_repeat_each_other_add_no_certainty():
    X, y = panel(origins=1)
    single = describe(Fitted(LinearRegression(), X, y), X, y, replicates=2)
    X4, y4 = pd.concat([X] * 4), pd.concat([y] * 4)
    repeated = describe(Fitted(LinearRegression(), X4, y4), X4, y4, replicates=2)
    # The small-sample factor still counts rows, which moves the error by less than 1 % here.
    np.testing.assert_allclose(repeated["standard_error"], single["standard_error"], rtol=0.01)


def test_intervals_cover_the_truth_where_customers_cluster():
    truth = np.array([400.0, 3.0, -1.0, 0.2])
    by_error, by_bootstrap = [], []
    for seed in range(60):
        X, y = panel(customers=150, seed=seed, shared=0.7)
        table = describe(Fitted(LinearRegression(), X, y), X, y, seed=seed, replicates=150)
        by_error.append(np.abs(table["estimate"] - truth) <= 1.96 * table["standard_error"])
        by_bootstrap.append((table["boot_lower_95"] <= truth) & (truth <= table["boot_upper_95"]))
    # Four intervals in 60 panels: 95 % with a standard error below 3 % even if the four moved as one.
    assert 0.87 <= np.mean(by_error) <= 0.995
    assert 0.87 <= np.mean(by_bootstrap) <= 0.995


def test_the_bootstrap_refits_on_whole_customers():
    X, y = panel(customers=40)
    design, cluster = np.column_stack([np.ones(len(X)), X.to_numpy()]), pd.factorize(X.index)[0]
    calls = []
    refits = cluster_bootstrap(
        design,
        y.to_numpy(),
        cluster,
        np.zeros(4),
        replicates=3,
        rng=np.random.default_rng(8),
        on_progress=lambda *c: calls.append(c),
    )
    rng = np.random.default_rng(8)
    for refit in refits:
        sample = rng.integers(40, size=40)
        rows = np.concatenate([np.flatnonzero(cluster == customer) for customer in sample])
        expected = np.linalg.lstsq(design[rows], y.to_numpy()[rows], rcond=None)[0]
        np.testing.assert_allclose(refit, expected, rtol=1e-6)
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_variance_inflation_agrees_with_regressions_on_the_other_columns():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(500, 4))
    values[:, 3] = values[:, 0] + 0.5 * rng.normal(size=500)
    standardised = (values - values.mean(axis=0)) / values.std(axis=0)
    for column, factor in enumerate(variance_inflation_factors(standardised)):
        others = np.delete(values, column, axis=1)
        r2 = LinearRegression().fit(others, values[:, column]).score(others, values[:, column])
        assert factor == pytest.approx(1 / (1 - r2), rel=1e-9)


# --- linear models ----------------------------------------------------------------------------------------------

LEAST_SQUARES = {
    "plain": LinearRegression(),
    "scaled": make_pipeline(StandardScaler(), LinearRegression()),
    "scaled ridge": make_pipeline(StandardScaler(), Ridge(alpha=50.0)),
    "unscaled ridge": Ridge(alpha=50.0),
    "uncentred ridge": make_pipeline(StandardScaler(with_mean=False), Ridge(alpha=50.0)),
}


@pytest.mark.parametrize("regressor", LEAST_SQUARES.values(), ids=LEAST_SQUARES.keys())
def test_a_linear_table_predicts_what_its_model_predicts(regressor):
    X, y = panel()
    estimator = Fitted(regressor, X, y)
    table = describe(estimator, X, y, replicates=200).set_index("name")
    assert list(table.index) == ["intercept", *X.columns]
    by_hand = table["estimate"]["intercept"] + X.to_numpy() @ table["estimate"][X.columns].to_numpy()
    np.testing.assert_allclose(by_hand, estimator.regressor_.predict(X), rtol=1e-9)
    slopes = table.loc[X.columns]
    np.testing.assert_allclose(slopes["standardised_estimate"], slopes["estimate"] * X.std(ddof=0), rtol=1e-9)
    assert ((slopes["boot_lower_95"] < slopes["estimate"]) & (slopes["estimate"] < slopes["boot_upper_95"])).all()
    assert (slopes["sign_stable"] == 1.0).all()
    # Two estimates of one spread: 200 replicates know it to 5 %, and three of those is 15 %; clusters add some.
    width = (table["boot_upper_95"] - table["boot_lower_95"]) / (2 * 1.96)
    np.testing.assert_allclose(width, table["standard_error"], rtol=0.25)


def test_a_ridge_in_a_pipeline_is_penalised_on_the_scale_it_was_fitted_on():
    X, y = panel()
    scaled = describe(Fitted(make_pipeline(StandardScaler(), Ridge(alpha=200.0)), X, y), X, y)
    Z = (X - X.mean()) / X.std(ddof=0)
    direct = describe(Fitted(Ridge(alpha=200.0), Z, y), Z, y)
    for column in ("standardised_estimate", "sign_stable", "vif"):
        np.testing.assert_allclose(scaled[column][1:], direct[column][1:], rtol=1e-8)
    for column in ("standard_error", "boot_lower_95", "boot_upper_95"):
        np.testing.assert_allclose(scaled[column][1:] * X.std(ddof=0).to_numpy(), direct[column][1:], rtol=1e-8)


def test_a_feature_without_effect_has_an_unstable_sign():
    X, y = panel()
    X["noise"] = np.random.default_rng(9).normal(size=len(X))
    table = describe(Fitted(LinearRegression(), X, y), X, y).set_index("name")
    assert table["boot_lower_95"]["noise"] < 0 < table["boot_upper_95"]["noise"]
    assert table["sign_stable"]["noise"] < 0.98 < table["sign_stable"]["spend"]


@pytest.mark.parametrize("regressor", LEAST_SQUARES.values(), ids=LEAST_SQUARES.keys())
def test_collinear_and_constant_columns_are_flagged_and_do_not_break_the_rest(regressor):
    X, y = panel()
    alone = describe(Fitted(regressor, X, y), X, y).set_index("name")
    doubled = X.assign(spend_in_cents=100 * X["spend"], country=1.0)
    estimator = Fitted(regressor, doubled, y)
    table = describe(estimator, doubled, y).set_index("name")
    assert np.isinf(table["vif"][["spend", "spend_in_cents", "country"]]).all()
    assert table["vif"]["days"] == pytest.approx(alone["vif"]["days"], rel=1e-6)
    inference = table[["standard_error", "boot_lower_95", "boot_upper_95", "sign_stable"]]
    assert np.isfinite(inference.loc[["intercept", "days"]]).all(axis=None)
    collinear = inference.loc[["spend", "spend_in_cents"]]
    if isinstance(regressor, LinearRegression):  # it chose another of the many solutions: no interval describes it
        assert collinear.isna().all(axis=None)
    else:  # a ridge has one solution, and on one scale the least-norm solution is what the refits find too
        assert np.isfinite(collinear).all(axis=None)
        assert (table["boot_lower_95"] <= table["estimate"]).all()
        assert (table["estimate"] <= table["boot_upper_95"]).all()
    by_hand = table["estimate"]["intercept"] + doubled.to_numpy() @ table["estimate"][doubled.columns].to_numpy()
    np.testing.assert_allclose(by_hand, estimator.regressor_.predict(doubled), rtol=1e-7)
    # Within 1 %, since two copies of a feature share a ridge penalty and so shift the others a little.
    assert table["standard_error"]["days"] == pytest.approx(alone["standard_error"]["days"], rel=0.01)


@pytest.mark.parametrize(
    "regressor",
    [
        make_pipeline(StandardScaler(), Lasso(alpha=1.0)),
        TweedieRegressor(power=1.5, alpha=0.0, max_iter=1000),
        LinearRegression(fit_intercept=False),
    ],
)
def test_no_error_is_claimed_for_a_fit_that_is_not_least_squares(regressor):
    X, y = panel()
    X, y = (X - X.mean()) / X.std(), y.clip(lower=1.0)
    table = describe(Fitted(regressor, X, y), X, y)
    assert table["estimate"].notna().all()
    assert table[["standard_error", "boot_lower_95", "boot_upper_95", "sign_stable"]].isna().all(axis=None)


def test_losses_count_as_they_are_and_columns_may_come_in_any_order():
    X, y = panel()
    y = y - 400
    assert (y < 0).mean() > 0.2
    estimator = Fitted(LinearRegression(), X, y)
    table = describe(estimator, X.assign(unused=1.0)[["unused", "spend", "days", "orders"]], y)
    pd.testing.assert_frame_equal(table, describe(estimator, X, y))
    ahead = describe(Fitted(LinearRegression(), X, y + 400), X, y + 400)
    np.testing.assert_allclose(table["standard_error"], ahead["standard_error"], rtol=1e-6)
    np.testing.assert_allclose(table["estimate"][1:], ahead["estimate"][1:], rtol=1e-9)


def test_an_earlier_step_keeps_its_own_feature_names():
    X, y = panel()
    regressor = make_pipeline(
        FunctionTransformer(np.cbrt, feature_names_out=lambda _, names: [f"cbrt_{name}" for name in names]),
        StandardScaler(),
        LinearRegression(),
    )
    estimator = Fitted(regressor, X, y)
    table = describe(estimator, X, y).set_index("name")["estimate"]
    assert list(table.index) == ["intercept", "cbrt_days", "cbrt_orders", "cbrt_spend"]
    by_hand = table["intercept"] + np.cbrt(X.to_numpy()) @ table.to_numpy()[1:]
    np.testing.assert_allclose(by_hand, estimator.regressor_.predict(X), rtol=1e-9)


def test_the_same_seed_repeats_and_another_does_not():
    X, y = panel(customers=100)
    estimator = Fitted(LinearRegression(), X, y)
    pd.testing.assert_frame_equal(describe(estimator, X, y, seed=1), describe(estimator, X, y, seed=1))
    assert (
        describe(estimator, X, y, seed=1)["boot_lower_95"] != describe(estimator, X, y, seed=2)["boot_lower_95"]
    ).all()


def test_one_customer_has_no_error_and_replicates_must_be_some():
    X, y = panel(customers=1, origins=8)
    estimator = Fitted(LinearRegression(), X, y)
    assert describe(estimator, X, y)["standard_error"].isna().all()
    with pytest.raises(ClvError, match=r"replicates must be at least 1, got 0"):
        describe(estimator, X, y, replicates=0)


# --- importances ------------------------------------------------------------------------------------------------


def planted(rows=2500, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.lognormal(size=(rows, 4)), columns=list("abcd"), index=pd.RangeIndex(rows, name="customer_id"))
    return X, 10 * X["c"] + rng.random(rows)


def test_trees_show_the_planted_feature_by_gain_and_by_permutation():
    X, y = planted()
    estimator = Fitted(RandomForestRegressor(n_estimators=10, max_depth=4, random_state=0), X, y)
    table = describe(estimator, X, y, scorer=normalised_gini).set_index("name")
    assert table["estimate"].sum() == pytest.approx(1.0)
    assert table["estimate"].idxmax() == table["permutation_importance"].idxmax() == "c"
    # A shuffled sole feature leaves a random ranking: the score falls from about 1 to about 0.
    assert table["permutation_importance"]["c"] == pytest.approx(1.0, abs=0.15)
    assert table["permutation_importance"][list("abd")].abs().max() < 0.05
    assert (table["permutation_sd"] >= 0).all()


def test_permutation_is_seeded_and_looks_at_two_thousand_rows():
    X, y = planted()
    estimator = Fitted(RandomForestRegressor(n_estimators=5, max_depth=3, random_state=0), X, y)
    looked_at = []

    def scorer(actual, predicted):
        looked_at.append(list(actual))
        return spearman(actual, predicted)

    first = describe(estimator, X, y, seed=3, scorer=scorer)
    assert len(looked_at) == 1 + 4 * 5
    assert {len(rows) for rows in looked_at} == {2000}
    pd.testing.assert_frame_equal(first, describe(estimator, X, y, seed=3, scorer=scorer))
    assert looked_at[21:] == looked_at[:21]
    describe(estimator, X, y, seed=4, scorer=scorer)
    assert looked_at[42] != looked_at[0], "another seed draws other rows"
    few = X.head(500), y.head(500)
    assert not describe(estimator, *few, seed=3).equals(describe(estimator, *few, seed=4)), "and shuffles otherwise"


def test_a_regressor_without_gain_reports_its_permutation_importance():
    X, y = planted(rows=400)
    table = describe(Fitted(HistGradientBoostingRegressor(max_iter=20), X, y), X, y)
    assert table["estimate"].equals(table["permutation_importance"].rename("estimate"))
    assert table.set_index("name")["estimate"].idxmax() == "c"


def test_a_tree_that_never_split_has_no_gain_and_no_nan():
    from xgboost import XGBRegressor

    X, y = planted(rows=50)
    estimator = Fitted(XGBRegressor(n_estimators=2, n_jobs=1), X, y * 0 + 3.0)
    table = describe(estimator, X, y)
    assert (table["estimate"] == 0).all()
    assert (table["permutation_importance"] == 0).all()


# --- parameters -------------------------------------------------------------------------------------------------


def test_btyd_parameters_get_lognormal_intervals():
    parameters = pd.DataFrame(
        {
            "parameter": ["r", "b"],
            "estimate": [2.0, 4.0],
            "standard_error": [0.5, np.nan],
            "part": ["purchase", "purchase"],
        }
    )
    table = describe(SimpleNamespace(parameters_=parameters), *panel(customers=2))
    assert list(table.columns) == ["name", "estimate", "standard_error", "lower_95", "upper_95", "part"]
    assert np.log([table["lower_95"][0], table["upper_95"][0]]) == pytest.approx(
        [np.log(2) - 1.96 * 0.25, np.log(2) + 1.96 * 0.25], abs=1e-4
    )
    assert table.loc[1, ["lower_95", "upper_95"]].isna().all()
    assert list(parameters.columns) == ["parameter", "estimate", "standard_error", "part"]


def test_a_flat_likelihood_has_no_upper_end_and_no_warning():
    parameters = pd.DataFrame({"parameter": ["b"], "estimate": [1.0], "standard_error": [1e6], "part": ["purchase"]})
    table = describe(SimpleNamespace(parameters_=parameters), *panel(customers=2))
    assert (table["lower_95"][0], table["upper_95"][0]) == (0.0, np.inf)


def test_baselines_show_what_they_have():
    X, y = panel(customers=2)
    mean = SimpleNamespace(parameters_=pd.DataFrame({"parameter": ["mean"], "estimate": [7.0]}))
    assert describe(mean, X, y).to_dict("list") == {"name": ["mean"], "estimate": [7.0]}
    nothing = describe(DummyRegressor(), X, y)
    assert list(nothing.columns) == ["name", "estimate"]
    assert nothing.empty


def test_fit_statistics_are_those_of_a_likelihood():
    btyd = SimpleNamespace(log_likelihood_=-9582.4, aic_=19172.8, bic_=np.float64(19195.9))
    assert likelihood_statistics(btyd) == {"log_likelihood": -9582.4, "aic": 19172.8, "bic": 19195.9}
    assert likelihood_statistics(DummyRegressor()) == {}
