"""XGBoost that finds its number of trees on customers it was not fitted on, inside the training panel."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from clv_experiments.errors import ClvError
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.models.weighted_fit import fit_weighted


class EarlyStoppingRegressor(SpendRegressor):
    """Stop boosting where the loss on held-out customers of the panel no longer falls, then refit on all of them.

    The panel's labels end at or before the cutoff, so neither the forecast's own period nor anything after it is
    looked at. Customers, not rows, are held out: a customer's origins stay together.

    Parameters
    ----------
    regressor : xgboost.XGBRegressor
        Its ``n_estimators`` is the upper limit.
    patience : int
        Rounds without improvement before it stops.
    fraction : float
        Share of customers held out, between 0 and 1.
    random_state : int
        Seed of that split.

    Attributes
    ----------
    notes_ : list of str
        What a reader should know of the fit.
    at_edge_ : list of str
        Says so where all trees allowed were grown before the patience was over: more might have been better.
    rounds_ : int
        Trees of the final fit.
    regressor_ : xgboost.XGBRegressor
        Fitted on the whole panel.
    """

    def __init__(self, regressor: Any, patience: int = 50, fraction: float = 0.2, random_state: int = 0) -> None:
        super().__init__(regressor)
        self.patience = patience
        self.fraction = fraction
        self.random_state = random_state

    def _fit_regressor(self, X: pd.DataFrame, y: np.ndarray, weights: np.ndarray | None) -> Any:
        if not 0 < self.fraction < 1:
            raise ClvError(f"fraction must lie between 0 and 1, got {self.fraction} (model.estimator.fraction)")
        if self.patience < 1:
            raise ClvError(f"patience must be at least 1 round, got {self.patience} (model.estimator.patience)")
        _reject_unused_parameters(self.regressor, X[:1])
        self.at_edge_: list[str] = []
        customers = np.unique(X.index.to_numpy())
        shuffled = np.random.default_rng(self.random_state).permutation(customers)
        held_out = X.index.isin(shuffled[: int(len(customers) * self.fraction)])
        final = clone(self.regressor)
        if y[held_out].any() and y[~held_out].any():
            search = clone(self.regressor).set_params(early_stopping_rounds=self.patience)
            watched: dict[str, Any] = {"eval_set": [(X[held_out], y[held_out])], "verbose": False}
            if weights is not None:
                watched["sample_weight_eval_set"] = [weights[held_out]]
            fit_weighted(search, X[~held_out], y[~held_out], None if weights is None else weights[~held_out], **watched)
            final.set_params(n_estimators=search.best_iteration + 1)
            if search.best_iteration + self.patience >= search.n_estimators:
                self.at_edge_.append(
                    f"the best of {search.n_estimators} trees allowed was number {search.best_iteration + 1}, before "
                    "patience had run out: allow more (model.estimator.regressor.n_estimators)"
                )
        else:
            self.notes_.append(f"too few buyers to stop early on: all {final.n_estimators} trees were grown")
        self.rounds_ = final.n_estimators
        return fit_weighted(final, X, y, weights)


def _reject_unused_parameters(regressor: Any, sample: pd.DataFrame) -> None:
    # XGBoost only warns of a misspelt parameter and trains without it. The warning comes from a C callback, which
    # swallows exceptions, so that turning it into an error stops nothing: grow one tree and read what it warned of.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clone(regressor).set_params(n_estimators=1).fit(sample, [1.0])
    unused = [str(warning.message) for warning in caught if "are not used" in str(warning.message)]
    if unused:
        names = ", ".join(re.findall(r'"(\w+)"', unused[0]))
        raise ClvError(
            f"XGBoost does not use {names} with objective {regressor.objective}: correct its spelling, or remove it by "
            f"typing ~model.estimator.regressor.{names.split(', ')[0]}"
        )
