"""Simulated Pareto/NBD or BG/NBD customers: the days they buy on, and their expected number of future purchases.

Times are in days since the start of the log's first day, so that day d lasts from d to d + 1. Rates are per day;
parameters are the papers', per week. Arrays have one element per customer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import exprel

from clv_experiments.errors import ClvError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DAYS_A_WEEK = 7.0
DAYS_A_YEAR = 365.25
DAILY_ANGLE = 2 * np.pi / DAYS_A_YEAR  # of a yearly wave
MAX_PURCHASES = 100_000_000
MIN_DROPOUT = 1e-12  # a lower dropout probability is as good as none


@dataclass(frozen=True)
class SeasonalFactor:
    """A yearly wave, 1 + amplitude cos, by which the purchase rate is multiplied: a year's expected purchases stay.

    Attributes
    ----------
    amplitude : float
        From 0, no season, to below 1.
    peak : float
        A time of the highest rate.
    """

    amplitude: float
    peak: float

    def operational_time(self, time: Floats | float) -> Floats:
        """Integrate the wave up to a time: in operational time, purchases come at a constant rate."""
        return np.asarray(time + self.amplitude / DAILY_ANGLE * np.sin(DAILY_ANGLE * (time - self.peak)))

    def integrate_discounted(self, start: float, end: float, decay: Floats) -> Floats:
        """Integrate the wave from start to end, weighted by exp(-decay (time - start)), in closed form."""
        length, first, last = end - start, DAILY_ANGLE * (start - self.peak), DAILY_ANGLE * (end - self.peak)
        ends = np.exp(-decay * length) * (DAILY_ANGLE * np.sin(last) - decay * np.cos(last))
        wave = (ends - DAILY_ANGLE * np.sin(first) + decay * np.cos(first)) / (decay**2 + DAILY_ANGLE**2)
        return length * exprel(-decay * length) + self.amplitude * wave


class SimulatedBuyers(ABC):
    """Customers drawn from one process, each with their own purchase rate and dropout.

    Parameters
    ----------
    parameters : mapping of str to float
        Parameters of the process, per week.
    entry : array
        Time of each customer's first purchase.
    season : SeasonalFactor
    rng : numpy.random.Generator
    """

    process: ClassVar[str]
    defaults: ClassVar[Mapping[str, float]]

    def __init__(
        self, parameters: Mapping[str, float], entry: Floats, season: SeasonalFactor, rng: np.random.Generator
    ) -> None:
        self.entry = entry
        self.season = season
        self.rate = rng.gamma(parameters["r"], 1 / (parameters["alpha"] * DAYS_A_WEEK), len(entry))
        self._draw_dropout(parameters, rng)

    @abstractmethod
    def _draw_dropout(self, parameters: Mapping[str, float], rng: np.random.Generator) -> None: ...

    @abstractmethod
    def is_active(self, time: float) -> NDArray[np.bool_]:
        """Return who has not dropped out by a time, including those who enter later."""

    @abstractmethod
    def _expected_purchases_if_active(self, start: float, end: float) -> Floats: ...

    @abstractmethod
    def draw_repeat_purchases(self, days: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
        """Draw all purchases after the first in a log of so many days.

        Returns
        -------
        customer, day : arrays of int
            One element per purchase, in no order: the customer's position, and the day (0 is the log's first).

        Raises
        ------
        ClvError
            If there would be more than ``MAX_PURCHASES``.
        """

    def expected_purchases(self, start: float, end: float) -> Floats:
        """Compute expected purchases from start to end, given own rates; 0 for those not active at the start."""
        return np.where(self.is_active(start), self._expected_purchases_if_active(start, end), 0.0)

    def _draw_purchase_times(
        self, count: Integers, start: Floats, length: Floats, rng: np.random.Generator
    ) -> tuple[Integers, Floats]:
        """Draw uniform times for a count of purchases: each one's customer and operational time."""
        total = count.sum(dtype=float)
        if total > MAX_PURCHASES:
            raise ClvError(
                f"this simulation would draw {total:,.3g} purchases, more than {MAX_PURCHASES:,}; type fewer "
                "data.source.customers, an earlier data.source.end or a larger data.source.parameters.alpha"
            )
        customer = np.repeat(np.arange(len(count)), count)
        return customer, start[customer] + length[customer] * rng.random(len(customer))

    def _operational_to_calendar_day(self, time: Floats, days: int) -> Integers:
        """Return the day of an operational time."""
        midnights = self.season.operational_time(np.arange(days, dtype=float))
        return np.searchsorted(midnights, time, side="right") - 1


