"""When customers buy next, learnt from how long others with the same features waited."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from clv_experiments.errors import ClvError

DAYS_AHEAD = "days_ahead"  # the column that tells the classifier which interval a row is of
ROWS_AT_ONCE = 20_000


class PurchaseHazard(BaseEstimator):
    """Discrete-time hazard of the next purchase: P(it comes in an interval, given that it has not come before).

    The horizon is cut into equal intervals, each customer gives one row for each interval up to the one of the
    purchase, and a classifier learns from all rows whether the purchase came in theirs (Singer and Willett 1993, "It's
    About Time"; Tutz and Schmid 2016, "Modeling Discrete Time-to-Event Data", chapter 3). Rows of intervals that were
    not observed to their end are left out, so that a wait cut short counts for as long as it was seen.

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
        The fitted clone; None where all rows, or none, ended in a purchase, and ``hazard_`` says it all.
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

    def fit(self, X: pd.DataFrame, waited: ArrayLike, observed: ArrayLike | None = None) -> Self:
        """Learn from the waits of a training panel of n rows.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, p)
            Features at the cutoff before each wait.
        waited : array-like of shape (n,)
            Days to the next purchase, above 0; nan where there was none while it was observed.
        observed : array-like of shape (n,), optional
            Days that each row was observed; by default ``horizon_days``.

        Raises
        ------
        ClvError
            If a setting, a feature or a wait is out of range, or no interval was observed to its end.
        """
        if not 0 < self.horizon_days < np.inf or self.intervals < 1:
            raise ClvError(
                f"a hazard needs a positive horizon and at least 1 interval, got {self.horizon_days} days and "
                f"{self.intervals}"
            )
        waits = np.asarray(waited, dtype=float)
        seen = np.full(len(waits), self.horizon_days) if observed is None else np.asarray(observed, dtype=float)
        if not len(X) or len(X) != len(waits) or len(X) != len(seen):
            raise ClvError(
                f"the training panel has {len(X)} rows of features and {len(waits)} waits; expected one each"
            )
        if not (np.isnan(waits) | (waits > 0)).all():
            raise ClvError("days to the next purchase must be above 0, or nan where there was none")
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        values = self._known(X)
        row, interval, bought = self._person_periods(waits, seen)
        if not len(row):
            raise ClvError(f"no interval of {self._length:.1f} days was observed to its end; expected longer training")
        self.hazard_ = float(bought.mean())
        self.classifier_ = None
        if 0 < self.hazard_ < 1:
            classifier = _boosted_trees(self.random_state) if self.classifier is None else clone(self.classifier)
            self.classifier_ = classifier.fit(self._rows(values[row], interval), bought)
        return self

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
        ahead = np.atleast_1d(np.asarray(days, dtype=float))
        if not ((ahead > 0) & (ahead <= self.horizon_days)).all():
            raise ClvError(f"days to the next purchase must lie above 0 and up to the horizon, {self.horizon_days:g}")
        values = self._known(X)
        probabilities = np.empty((len(values), len(ahead)))
        place = np.minimum((ahead / self._length).astype(int), self.intervals - 1)
        part_of_it = ahead / self._length - place
        for first in range(0, len(values), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            silence = np.log1p(-np.minimum(self._hazards(values[part]), 1 - 1e-12))
            before = np.column_stack([np.zeros(len(silence)), np.cumsum(silence, axis=1)])
            probabilities[part] = -np.expm1(before[:, place] + silence[:, place] * part_of_it)
        return probabilities

    def _person_periods(self, waits: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return row of the panel, interval (from 0), and whether the purchase came in it; one number a person-period.

        A purchase on day d falls into the interval in which that day ends.
        """
        whole = np.minimum(np.floor(seen / self._length + 1e-9), self.intervals).astype(int)
        ends = np.where(np.isnan(waits), np.inf, np.ceil(waits / self._length - 1e-9))
        count = np.minimum(whole, ends).astype(int)
        row = np.repeat(np.arange(len(waits)), count)
        interval = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        return row, interval, (interval + 1 == ends[row]).astype(int)

    def _hazards(self, values: np.ndarray) -> np.ndarray:
        """Return P(purchase in each interval, given none before), shape (n, intervals)."""
        shape = (len(values), self.intervals)
        if self.classifier_ is None:
            return np.full(shape, self.hazard_)
        rows = self._rows(np.repeat(values, self.intervals, axis=0), np.tile(np.arange(self.intervals), len(values)))
        return self.classifier_.predict_proba(rows)[:, 1].astype(float).reshape(shape)

    def _rows(self, values: np.ndarray, interval: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(
            np.column_stack([values, interval * self._length]), columns=[*self.feature_names_in_, DAYS_AHEAD]
        )

    def _known(self, X: pd.DataFrame) -> np.ndarray:
        missing = [name for name in self.feature_names_in_ if name not in X.columns]
        if missing:
            raise ClvError(
                f"the model was fitted on {self.n_features_in_} features and {', '.join(missing[:5])} is not among the "
                "columns given; give the feature set it was trained on"
            )
        values = X[list(self.feature_names_in_)].to_numpy(dtype=float)
        if not np.isfinite(values).all():
            bad = self.feature_names_in_[~np.isfinite(values).all(axis=0)]
            raise ClvError(f"feature(s) {', '.join(bad[:5])} hold values that are not finite")
        return values

    @property
    def _length(self) -> float:
        return self.horizon_days / self.intervals


def _boosted_trees(random_state: int) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=100, learning_rate=0.1, max_depth=4, min_child_weight=30, subsample=0.8, colsample_bytree=0.7,
        max_bin=64, tree_method="hist", n_jobs=2, random_state=random_state,
    )  # fmt: skip
