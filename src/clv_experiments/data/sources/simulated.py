"""A simulated shop: BTYD purchases with Gamma-Gamma spend, and each customer's true expected spend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from clv_experiments.data.engine import Engine
from clv_experiments.data.horizon import Period
from clv_experiments.data.raw import GroundTruth, RawTable
from clv_experiments.data.sources.simulated_purchases import (
    DAYS_A_YEAR,
    MAX_PURCHASES,
    PROCESSES,
    Floats,
    SeasonalFactor,
    SimulatedBuyers,
)
from clv_experiments.errors import ClvError

SPEND_DEFAULTS = {"p": 6.25, "q": 3.744, "v": 15.44}
MIN_PARAMETER, MAX_PARAMETER = 1e-6, 1e6  # of a parameter: beyond, rates leave what floating point can tell apart
SEASON_PEAK = (12, 15)


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
    """Draw the purchases of customers who enter, buy and drop out as the BTYD models assume.

    A customer's purchases are Gamma(p, rate nu), with mean p / nu, and nu is drawn from Gamma(q, rate v) (Fader and
    Hardie 2013). Customers buy in continuous time but the log has days: models that count purchase days see two
    purchases of one day as one. With the papers' parameters that is 1.4 % of repeat purchases, most of them by the best
    customers; a fitted alpha comes out 3 to 7 % above the true one, while total spend is unbiased.

    Parameters
    ----------
    engine : Engine
        Where the rows are registered.
    process : {"pareto_nbd", "bg_nbd"}
    customers : int
        At least 2; all enter, and so buy once, within the log.
    start, end : date
        First and last day of the log.
    seed : int
        The same seed gives the same log.
    parameters : mapping, optional
        Of the process (r, alpha, s, beta or r, alpha, a, b; per week) and of spend (p, q, v); None or left out, the
        papers' value for CDNOW.
    entry : float
        Share of the log, from its start, in which customers enter; above 0 and up to 1.
    season : float
        Amplitude of a yearly wave in purchase rates that peaks in mid December; from 0 to below 1.
    growth : float
        Yearly growth of the number of new customers, as a share; above -1.

    Returns
    -------
    RawTable
        ``customer_id`` (string), ``date`` (day), ``amount`` (currency, whole cents, at least one), in no order, with
        its truth.

    Raises
    ------
    ClvError
        If a setting is out of range, or the purchases might not fit into memory.
    """
    if process not in PROCESSES:
        raise ClvError(f"data.source.process must be one of {', '.join(PROCESSES)}, got '{process}'")
    valid = type(customers) is int and 2 <= customers <= MAX_PURCHASES
    _check_setting("customers", customers, valid, f"a whole number from 2 to {MAX_PURCHASES:,}")
    _check_setting("seed", seed, type(seed) is int and seed >= 0, "a whole number of at least 0")
    _check_setting("entry", entry, 0 < _to_float_or_nan(entry) <= 1, "a share above 0 and up to 1")
    _check_setting("season", season, 0 <= _to_float_or_nan(season) < 1, "a number from 0 to below 1")
    _check_setting(
        "growth",
        growth,
        -1 < _to_float_or_nan(growth) < np.inf,
        "a number above -1, such as 0.2 for a fifth more a year",
    )
    true_parameters = _resolve_parameters(process, parameters or {})
    first, last = _parse_day("start", start), _parse_day("end", end)
    if last <= first:
        raise ClvError(f"data.source.end must lie after data.source.start, got {last} and {first}")
    days = (last - first).days + 1

    # Independent streams: another season or growth changes nobody's rates and spend.
    entry_rng, rate_rng, purchase_rng, spend_rng = np.random.default_rng(seed).spawn(4)
    factor = SeasonalFactor(season, float((date(first.year, *SEASON_PEAK) - first).days))
    entries = _draw_entry_times(customers, entry * days, growth, entry_rng)
    buyers = PROCESSES[process](true_parameters, entries, factor, rate_rng)
    p, q, v = (true_parameters[name] for name in ("p", "q", "v"))
    mean_spend = p * v / spend_rng.standard_gamma(q, customers)
    repeat_customer, repeat_day = buyers.draw_repeat_purchases(days, purchase_rng)
    customer = np.concatenate([np.arange(customers), repeat_customer])
    day = np.concatenate([buyers.entry.astype(np.int64), repeat_day])
    spend = spend_rng.standard_gamma(p, len(customer)) / p * mean_spend[customer]

    ids = pc.utf8_lpad(pa.array(np.arange(1, customers + 1)).cast(pa.string()), len(str(customers)), "0")
    epoch_day = (day + (first - date(1970, 1, 1)).days).astype(np.int32)
    rows = {
        "customer_id": ids.take(pa.array(customer)),
        "date": pa.array(epoch_day).cast(pa.date32()),
        "amount": pa.array(np.maximum(spend.round(2), 0.01)),
    }
    truth = GroundTruth(true_parameters, SimulatedPopulation(ids, buyers, mean_spend, first).expected_spend)
    return RawTable(engine.register_arrow("simulated", pa.table(rows)), truth=truth)


@dataclass(frozen=True, eq=False)
class SimulatedPopulation:
    """All simulated customers.

    Attributes
    ----------
    ids : pyarrow.Array
        Customer ids, ascending.
    buyers : SimulatedBuyers
    mean_spend : array
        Each customer's expected amount of a purchase, in currency.
    start : date
        First day of the log.
    """

    ids: pa.Array
    buyers: SimulatedBuyers
    mean_spend: Floats
    start: date

    def expected_spend(self, period: Period) -> pd.Series:
        """Compute the expected spend in a period, given own rates and whether a customer is active at its cutoff.

        Returns
        -------
        pandas.Series
            Index ``customer_id`` (all who entered by the cutoff), currency; 0 for those who dropped out by then.
        """
        cutoff, end = ((day - self.start).days + 1.0 for day in (period.cutoff, period.end))
        spend = self.buyers.expected_purchases(cutoff, end) * self.mean_spend
        entered = self.buyers.entry < cutoff
        index = pd.Index(self.ids.filter(pa.array(entered)).to_pandas(), name="customer_id")
        return pd.Series(spend[entered], index=index, name="expected_spend")


def _draw_entry_times(customers: int, length: float, growth: float, rng: np.random.Generator) -> Floats:
    """Draw times from 0 to ``length`` (days) whose density grows by a share a year."""
    uniform = rng.random(customers)
    gain = np.log1p(growth) * length / DAYS_A_YEAR
    if abs(gain) > 1e-9:
        with np.errstate(divide="ignore"):  # the log of a uniform 0
            uniform = np.logaddexp(np.log1p(-uniform), np.log(uniform) + gain) / gain
    return np.clip(uniform * length, 0.0, np.nextafter(length, 0.0))


def _resolve_parameters(process: str, typed: Mapping[str, float | None]) -> dict[str, float]:
    parameters = {**PROCESSES[process].defaults, **SPEND_DEFAULTS}
    for name, value in typed.items():
        if value is None:
            continue
        if name not in parameters:
            raise ClvError(
                f"{process} with Gamma-Gamma spend has no parameter '{name}' (data.source.parameters); "
                f"it has {', '.join(parameters)}"
            )
        least = MIN_PARAMETER + (name == "q")  # mean spend is infinite for q up to 1
        valid = least <= _to_float_or_nan(value) <= MAX_PARAMETER
        _check_setting(f"parameters.{name}", value, valid, f"a number from {least:f} to {MAX_PARAMETER:,.0f}")
        parameters[name] = float(value)
    return parameters


def _to_float_or_nan(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else np.nan


def _check_setting(name: str, value: object, valid: bool, expected: str) -> None:
    if not valid:
        raise ClvError(f"data.source.{name} must be {expected}, got '{value}'")


def _parse_day(name: str, day: date | str) -> date:
    try:
        return date.fromisoformat(str(day))
    except ValueError:
        raise ClvError(f"data.source.{name} must be a date like 2022-01-31, got '{day}'") from None
