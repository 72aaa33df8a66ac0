"""Several models as one: each brought to the same total, then averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from clv_experiments.errors import ClvError
from clv_experiments.models.array_input import validate_features, validate_training_data
from clv_experiments.models.scaled_regressor import ScaledRegressor

LEVELS = (np.arange(400) + 0.5) / 400  # at which each member's distribution is taken into the mixture
ROWS_AT_ONCE = 4096


def _any_predicts_purchases(ensemble: Ensemble) -> bool:
    return any(hasattr(member, "probability_purchase") for member in ensemble.members.values())


def _all_know_their_distribution(ensemble: Ensemble) -> bool:
    return all(hasattr(member, "predict_quantiles") for member in ensemble.members.values())


class Ensemble(RegressorMixin, BaseEstimator):
    """Mean of the predictions of its members, each with the same weight and, once scaled, the same total.

    Weights that are learnt do no better than equal ones where so few periods are known; totals are a matter of their
    own, since each member's errs its own way. One member may be the prior, which needs few rows to be any good: the
    others then have n / (n + prior_rows) of the weight, where n is the number of rows they learnt from, as in
    credibility theory (Bühlmann 1967).

    Parameters
    ----------
    members : mapping of str to estimator
        Cloned and fitted. BTYD models need frequency, recency, T and monetary_value among the features.
    horizon_days : float, optional
        Length of the period to predict, handed to members that take it; by default what each has.
    prior : str, optional
        The member that weighs as much as ``prior_rows`` rows of the training panel; by default all weigh the same.
    prior_rows : float
        At least 0, with which the prior weighs nothing.

    Attributes
    ----------
    members_ : dict of str to ScaledRegressor
    weights_ : dict of str to float
        Share of each member in the mean; they add up to 1.
    parameters_ : pandas.DataFrame
        ``parameter`` (member), ``estimate`` (factor by which it was scaled).
    notes_ : list of str
        What a reader should know of the members' fits.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> X, y = pd.DataFrame({"frequency": [0.0, 1.0, 2.0]}), [0.0, 0.0, 30.0]
    >>> members = {"mean": DummyRegressor(), "median": DummyRegressor(strategy="constant", constant=2.0)}
    >>> ensemble = Ensemble(members).fit(X, y)
    >>> ensemble.predict(X).tolist(), ensemble.scale_to(X, 60.0).predict(X).tolist()
    ([6.0, 6.0, 6.0], [20.0, 20.0, 20.0])
    >>> Ensemble(members, prior="mean", prior_rows=1).fit(X, y).weights_
    {'mean': 0.25, 'median': 0.75}
    """

    prior: str | None = None  # of an ensemble that was stored before it could have one
    prior_rows: float = 350.0

    def __init__(
        self,
        members: Mapping[str, Any],
        horizon_days: float | None = None,
        prior: str | None = None,
        prior_rows: float = 350.0,
    ) -> None:
        self.members = members
        self.horizon_days = horizon_days
        self.prior = prior
        self.prior_rows = prior_rows

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None, customers: pd.DataFrame | None = None) -> Self:
        """Fit every member.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, p)
            Features of the training panel.
        y : array-like of shape (n,)
            Spend in the horizon that followed (currency).
        sample_weight : array-like of shape (n,), optional
            How often each row counts for members that learn from labels.
        customers : pandas.DataFrame, optional
            Features of all customers of the cutoff, on which members that need no labels (BTYD) are fitted; by default
            ``X``.

        Raises
        ------
        ClvError
            If there is no member, or one cannot be fitted, or the prior is none of them or their only one.
        """
        if not self.members:
            raise ClvError("an ensemble needs at least one member (model.estimator.members)")
        if isinstance(X, pd.DataFrame):
            self.n_features_in_ = X.shape[1]
        else:
            X, y = validate_training_data(self, X, y)
        if self.prior is not None and (self.prior not in self.members or len(self.members) == 1):
            raise ClvError(
                f"the prior '{self.prior}' must be one of at least two members, got {', '.join(self.members)} "
                "(model.estimator.prior)"
            )
        if not 0 <= self.prior_rows < np.inf:
            raise ClvError(
                f"prior_rows must be a finite number >= 0, got {self.prior_rows} (model.estimator.prior_rows)"
            )
        self.members_, self.rows_ = {}, len(X)
        for name, member in self.members.items():
            scaled = ScaledRegressor(member, self.horizon_days)
            if customers is None or get_tags(member).target_tags.required:
                self.members_[name] = scaled.fit(X, y, sample_weight)
            else:
                self.members_[name] = scaled.fit(customers)
        return self

    def scale_to(self, X: pd.DataFrame, total: float | None = None) -> Self:
        """Scale every member to the same total by one factor each, which later predictions keep.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, p)
            Features of all customers of the cutoff.
        total : float, optional
            Currency; by default the mean of the members' own totals.

        Raises
        ------
        ClvError
            If the total is no finite number >= 0.
        """
        check_is_fitted(self)
        if total is None:
            totals = [member.estimator_.predict(X).sum() for member in self.members_.values()]
            total = float(np.average(totals, weights=self._select_weights(list(self.members_))))
        for member in self.members_.values():
            member.scale_to(X, total)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict holdout spend, shape (n,), currency, finite and >= 0."""
        return self._average("predict", self._check_features(X))

    @available_if(_any_predicts_purchases)
    def probability_purchase(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of any purchase in the horizon, shape (n,): the mean of members that predict it."""
        return self._average("probability_purchase", self._check_features(X))

    @available_if(_all_know_their_distribution)
    def predict_quantiles(self, X: pd.DataFrame, probabilities: ArrayLike) -> np.ndarray:
        """Return quantiles of the mixture of the members' distributions at k probabilities, shape (n, k), currency.

        The mean of the mixture is what ``predict`` returns.
        """
        X = self._check_features(X)
        quantiles = np.empty((len(X), np.size(probabilities)))
        weights = self._select_weights(list(self.members_))
        weights = None if weights is None else np.repeat(weights, len(LEVELS))
        for first in range(0, len(X), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            members = [member.predict_quantiles(X.iloc[part], LEVELS) for member in self.members_.values()]
            mixture = np.concatenate(members, axis=1)
            quantiles[part] = np.quantile(
                mixture, np.ravel(probabilities), axis=1, method="inverted_cdf", weights=weights
            ).T
        return quantiles

    @available_if(_all_know_their_distribution)
    def probability_above(self, X: pd.DataFrame, amount: float) -> np.ndarray:
        """Return P(spend > amount), shape (n,): the mean of the members'."""
        return self._average("probability_above", self._check_features(X), amount)

    def _average(self, method: str, X: pd.DataFrame, *arguments: Any) -> np.ndarray:
        """Weighted mean over the members that offer a method."""
        names = [name for name, member in self.members_.items() if hasattr(member, method)]
        values = [getattr(self.members_[name], method)(X, *arguments) for name in names]
        return np.average(values, axis=0, weights=self._select_weights(names))

    def _select_weights(self, names: list[str]) -> np.ndarray | None:
        """Return the weights of some members; None if all weigh the same."""
        return None if self.prior is None else np.array([self.weights_[name] for name in names])

    def _check_features(self, X: Any) -> pd.DataFrame:
        check_is_fitted(self)
        return X if isinstance(X, pd.DataFrame) else validate_features(self, X)

    @property
    def takes_losses(self) -> bool:
        """Whether every member learns from spend below 0."""
        return all(getattr(member, "takes_losses", True) for member in self.members.values())

    @property
    def weights_(self) -> dict[str, float]:
        """Share of each member in the mean."""
        others = len(self.members_) - (self.prior is not None)
        prior = 0.0 if self.prior is None else self.prior_rows / (self.prior_rows + self.rows_)
        return {name: prior if name == self.prior else (1 - prior) / others for name in self.members_}

    @property
    def parameters_(self) -> pd.DataFrame:
        """The factor of each member."""
        factors = {name: member.factor_ for name, member in self.members_.items()}
        return pd.DataFrame({"parameter": list(factors), "estimate": list(factors.values())})

    @property
    def notes_(self) -> list[str]:
        """The notes of each member, under its name."""
        return [f"{name}: {note}" for name, member in self.members_.items() for note in getattr(member, "notes_", [])]
