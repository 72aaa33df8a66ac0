"""Pareto/NBD: purchases at a Gamma-distributed rate until an exponential lifetime, its rate Gamma-distributed, ends."""

from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, exprel

from clv_experiments.models.btyd import BtydRegressor
from clv_experiments.models.btyd_distribution import DRAWS, PurchaseDraws

NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2  # on [0, 1]
LONGEST_DECAY = 45.0  # a silence of probability exp(-45) is left out
ROWS_AT_ONCE = 4096


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
    _lifetimes_fitter = "ParetoNBDFitter"
    _lifetimes_options: ClassVar[dict[str, Any]] = {"initial_params": np.ones(4)}  # its default is a random draw
    _fixed_starts = ((0.5, 0.5, 0.5, 0.5), (1.0, 1.0, 1.0, 1.0), (0.5, 0.5, 0.1, 5.0))
    _no_dropout_message = "P(dropout by the longest T) < 1e-4: no dropout visible in the log"

    def _log_likelihood(self, parameters: np.ndarray, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        r, alpha, s, beta = parameters
        rising = np.concatenate([[0.0], np.cumsum(np.log(r + np.arange(x.max())))])[x.astype(int)]
        alive = rising - x * np.log(alpha) - (r + x) * np.log1p(T / alpha) - s * np.log1p(T / beta)
        return alive + np.logaddexp(0.0, _dropout_log_odds(parameters, x, tx, T))

    def _alive_probability(self, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        return expit(-_dropout_log_odds(self._parameters(), x, tx, T))

    def _purchases_if_alive(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Return (r + x)(beta + T) / ((alpha + T)(s - 1)) (1 - ((beta + T) / (beta + T + t))^(s - 1)), or its limit."""
        stretch = np.log1p(t / (self.beta_ + T))
        return (self.r_ + x) * (self.beta_ + T) / (self.alpha_ + T) * stretch * exprel((1 - self.s_) * stretch)

    def _purchase_probability_if_alive(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        return np.minimum(_competing_risks(self._parameters(), x, T, T + t)[0], 1.0)

    def _draw_purchases(self, x: float, T: float, t: float, rng: np.random.Generator) -> PurchaseDraws:
        rates = rng.gamma(self.r_ + x, size=DRAWS) / (self.alpha_ + T)
        dropout_rates = rng.gamma(self.s_, size=DRAWS) / (self.beta_ + T)
        with np.errstate(divide="ignore", over="ignore"):  # a rate of 0 never ends
            lifetimes = rng.exponential(size=DRAWS) / dropout_rates
        return PurchaseDraws(rates * np.minimum(lifetimes, t), np.full(DRAWS, np.inf))

    def _dropout_share(self, T: float) -> float:
        return float(-np.expm1(-self.s_ * np.log1p(T / self.beta_)))

    def _parameters(self) -> np.ndarray:
        return np.array([self.r_, self.alpha_, self.s_, self.beta_])


def _dropout_log_odds(parameters: np.ndarray, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Return the log odds of having dropped out between t_x and T."""
    r, alpha, s, beta = parameters
    decay = (r + x) * np.log1p((T - tx) / (alpha + tx)) + s * np.log1p((T - tx) / (beta + tx))
    with np.errstate(divide="ignore"):  # no dropout where t_x = T
        return decay + np.log(_competing_risks(parameters, x, tx, T)[1])


def _competing_risks(parameters: np.ndarray, x: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return P(a purchase ends the silence before ``end``) and P(dropout does), alive at ``start``, shape (2, n).

    Both are integrals of the probability of silence times a hazard, (r + x) / (alpha + v) or s / (beta + v).
    """
    parts = [slice(first, first + ROWS_AT_ONCE) for first in range(0, max(len(x), 1), ROWS_AT_ONCE)]
    return np.concatenate(
        [_integrate_competing_risks(parameters, x[part], start[part], end[part]) for part in parts], axis=1
    )


def _integrate_competing_risks(parameters: np.ndarray, x: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
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
    growth = ratio * np.expm1(y)
    p_silent = np.exp(-near * y - far * np.log1p(growth)) * length * WEIGHTS
    probabilities = np.stack(
        [(near * p_silent).sum(axis=1), (far * p_silent * (ratio + growth) / (1 + growth)).sum(axis=1)]
    )
    return probabilities if alpha <= beta else probabilities[::-1]
