"""The forecaster that this process used last, whose features and labels the next run may share."""

from __future__ import annotations

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.window import Window
from clv_experiments.forecasting.forecaster import Forecaster


class LastForecasterCache:
    """Holds the forecaster that this process used last, since the next run of a multirun usually has the same log."""

    def __init__(self) -> None:
        self._last: Forecaster | None = None

    def get(self, log: TransactionLog, window: Window) -> Forecaster:
        """Return a forecaster that shares what the last one computed, where log and horizon are the same."""
        last = self._last
        same = last is not None and last.log is log and last.window.horizon == window.horizon
        self._last = last.with_window(window) if last and same else Forecaster(log, window)
        return self._last
