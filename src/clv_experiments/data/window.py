"""Cutoffs, origins and the periods that a forecast may see, before, during and after what it predicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import count

from clv_experiments.data.horizon import DAY, Horizon, Period
from clv_experiments.errors import ClvError, LogTooShort

TRAINING_CUSTOMERS = 100_000  # at each origin of a training panel: a million do not fit 8 GB


@dataclass(frozen=True)
class Origin:
    """One cutoff of a backtest: the holdout period after it and, where the log reaches, the validation period."""

    step: int
    holdout: Period
    validation: Period | None


@dataclass(frozen=True)
class Window:
    """The periods of a log, numbered backwards: 0 is the latest holdout, 1 the one before, and so on.

    Parameters
    ----------
    start, end : date
        First and last complete day of the log.
    horizon : Horizon
    cutoff : date, optional
        Cutoff of the latest origin; by default the latest that leaves one whole horizon before ``end``.
    origins : int
        Number of rolling cutoffs, one horizon apart.
    training_origins : int, optional
        Maximum number of origins in a training panel; by default as many as the log allows.
    training_customers : int, optional
        About how many customers are sampled at each origin of a training panel that has more; None takes all.
    training_seed : int
        Of that sample.
    """

    start: date
    end: date
    horizon: Horizon
    cutoff: date | None = None
    origins: int = 1
    training_origins: int | None = None
    training_customers: int | None = TRAINING_CUSTOMERS
    training_seed: int = 0

    def __post_init__(self) -> None:
        if self.origins < 1:
            raise ClvError(f"at least one origin is needed, got {self.origins} (window.origins)")
        if self.training_origins is not None and self.training_origins < 1:
            raise ClvError(
                f"at least one training origin is needed, got {self.training_origins}; type null for all "
                "(window.training_origins)"
            )
        if self.cutoff is not None and self.cutoff < self.start:
            raise ClvError(f"cutoff {self.cutoff} lies before the log, which starts on {self.start} (window.cutoff)")
        if self.cutoff is not None and self.period(0).end > self.end:
            latest = self.horizon.shift_day(self.end + DAY, -1) - DAY
            raise ClvError(
                f"cutoff {self.cutoff} leaves no whole {self.horizon} before the log ends on {self.end}; "
                f"the latest cutoff is {latest} (window.cutoff)"
            )

    def first_day_after_period(self, k: int) -> date:
        """Return the first day after period ``k``, which is also the first day of period ``k - 1``."""
        first = self.cutoff + DAY if self.cutoff else self.horizon.shift_day(self.end + DAY, -1)
        return self.horizon.shift_day(first, 1 - k)

    def period(self, k: int) -> Period:
        """Return period ``k``, counted back from the latest holdout."""
        return Period(cutoff=self.first_day_after_period(k + 1) - DAY, end=self.first_day_after_period(k) - DAY)

    @property
    def future_period(self) -> Period:
        """The period after the log's last day, which decisions are about and the log cannot know."""
        return self.horizon.period_after(self.end)

    def truncate_at(self, cutoff: date | None) -> Window:
        """Return the window of the log cut at the end of a day, where its latest holdout then ends; None is its end.

        ClvError if the day lies outside the log.
        """
        if cutoff is not None and not self.start <= cutoff <= self.end:
            raise ClvError(f"cutoff {cutoff} lies outside the log, {self.start} to {self.end} (window.cutoff)")
        return replace(self, end=cutoff or self.end, cutoff=None)

    def maximise_origins(self) -> Window:
        """Return the window with as many origins as leave every model a training panel, the same for all, or one."""
        window = self
        while (longer := replace(window, origins=window.origins + 1)).is_long_enough(supervised=True):
            window = longer
        return window

    def shift_back_one_origin(self) -> Window:
        """Return the window whose latest origin is the one before; ClvError if there is none."""
        return replace(self, cutoff=self.period(1).cutoff)

    @property
    def first_forecast_cutoff(self) -> date:
        """The first cutoff of any forecast: nothing after it may influence how the log is cleaned."""
        oldest = self.origins if self.period(self.origins).cutoff >= self.start else self.origins - 1
        return self.period(oldest).cutoff

    def has_full_horizon_before(self, k: int) -> bool:
        """Return whether the log holds at least one whole horizon before period ``k``."""
        return self.first_day_after_period(k + 2) >= self.start

    def training_periods(self, target: Period) -> Iterator[Period]:
        """Yield the periods of the training panel for a forecast, latest first; no label ends after its cutoff.

        Parameters
        ----------
        target : Period
            A period of this window, or its ``future_period``.

        Raises
        ------
        ValueError
            If the target is neither.
        """
        k = 0 if target == self.future_period else self._period_index(target) + 1
        stop = k + self.training_origins if self.training_origins else None
        while self.has_full_horizon_before(k) and k != stop:
            yield self.period(k)
            k += 1

    def _period_index(self, target: Period) -> int:
        k = next(k for k in count() if self.period(k).cutoff <= target.cutoff)
        if self.period(k) != target:
            raise ValueError(f"{target} is no period of the window that ends on {self.end}")
        return k

    def has_training_periods(self, target: Period) -> bool:
        """Return whether any period before the target can provide labels."""
        return next(self.training_periods(target), None) is not None

    def backtest_origins(self, *, supervised: bool, source: str) -> list[Origin]:
        """List the origins, oldest first.

        A validation period needs one horizon more than the origin itself.

        Parameters
        ----------
        supervised : bool
            Whether the model learns from labels: it then needs an earlier period, else one day of history.
        source : str
            Name of the log, for messages.

        Raises
        ------
        LogTooShort
            Names the days needed, the days the log has, and the longest horizon that fits.
        """
        labels = 1 if supervised else 0
        oldest = self.origins - 1
        if not self.is_long_enough(supervised=supervised):
            raise LogTooShort(_describe_short_log(self, supervised, source))
        return [
            Origin(
                step=oldest - k,
                holdout=self.period(k),
                validation=self.period(k + 1) if self.has_full_horizon_before(k + 1 + labels) else None,
            )
            for k in range(oldest, -1, -1)
        ]

    def periods_before_all_holdouts(self, count: int | None, *, supervised: bool, source: str) -> list[Period]:
        """List the periods that a search may look at, all before every origin's holdout, latest first.

        Parameters
        ----------
        count : int or None
            Number of periods; None for all that the log allows.
        supervised : bool
            Whether the model learns from labels, which takes one period more.
        source : str
            Name of the log, for messages.

        Raises
        ------
        LogTooShort
            Names the number of periods that the log allows.
        """
        k, labels = self.origins, 1 if supervised else 0
        periods: list[Period] = []
        while self.has_full_horizon_before(k + labels) and len(periods) != count:
            periods.append(self.period(k))
            k += 1
        if len(periods) < (count or 1):
            raise LogTooShort(_describe_missing_validation(self, len(periods), count or 1, supervised, source))
        return periods

    def is_long_enough(self, *, supervised: bool) -> bool:
        """Return whether the oldest origin has the history that a model needs."""
        if supervised:
            return self.has_full_horizon_before(self.origins)
        return self.first_day_after_period(self.origins) > self.start

    def longest_horizon(self, *, supervised: bool) -> Horizon | None:
        """Return the longest shorter horizon that the log is long enough for; None where not even a day is."""
        lengths = [Horizon(length, self.horizon.unit) for length in range(self.horizon.count - 1, 0, -1)]
        lengths += [Horizon(days, "days") for days in range(30, 0, -1)]
        return next((horizon for horizon in lengths if self._is_horizon_possible(horizon, supervised)), None)

    def _is_horizon_possible(self, horizon: Horizon, supervised: bool) -> bool:
        try:
            return replace(self, horizon=horizon).is_long_enough(supervised=supervised)
        except ClvError:  # too long for the given cutoff
            return False


