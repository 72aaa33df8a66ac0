"""The base of the BTYD estimators: days at the interface, weeks inside, and forecasts that are always finite."""

import logging
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from clv_experiments.errors import ClvError
from clv_experiments.models.array_input import CUSTOMER_COLUMNS, FIRST_SPEND, MONEY, name_array_columns
from clv_experiments.models.btyd_distribution import SpendDistribution
from clv_experiments.models.btyd_fitting import (
    NOT_CONVERGED,
    check_customers,
    maximise_from_starts,
    parameter_table,
    require_observed_customers,
)
from clv_experiments.models.btyd_likelihood import (
    DAYS_A_WEEK,
    Derivatives,
    DropoutOdds,
    PurchaseHistories,
    sum_dropout_terms,
)
from clv_experiments.models.gamma_gamma import GammaGamma, count_customers_by_mean_spend, summarise_known_spends
from clv_experiments.models.mean_spends import BinnedMeanSpends

logger = logging.getLogger(__name__)
COLUMNS = ("frequency", "recency", "T")
DAYS_A_YEAR = 365.25
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2  # on [0, 1]
NODES, WEIGHTS = NODES**3, 3 * NODES**2 * WEIGHTS  # closer together at the start, where purchases are expected most
MAX_DISCOUNT_EXPONENT = 37.0  # money discounted by exp(-37) does not show in any digit
MIN_DROPOUT_SHARE = 1e-4  # below this share of dropouts the fit is called a boundary


