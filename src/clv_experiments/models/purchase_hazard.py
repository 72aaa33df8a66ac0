"""Time to the next purchase, learnt from the times of earlier customers with the same features."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from clv_experiments.errors import ClvError
from clv_experiments.models.spend_regressor import select_finite_features

DAYS_AHEAD_COLUMN = (
    "days_ahead"  # the classifier's column for the interval of a row: the days from the cutoff to its start
)
ROWS_AT_ONCE = 20_000


class PurchaseHazard(BaseEstimator):
    """Discrete-time hazard of the next purchase: P(it comes in an interval, given that it has not come before).

    The horizon is cut into equal intervals, each customer gives one row for each interval up to the one of the
    purchase, and a classifier learns from all rows whether the purchase came in theirs (Singer and Willett 1993, "It's
    About Time"; Tutz and Schmid 2016, "Modeling Discrete Time-to-Event Data", chapter 3). Rows of intervals that were
    not observed to their end are left out, so that a censored wait counts for as long as it was observed.

    Parameters
    ----------
    horizon_days : float
        How far ahead the estimator looks.
    intervals : int
        How many the horizon is cut into.
    classifier : scikit-learn classifier with ``predict_proba``, optional
        Cloned and fitted to the features and ``days_ahead``, where the row's interval starts; by default gradient
        boosted trees.
    random_state : int
        Seed of the default classifier.

    Attributes
    ----------
    classifier_ : classifier or None
        The fitted clone; None where all rows, or none, ended in a purchase, so that ``hazard_`` suffices.
    hazard_ : float
        Share of the rows that ended in a purchase.
    feature_names_in_ : numpy.ndarray of str
    """

    def __init__(
        self,
        horizon_days: float = 91.0,
        intervals: int = 7,
        classifier: Any = None,
        random_state: int = 0,
    ) -> None:
        self.horizon_days = horizon_days
        self.intervals = intervals
        self.classifier = classifier
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, days_to_purchase: ArrayLike, days_observed: ArrayLike | None = None) -> Self:
        """Fit to a training panel of n rows.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, p)
            Features at the cutoff from which the days count.
        days_to_purchase : array-like of shape (n,)
            Days to the next purchase, above 0; nan where there was none while it was observed.
        days_observed : array-like of shape (n,), optional
            Days that each row was observed; by default ``horizon_days``.

        Raises
        ------
        ClvError
            If a setting, a feature or a number of days is out of range, or no interval was observed to its end.
        """
        durations = np.asarray(days_to_purchase, dtype=float)
        observed = np.full(len(durations), self.horizon_days) if days_observed is None else days_observed
        observed = np.asarray(observed, dtype=float)
        self._check_training(X, durations, observed)
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        values = select_finite_features(X, self.feature_names_in_).to_numpy(dtype=float)
        row, interval, bought = self._expand_to_person_periods(durations, observed)
        if not len(row):
            raise ClvError(
                f"no interval of {self._interval_days:.1f} days was observed to its end; expected longer training"
            )
        self.hazard_ = float(bought.mean())
        self.classifier_ = None
        if 0 < self.hazard_ < 1:
            classifier = _create_boosted_trees(self.random_state) if self.classifier is None else clone(self.classifier)
            self.classifier_ = classifier.fit(self._build_classifier_features(values[row], interval), bought)
        return self

    def _check_training(self, X: pd.DataFrame, durations: np.ndarray, observed: np.ndarray) -> None:
        if not 0 < self.horizon_days < np.inf or self.intervals < 1:
            raise ClvError(
                f"a hazard needs a positive horizon and at least 1 interval, got {self.horizon_days} days and "
                f"{self.intervals}"
            )
        if not len(X) or len(X) != len(durations) or len(X) != len(observed):
            raise ClvError(
                f"the training panel has {len(X)} rows of features and {len(durations)} waits; expected one each"
            )
        if not (np.isnan(durations) | (durations > 0)).all():
            raise ClvError("days to the next purchase must be above 0, or nan where there was none")

    def purchase_probabilities(self, X: pd.DataFrame, days: np.ndarray) -> np.ndarray:
        """Return P(the next purchase day comes within each number of days), shape (n, len(days)).

        It rises with the days; within an interval the hazard is taken to be constant.

        Parameters
        ----------
        days : array of days after the cutoff, positive and up to ``horizon_days``

        Raises
        ------
        ClvError
            If a day lies beyond the horizon, or a feature of the training panel is missing or not finite.
        """
        check_is_fitted(self, "hazard_")
        days = np.atleast_1d(np.asarray(days, dtype=float))
        if not ((days > 0) & (days <= self.horizon_days)).all():
            raise ClvError(f"days to the next purchase must lie above 0 and up to the horizon, {self.horizon_days:g}")
        values = select_finite_features(X, self.feature_names_in_).to_numpy(dtype=float)
        probabilities = np.empty((len(values), len(days)))
        interval = np.minimum((days / self._interval_days).astype(int), self.intervals - 1)
        fraction = days / self._interval_days - interval
        for start in range(0, len(values), ROWS_AT_ONCE):
            batch = slice(start, start + ROWS_AT_ONCE)
            hazards = np.minimum(self._predict_hazards(values[batch]), 1 - 1e-12)
            log_survival = np.log1p(-hazards)  # of each interval alone
            cumulative = np.column_stack([np.zeros(len(log_survival)), np.cumsum(log_survival, axis=1)])
            probabilities[batch] = -np.expm1(cumulative[:, interval] + log_survival[:, interval] * fraction)
        return probabilities

    def _expand_to_person_periods(
        self, durations: np.ndarray, observed: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Expand each row to its observed intervals; a purchase falls into the interval in which its day ends.

        Returns
        -------
        row, interval, bought : numpy.ndarray
            A number a person-period: its row in the panel, its interval (from 0), and whether the purchase came in it.
        """
        full_intervals = np.minimum(np.floor(observed / self._interval_days + 1e-9), self.intervals).astype(int)
        to_purchase = np.where(np.isnan(durations), np.inf, np.ceil(durations / self._interval_days - 1e-9))
        count = np.minimum(full_intervals, to_purchase).astype(int)
        row = np.repeat(np.arange(len(durations)), count)
        interval = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        return row, interval, (interval + 1 == to_purchase[row]).astype(int)

    def _predict_hazards(self, values: np.ndarray) -> np.ndarray:
        """Return P(purchase in each interval, given none before), shape (n, intervals)."""
        shape = (len(values), self.intervals)
        if self.classifier_ is None:
            return np.full(shape, self.hazard_)
        interval = np.tile(np.arange(self.intervals), len(values))
        rows = self._build_classifier_features(np.repeat(values, self.intervals, axis=0), interval)
        return self.classifier_.predict_proba(rows)[:, 1].astype(float).reshape(shape)

    def _build_classifier_features(self, values: np.ndarray, interval: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(
            np.column_stack([values, interval * self._interval_days]),
            columns=[*self.feature_names_in_, DAYS_AHEAD_COLUMN],
        )

    @property
    def _interval_days(self) -> float:
        return self.horizon_days / self.intervals


def _create_boosted_trees(random_state: int) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=100, learning_rate=0.1, max_depth=4, min_child_weight=30, subsample=0.8, colsample_bytree=0.7,
        max_bin=64, tree_method="hist", n_jobs=2, random_state=random_state,
    )  # fmt: skip
