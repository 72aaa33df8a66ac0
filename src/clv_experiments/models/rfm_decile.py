"""Baseline: the mean spend that followed in the customer's RFM decile."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d

from clv_experiments.models.array_input import CUSTOMER_COLUMNS, name_array_columns
from clv_experiments.models.rule_baseline import select_columns


class RfmDecile(RegressorMixin, BaseEstimator):
    """Rank customers by the mean of their recency, frequency and monetary ranks, and predict their group's mean.

    Without ``monetary_value``, as of a log without amounts, by the first two.

    A customer's rank in each of the three is its position among the training panel's values (ties share the mean),
    so that one customer's score does not depend on which other customers are predicted.

    Parameters
    ----------
    groups : int
        Number of groups; fewer result where many customers share a score.

    Attributes
    ----------
    has_money_ : bool
        Whether customers had a ``monetary_value``.
    edges_ : numpy.ndarray
        Scores that separate the groups, ascending.
    parameters_ : pandas.DataFrame
        ``parameter`` (group), ``estimate`` (mean spend that followed, currency), ``customers``.
    """

    def __init__(self, groups: int = 10) -> None:
        self.groups = groups

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Learn the ranks, the groups and their means from the training panel, each row counted by its weight.

        An array has the columns frequency, recency, T and perhaps monetary_value, in this order.
        """
        X = name_array_columns(X, CUSTOMER_COLUMNS, 3)
        y = column_or_1d(y, warn=True)
        self.n_features_in_ = X.shape[1]
        self.has_money_ = "monetary_value" in X.columns
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        counted = np.ones(len(X)) if weights is None else weights
        orders = [np.argsort(values, kind="stable") for values in self._extract_rfm(X)]
        self.values_ = [values[order] for values, order in zip(self._extract_rfm(X), orders, strict=True)]
        self.below_ = [np.append(0.0, np.cumsum(counted[order])) for order in orders]
        scores = self._compute_mean_rfm_ranks(X)
        levels = np.linspace(0, 1, self.groups + 1)[1:-1]
        weighted = {} if weights is None else {"weights": weights, "method": "inverted_cdf"}
        self.edges_ = np.unique(np.quantile(scores, levels, **weighted))
        group, spend = np.searchsorted(self.edges_, scores), np.asarray(y, dtype=float)
        customers = np.bincount(group, weights=weights, minlength=len(self.edges_) + 1)
        total = np.bincount(group, weights=counted * spend, minlength=len(self.edges_) + 1)
        # The top edge can equal the top score and leave the last group empty: it gets the overall mean.
        means = total / np.where(customers > 0, customers, 1.0)
        self.means_ = np.where(customers > 0, means, np.average(spend, weights=weights))
        self.customers_ = customers
        return self

    @property
    def parameters_(self) -> pd.DataFrame:
        """The mean of each group."""
        names = [f"rfm_group_{number + 1}" for number in range(len(self.means_))]
        return pd.DataFrame({"parameter": names, "estimate": self.means_, "customers": self.customers_})

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the group means, shape (n,), currency."""
        check_is_fitted(self)
        return self.means_[
            np.searchsorted(self.edges_, self._compute_mean_rfm_ranks(name_array_columns(X, CUSTOMER_COLUMNS, 3)))
        ]

    def _extract_rfm(self, X: pd.DataFrame) -> list[np.ndarray]:
        names = ("T", "recency", "frequency", *(["monetary_value"] if self.has_money_ else []))
        T, recency, *ranked = select_columns(X, names, "RfmDecile")
        return [recency - T, *ranked]

    def _counts_below(self) -> list[np.ndarray]:
        """Return how many rows lie below each value; models kept by older versions counted each once."""
        return getattr(self, "below_", None) or [np.arange(len(values) + 1) for values in self.values_]

    def _compute_mean_rfm_ranks(self, X: pd.DataFrame) -> np.ndarray:
        ranks = [
            (below[np.searchsorted(reference, values, "left")] + below[np.searchsorted(reference, values, "right")])
            / (2 * below[-1])
            for reference, below, values in zip(self.values_, self._counts_below(), self._extract_rfm(X), strict=True)
        ]
        return np.mean(ranks, axis=0)