class BtydRegressor(SpendDistribution, RegressorMixin, BaseEstimator, ABC):
    """Expected holdout spend from a purchase-and-dropout story, times a Gamma-Gamma spend a purchase day.

    Fitted on customers without ``monetary_value``, as of a log without amounts, it predicts purchases alone. A subclass
    names its parameters, starts and formulas; all times in those are weeks.

    Parameters
    ----------
    horizon_days : days that ``predict`` looks ahead from the cutoff
    include_first_spend : whether Gamma-Gamma also learns from what the first purchase day brought, a further column
        ``first_spend``; the papers and lifetimes leave it out

    Attributes
    ----------
    spend_ : the fitted GammaGamma, None where the customers have no ``monetary_value``
    standard_errors_ : of the purchases part's parameters; NaN at a boundary
    log_likelihood_, aic_, bic_ : of the purchases part, weeks, summed over customers
    parameters_ : frame of parameter, estimate, standard_error, part
    boundary_ : why the optimum is no interior one, "" if it is
    notes_ : sentences about the fit that a reader should know
    """

    takes_losses: ClassVar[bool] = False  # Gamma-Gamma describes spend above 0
    _parameter_names: ClassVar[tuple[str, ...]]
    _time_parameters: ClassVar[tuple[str, ...]]  # those that are times
    _rows_at_once: ClassVar[int] = 8192  # whose terms fit a processor's cache
    _fixed_starts: ClassVar[tuple[tuple[float, ...], ...]]  # time parameters in multiples of the mean T
    include_first_spend: bool = False  # of a model that was stored before it could

    def __init__(self, horizon_days: float = 91.0, include_first_spend: bool = False) -> None:
        self.horizon_days = horizon_days
        self.include_first_spend = include_first_spend

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Fit purchases, dropout and spend; y is ignored.

        Parameters
        ----------
        X : frame with frequency, recency, T (days) and perhaps monetary_value, then with first_spend if that is to be
            included, or an array of these in this order

        Raises
        ------
        ClvError
            If X has no customer, lacks a column or holds impossible values, or T is 0 for all.
        """
        X = self._name_columns(X)
        has_amounts = MONEY in X.columns
        customers = check_customers(X, (*COLUMNS, *self.spend_columns) if has_amounts else COLUMNS)
        spends = count_customers_by_mean_spend(customers, self.include_first_spend) if has_amounts else None
        return self.fit_grouped(PurchaseHistories.from_customers(customers), spends)

    def fit_grouped(self, histories: PurchaseHistories, spends: BinnedMeanSpends | None) -> Self:
        """Fit to counted customers, as ``fit`` counts them; without spends purchases alone.

        Raises
        ------
        ClvError
            If there is no customer, or T is 0 for all.
        """
        require_observed_customers(histories.T, histories.customers, type(self).__name__)
        columns = COLUMNS if spends is None else (*COLUMNS, *self.spend_columns)
        self.n_features_in_, self.feature_names_in_ = len(columns), np.array(columns, dtype=object)
        self.notes_: list[str] = []
        self._fit_purchases(histories)
        self.spend_ = None if spends is None else GammaGamma().fit_grouped(spends)
        if self.spend_:
            self.notes_ += self.spend_.notes_
        return self

    @property
    def spend_columns(self) -> tuple[str, ...]:
        """The columns that tell what a customer spent, where the log has amounts."""
        return (MONEY, FIRST_SPEND) if self.include_first_spend else (MONEY,)

    @property
    def parameters_(self) -> pd.DataFrame:
        """Estimates with their standard errors, of purchases and of spend."""
        purchases = parameter_table(self._parameter_names, self._parameters(), self.standard_errors_, "purchases")
        return pd.concat([purchases, self.spend_.parameters_], ignore_index=True) if self.spend_ else purchases

    def _parameters(self) -> np.ndarray:
        return np.array([getattr(self, f"{name}_") for name in self._parameter_names])

    def _fit_purchases(self, histories: PurchaseHistories) -> None:
        n = histories.customers
        scale = max(float(histories.weights @ histories.T / n), 1.0 / DAYS_A_WEEK)
        units = np.where(np.isin(self._parameter_names, self._time_parameters), scale, 1.0)
        starts = [np.log(start * units) for start in self._fixed_starts]
        optimum = maximise_from_starts(self._log_likelihood, histories, starts, self._parameter_names)
        if not optimum.converged:
            self.notes_.append(f"{type(self).__name__} purchases: {NOT_CONVERGED}")
        estimates = np.exp(optimum.log_parameters)
        for name, estimate in zip(self._parameter_names, estimates, strict=True):
            setattr(self, f"{name}_", float(estimate))
        self.standard_errors_ = estimates * optimum.standard_errors
        self.log_likelihood_ = optimum.log_likelihood
        self.aic_ = 2 * len(estimates) - 2 * self.log_likelihood_
        self.bic_ = np.log(n) * len(estimates) - 2 * self.log_likelihood_
        drops_out = self._population_dropout_share(histories.T.max()) >= MIN_DROPOUT_SHARE
        self.boundary_ = optimum.boundary if drops_out else self._no_dropout_message
        if not histories.x.any():
            self.notes_.append("no customer repeated a purchase: the forecast rests on the absence of purchases alone")
        if self.boundary_:
            logger.info("%s: boundary optimum, %s", type(self).__name__, self.boundary_)

    def _log_likelihood(self, parameters: np.ndarray, histories: PurchaseHistories) -> Derivatives:
        """Return the log-likelihood of all customers, with its derivatives in the parameters."""
        total = self._log_likelihood_if_alive(parameters, histories)
        for part in histories.iterate_chunks(self._rows_at_once):
            total += sum_dropout_terms(self._dropout_odds(parameters, part.x, part.tx, part.T), part.weights)
        return total

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return expected holdout spend over ``horizon_days``, shape (n,), in the log's currency.

        Without ``monetary_value``, expected purchases.
        """
        check_is_fitted(self, "spend_")
        purchases = self.expected_purchases(X)
        return purchases * self.expected_spend_per_purchase(X) if self.spend_ else purchases

    def expected_purchases(self, X: pd.DataFrame, horizon_days: float | None = None) -> np.ndarray:
        """Return E[purchase days in the horizon | x, t_x, T], alive or not, shape (n,)."""
        x, tx, T, t = self._check_and_convert_to_weeks(X, horizon_days)
        return self._alive_probability(x, tx, T) * self._purchases_if_alive(x, T, t)

    def probability_alive(self, X: pd.DataFrame) -> np.ndarray:
        """Return P(not yet dropped out at the cutoff | x, t_x, T), shape (n,)."""
        x, tx, T, _ = self._check_and_convert_to_weeks(X, None)
        return self._alive_probability(x, tx, T)

    def probability_purchase(self, X: pd.DataFrame, horizon_days: float | None = None) -> np.ndarray:
        """Return P(at least one purchase day in the horizon | x, t_x, T), shape (n,)."""
        x, tx, T, t = self._check_and_convert_to_weeks(X, horizon_days)
        return self._alive_probability(x, tx, T) * self._purchase_probability_if_alive(x, T, t)

    def purchase_probabilities(self, X: pd.DataFrame, days: np.ndarray) -> np.ndarray:
        """Return P(the next purchase day comes within each number of days), shape (n, len(days)).

        It rises with the days, up to a limit below 1 where a customer may be gone.

        Parameters
        ----------
        days : array of positive days after the cutoff
        """
        x, tx, T, _ = self._check_and_convert_to_weeks(X, None)
        alive = self._alive_probability(x, tx, T)
        days = np.atleast_1d(np.asarray(days, dtype=float))
        if not (np.isfinite(days) & (days > 0)).all():
            raise ClvError("days to the next purchase must be positive")
        return alive[:, None] * np.column_stack(
            [self._purchase_probability_if_alive(x, T, np.full(len(x), t)) for t in days / DAYS_A_WEEK]
        )

    def discounted_purchases(
        self, X: pd.DataFrame, annual_discount_rate: float, horizon_days: float | None = None
    ) -> np.ndarray:
        """Return E[purchase days in the horizon], each discounted to the cutoff, shape (n,).

        The discount is continuous, delta = ln(1 + annual rate): with E(t) the purchases expected by t, integrating by
        parts gives exp(-delta h) E(h) + delta times the integral of exp(-delta t) E(t) over the horizon (16
        Gauss-Legendre nodes in the cube root of t: exact to 1e-6 over a year and 1e-4 over a century). For Pareto/NBD
        and h without end it is the DERT of Fader, Hardie and Lee (2005), "RFM and CLV: Using Iso-Value Curves for
        Customer Base Analysis", eq. 2.

        Parameters
        ----------
        annual_discount_rate : 0 or more; 0.1 is 10 % a year

        Raises
        ------
        ClvError
            If the rate is negative.
        """
        if not 0 <= annual_discount_rate < np.inf:
            raise ClvError(f"the discount rate must be 0 or more a year, such as 0.1, got {annual_discount_rate}")
        x, tx, T, t = self._check_and_convert_to_weeks(X, horizon_days)
        delta = np.log1p(annual_discount_rate) * DAYS_A_WEEK / DAYS_A_YEAR
        distinct, positions = np.unique(x + 1j * T, return_inverse=True)  # many customers share a pair of x and T
        frequency, age, end = distinct.real, distinct.imag, t[: len(distinct)]
        total = np.exp(-delta * end) * self._purchases_if_alive(frequency, age, end)
        end = np.minimum(end, MAX_DISCOUNT_EXPONENT / delta) if delta else end
        for node, weight in zip(NODES, WEIGHTS, strict=True) if delta else ():
            value = delta * weight * end * np.exp(-delta * node * end)
            total += value * self._purchases_if_alive(frequency, age, node * end)
        return self._alive_probability(x, tx, T) * total[positions]

    def expected_spend_per_purchase(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend of a future purchase day, shape (n,), in the log's currency.

        Raises
        ------
        ClvError
            If the model was fitted without ``monetary_value``.
        """
        check_is_fitted(self, "spend_")
        if self.spend_ is None:
            raise ClvError(f"{type(self).__name__} was fitted without {MONEY}, and knows of purchases alone")
        return self.spend_.expected_spend_per_purchase(self._summarise_known_spends(X))

    def expected_cumulative_purchases(self, days: np.ndarray) -> np.ndarray:
        """Return E[repeat purchase days of a new customer] by each number of days since the first purchase day."""
        check_is_fitted(self, f"{self._parameter_names[0]}_")
        days = np.atleast_1d(np.asarray(days, dtype=float))
        if not (np.isfinite(days) & (days >= 0)).all():
            raise ClvError("days since the first purchase must be 0 or more")
        new = np.zeros(len(days))
        return self._alive_probability(new, new, new) * self._purchases_if_alive(new, new, days / DAYS_A_WEEK)

    def _name_columns(self, X: Any) -> pd.DataFrame:
        names = (*CUSTOMER_COLUMNS, FIRST_SPEND) if self.include_first_spend else CUSTOMER_COLUMNS
        return name_array_columns(X, names, len(COLUMNS))

    def _summarise_known_spends(self, X: pd.DataFrame) -> pd.DataFrame:
        customers = check_customers(self._name_columns(X), ("frequency", *self.spend_columns))
        return summarise_known_spends(customers) if self.include_first_spend else customers

    def _check_and_convert_to_weeks(
        self, X: pd.DataFrame, horizon_days: float | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        check_is_fitted(self, f"{self._parameter_names[0]}_")
        days = self.horizon_days if horizon_days is None else horizon_days
        if not 0 < days < np.inf:
            raise ClvError(f"horizon must be positive, got {days} days (horizon_days)")
        x, tx, T = check_customers(self._name_columns(X), COLUMNS).to_numpy().T.copy()
        return x, tx / DAYS_A_WEEK, T / DAYS_A_WEEK, np.full(len(x), days / DAYS_A_WEEK)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags

    @abstractmethod
    def _log_likelihood_if_alive(self, parameters: np.ndarray, histories: PurchaseHistories) -> Derivatives: ...

    @abstractmethod
    def _dropout_odds(self, parameters: np.ndarray, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> DropoutOdds: ...

    @abstractmethod
    def _alive_probability(self, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _purchases_if_alive(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _purchase_probability_if_alive(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _population_dropout_share(self, T: float) -> float: ...

    @property
    @abstractmethod
    def _no_dropout_message(self) -> str: ...
