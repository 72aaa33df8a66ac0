"""The likelihood that BTYD models share, with its first and second derivatives, over distinct histories."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

DAYS_A_WEEK = 7.0


@dataclass(frozen=True)
class Derivatives:
    """A function's value, gradient (k,) and Hessian (k, k) at a point."""

    value: float
    gradient: np.ndarray
    hessian: np.ndarray

    def __add__(self, other: "Derivatives") -> "Derivatives":
        gradient, hessian = self.gradient + other.gradient, self.hessian + other.hessian
        return Derivatives(self.value + other.value, gradient, hessian)

    def __sub__(self, other: "Derivatives") -> "Derivatives":
        return self + Derivatives(-other.value, -other.gradient, -other.hessian)

    def apply_chain_rule(self, jacobian: np.ndarray) -> "Derivatives":
        """Return the derivatives in m variables of which these k are linear functions, by the Jacobian (k, m)."""
        return Derivatives(self.value, self.gradient @ jacobian, jacobian.T @ self.hessian @ jacobian)

    def to_log_parameters(self, parameters: np.ndarray) -> "Derivatives":
        """Return the derivatives with respect to the logs of the parameters."""
        gradient = parameters * self.gradient
        return Derivatives(self.value, gradient, np.outer(parameters, parameters) * self.hessian + np.diag(gradient))

    def is_finite(self) -> bool:
        """Whether value, gradient and Hessian are all finite."""
        return all(np.isfinite(part).all() for part in (self.value, self.gradient, self.hessian))


class DropoutOdds(NamedTuple):
    """The log odds that customers dropped out in the silence before T, and what the moment of it says of parameters.

    Parameters
    ----------
    log_odds : of dropped out against alive at T, shape (n,)
    shares : of each possible moment among dropouts, shape (n, moments), each row adding up to 1
    scores : gradient of the log odds of dropout at that moment, shape (k, n, moments)
    curvature : non-zero second derivatives of the same, by the positions of two parameters
    """

    log_odds: np.ndarray
    shares: np.ndarray
    scores: np.ndarray
    curvature: dict[tuple[int, int], np.ndarray]


class WeightedRows(ABC):
    """Rows that each stand for a number of customers (weights) who are alike."""

    weights: np.ndarray

    @abstractmethod
    def __getitem__(self, rows: slice) -> Self: ...

    def __len__(self) -> int:
        return len(self.weights)

    def systematic_sample(self, size: int) -> Self:
        """Return every k-th row with its weight, at most ``size`` of them."""
        return self[:: -(-len(self) // size)]

    def iterate_chunks(self, rows: int) -> Iterator[Self]:
        """Cut the rows into parts of at most so many."""
        return (self[start : start + rows] for start in range(0, len(self), rows))

    @cached_property
    def customers(self) -> float:
        """Customers of all rows together."""
        return float(self.weights.sum())


@dataclass(frozen=True)
class PurchaseHistories(WeightedRows):
    """Distinct histories: purchase days after the first (x), t_x and T in weeks, and customers of each (weights)."""

    x: np.ndarray
    tx: np.ndarray
    T: np.ndarray
    weights: np.ndarray

    @classmethod
    def from_customers(cls, customers: pd.DataFrame) -> Self:
        """Count the distinct histories of customers with frequency, recency and T in days, sorted by these."""
        counts = customers.groupby(["frequency", "recency", "T"]).size()
        x, recency, T = (counts.index.get_level_values(level).to_numpy(dtype=float) for level in range(3))
        return cls.from_days(x, recency, T, counts.to_numpy(dtype=float))

    @classmethod
    def from_days(cls, frequency: np.ndarray, recency: np.ndarray, T: np.ndarray, customers: np.ndarray) -> Self:
        """Make histories of distinct ones in days, and the customers of each, shape (n,) each."""
        return cls(frequency, recency / DAYS_A_WEEK, T / DAYS_A_WEEK, customers)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(self.x[rows], self.tx[rows], self.T[rows], self.weights[rows])

    @cached_property
    def customers_with_more_than(self) -> np.ndarray:
        """Customers with more than k purchase days after the first, for k = 0, 1, ... max(x) - 1."""
        counts = np.bincount(self.x.astype(int), self.weights)
        return counts[::-1].cumsum()[::-1][1:]


def gamma_rate_log_likelihood(
    shape: float, rate: float, x: ArrayLike, T: np.ndarray, weights: np.ndarray
) -> Derivatives:
    """Return the sum of weights times log(rate^shape (rate + T)^-(shape + x)), in shape and rate.

    It is what the Gamma-distributed rate of x events by T contributes, without its rising factorial.
    """
    x, inverse = np.asarray(x, dtype=float), 1 / (rate + T)
    decay, elapsed = weights @ np.log1p(T / rate), weights @ (T * inverse) / rate
    value = -shape * decay - weights @ (x * np.log(rate + T))
    slope = weights @ ((shape * T / rate - x) * inverse)
    bend = weights @ ((shape + x) * inverse**2) - weights.sum() * shape / rate**2
    return Derivatives(value, np.array([-decay, slope]), np.array([[0.0, elapsed], [elapsed, bend]]))


def log_rising_factorial(shape: float, customers_beyond: np.ndarray) -> Derivatives:
    """Return the sum over customers of log(Gamma(shape + x) / Gamma(shape)), by a sum that is exact at any size."""
    terms = shape + np.arange(len(customers_beyond))
    inverse = 1 / terms
    slope, bend = customers_beyond @ inverse, -(customers_beyond @ inverse**2)
    return Derivatives(customers_beyond @ np.log(terms), np.array([slope]), np.array([[bend]]))


def sum_dropout_terms(dropout: DropoutOdds, weights: np.ndarray) -> Derivatives:
    """Return the sum of weights times log(1 + odds of dropout).

    Alive at T, or dropped out at one of several moments: a mixture, whose derivatives are the posterior means of those
    of its parts and the variance of their scores (Louis 1982, "Finding the Observed Information Matrix when Using the
    EM Algorithm").
    """
    rest = np.exp(-np.abs(dropout.log_odds))
    value = weights @ (np.maximum(dropout.log_odds, 0.0) + np.log1p(rest))
    dropped = np.where(dropout.log_odds > 0, 1.0, rest) / (1 + rest)
    k = len(dropout.scores)
    joint = (weights * dropped)[:, None] * dropout.shares
    means = (dropout.shares * dropout.scores).sum(axis=2)
    scores = dropout.scores.reshape(k, -1)
    hessian = (scores * joint.ravel()) @ scores.T - (means * (weights * dropped**2)) @ means.T
    for (i, j), second in dropout.curvature.items():
        total = (joint * second).sum()
        hessian[i, j] += total
        hessian[j, i] += total if i != j else 0.0
    return Derivatives(value, means @ (weights * dropped), hessian)
