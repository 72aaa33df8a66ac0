"""Customers who buy by a Pareto/NBD or BG/NBD story: the days they buy on, and what each is expected to buy next.

A moment is a number of days since the first day of the log began, so that day d lasts from d to d + 1. Rates are per
day; parameters are the papers', per week. An array has one number a customer.
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
TURN = 2 * np.pi / DAYS_A_YEAR  # of a yearly wave in a day
MOST_PURCHASES = 100_000_000
LEAST_DROPOUT = 1e-12  # a chance to drop out below this is as good as none


@dataclass(frozen=True)
class Season:
    """A yearly wave in everyone's purchase rate, 1 + amplitude cos; a year holds as many purchases as without it.

    Attributes
    ----------
    amplitude : float
        From 0, no season, to below 1.
    peak : float
        A moment of the highest rate.
    """

    amplitude: float
    peak: float

    def clock(self, moment: Floats | float) -> Floats:
        """Read a clock that runs as fast as customers buy: on it, purchases come at a constant rate."""
        return np.asarray(moment + self.amplitude / TURN * np.sin(TURN * (moment - self.peak)))

    def discounted(self, start: float, end: float, decay: Floats) -> Floats:
        """Integrate the wave from start to end, weighed by exp(-decay (moment - start)), in closed form."""
        length, first, last = end - start, TURN * (start - self.peak), TURN * (end - self.peak)
        ends = np.exp(-decay * length) * (TURN * np.sin(last) - decay * np.cos(last))
        wave = (ends - TURN * np.sin(first) + decay * np.cos(first)) / (decay**2 + TURN**2)
        return length * exprel(-decay * length) + self.amplitude * wave


class Buyers(ABC):
    """Customers drawn from one process, each with an own purchase rate and an own end.

    Parameters
    ----------
    parameters : mapping of the process's parameters, per week
    entry : array
        Moment of each customer's first purchase.
    season : Season
    rng : numpy.random.Generator
    """

    process: ClassVar[str]
    defaults: ClassVar[Mapping[str, float]]

    def __init__(
        self, parameters: Mapping[str, float], entry: Floats, season: Season, rng: np.random.Generator
    ) -> None:
        self.entry = entry
        self.season = season
        self.rate = rng.gamma(parameters["r"], 1 / (parameters["alpha"] * DAYS_A_WEEK), len(entry))
        self._draw_ends(parameters, rng)

    @abstractmethod
    def _draw_ends(self, parameters: Mapping[str, float], rng: np.random.Generator) -> None: ...

    @abstractmethod
    def active(self, moment: float) -> NDArray[np.bool_]:
        """Say who has entered or will, and has not dropped out by the moment."""

    @abstractmethod
    def _expected_if_active(self, start: float, end: float) -> Floats: ...

    @abstractmethod
    def repeat_purchases(self, days: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
        """Draw all purchases after the first in a log of so many days.

        Returns
        -------
        customer, day : arrays
            One number a purchase, in no order: who bought (position), and the day (0 is the first of the log).

        Raises
        ------
        ClvError
            If there would be more than ``MOST_PURCHASES``.
        """

    def expected_purchases(self, start: float, end: float) -> Floats:
        """Return what each customer, by own rates, is expected to buy from start to end; 0 if no longer active."""
        return np.where(self.active(start), self._expected_if_active(start, end), 0.0)

    def _scatter(
        self, count: Integers, start: Floats, length: Floats, rng: np.random.Generator
    ) -> tuple[Integers, Floats]:
        """Spread a count of purchases evenly over a stretch of the season's clock: the customers, and the times."""
        total = count.sum(dtype=float)
        if total > MOST_PURCHASES:
            raise ClvError(
                f"this simulation would draw {total:,.3g} purchases, more than {MOST_PURCHASES:,}; type fewer "
                "data.source.customers, an earlier data.source.end or a larger data.source.parameters.alpha"
            )
        customer = np.repeat(np.arange(len(count)), count)
        return customer, start[customer] + length[customer] * rng.random(len(customer))

    def _day(self, time: Floats, days: int) -> Integers:
        """Return the day in which the season's clock shows the time."""
        midnights = self.season.clock(np.arange(days, dtype=float))
        return np.searchsorted(midnights, time, side="right") - 1


class ParetoNbdBuyers(Buyers):
    """Purchases at a Gamma rate until an exponential lifetime, of a Gamma rate, ends (Fader and Hardie 2005)."""

    process = "pareto_nbd"
    defaults: ClassVar[Mapping[str, float]] = {"r": 0.55, "alpha": 10.58, "s": 0.61, "beta": 11.67}

    def _draw_ends(self, parameters: Mapping[str, float], rng: np.random.Generator) -> None:
        self.dropout = rng.gamma(parameters["s"], 1 / (parameters["beta"] * DAYS_A_WEEK), len(self.entry))
        with np.errstate(divide="ignore", over="ignore"):  # who cannot drop out lives for ever
            self.end = self.entry + rng.standard_exponential(len(self.entry)) / self.dropout

    def active(self, moment: float) -> NDArray[np.bool_]:
        """Say who has not dropped out by the moment."""
        return self.end > moment

    def repeat_purchases(self, days: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
        """Draw a Poisson count over each lifetime in the log, and spread it evenly."""
        start = self.season.clock(self.entry)
        length = self.season.clock(np.minimum(self.end, days)) - start
        customer, time = self._scatter(rng.poisson(self.rate * length), start, length, rng)
        return customer, self._day(time, days)

    def _expected_if_active(self, start: float, end: float) -> Floats:
        return self.rate * self.season.discounted(start, end, self.dropout)


class BgNbdBuyers(Buyers):
    """Purchases at a Gamma rate, a Beta chance to drop out after each but the first (Fader, Hardie and Lee 2005)."""

    process = "bg_nbd"
    defaults: ClassVar[Mapping[str, float]] = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}

    def _draw_ends(self, parameters: Mapping[str, float], rng: np.random.Generator) -> None:
        self.dropout = rng.beta(parameters["a"], parameters["b"], len(self.entry))
        self.repeats = rng.geometric(np.maximum(self.dropout, LEAST_DROPOUT))  # in the whole life
        with np.errstate(divide="ignore", over="ignore"):  # who never buys never drops out
            self.lifetime = rng.standard_gamma(self.repeats) / self.rate  # by the season's clock

    def active(self, moment: float) -> NDArray[np.bool_]:
        """Say who has not dropped out by the moment."""
        return self.season.clock(moment) - self.season.clock(self.entry) < self.lifetime

    def repeat_purchases(self, days: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
        """Place the last purchase where the lifetime ends and the others evenly before it, as far as the log goes."""
        start = self.season.clock(self.entry)
        seen = self.season.clock(float(days)) - start
        earlier = rng.binomial(self.repeats - 1, np.minimum(seen / self.lifetime, 1.0))
        customer, time = self._scatter(earlier, start, np.minimum(self.lifetime, seen), rng)
        dropped = np.flatnonzero(self.lifetime < seen)
        time = np.concatenate([time, start[dropped] + self.lifetime[dropped]])
        return np.concatenate([customer, dropped]), self._day(time, days)

    def _expected_if_active(self, start: float, end: float) -> Floats:
        """Return (1 - exp(-rate dropout c)) / dropout, c the days that pass on the season's clock."""
        purchases = self.rate * (self.season.clock(end) - self.season.clock(start))
        return purchases * exprel(-self.dropout * purchases)


PROCESSES: dict[str, type[Buyers]] = {kind.process: kind for kind in (ParetoNbdBuyers, BgNbdBuyers)}
