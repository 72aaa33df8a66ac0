"""An age-period-cohort model: what cohorts of customers will buy in all, with a standard error."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import softmax, xlogy
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

AGE_KNOT_DAYS = np.array([30.0, 91.0, 182.0, 365.0, 730.0])  # days, where the curve over log age may bend
MONTHS_A_YEAR = 12
INTERCEPT_SD = 3.0
COLUMNS = ["cohort", "month", "age", "exposure"]
MAX_STEPS, TOLERANCE = 100, 1e-6
MIN_RELATIVE_DISPERSION = 1e-6  # of the mean of what was bought: a perfect fit to a few months is luck


@dataclass(frozen=True, eq=False)
class Posterior:
    """The fit under one prior of the seasons: mode, covariance, variance over mean, and log evidence."""

    coefficients: np.ndarray
    covariance: np.ndarray
    dispersion: float
    log_evidence: float


class AgePeriodCohort(BaseEstimator):
    """Log rates as the sum of an age curve, seasons, a trend, cohorts, a random walk and shocks, with normal priors.

    The sum y of cohort c in month t has the mean exposure x exp(curve over log age + season of t + trend + cohort c +
    walk at t + shock of t) and a variance proportional to it (quasi-Poisson). A step of the walk lasts; a shock is of
    one month. Age, period and cohort depend on each other (period = cohort + age), so that data alone cannot tell their
    linear parts apart (Holford 1983, "The Estimation of Age, Period and Cohort Effects for Vital Rates", Biometrics 39;
    Clayton and Schifflers 1987, "Models for Temporal Variation in Cancer Rates II: Age-Period-Cohort Models",
    Statistics in Medicine 6). The priors say how large each may be, and the standard error of a forecast what that
    leaves open: a month of the year that was never seen has its prior, and so have the walk and the shocks to come.

    Where the exposure is what another model expects, as in indirect standardisation, all effects are departures from
    it. Fitted by Newton's method, which is iteratively reweighted least squares with a penalty, once for each prior of
    the seasons; forecasts are averaged by the evidence of each (Laplace's approximation of the quasi-likelihood), so
    that a shop without seasons is not charged for them.

    Parameters
    ----------
    season_sds : prior standard deviations of a month of the year in log rates, one for each way a shop may be
    trend_sd : of the change in a year
    cohort_sd : of a cohort
    walk_sd : of the walk's step from month to month
    shock_sd : of what happened in one month alone
    age_sd, bend_sd : of the slope over log age, and of its change at each knot

    Attributes
    ----------
    posteriors_ : one Posterior for each of season_sds
    weights_ : the share of each by evidence
    rate_ : mean of y over exposure, from which effects depart
    cohorts_ : cohorts that were fitted
    first_month_ : first month that was fitted
    """

    def __init__(
        self,
        season_sds: tuple[float, ...] = (0.03, 0.5),
        trend_sd: float = 0.3,
        cohort_sd: float = 0.3,
        walk_sd: float = 0.02,
        shock_sd: float = 0.05,
        age_sd: float = 0.3,
        bend_sd: float = 0.1,
    ) -> None:
        self.season_sds = season_sds
        self.trend_sd = trend_sd
        self.cohort_sd = cohort_sd
        self.walk_sd = walk_sd
        self.shock_sd = shock_sd
        self.age_sd = age_sd
        self.bend_sd = bend_sd

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> Self:
        """Fit to sums by cohort and month.

        Parameters
        ----------
        X : one row a cohort and month: ``cohort`` and ``month`` (whole; months up to -1), ``age`` (days, its mean in
            the month) and ``exposure`` (customer-days, or what another model expects)
        y : sums of a positive total: purchase days, or spend in any currency
        """
        exposed = X["exposure"].to_numpy() > 0
        X, y = X[exposed], np.asarray(y, dtype=float)[exposed]
        self.cohorts_ = np.unique(X["cohort"])
        self.first_month_ = int(X["month"].min())
        self.rate_ = float(y.sum() / X["exposure"].sum())
        self.n_features_in_, self.feature_names_in_ = len(COLUMNS), np.array(COLUMNS, dtype=object)
        design, expected = self._build_design_matrix(X), X["exposure"].to_numpy() * self.rate_
        self.posteriors_ = [_fit_posterior(design, expected, y, self._prior_sds(sd)) for sd in self.season_sds]
        self.weights_ = softmax([posterior.log_evidence for posterior in self.posteriors_])
        return self

    def predict_total(self, X: pd.DataFrame) -> tuple[float, float]:
        """Predict the sum over all rows, cohorts that were fitted in months from 0 on.

        Returns
        -------
        total : in the unit of y
        standard_error : of its logarithm, by the delta method; from the posterior, the walk and the shocks to come,
            the dispersion of the sum itself, and the difference between the priors of the seasons
        """
        check_is_fitted(self, "posteriors_")
        logs, variances = np.transpose(
            [self._predict_log_total_and_variance(X, posterior) for posterior in self.posteriors_]
        )
        mean = self.weights_ @ logs
        return float(np.exp(mean)), float(np.sqrt(self.weights_ @ (variances + (logs - mean) ** 2)))

    def _predict_log_total_and_variance(self, X: pd.DataFrame, posterior: Posterior) -> tuple[float, float]:
        """Return the logarithm of the total, and its variance, under one prior of the seasons."""
        design = self._build_design_matrix(X)
        means = X["exposure"].to_numpy() * self.rate_ * np.exp(design @ posterior.coefficients)
        total = means.sum()
        months = X["month"].to_numpy()
        shares = np.bincount(months, means) / total
        later = shares[::-1].cumsum()  # what a step of the walk moves: its month and all after it
        gradient = means @ design / total
        variance = gradient @ posterior.covariance @ gradient + posterior.dispersion / total
        variance += self.walk_sd**2 * (later @ later) + self.shock_sd**2 * (shares @ shares)
        return float(np.log(total)), float(variance)

    def _build_design_matrix(self, X: pd.DataFrame) -> np.ndarray:
        """One column a coefficient: intercept, slope and bends over age, seasons, trend, cohorts, walk, shocks."""
        month = X["month"].to_numpy()
        log_age = np.log(np.maximum(X["age"].to_numpy(), 1.0) / AGE_KNOT_DAYS[0])
        age = [log_age, *(np.maximum(log_age - bend, 0.0) for bend in np.log(AGE_KNOT_DAYS / AGE_KNOT_DAYS[0]))]
        seasons = np.equal.outer(np.arange(MONTHS_A_YEAR), month % MONTHS_A_YEAR)
        cohorts = np.equal.outer(self.cohorts_, X["cohort"].to_numpy())
        past = np.arange(self.first_month_, 0)
        steps, shocks = np.less_equal.outer(past, month), np.equal.outer(past, month)
        return np.vstack([np.ones(len(X)), *age, seasons, month / MONTHS_A_YEAR, cohorts, steps, shocks]).T

    def _prior_sds(self, season_sd: float) -> np.ndarray:
        """Prior standard deviation of each column of the design."""
        sds = [INTERCEPT_SD, self.age_sd, self.bend_sd, season_sd, self.trend_sd, self.cohort_sd]
        columns = [1, 1, len(AGE_KNOT_DAYS), MONTHS_A_YEAR, 1, len(self.cohorts_)]
        return np.repeat([*sds, self.walk_sd, self.shock_sd], [*columns, -self.first_month_, -self.first_month_])


def _fit_posterior(design: np.ndarray, expected: np.ndarray, y: np.ndarray, prior_sds: np.ndarray) -> Posterior:
    """Alternate between the mode, given the dispersion, and Pearson's estimate of the dispersion."""
    precision = prior_sds**-2.0
    coefficients, dispersion = np.zeros(design.shape[1]), y.sum() / max((y > 0).sum(), 1)
    smallest = dispersion * MIN_RELATIVE_DISPERSION
    for _ in range(MAX_STEPS):
        coefficients = _find_posterior_mode(design, expected, y, precision, dispersion, coefficients)
        means = expected * np.exp(design @ coefficients)
        information = (design.T * (means / dispersion)) @ design
        curvature = information + np.diag(precision)
        parameters = np.trace(np.linalg.solve(curvature, information))  # that the data decide
        pearson = ((y - means) ** 2 / means).sum() / max(len(y) - parameters, 1.0)
        previous, dispersion = dispersion, max(pearson, smallest)
        if abs(np.log(dispersion / previous)) < TOLERANCE:
            break
    deviance = 2 * (xlogy(np.maximum(y, 0), np.maximum(y, 0) / means) - (y - means)).sum()
    fit = deviance / dispersion + len(y) * np.log(dispersion) + precision @ coefficients**2
    volume = np.linalg.slogdet(curvature)[1] - np.log(precision).sum()
    return Posterior(coefficients, np.linalg.inv(curvature), float(dispersion), float(-(fit + volume) / 2))


def _find_posterior_mode(
    design: np.ndarray,
    expected: np.ndarray,
    y: np.ndarray,
    precision: np.ndarray,
    dispersion: float,
    coefficients: np.ndarray,
) -> np.ndarray:
    """Climb to the mode by Newton's method, with steps halved until they lead up."""

    def cost(candidate: np.ndarray) -> float:
        effects = design @ candidate
        with np.errstate(over="ignore"):  # a step too far is taken back
            return float((expected * np.exp(effects) - y * effects).sum() / dispersion + precision @ candidate**2 / 2)

    current = cost(coefficients)
    for _ in range(MAX_STEPS):
        means = expected * np.exp(design @ coefficients)
        gradient = design.T @ ((y - means) / dispersion) - precision * coefficients
        step = np.linalg.solve((design.T * (means / dispersion)) @ design + np.diag(precision), gradient)
        while (candidate := cost(coefficients + step)) > current + TOLERANCE and np.abs(step).max() > TOLERANCE:
            step = step / 2
        coefficients, current = coefficients + step, candidate
        if np.abs(step).max() < TOLERANCE:
            break
    return coefficients
