"""The log that this process read last: the next run of a multirun mostly wants the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from clv_experiments.data.log import TransactionLog

LearnUntil = Callable[[date, date], date]


@dataclass(frozen=True)
class _CachedLog:
    settings: str
    learnt: dict[tuple[date, date], date]
    log: TransactionLog


class LogCache:
    """Keeps one log, together with how it was read and until which day its cleaning learnt.

    What the log was read from is taken to stay as it is while the process runs.
    """

    def __init__(self) -> None:
        self._last: _CachedLog | None = None

    def read(
        self, settings: str, learn_until: LearnUntil, load: Callable[[LearnUntil], TransactionLog]
    ) -> TransactionLog:
        """Return the last log if it was read by the same settings and learnt until the same day, or else load it.

        Parameters
        ----------
        settings : str
            All that decides how the log is read, but for ``learn_until``.
        learn_until : callable
            Takes first and last day of the log and gives the last day that cleaning may learn from.
        load : callable
            Reads the log, given ``learn_until``.
        """
        last = self._last
        if last and last.settings == settings and all(learn_until(*span) == day for span, day in last.learnt.items()):
            return last.log
        learnt: dict[tuple[date, date], date] = {}

        def noted(start: date, end: date) -> date:
            learnt[start, end] = learn_until(start, end)
            return learnt[start, end]

        self._last = None  # two logs at once may not fit into memory
        log = load(noted)
        self._last = _CachedLog(settings, learnt, log)
        return log
