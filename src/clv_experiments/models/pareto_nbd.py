"""Pareto/NBD: purchases at a Gamma-distributed rate until an exponential lifetime, its rate Gamma-distributed, ends."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, exprel

from clv_experiments.models.btyd import BtydRegressor
from clv_experiments.models.btyd_distribution import DRAWS, PosteriorDraws
from clv_experiments.models.btyd_likelihood import (
    Derivatives,
    DropoutOdds,
    PurchaseHistories,
    gamma_rate_log_likelihood,
    log_rising_factorial,
)

NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2  # on [0, 1]
LONGEST_DECAY = 45.0  # a silence of probability exp(-45) is left out
ROWS_AT_ONCE = 256  # whose nodes fit a processor's cache


class CompetingRiskNodes(NamedTuple):
    """How a silence may end, at the moments v of a quadrature, each of shape (n, nodes).

    Parameters
    ----------
    purchases, dropouts : P(the silence ends at that node by a purchase, by dropout)
    alpha_growth, beta_growth : (alpha + v) / (alpha + start), (beta + v) / (beta + start)
    log_alpha_growth, log_beta_growth : their logs
    """

    purchases: np.ndarray
    dropouts: np.ndarray
    alpha_growth: np.ndarray
    beta_growth: np.ndarray
    log_alpha_growth: np.ndarray
    log_beta_growth: np.ndarray


class ParetoNbd(BtydRegressor):
    """Pareto/NBD of Schmittlein, Morrison and Colombo (1987), with Gamma-Gamma spend.

    A silence is a race: it ends by a purchase or by dropout, whichever comes first. The likelihood of Fader and Hardie
    (2005), "A Note on Deriving the Pareto/NBD Model", is the sum of two histories, silent and alive until T, or dropped
    out in the silence that began at t_x. Its hypergeometric terms are the integral over that dropout, which is taken
    here by quadrature: all terms are positive, and alpha above, at or below beta makes no difference.

    Attributes
    ----------
    r_, alpha_ : shape and rate (weeks) of the purchase rates
    s_, beta_ : shape and rate (weeks) of the dropout rates
    """

    _parameter_names = ("r", "alpha", "s", "beta")
    _time_parameters = ("alpha", "beta")
    _rows_at_once = ROWS_AT_ONCE
    _fixed_starts = ((0.5, 0.5, 0.5, 0.5), (1.0, 1.0, 1.0, 1.0), (0.5, 0.5, 0.1, 5.0))
    _no_dropout_message = "P(dropout by the longest T) < 1e-4: no dropout visible in the log"

    def _log_likelihood_if_alive(self, parameters: np.ndarray, histories: PurchaseHistories) -> Derivatives:
        """Return the log-likelihood as if all were alive at T."""
        r, alpha, s, beta = parameters
        x, T, weights = histories.x, histories.T, histories.weights
        in_r, in_alpha, in_s, in_beta = np.eye(4)[:, None]
        purchases = log_rising_factorial(r, histories.customers_with_more_than).apply_chain_rule(in_r)
        silence = gamma_rate_log_likelihood(r, alpha, x, T, weights).apply_chain_rule(np.vstack([in_r, in_alpha]))
        return (
            purchases
            + silence
            + gamma_rate_log_likelihood(s, beta, 0.0, T, weights).apply_chain_rule(np.vstack([in_s, in_beta]))
        )

    def _dropout_odds(self, parameters: np.ndarray, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> DropoutOdds:
        """Return the odds of having dropped out between t_x and T, and the shares of the quadrature's moments."""
        r, alpha, s, beta = parameters
        race = _integrate_competing_risks(parameters, x, tx, T)
        total = race.dropouts.sum(axis=1)
        shares = race.dropouts / np.maximum(total, np.finfo(float).tiny)[:, None]
        x, tx, T = x[:, None], tx[:, None], T[:, None]
        alpha_decay, beta_decay = np.log1p((T - tx) / (alpha + tx)), np.log1p((T - tx) / (beta + tx))
        at_alpha, at_beta = 1 / ((alpha + tx) * race.alpha_growth), 1 / ((beta + tx) * race.beta_growth)
        until_alpha, until_beta = 1 / (alpha + T), 1 / (beta + T)
        scores = np.stack(
            [
                alpha_decay - race.log_alpha_growth,
                (r + x) * (until_alpha - at_alpha),
                1 / s + beta_decay - race.log_beta_growth,
                s * until_beta - (s + 1) * at_beta,
            ]
        )
        curvature = {
            (0, 1): until_alpha - at_alpha,
            (1, 1): (r + x) * (at_alpha**2 - until_alpha**2),
            (2, 2): np.array(-(s**-2.0)),
            (2, 3): until_beta - at_beta,
            (3, 3): (s + 1) * at_beta**2 - s * until_beta**2,
        }
        with np.errstate(divide="ignore"):  # no dropout where t_x = T
            log_odds = ((r + x) * alpha_decay + s * beta_decay)[:, 0] + np.log(total)
        return DropoutOdds(log_odds, shares, scores, curvature)

    def _alive_probability(self, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        return expit(-_dropout_log_odds(self._parameters(), x, tx, T))

    def _purchases_if_alive(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Return (r + x)(beta + T) / ((alpha + T)(s - 1)) (1 - ((beta + T) / (beta + T + t))^(s - 1)), or its limit."""
        stretch = np.log1p(t / (self.beta_ + T))
        return (self.r_ + x) * (self.beta_ + T) / (self.alpha_ + T) * stretch * exprel((1 - self.s_) * stretch)

    def _purchase_probability_if_alive(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        return np.minimum(_competing_risk_probabilities(self._parameters(), x, T, T + t)[0], 1.0)

    def _draw_posterior_if_alive(self, x: float, T: float, t: float, rng: np.random.Generator) -> PosteriorDraws:
        rates = rng.gamma(self.r_ + x, size=DRAWS) / (self.alpha_ + T)
        dropout_rates = rng.gamma(self.s_, size=DRAWS) / (self.beta_ + T)
        with np.errstate(divide="ignore", over="ignore"):  # a rate of 0 never ends
            lifetimes = rng.exponential(size=DRAWS) / dropout_rates
        return PosteriorDraws(rates * np.minimum(lifetimes, t), np.full(DRAWS, np.inf))

    def _population_dropout_share(self, T: float) -> float:
        return float(-np.expm1(-self.s_ * np.log1p(T / self.beta_)))


def _dropout_log_odds(parameters: np.ndarray, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Return the log odds of having dropped out between t_x and T."""
    r, alpha, s, beta = parameters
    decay = (r + x) * np.log1p((T - tx) / (alpha + tx)) + s * np.log1p((T - tx) / (beta + tx))
    with np.errstate(divide="ignore"):  # no dropout where t_x = T
        return decay + np.log(_competing_risk_probabilities(parameters, x, tx, T)[1])


def _competing_risk_probabilities(
    parameters: np.ndarray, x: np.ndarray, start: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """Return P(a purchase ends the silence before ``end``) and P(dropout does), alive at ``start``, shape (2, n).

    Both are integrals of the probability of silence times a hazard, (r + x) / (alpha + v) or s / (beta + v).
    """
    parts = [slice(first, first + ROWS_AT_ONCE) for first in range(0, max(len(x), 1), ROWS_AT_ONCE)]
    races = (_integrate_competing_risks(parameters, x[part], start[part], end[part]) for part in parts)
    return np.concatenate([[race.purchases.sum(axis=1), race.dropouts.sum(axis=1)] for race in races], axis=1)


def _integrate_competing_risks(
    parameters: np.ndarray, x: np.ndarray, start: np.ndarray, end: np.ndarray
) -> CompetingRiskNodes:
    """Integrate over y = log of the relative growth of alpha + v or beta + v, whichever is smaller.

    In that variable one hazard is constant and the other has no singularity within pi of the real line, so that 40
    Gauss-Legendre nodes are exact to about 1e-12 (1e-8 at the ends of the parameters' range). The range of integration
    stops where silence has become impossible.
    """
    r, alpha, s, beta = parameters
    sides = [(r + x, alpha + start), (np.full(len(x), s), beta + start)]
    (near, near_age), (far, far_age) = sides if alpha <= beta else sides[::-1]
    ratio = near_age / far_age
    fade = np.log1p(np.expm1(np.minimum(LONGEST_DECAY / far, 600.0)) / ratio)
    length = np.minimum(np.log1p((end - start) / near_age), np.minimum(LONGEST_DECAY / near, fade))[:, None]
    y = length * NODES
    near, far, ratio = near[:, None], far[:, None], ratio[:, None]
    excess = np.expm1(y)
    growth, far_growth = 1 + excess, 1 + ratio * excess
    log_far_growth = np.log1p(ratio * excess)
    p_silent = np.exp(-near * y - far * log_far_growth) * length * WEIGHTS
    ends = near * p_silent, far * p_silent * ratio * growth / far_growth
    if alpha <= beta:
        return CompetingRiskNodes(*ends, growth, far_growth, y, log_far_growth)
    return CompetingRiskNodes(*ends[::-1], far_growth, growth, log_far_growth, y)
