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
from clv_experiments.models.array_input import convert_to_feature_frame, validate_training_data
from clv_experiments.models.scaled_regressor import ScaledRegressor
from clv_experiments.models.stacking_weight import learn_stacking_weight

MIXTURE_QUANTILE_LEVELS = (np.arange(400) + 0.5) / 400  # at which each member's distribution is taken into the mixture
ROWS_AT_ONCE = 4096


def _any_predicts_purchase_probability(ensemble: Ensemble) -> bool:
    return any(hasattr(member, "probability_purchase") for member in ensemble.members.values())


def _all_know_their_distribution(ensemble: Ensemble) -> bool:
    return all(hasattr(member, "predict_quantiles") for member in ensemble.members.values())


class Ensemble(RegressorMixin, BaseEstimator):
    """Mean of the predictions of its members, each with the same weight and, once scaled, the same total.

    Totals are a matter of their own, since each member's errs its own way. The weight of one member may be learnt, such
    as that of a BTYD model, which needs few rows and is hard to beat where customers buy as it says: see
    ``learn_stacking_weight``.

    Parameters
    ----------
    members : mapping of str to estimator
        Cloned and fitted. BTYD models need frequency, recency, T and monetary_value among the features.
    horizon_days : float, optional
        Length of the period to predict, handed to members that take it; by default what each has.
    learn_weight_of : str, optional
        The member whose weight is learnt from the training panel; the others share the rest. By default all weigh the
        same.

    Attributes
    ----------
    members_ : dict of str to ScaledRegressor
    weights_ : dict of str to float
        Share of each member in the mean; they add up to 1.
    parameters_ : pandas.DataFrame
        ``parameter`` (member), ``estimate`` (factor by which it was scaled); ``weight_of_<member>`` where it was
        learnt.
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
    """

    learn_weight_of: str | None = None  # of an ensemble that was stored before a weight could be learnt

    def __init__(
        self,
        members: Mapping[str, Any],
        horizon_days: float | None = None,
        learn_weight_of: str | None = None,
    ) -> None:
        self.members = members
        self.horizon_days = horizon_days
        self.learn_weight_of = learn_weight_of

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
            If there is no member, or one cannot be fitted, or that whose weight is learnt is none or the only one.
        """
        if not self.members:
            raise ClvError("an ensemble needs at least one member (model.estimator.members)")
        if isinstance(X, pd.DataFrame):
            self.n_features_in_ = X.shape[1]
        else:
            X, y = validate_training_data(self, X, y)
        if self.learn_weight_of is not None and (self.learn_weight_of not in self.members or len(self.members) == 1):
            raise ClvError(
                f"'{self.learn_weight_of}', whose weight is to be learnt, must be one of at least two members, got "
                f"{', '.join(self.members)} (model.estimator.learn_weight_of)"
            )
        self.members_ = {}
        for name, member in self.members.items():
            scaled = ScaledRegressor(member, self.horizon_days)
            if customers is None or get_tags(member).target_tags.required:
                self.members_[name] = scaled.fit(X, y, sample_weight)
            else:
                self.members_[name] = scaled.fit(customers)
        if self.learn_weight_of is not None:
            self.weight_ = learn_stacking_weight(self.members_, self.learn_weight_of, X, y, sample_weight)
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

    @available_if(_any_predicts_purchase_probability)
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
        weights = None if weights is None else np.repeat(weights, len(MIXTURE_QUANTILE_LEVELS))
        for first in range(0, len(X), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            members = [
                member.predict_quantiles(X.iloc[part], MIXTURE_QUANTILE_LEVELS) for member in self.members_.values()
            ]
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
        return None if self.learn_weight_of is None else np.array([self.weights_[name] for name in names])

    def _check_features(self, X: Any) -> pd.DataFrame:
        check_is_fitted(self)
        return X if isinstance(X, pd.DataFrame) else convert_to_feature_frame(self, X)

    @property
    def takes_losses(self) -> bool:
        """Whether every member learns from spend below 0."""
        return all(getattr(member, "takes_losses", True) for member in self.members.values())

    @property
    def weights_(self) -> dict[str, float]:
        """Share of each member in the mean."""
        if self.learn_weight_of is None:
            return dict.fromkeys(self.members_, 1 / len(self.members_))
        share = (1 - self.weight_) / (len(self.members_) - 1)
        return {name: self.weight_ if name == self.learn_weight_of else share for name in self.members_}

    @property
    def parameters_(self) -> pd.DataFrame:
        """The factor of each member, and the weight that was learnt."""
        estimates = {name: member.factor_ for name, member in self.members_.items()}
        if self.learn_weight_of is not None:
            estimates[f"weight_of_{self.learn_weight_of}"] = self.weight_
        return pd.DataFrame({"parameter": list(estimates), "estimate": list(estimates.values())})

    @property
    def notes_(self) -> list[str]:
        """The notes of each member, under its name."""
        return [f"{name}: {note}" for name, member in self.members_.items() for note in getattr(member, "notes_", [])]
