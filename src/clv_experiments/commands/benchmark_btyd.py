"""Fits of BTYD models beside those of lifetimes, in one process, on simulated customers."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.gamma_gamma import GammaGamma
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

CUSTOMERS = (100_000, 1_000_000)
FEW_CUSTOMERS = 20_000  # for Pareto/NBD, which takes lifetimes minutes on more


def compare_with_lifetimes() -> Iterator[tuple[str, float, float]]:
    """Yield what was fitted, CPU seconds of the fit here (the quickest of three) and of that by lifetimes."""
    with warnings.catch_warnings(action="ignore"):  # of lifetimes, with the pandas of today
        import lifetimes

        warm_up = simulate_customers(100)
        for warm in (BgNbd(), MbgNbd(), GammaGamma(), ParetoNbd()):  # what is imported at first use is no part of a fit
            warm.fit(warm_up)
        for number in (FEW_CUSTOMERS, *CUSTOMERS):
            X = simulate_customers(number)
            histories, repeaters = (X["frequency"], X["recency"] / 7, X["T"] / 7), X[X["frequency"] > 0]
            fits: list[tuple[type, Any, Sequence[pd.Series]]] = [
                (BgNbd, lifetimes.BetaGeoFitter(), histories),
                (MbgNbd, lifetimes.ModifiedBetaGeoFitter(), histories),
                (GammaGamma, lifetimes.GammaGammaFitter(), (repeaters["frequency"], repeaters["monetary_value"])),
            ]
            if number == FEW_CUSTOMERS:
                fits.append((ParetoNbd, lifetimes.ParetoNBDFitter(), histories))
            for model, fitter, columns in fits:
                frame = X if model is GammaGamma else X[["frequency", "recency", "T"]]
                ours = min(_cpu_seconds(model().fit, frame) for _ in range(3))
                yield f"{model.__name__}, {number:,} customers", ours, _cpu_seconds(fitter.fit, *columns)


def _cpu_seconds(function: Callable[..., object], *arguments: object) -> float:
    started = process_time()
    function(*arguments)
    return process_time() - started


def simulate_customers(number: int) -> pd.DataFrame:
    """Return frequency, recency, T (days) and monetary_value of customers of a BG/NBD who joined 26 to 78 weeks ago."""
    rng = np.random.default_rng(1)
    rate, chance = rng.gamma(0.6, 1 / 42, number), rng.beta(0.8, 2.5, number)
    T = rng.integers(182, 547, number).astype(float)
    x, recency, moment, alive = np.zeros(number), np.zeros(number), np.zeros(number), np.arange(number)
    while len(alive):
        moment[alive] += rng.exponential(1 / rate[alive])
        alive = alive[moment[alive] <= T[alive]]
        day = np.minimum(np.ceil(moment[alive]), T[alive])
        x[alive] += day > recency[alive]
        recency[alive] = day
        alive = alive[rng.random(len(alive)) >= chance[alive]]
    days = np.maximum(x, 1.0)
    spend = np.where(x > 0, rng.gamma(6 * days) / days * 15 / rng.gamma(4.0, size=number), 0.0)
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T, "monetary_value": spend})
