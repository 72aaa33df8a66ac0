"""A shop of which everything is known: BTYD purchases with Gamma-Gamma spend, and each customer's true expectation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from clv_experiments.data.engine import Engine
from clv_experiments.data.raw import GroundTruth, RawTable
from clv_experiments.data.sources.simulated_purchases import (
    DAYS_A_YEAR,
    MOST_PURCHASES,
    PROCESSES,
    Buyers,
    Floats,
    Season,
)
from clv_experiments.data.window import Period
from clv_experiments.errors import ClvError

SPEND = {"p": 6.25, "q": 3.744, "v": 15.44}
LEAST, MOST = 1e-6, 1e6  # of a parameter: beyond, rates leave what floating point can tell apart
PEAK = (12, 15)


def simulated(
    engine: Engine,
    *,
    process: str,
    customers: int,
    start: date | str,
    end: date | str,
    seed: int,
    parameters: Mapping[str, float | None] | None = None,
    entry: float = 1.0,
    season: float = 0.0,
    growth: float = 0.0,
) -> RawTable:
    """Draw the purchases of customers who enter, buy and drop out by the story that the BTYD models tell.

    Each customer spends p / nu on a purchase in the mean, nu drawn from Gamma(q, rate v), and Gamma(p, rate nu) on each
    (Fader and Hardie 2013). Customers live in continuous time, the log has the day: models that count purchase days see
    two purchases of one day as one. With the papers' parameters that is 1.4 % of repeat purchases, most of them by the
    best customers; a fitted alpha comes out 3 to 7 % above the true one, while total spend is what it should be.

    Parameters
    ----------
    engine : Engine
        What takes the rows in.
    process : {"pareto_nbd", "bg_nbd"}
    customers : int
        At least 2; all enter, and so buy once, within the log.
    start, end : date
        First and last day of the log.
    seed : int
        The same seed gives the same log.
    parameters : mapping, optional
        Of the process (r, alpha, s, beta or r, alpha, a, b; per week) and of spend (p, q, v); None, or what is left
        out, is the papers' value for CDNOW.
    entry : float
        Share of the log, from its start, in which customers enter; above 0 and up to 1.
    season : float
        Amplitude of a yearly wave in purchase rates that peaks in mid December; from 0 to below 1.
    growth : float
        Of the number of new customers in a year, as a share; above -1.

    Returns
    -------
    Raw
        ``customer_id`` (string), ``date`` (day), ``amount`` (currency, whole cents, at least one), in no order; and the
        truth.

    Raises
    ------
    ClvError
        If a setting is none of these, or so many purchases would come of them that memory might not hold them.
    """
    if process not in PROCESSES:
        raise ClvError(f"data.source.process must be one of {', '.join(PROCESSES)}, got '{process}'")
    few_enough = type(customers) is int and 2 <= customers <= MOST_PURCHASES
    _check("customers", customers, few_enough, f"a whole number from 2 to {MOST_PURCHASES:,}")
    _check("seed", seed, type(seed) is int and seed >= 0, "a whole number of at least 0")
    _check("entry", entry, 0 < _float(entry) <= 1, "a share above 0 and up to 1")
    _check("season", season, 0 <= _float(season) < 1, "a number from 0 to below 1")
    _check("growth", growth, -1 < _float(growth) < np.inf, "a number above -1, such as 0.2 for a fifth more a year")
    true = _parameters(process, parameters or {})
    first, last = _day("start", start), _day("end", end)
    if last <= first:
        raise ClvError(f"data.source.end must lie after data.source.start, got {last} and {first}")
    days = (last - first).days + 1

    # Streams of their own: another season or growth leaves everyone's rates and spend as they are.
    entering, buying, placing, spending = np.random.default_rng(seed).spawn(4)
    wave = Season(season, float((date(first.year, *PEAK) - first).days))
    buyers = PROCESSES[process](true, _entries(customers, entry * days, growth, entering), wave, buying)
    mean_spend = true["p"] * true["v"] / spending.standard_gamma(true["q"], customers)
    repeater, repeat_day = buyers.repeat_purchases(days, placing)
    customer = np.concatenate([np.arange(customers), repeater])
    day = np.concatenate([buyers.entry.astype(np.int64), repeat_day])
    spend = spending.standard_gamma(true["p"], len(customer)) / true["p"] * mean_spend[customer]

    ids = pc.utf8_lpad(pa.array(np.arange(1, customers + 1)).cast(pa.string()), len(str(customers)), "0")
    epoch_day = (day + (first - date(1970, 1, 1)).days).astype(np.int32)
    rows = {
        "customer_id": ids.take(pa.array(customer)),
        "date": pa.array(epoch_day).cast(pa.date32()),
        "amount": pa.array(np.maximum(spend.round(2), 0.01)),
    }
    truth = GroundTruth(true, Population(ids, buyers, mean_spend, first).expected_spend)
    return RawTable(engine.register_arrow("simulated", pa.table(rows)), truth=truth)


@dataclass(frozen=True, eq=False)
class Population:
    """What is true of each customer.

    Attributes
    ----------
    ids : pyarrow.Array
        In ascending order.
    buyers : Buyers
    mean_spend : array
        Of a purchase, in currency.
    start : date
        First day of the log.
    """

    ids: pa.Array
    buyers: Buyers
    mean_spend: Floats
    start: date

    def expected_spend(self, period: Period) -> pd.Series:
        """Return the expected spend in a period of everyone who entered by its cutoff, indexed by customer_id.

        It is given the customer's own rates and whether they are active at the end of the cutoff day; 0 if not.
        """
        cutoff, end = ((day - self.start).days + 1.0 for day in (period.cutoff, period.end))
        spend = self.buyers.expected_purchases(cutoff, end) * self.mean_spend
        known = self.buyers.entry < cutoff
        index = pd.Index(self.ids.filter(pa.array(known)).to_pandas(), name="customer_id")
        return pd.Series(spend[known], index=index, name="expected_spend")


def _entries(customers: int, length: float, growth: float, rng: np.random.Generator) -> Floats:
    """Draw moments before ``length`` whose density grows by a share a year."""
    uniform = rng.random(customers)
    gain = np.log1p(growth) * length / DAYS_A_YEAR
    if abs(gain) > 1e-9:
        with np.errstate(divide="ignore"):  # the log of a uniform 0
            uniform = np.logaddexp(np.log1p(-uniform), np.log(uniform) + gain) / gain
    return np.clip(uniform * length, 0.0, np.nextafter(length, 0.0))


def _parameters(process: str, given: Mapping[str, float | None]) -> dict[str, float]:
    parameters = {**PROCESSES[process].defaults, **SPEND}
    for name, value in given.items():
        if value is None:
            continue
        if name not in parameters:
            raise ClvError(
                f"{process} with Gamma-Gamma spend has no parameter '{name}' (data.source.parameters); "
                f"it has {', '.join(parameters)}"
            )
        least = LEAST + (name == "q")  # with q up to 1 mean spend is infinite
        fits = least <= _float(value) <= MOST
        _check(f"parameters.{name}", value, fits, f"a number from {least:f} to {MOST:,.0f}")
        parameters[name] = float(value)
    return parameters


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else np.nan


def _check(name: str, value: object, fits: bool, wanted: str) -> None:
    if not fits:
        raise ClvError(f"data.source.{name} must be {wanted}, got '{value}'")


def _day(name: str, day: date | str) -> date:
    try:
        return date.fromisoformat(str(day))
    except ValueError:
        raise ClvError(f"data.source.{name} must be a date like 2022-01-31, got '{day}'") from None
