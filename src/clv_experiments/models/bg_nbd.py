"""BG/NBD: purchases at a Gamma-distributed rate, a Beta-distributed chance to drop out after each repeat purchase."""

from typing import ClassVar, cast

import numpy as np
import pandas as pd
from scipy.linalg import eigh_tridiagonal
from scipy.special import expit

from clv_experiments.models.btyd import BtydRegressor
from clv_experiments.models.btyd_distribution import DRAWS, PosteriorDraws
from clv_experiments.models.btyd_likelihood import (
    Derivatives,
    DropoutOdds,
    PurchaseHistories,
    gamma_rate_log_likelihood,
    log_rising_factorial,
)

FEWEST_NODES, MOST_NODES = 16, 512
CELLS_AT_ONCE = 2_000_000


class BgNbd(BtydRegressor):
    """BG/NBD of Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way", with Gamma-Gamma spend.

    Attributes
    ----------
    r_, alpha_ : shape and rate (weeks) of the purchase rates
    a_, b_ : of the Beta distribution of dropout probabilities

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"frequency": [2.0], "recency": [213.0], "T": [272.0], "monetary_value": [30.0]})
    >>> model = BgNbd()
    >>> model.r_, model.alpha_, model.a_, model.b_ = 0.2426, 4.4136, 0.7929, 2.4259
    >>> model.expected_purchases(X, horizon_days=273).round(3)
    array([1.226])
    """

    _parameter_names = ("r", "alpha", "a", "b")
    _time_parameters = ("alpha",)
    _fixed_starts = ((0.5, 0.5, 0.5, 2.0), (1.0, 1.0, 1.0, 1.0), (0.3, 0.3, 0.01, 5.0))
    _no_dropout_message = "a/(a+b) < 1e-4: no dropout visible in the log"
    _initial_tosses: ClassVar[int] = 0  # tosses of the dropout coin before the first repeat purchase

    def _log_likelihood_if_alive(self, parameters: np.ndarray, histories: PurchaseHistories) -> Derivatives:
        """Return the log-likelihood of eq. 6 as if all were alive at T, Gamma and Beta ratios as running sums."""
        r, alpha, a, b = parameters
        in_r, in_alpha, in_a, in_b = np.eye(4)[:, None]
        beyond = histories.customers_with_more_than
        tosses = np.append(np.full(self._initial_tosses, histories.customers), beyond)
        purchases = log_rising_factorial(r, beyond).apply_chain_rule(in_r)
        silence = gamma_rate_log_likelihood(r, alpha, histories.x, histories.T, histories.weights).apply_chain_rule(
            np.vstack([in_r, in_alpha])
        )
        stays = log_rising_factorial(b, tosses).apply_chain_rule(in_b) - log_rising_factorial(
            a + b, tosses
        ).apply_chain_rule(in_a + in_b)
        return purchases + silence + stays

    def _dropout_odds(self, parameters: np.ndarray, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> DropoutOdds:
        """Return the odds of having dropped out right after t_x, the only moment when one can before T."""
        r, alpha, a, b = parameters
        tosses = x + self._initial_tosses
        stays = b + (np.maximum(tosses, 1) - 1)  # in this order no digit of a small b is lost
        since, until = 1 / (alpha + tx), 1 / (alpha + T)
        silence = np.log1p((T - tx) * since)
        one = np.ones_like(x)
        log_odds = np.where(tosses > 0, np.log(a / stays) + (r + x) * silence, -np.inf)
        scores = np.stack([silence, (r + x) * (until - since), one / a, -1 / stays])[..., None]
        curvature = {
            (0, 1): until - since,
            (1, 1): (r + x) * (since**2 - until**2),
            (2, 2): -one / a**2,
            (3, 3): stays**-2,
        }
        return DropoutOdds(
            log_odds, one[:, None], scores, {pair: second[:, None] for pair, second in curvature.items()}
        )

    def _alive_probability(self, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        return expit(-self._dropout_odds(self._parameters(), x, tx, T).log_odds)

    def _purchases_if_alive(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        return expected_purchases_if_alive(x, t / (self.alpha_ + T), self.r_, self.a_, self.b_ + self._initial_tosses)

    def _purchase_probability_if_alive(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        return -np.expm1(-(self.r_ + x) * np.log1p(t / (self.alpha_ + T)))

    def _draw_posterior_if_alive(self, x: float, T: float, t: float, rng: np.random.Generator) -> PosteriorDraws:
        rates = rng.gamma(self.r_ + x, size=DRAWS) / (self.alpha_ + T)
        p = rng.beta(self.a_, self.b_ + self._initial_tosses + x, size=DRAWS)
        with np.errstate(divide="ignore", invalid="ignore"):  # p of 0 never ends, p of 1 at once
            tosses = rng.exponential(size=DRAWS) / -np.log1p(-p)
        return PosteriorDraws(rates * t, np.fmax(np.ceil(tosses), 1.0))

    def _population_dropout_share(self, T: float) -> float:
        return self.a_ / (self.a_ + self.b_)


def beta_quadrature(a: float, b: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Jacobi nodes in [0, 1] and weights (positive, summing to 1) for a Beta(a, b) mean.

    The nodes are the eigenvalues of the Jacobi matrix and the weights the squared first components of its eigenvectors
    (Golub and Welsch 1969). The recurrence is written on [0, 1], so that nodes near 0 keep their digits when b is huge.
    """
    k = np.arange(1.0, count)
    total = a + b
    middle = 2 * k + total - 2
    diagonal = np.empty(count)
    diagonal[0] = a / total
    diagonal[1:] = (2 * k * (k + total - 1) + (total - 2) * a) / (middle * (middle + 2))
    squares = np.empty(count - 1)
    squares[0] = a * b / (total**2 * (total + 1))
    k, middle = k[1:], middle[1:]
    numerator = k * (k + a - 1) * (k + b - 1) * (k + total - 2)
    squares[1:] = numerator / (middle**2 * (middle + 1) * (middle - 1))
    nodes, vectors = eigh_tridiagonal(diagonal, np.sqrt(squares))
    weights = vectors[0] ** 2
    return np.clip(nodes, 0.0, 1.0), weights / weights.sum()


def node_counts(u: np.ndarray) -> np.ndarray:
    """Return how many nodes each relative horizon u = t / (alpha + T) needs: a power of two between 16 and 512.

    The integrand looks like exp(-u y) under a weight exp(-y), for which the error shrinks by (1 + 2 / u)^2 a node. The
    count depends on the customer's own u alone, so a forecast never depends on who else is in the frame.
    """
    with np.errstate(divide="ignore"):
        count = 18.5 / np.log1p(2 / u)
    return np.exp2(np.ceil(np.log2(np.clip(count, FEWEST_NODES, MOST_NODES)))).astype(int)


def expected_purchases_if_alive(x: np.ndarray, u: np.ndarray, r: float, a: float, b: float) -> np.ndarray:
    """Return the expected purchases over a relative horizon u of customers alive at T, one a customer.

    With lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + x) this is the mean over p of
    (1 - (1 + p u)^-(r + x)) / p, which equals Fader, Hardie and Lee (2005) eq. 10 divided by P(alive), but has no
    hypergeometric function to overflow: every term is finite, non-negative and increasing in u.

    Parameters
    ----------
    x : frequencies, shape (n,)
    u : t / (alpha + T), shape (n,), no unit
    r, a, b : posterior parameters at x = 0
    """
    groups = pd.DataFrame({"x": x, "count": node_counts(u)}).groupby(["x", "count"]).indices
    purchases = np.empty(len(x))
    for group, rows in groups.items():
        frequency, count = cast(tuple[float, int], group)
        p, weights = beta_quadrature(a, b + frequency, count)
        distinct, positions = np.unique(u[rows], return_inverse=True)
        parts = np.array_split(distinct, 1 + len(distinct) * count // CELLS_AT_ONCE)
        means = [_mean_purchases_over_dropout_nodes(part, r + frequency, p, weights) for part in parts]
        purchases[rows] = np.concatenate(means)[positions]
    return purchases


def _mean_purchases_over_dropout_nodes(u: np.ndarray, shape: float, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    p = np.maximum(p, 1e-200)  # below this p the ratio has long reached its limit, shape * u
    values = -np.expm1(-shape * np.log1p(np.outer(u, p))) / p
    return (values * weights).sum(axis=1)
