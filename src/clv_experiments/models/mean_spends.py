"""Customers by frequency and mean spend, in cells so narrow that few rows stand for any number of customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from clv_experiments.models.btyd_likelihood import WeightedRows

CELLS_PER_E_FOLD = 128  # in a span of mean spend by a factor of e
STEPS_PER_CELL = (
    2**32
)  # in a cell, to which positions are rounded: sums of them are exact, whatever the order of customers
MAX_CELL = 2**31


@dataclass(frozen=True)
class BinnedMeanSpends(WeightedRows):
    """Repeat purchase days (x, at least 1), their mean spend (m, above 0) and customers of each (weights).

    A cell, of customers with one x and nearly the same m, is two rows a standard deviation of log(m) below and above
    its mean, with half of its customers each. A sum over customers of a smooth function of log(m) then has a relative
    error of the order of CELLS^-4, or CELLS^-3 where their number rises or falls steeply inside of cells; one or two
    customers are exact.
    """

    x: np.ndarray
    m: np.ndarray
    weights: np.ndarray

    @classmethod
    def from_customers(cls, x: np.ndarray, m: np.ndarray) -> Self:
        """Count customers by frequency and mean spend, shape (n,) each, and sort by both."""
        position = np.log(m) * CELLS_PER_E_FOLD
        cell = np.floor(position)
        step = np.rint((position - cell) * STEPS_PER_CELL)
        codes, keys = pd.factorize(x.astype(np.int64) * (2 * MAX_CELL) + cell.astype(np.int64) + MAX_CELL)
        order = np.argsort(keys)
        sums = [np.bincount(codes, values)[order] for values in (None, step, np.rint(step * step / STEPS_PER_CELL))]
        frequency, cell = np.divmod(keys[order], 2 * MAX_CELL)
        return cls.from_log_bins(frequency, cell - MAX_CELL, *sums)

    @classmethod
    def from_log_bins(
        cls, x: np.ndarray, cell: np.ndarray, customers: np.ndarray, steps: np.ndarray, squares: np.ndarray
    ) -> Self:
        """Make rows of cells, shape (cells,) each.

        Parameters
        ----------
        x : frequency
        cell : floor of log(m) * CELLS
        customers : in the cell
        steps, squares : sums of their positions in it and of the squares, in STEPS of its width
        """
        mean, square = steps / customers / STEPS_PER_CELL, squares / customers / STEPS_PER_CELL
        spread = np.sqrt(np.maximum(square - mean**2, 0.0))
        logs = np.concatenate([cell + mean - spread, cell + mean + spread]) / CELLS_PER_E_FOLD
        return cls(np.tile(x.astype(float), 2), np.exp(logs), np.tile(customers / 2, 2))

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(self.x[rows], self.m[rows], self.weights[rows])

    def divide_by(self, unit: float | np.ndarray) -> Self:
        """Return them with mean spends in another unit, one for all or one a row."""
        return type(self)(self.x, self.m / unit, self.weights)

    @property
    def mean(self) -> float:
        """Mean of the customers' mean spends; 0 without customers."""
        return float(self.weights @ self.m / self.customers) if len(self) else 0.0
