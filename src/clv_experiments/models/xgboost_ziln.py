"""Zero-inflated lognormal spend by gradient-boosted trees: who buys, how much, and how uncertain that is."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from xgboost import Booster, DMatrix, train

from clv_experiments.errors import ClvError
from clv_experiments.models.zero_inflated_lognormal import ZeroInflatedLognormal, bound_lognormal

MAX_LOG_SCALE = 2.0  # sigma stays within exp(-2) and exp(2) times the deviation of all log spends
MIN_CURVATURE = 1e-6  # of what a customer without spend says nothing about


def ziln_gradient_and_information(raw: np.ndarray, z: np.ndarray, bought: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and curvature of the negative log-likelihood by the raw parameters, each of shape (n, 3).

    Parameters
    ----------
    raw : numpy.ndarray of shape (n, 3)
        Log odds of spend, mu, and log sigma; the last counts as +-2 beyond that.
    z : numpy.ndarray of shape (n,)
        Log spend, of any unit; what stands where nothing was spent does not matter.
    bought : numpy.ndarray of bool, shape (n,)

    Notes
    -----
    The curvature is the expected one (Fisher's information), 1 / sigma^2 and 2 of a buyer's mu and log sigma: unlike
    the second derivatives it is positive everywhere, so that a Newton step always leads down.
    """
    chance = expit(raw[:, 0])
    sigma = np.exp(np.clip(raw[:, 2], -MAX_LOG_SCALE, MAX_LOG_SCALE))
    residual = np.where(bought, (z - raw[:, 1]) / sigma, 0.0)
    gradient = np.column_stack([chance - bought, -residual / sigma, np.where(bought, 1 - residual**2, 0.0)])
    curvature = np.column_stack([chance * (1 - chance), bought / sigma**2, 2.0 * bought])
    return gradient, np.maximum(curvature, MIN_CURVATURE)


class XgboostZiln(RegressorMixin, BaseEstimator):
    """Zero-inflated lognormal regression (Wang, Liu and Miao 2019, arXiv 1912.07753) with trees for its network.

    Each round grows one tree for the log odds of spend, one for the mean of log spend and one for the logarithm of its
    deviation, by XGBoost and one loss, the negative log-likelihood. Boosting starts at what fits all customers alike.

    Parameters
    ----------
    n_estimators : int
        Rounds of three trees.
    learning_rate, max_depth, min_child_weight, subsample, colsample_bytree, reg_lambda, n_jobs, random_state
        As of ``xgboost.XGBRegressor``; a customer weighs p (1 - p) in the trees of who buys, and a buyer about 1 and 2
        in those of how much and how uncertain.

    Attributes
    ----------
    booster_ : xgboost.Booster
    log_odds_, log_mean_, log_scale_ : float
        Where boosting starts: log odds of spend, mean and deviation of log spend.
    largest_ : float
        Largest spend in training, which no buyer's expected spend exceeds.
    """

    def __init__(
        self,
        n_estimators: int = 150,
        learning_rate: float = 0.05,
        max_depth: int = 3,
        min_child_weight: float = 10.0,
        subsample: float = 0.8,
        colsample_bytree: float = 1.0,
        reg_lambda: float = 1.0,
        n_jobs: int = 2,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.reg_lambda = reg_lambda
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to n rows of features and spend >= 0, each counted as often as its weight.

        Raises
        ------
        ClvError
            If somebody's spend lies below 0, or nobody has any, so that there is nothing to learn its size from.
        """
        features, spend = validate_data(self, X, y, dtype=float, y_numeric=True)
        if (spend < 0).any():
            raise ClvError("ZILN has no place for spend below 0")
        bought = spend > 0
        if not bought.any():
            raise ClvError("nobody in the training panel bought anything: ZILN has no spend to learn from")
        logs = np.log(spend[bought])
        weights = _check_sample_weight(sample_weight, features)
        self.log_odds_ = float(logit((weights[bought].sum() + 0.5) / (weights.sum() + 1)))
        self.log_mean_ = float(np.average(logs, weights=weights[bought]))
        self.log_scale_ = float(np.sqrt(np.average((logs - self.log_mean_) ** 2, weights=weights[bought]))) or 1.0
        self.largest_ = float(spend.max())
        z = np.zeros(len(spend))
        z[bought] = (logs - self.log_mean_) / self.log_scale_
        self.booster_ = self._train_booster(DMatrix(features, spend), z, bought, weights[:, None])
        return self

    def _train_booster(self, rows: DMatrix, z: np.ndarray, bought: np.ndarray, weights: np.ndarray) -> Booster:
        start = np.array([self.log_odds_, 0.0, 0.0])
        settings = {name: value for name, value in self.get_params().items() if name not in NON_BOOSTER_PARAMETERS}
        settings |= {"num_target": 3, "base_score": 0.0, "nthread": self.n_jobs, "seed": self.random_state}
        return train(
            settings | {"disable_default_eval_metric": True},
            rows,
            self.n_estimators,
            obj=lambda margins, _: tuple(
                weights * part for part in ziln_gradient_and_information(start + margins, z, bought)
            ),
        )

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return expected spend, p exp(mu + sigma^2 / 2), shape (n,), in the unit of y."""
        return self.distribution(X).mean

    def probability_purchase(self, X: ArrayLike) -> np.ndarray:
        """Return the probability of any spend, shape (n,)."""
        return self.distribution(X).probability

    def distribution(self, X: ArrayLike) -> ZeroInflatedLognormal:
        """Return the distribution of each customer's spend, in the unit of y."""
        check_is_fitted(self)
        margins = self.booster_.predict(DMatrix(validate_data(self, X, dtype=float, reset=False))).astype(float)
        mu = self.log_mean_ + self.log_scale_ * margins[:, 1]
        sigma = self.log_scale_ * np.exp(np.clip(margins[:, 2], -MAX_LOG_SCALE, MAX_LOG_SCALE))
        return ZeroInflatedLognormal(expit(self.log_odds_ + margins[:, 0]), *bound_lognormal(mu, sigma, self.largest_))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags


NON_BOOSTER_PARAMETERS = ("n_estimators", "n_jobs", "random_state")  # which train() takes otherwise
