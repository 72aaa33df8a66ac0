"""The distribution of a customer's spend under a BTYD model, simulated from what is known of the customer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from clv_experiments.models.array_input import MONEY
from clv_experiments.models.btyd_fitting import check_customers
from clv_experiments.models.btyd_likelihood import DAYS_A_WEEK
from clv_experiments.models.zero_inflated_lognormal import SMALLEST, probabilities_among_buyers

DRAWS = 1000  # quantiles up to 97.5 % are then within some 5 % of those of many more
SEED = 0  # every customer's draws start from it, so that nobody's depend on who else is asked


@dataclass(frozen=True)
class PosteriorDraws:
    """Draws of a customer's future purchases, given that they are alive at the cutoff.

    Attributes
    ----------
    mean_purchases : numpy.ndarray of shape (draws,)
        Mean of the Poisson number of purchases that their rate and lifetime allow in the horizon.
    max_purchases : numpy.ndarray of shape (draws,)
        At which purchase they drop out, infinite where purchases end nothing.
    """

    mean_purchases: np.ndarray
    max_purchases: np.ndarray


@dataclass(frozen=True)
class PositiveSpend:
    """Spend of a customer who buys at least once: sorted values, and the probability of each or less."""

    values: np.ndarray
    cumulative: np.ndarray

    def quantiles(self, chances: np.ndarray, probabilities: ArrayLike) -> np.ndarray:
        """Return quantiles, shape (n, k), of spend that is 0 but with each of n chances, at k probabilities."""
        among_buyers = probabilities_among_buyers(chances, probabilities)
        positions = np.searchsorted(self.cumulative, np.clip(among_buyers, 0.0, 1.0))
        return np.where(among_buyers > 0, self.values[np.minimum(positions, len(self.values) - 1)], 0.0)

    def probability_above(self, amounts: ArrayLike) -> np.ndarray:
        """Return P(spend > amount) for each amount, of their shape."""
        below = np.searchsorted(self.values, amounts, side="right")
        return 1.0 - np.append(0.0, self.cumulative)[below]


def simulate_positive_spend(
    draws: PosteriorDraws, draw_spend: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator
) -> PositiveSpend:
    """Simulate spend given one purchase or more.

    A draw of rate and lifetime counts by its chance of a purchase, and the purchases are Poisson given that there is
    one: the first comes at an exponential time cut at the horizon's end, further ones in what is left of it.

    Parameters
    ----------
    draws : PosteriorDraws
    draw_spend : callable
        From numbers of purchases to what is spent on each draw's, both of shape (draws,).
    rng : numpy.random.Generator
    """
    weights = -np.expm1(-draws.mean_purchases)
    first = -np.log1p(-rng.random(len(weights)) * weights)
    purchases = np.minimum(1 + rng.poisson(np.maximum(draws.mean_purchases - first, 0.0)), draws.max_purchases)
    spend = draw_spend(purchases)
    order = np.argsort(spend)
    cumulative = np.cumsum(weights[order] if weights.any() else np.ones(len(weights)))
    return PositiveSpend(spend[order], cumulative / cumulative[-1])


class SpendDistribution(ABC):
    """What a BTYD regressor knows of the distribution of spend: quantiles and probabilities, simulated."""

    horizon_days: float
    spend_: Any  # a fitted GammaGamma; None where nothing is known of amounts

    def predict_quantiles(self, X: pd.DataFrame, probabilities: ArrayLike) -> np.ndarray:
        """Return quantiles of spend over ``horizon_days`` at k probabilities, shape (n, k), in the log's currency.

        Without ``monetary_value``, of purchases. Simulated; P(spend > 0) is ``probability_purchase`` exactly.
        """
        chances = self.probability_purchase(X)
        quantiles = np.zeros((len(X), np.size(probabilities)))
        for rows, positive, units in self._simulate_unit_spend_by_history(X):
            quantiles[rows] = units[:, None] * positive.quantiles(chances[rows], probabilities)
        return quantiles

    def probability_above(self, X: pd.DataFrame, amount: float) -> np.ndarray:
        """Return P(spend over ``horizon_days`` > amount), shape (n,); without ``monetary_value``, of purchases."""
        if amount < 0:
            return np.ones(len(X))
        chances = self.probability_purchase(X)
        for rows, positive, units in self._simulate_unit_spend_by_history(X):
            chances[rows] *= positive.probability_above(amount / np.maximum(units, SMALLEST))
        return chances

    def _simulate_unit_spend_by_history(
        self, X: pd.DataFrame
    ) -> Iterator[tuple[np.ndarray, PositiveSpend, np.ndarray]]:
        """Simulate for customers whose spend differs by a factor: yield rows, spend in units, and each one's unit."""
        check_is_fitted(self, "spend_")
        checked = check_customers(self._name_columns(X), ["frequency", "T"])
        spends = self._summarise_known_spends(X) if self.spend_ else checked.assign(**{MONEY: 0.0})
        days, means = spends[["frequency", MONEY]].to_numpy(float).T
        units = self.spend_.spend_draw_scales(days, means) if self.spend_ else np.ones(len(days))
        customers = checked.assign(spend_days=np.where(means > 0, days, 0.0))
        for key, rows in customers.groupby(customers.columns.to_list()).indices.items():
            (frequency, age, spend_days), rng = cast(tuple[float, float, float], key), np.random.default_rng(SEED)
            draws = self._draw_posterior_if_alive(frequency, age / DAYS_A_WEEK, self.horizon_days / DAYS_A_WEEK, rng)
            draw_spend = partial(self.spend_.draw_spend, spend_days, rng) if self.spend_ else np.asarray
            yield np.asarray(rows), simulate_positive_spend(draws, draw_spend, rng), units[rows]

    @abstractmethod
    def probability_purchase(self, X: pd.DataFrame, horizon_days: float | None = None) -> np.ndarray:
        """Return P(at least one purchase day in the horizon), shape (n,)."""

    @abstractmethod
    def _name_columns(self, X: Any) -> pd.DataFrame:
        """Return a frame as it is, and an array with its columns named."""

    @abstractmethod
    def _summarise_known_spends(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return purchase days of known spend, ``frequency``, and their mean, ``monetary_value``."""

    @abstractmethod
    def _draw_posterior_if_alive(self, x: float, T: float, t: float, rng: np.random.Generator) -> PosteriorDraws: ...