def _describe_short_log(window: Window, supervised: bool, source: str) -> str:
    """Say how many days a backtest needs, how many the log has, and what would be possible."""
    oldest, end = window.origins - 1, window.period(0).end
    first = window.first_day_after_period(oldest + 3) if supervised else window.period(oldest).cutoff
    parts = "history, training labels and holdout" if supervised else "history and holdout"
    return (
        f"the log is too short for a horizon of {window.horizon} and {window.origins} origin(s): "
        f"{(end - first).days + 1} days are needed ({parts}), '{source}' has {(end - window.start).days + 1} "
        f"({window.start} to {end}); " + ", or ".join(_list_alternatives(window, supervised))
    )


def _list_alternatives(window: Window, supervised: bool) -> list[str]:
    alternatives = []
    if longest := window.longest_horizon(supervised=supervised):
        alternatives.append(f"the longest horizon that works is {longest}: type window.horizon='{longest}'")
    if window.cutoff and replace(window, cutoff=None).is_long_enough(supervised=supervised):
        alternatives.append("take a later window.cutoff")
    if window.origins > 1:
        alternatives.append("take fewer window.origins")
    if supervised and window.is_long_enough(supervised=False):
        alternatives.append("choose a model that needs no labels, such as model=bg_nbd")
    return alternatives


def _describe_missing_validation(window: Window, available: int, required: int, supervised: bool, source: str) -> str:
    """Say how many validation periods there are, and what to type for as many as are required."""
    advice = f"type sweep.validation_origins={available}" if available else "type a shorter window.horizon"
    labels = 1 if supervised else 0
    possible = [
        origins
        for origins in range(1, window.origins)
        if window.has_full_horizon_before(origins + required - 1 + labels)
    ]
    fewer = f", or window.origins={possible[-1]}" if possible else ""
    return (
        f"log '{source}' holds {available} validation period(s) of {window.horizon} before the holdout of "
        f"{window.origins} origin(s), {required} asked for; {advice}{fewer}"
    )
