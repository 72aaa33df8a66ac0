"""The log that was read last, for the next run of the same process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from clv_experiments.data.cleaning.clean import GetLearningEnd
from clv_experiments.data.log import TransactionLog


@dataclass(frozen=True)
class _CachedLog:
    settings: str
    learning_ends: dict[tuple[date, date], date]  # by the first and last day it was asked for
    log: TransactionLog


class LastLogCache:
    """Holds the log that this process loaded last, since the next run of a multirun usually wants the same.

    The source is assumed not to change while the process runs.
    """

    def __init__(self) -> None:
        self._last: _CachedLog | None = None

    def get_or_load(
        self, settings: str, get_learning_end: GetLearningEnd, load: Callable[[GetLearningEnd], TransactionLog]
    ) -> TransactionLog:
        """Return the last log if its settings and the day that cleaning learned until are the same, or else load it.

        Parameters
        ----------
        settings : str
            Everything that decides how the log is loaded, except ``get_learning_end``.
        get_learning_end : callable
            Takes the first and last day of the log and returns the last day that cleaning may learn from.
        load : callable
            Loads the log, given ``get_learning_end``.

        Returns
        -------
        TransactionLog
        """
        last = self._last
        if (
            last
            and last.settings == settings
            and all(get_learning_end(*k) == day for k, day in last.learning_ends.items())
        ):
            return last.log
        days: dict[tuple[date, date], date] = {}

        def get_recorded_learning_end(start: date, end: date) -> date:
            days[start, end] = get_learning_end(start, end)
            return days[start, end]

        self._last = None  # two logs at once may not fit into memory
        log = load(get_recorded_learning_end)
        self._last = _CachedLog(settings, days, log)
        return log