class ParetoNbdBuyers(SimulatedBuyers):
    """Purchases at a Gamma rate over an exponential lifetime with a Gamma rate (Fader and Hardie 2005)."""

    process = "pareto_nbd"
    defaults: ClassVar[Mapping[str, float]] = {"r": 0.55, "alpha": 10.58, "s": 0.61, "beta": 11.67}

    def _draw_dropout(self, parameters: Mapping[str, float], rng: np.random.Generator) -> None:
        self.dropout = rng.gamma(parameters["s"], 1 / (parameters["beta"] * DAYS_A_WEEK), len(self.entry))
        with np.errstate(divide="ignore", over="ignore"):  # a rate of 0 never drops out
            self.end = self.entry + rng.standard_exponential(len(self.entry)) / self.dropout

    def is_active(self, time: float) -> NDArray[np.bool_]:
        """Return who has not dropped out by a time."""
        return self.end > time

    def draw_repeat_purchases(self, days: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
        """Draw a Poisson count over each lifetime in the log, at uniform times."""
        start = self.season.operational_time(self.entry)
        length = self.season.operational_time(np.minimum(self.end, days)) - start
        customer, time = self._draw_purchase_times(rng.poisson(self.rate * length), start, length, rng)
        return customer, self._operational_to_calendar_day(time, days)

    def _expected_purchases_if_active(self, start: float, end: float) -> Floats:
        return self.rate * self.season.integrate_discounted(start, end, self.dropout)


class BgNbdBuyers(SimulatedBuyers):
    """Purchases at a Gamma rate, with a Beta chance of dropout after each repeat (Fader, Hardie and Lee 2005)."""

    process = "bg_nbd"
    defaults: ClassVar[Mapping[str, float]] = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}

    def _draw_dropout(self, parameters: Mapping[str, float], rng: np.random.Generator) -> None:
        self.dropout = rng.beta(parameters["a"], parameters["b"], len(self.entry))
        self.repeats = rng.geometric(np.maximum(self.dropout, MIN_DROPOUT))  # over the whole lifetime
        with np.errstate(divide="ignore", over="ignore"):  # a rate of 0 never drops out
            self.lifetime = rng.standard_gamma(self.repeats) / self.rate  # in operational time

    def is_active(self, time: float) -> NDArray[np.bool_]:
        """Return who has not dropped out by a time."""
        return self.season.operational_time(time) - self.season.operational_time(self.entry) < self.lifetime

    def draw_repeat_purchases(self, days: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
        """Draw the last purchase at the lifetime's end and the others uniformly before it, cut at the log's end."""
        start = self.season.operational_time(self.entry)
        observed = self.season.operational_time(float(days)) - start
        earlier = rng.binomial(self.repeats - 1, np.minimum(observed / self.lifetime, 1.0))
        customer, time = self._draw_purchase_times(earlier, start, np.minimum(self.lifetime, observed), rng)
        dropped = np.flatnonzero(self.lifetime < observed)
        time = np.concatenate([time, start[dropped] + self.lifetime[dropped]])
        return np.concatenate([customer, dropped]), self._operational_to_calendar_day(time, days)

    def _expected_purchases_if_active(self, start: float, end: float) -> Floats:
        """Compute (1 - exp(-rate dropout c)) / dropout, where c is the operational time from start to end."""
        purchases = self.rate * (self.season.operational_time(end) - self.season.operational_time(start))
        return purchases * exprel(-self.dropout * purchases)


PROCESSES: dict[str, type[SimulatedBuyers]] = {kind.process: kind for kind in (ParetoNbdBuyers, BgNbdBuyers)}
