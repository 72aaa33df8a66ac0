"""Gamma-Gamma: the expected spend of a customer's next purchase day, from the mean of their earlier ones."""

import logging
from functools import partial
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import betaln, digamma, zeta
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from clv_experiments.errors import ClvError
from clv_experiments.models.array_input import FIRST_SPEND
from clv_experiments.models.btyd_fitting import (
    NOT_CONVERGED,
    check_customers,
    maximise_from_starts,
    parameter_table,
)
from clv_experiments.models.btyd_likelihood import Derivatives
from clv_experiments.models.mean_spends import BinnedMeanSpends
from clv_experiments.models.spend_trend import NO_TREND, fit_significant_spend_trend

logger = logging.getLogger(__name__)

COLUMNS = ("frequency", "monetary_value")
STARTS = ((2.0, 2.0, 1.0), (6.0, 3.0, 0.5), (50.0, 1.0, 0.02))  # p, q - 1, v with a mean spend of p v / (q - 1) = 1
ROWS_AT_ONCE = 8192  # whose terms fit a processor's cache
MIN_EXCESS = 0.01  # with q - 1 below this the population mean p v / (q - 1) has no meaning


class GammaGamma(BaseEstimator):
    """Gamma-Gamma model of Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value".

    It takes spend to be independent of frequency. Where that is wrong beyond doubt, spend is divided by its trend in
    frequency before the fit, and multiplied by it afterwards.

    Parameters
    ----------
    min_repeaters : with fewer customers to fit on, everyone gets the plain mean of their repeat spends

    Attributes
    ----------
    p_, q_, v_ : shape of a purchase day's spend; shape and scale (currency) of its heterogeneity; NaN if not fitted
    mean_spend_ : what a customer without a repeat purchase is expected to spend on a purchase day
    trend_ : SpendTrend by which spend depends on frequency; its exponent is 0 where independence holds
    standard_errors_ : of p, q and v, shape (3,); NaN at a boundary or if not fitted
    log_likelihood_, aic_, bic_ : of the repeaters, in the log's currency; NaN if not fitted
    parameters_ : frame of parameter, estimate, standard_error, part
    boundary_ : why the optimum is no interior one, "" if it is
    notes_ : sentences about the fit that a reader should know
    """

    trend_ = NO_TREND

    def __init__(self, min_repeaters: int = 10) -> None:
        self.min_repeaters = min_repeaters

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Fit on the customers with frequency > 0 and monetary_value > 0; y is ignored.

        An array has the columns frequency, recency, T and monetary_value, in this order.

        Raises
        ------
        ClvError
            If X lacks frequency or monetary_value, or holds impossible values, such as repeat customers with losses.
        """
        return self.fit_grouped(count_customers_by_mean_spend(check_customers(X, COLUMNS)))

    def fit_grouped(self, spends: BinnedMeanSpends) -> Self:
        """Fit on counted customers."""
        self.n_features_in_ = len(COLUMNS)
        self.feature_names_in_ = np.array(COLUMNS, dtype=object)
        self.notes_: list[str] = []
        self.boundary_ = ""
        self.p_ = self.q_ = self.v_ = np.nan
        self.log_likelihood_ = self.aic_ = self.bic_ = np.nan
        self.mean_spend_ = spends.mean
        self.standard_errors_ = np.full(3, np.nan)
        self.trend_ = fit_significant_spend_trend(spends)
        if spends.customers >= max(self.min_repeaters, 1):
            self.standard_errors_ = self._fit_with_standard_errors(spends)
        else:
            self._add_and_log_note(
                f"{spends.customers:.0f} customers repeated, fewer than {self.min_repeaters}: everyone is expected to "
                f"spend {self.mean_spend_:.2f} a purchase day, the mean of the repeat spends"
            )
        return self

    @property
    def parameters_(self) -> pd.DataFrame:
        """Estimates with their standard errors."""
        return parameter_table(("p", "q", "v"), (self.p_, self.q_, self.v_), self.standard_errors_, "spend")

    def _fit_with_standard_errors(self, spends: BinnedMeanSpends) -> np.ndarray:
        """Fit p, q, v and return their standard errors."""
        growth = self.trend_.relative_spend(spends.x)
        if self.trend_.exponent:
            change = 2.0**self.trend_.exponent - 1
            self._add_and_log_note(
                f"Gamma-Gamma spend: a purchase day is worth {change:+.0%} with every doubling of purchase days, not "
                "independent of them as the model assumes; spend follows that trend"
            )
            spends = spends.divide_by(growth)
            self.mean_spend_ = spends.mean
        unit, n = self.mean_spend_, spends.customers
        starts = [np.log(parameters) for parameters in STARTS]
        optimum = maximise_from_starts(_log_likelihood, spends.divide_by(unit), starts, ("p", "q - 1", "v"))
        if not optimum.converged:
            self._add_and_log_note(f"Gamma-Gamma spend: {NOT_CONVERGED}")
        p, excess, v = np.exp(optimum.log_parameters)
        self.p_, self.q_, self.v_ = float(p), float(1 + excess), float(v * unit)
        self.log_likelihood_ = optimum.log_likelihood - n * np.log(unit) - spends.weights @ np.log(growth)
        self.aic_ = 2 * 3 - 2 * self.log_likelihood_
        self.bic_ = np.log(n) * 3 - 2 * self.log_likelihood_
        self.boundary_ = optimum.boundary
        if optimum.boundary:
            self._add_and_log_note(f"Gamma-Gamma spend: {optimum.boundary}")
        if excess >= MIN_EXCESS:
            self.mean_spend_ = float(p * v * unit / excess)
        else:
            self._add_and_log_note(
                f"Gamma-Gamma spend: q = {self.q_:.4f} gives no population mean, the mean of the repeat spends is used"
            )
        return optimum.standard_errors * [p, excess, v * unit]

    def expected_spend_per_purchase(self, X: pd.DataFrame) -> np.ndarray:
        """Return E[M | m, x] = p (v + x m) / (p x + q - 1), shape (n,), in the log's currency.

        Where spend has a trend g(x) in frequency it is g(x) E[M | m / g(x), x], with g(0) = 1. Customers with frequency
        0 or monetary_value <= 0 get ``mean_spend_`` in place of the expectation.
        """
        check_is_fitted(self, "mean_spend_")
        x, m = check_customers(X, COLUMNS).to_numpy().T
        if np.isnan(self.p_):
            return np.full(len(x), self.mean_spend_)
        has_repeats, growth = (x > 0) & (m > 0), self.trend_.relative_spend(x)
        x, m = np.where(has_repeats, x, 1.0), np.where(has_repeats, m / growth, 1.0)
        expected = self.p_ * (self.v_ + x * m) / (self.p_ * x + self.q_ - 1)
        return growth * np.where(has_repeats, expected, self.mean_spend_)

    def spend_draw_scales(self, x: np.ndarray, m: np.ndarray) -> np.ndarray:
        """Return the unit of each customer's draws of spend, shape (n,), in the log's currency."""
        if np.isnan(self.p_):
            return np.full(len(x), self.mean_spend_)
        return self.trend_.relative_spend(x) * self.v_ + np.where(m > 0, x * m, 0.0)

    def draw_spend(self, x: float, rng: np.random.Generator, purchases: np.ndarray) -> np.ndarray:
        """Draw what customers spend on each number of purchases together, in ``spend_draw_scales``.

        The scale of spend is drawn from its posterior at x purchase days whose spend is known (Fader and Hardie 2013,
        eq. 4), in which their mean is no more than a factor; the sum of Gamma spends is Gamma. Shaped as ``purchases``.
        """
        if np.isnan(self.p_):
            return np.asarray(purchases, dtype=float)
        rates = rng.gamma(self.q_ + self.p_ * x, size=len(purchases))
        return rng.gamma(self.p_ * purchases) / np.maximum(rates, np.finfo(float).tiny)

    def _add_and_log_note(self, sentence: str) -> None:
        self.notes_.append(sentence)
        logger.info(sentence)


def summarise_known_spends(customers: pd.DataFrame) -> pd.DataFrame:
    """Count the first purchase day among those whose spend is known.

    Parameters
    ----------
    customers : pandas.DataFrame
        ``frequency``, ``monetary_value`` and ``first_spend`` (currency); spends of 0 or less count as unknown.

    Returns
    -------
    pandas.DataFrame
        ``frequency``, purchase days of known spend, and ``monetary_value``, their mean spend, for the same customers.
    """
    x, m, first = customers[[*COLUMNS, FIRST_SPEND]].to_numpy(float).T
    repeats = np.where(m > 0, x, 0.0)
    days = repeats + (first > 0)
    means = (repeats * m + np.maximum(first, 0.0)) / np.maximum(days, 1.0)
    return pd.DataFrame({"frequency": days, "monetary_value": means}, index=customers.index)


def count_customers_by_mean_spend(customers: pd.DataFrame, include_first_spend: bool = False) -> BinnedMeanSpends:
    """Count the customers with frequency > 0 and monetary_value > 0, or with any purchase day of known spend.

    Raises
    ------
    ClvError
        If there are repeat customers with losses.
    """
    _refuse_repeaters_with_losses(customers)
    customers = summarise_known_spends(customers) if include_first_spend else customers
    x, m = (customers[column].to_numpy() for column in COLUMNS)
    repeats = (x > 0) & (m > 0)
    return BinnedMeanSpends.from_customers(x[repeats], m[repeats])


def _refuse_repeaters_with_losses(customers: pd.DataFrame) -> None:
    repeaters = customers[customers["frequency"] > 0]
    losing = repeaters.index[repeaters["monetary_value"] < 0]
    if len(losing):
        raise ClvError(
            f"Gamma-Gamma describes spend above 0, and the mean of {len(losing):,} of {len(repeaters):,} repeat "
            f"customers is below, first of customer_id {losing[0]}"
        )


def _log_likelihood(parameters: np.ndarray, spends: BinnedMeanSpends) -> Derivatives:
    """Return the log-likelihood of all customers (Fader and Hardie 2013, eq. 1a) at p, q - 1, v, with its derivatives.

    Written with log1p and one Beta function a distinct x: no cancellation when p is huge, little work when n is.
    """
    p, excess, v = parameters
    q = 1 + excess
    above, below_x, log_m, share, rest_x, spread, spread_x = np.sum(
        [_sum_total_spend_terms(part, v) for part in spends.iterate_chunks(ROWS_AT_ONCE)], axis=0
    )
    customers = np.bincount(spends.x.astype(int), spends.weights)
    counts = np.flatnonzero(customers)
    customers = customers[counts]
    trigamma = partial(zeta, 2.0)
    px, both = p * counts, p * counts + q
    value = -(customers @ betaln(px, q)) - q * above - p * below_x - log_m
    in_p = customers @ (counts * (digamma(both) - digamma(px))) - below_x
    in_q = customers @ (digamma(both) - digamma(q)) - above
    in_v = (q * share - p * rest_x) / v
    pp = customers @ (counts**2 * (trigamma(both) - trigamma(px)))
    pq = customers @ (counts * trigamma(both))
    qq = customers @ (trigamma(both) - trigamma(q))
    vv = -(q * spread + p * spread_x) / v**2 - in_v / v
    pv, qv = -rest_x / v, share / v
    return Derivatives(value, np.array([in_p, in_q, in_v]), np.array([[pp, pq, pv], [pq, qq, qv], [pv, qv, vv]]))


def _sum_total_spend_terms(spends: BinnedMeanSpends, v: float) -> np.ndarray:
    """Return the sums over customers that need each one's total spend x m, with s = x m / (v + x m).

    They are those of log(1 + x m / v), x log(1 + v / (x m)), log m, s, x (1 - s), s (1 - s) and x s (1 - s).
    """
    x, m, weights = spends.x, spends.m, spends.weights
    ratio = x * m / v
    rest = 1 / (1 + ratio)
    share = ratio * rest
    spread = share * rest
    of_all = np.stack([np.log1p(ratio), np.log(m), share, spread]) @ weights
    of_days = np.stack([np.log1p(1 / ratio), rest, spread]) @ (x * weights)
    return np.array([of_all[0], of_days[0], of_all[1], of_all[2], of_days[1], of_all[3], of_days[2]])
