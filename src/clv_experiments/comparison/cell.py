"""What a leaderboard compares: the forecasts that several models made for the same customers and periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from clv_experiments.data.log import UNIT_WITHOUT_AMOUNTS
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.tracking.experiment_name import format_experiment_name


@dataclass(frozen=True, eq=False, kw_only=True)
class Entry:
    """One run of one model in a cell.

    Attributes
    ----------
    label : str
        Unique in the cell: the model's name and, where the cell holds several runs of it, how this run differs.
    predictions : pandas.DataFrame
        ``customer_id, cutoff, y_true, y_pred, purchase_days``, one row a customer and origin; of runs that have them
        also ``frequency``, ``low_80``, ``high_80``, ``low_95``, ``high_95`` and ``crps``.
    d2_floors : sequence of float
        Least prediction that D2 sees at each origin, oldest first (currency).
    model, family, features, run_id, code_version : str
        As the run was tagged; empty where the forecast is no stored run.
    validation : mapping of origin to scores
        Where the log reached back to a validation period.
    label_margin_days : mapping of origin to days
        From the last day of a training label to the cutoff; below 0 labels overlap the holdout. Empty for models that
        learn from no labels.
    seconds : mapping of part to seconds
        ``features``, ``fit`` and ``predict`` of the holdout forecasts, summed over origins.
    at_edge : str
        Which chosen settings lie at the edge of what was searched; empty where none does.
    total_interval_bounds : mapping of name to (mapping of origin to currency)
        ``lower_80, upper_80, lower_95, upper_95`` of all customers' total, of a model at the forecast level.
    """

    label: str
    predictions: pd.DataFrame
    d2_floors: tuple[float, ...]
    model: str = ""
    family: str = ""
    features: str = ""
    run_id: str = ""
    code_version: str = ""
    validation: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    label_margin_days: Mapping[int, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    at_edge: str = ""
    total_interval_bounds: Mapping[str, Mapping[int, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class OriginPredictions:
    """One origin of a cell: what each model predicted and what happened, one row a customer sorted by customer_id.

    Attributes
    ----------
    customer_id : array of str, shape (n,)
    y_true : array, shape (n,)
        Holdout spend (currency).
    bought : array of bool, shape (n,)
        Whether there was a purchase day in the holdout.
    y_pred : array, shape (n, models)
        In the order of the cell's entries.
    d2_floor : float
        Least prediction that D2 sees (currency).
    holdout : str
        The holdout period.
    crps : array, shape (n, models), or None
        Each customer's CRPS (currency); None where some model has none here.
    """

    customer_id: np.ndarray
    y_true: Floats
    bought: np.ndarray
    y_pred: Floats
    d2_floor: float
    holdout: str = ""
    crps: Floats | None = None

    @property
    def n_customers(self) -> int:
        """Number of customers."""
        return len(self.y_true)

    @property
    def n_buyers(self) -> int:
        """Number of customers who bought in the holdout."""
        return int(self.bought.sum())


@dataclass(frozen=True, eq=False, kw_only=True)
class Cell:
    """The models that were evaluated on one log, window, cutoff and protocol.

    Attributes
    ----------
    entries : tuple of Entry
    holdouts : tuple of str
        The holdout period of each origin, oldest first (``1998-04-01 to 1998-06-30``).
    data, horizon, protocol : str
        Name of the log, label of the horizon (``3m``), ``forecast`` or ``customer_split``.
    identity : str
        The cell's fingerprint: equal for runs that may be compared.
    currency : str
        ``purchases`` of a log without amounts.
    excluded_runs : tuple of str
        One sentence for each run, or group of runs, that is not compared, with the reason.
    has_losses : bool
        Whether the log has amounts below 0, of which some scores mean nothing.
    """

    entries: tuple[Entry, ...]
    holdouts: tuple[str, ...]
    data: str = ""
    horizon: str = ""
    protocol: str = "forecast"
    identity: str = ""
    currency: str = ""
    excluded_runs: tuple[str, ...] = ()
    has_losses: bool = False

    @property
    def title(self) -> str:
        """The log and the horizon, as runs are filed under: ``cdnow 3m``."""
        return format_experiment_name(self.data, self.horizon)

    @property
    def measure(self) -> str:
        """What is predicted: spend, or purchases of a log without amounts."""
        return UNIT_WITHOUT_AMOUNTS if self.currency == UNIT_WITHOUT_AMOUNTS else "spend"

    @property
    def subtitle(self) -> str:
        """The title with the holdout period, or with the number of origins."""
        periods = self.holdouts[-1] if len(self.holdouts) == 1 else f"mean of {len(self.holdouts)} origins"
        return f"{self.title} · {periods}"

    @property
    def labels(self) -> list[str]:
        """The entries' labels, in order."""
        return [entry.label for entry in self.entries]

    @property
    def families(self) -> dict[str, str]:
        """The model family of each label."""
        return {entry.label: entry.family for entry in self.entries}

    @cached_property
    def origins(self) -> tuple[OriginPredictions, ...]:
        """The predictions at each origin, oldest first.

        Raises
        ------
        ClvError
            If two entries hold different customers or a different holdout spend.
        """
        tables = [e.predictions.sort_values(["cutoff", "customer_id"], ignore_index=True) for e in self.entries]
        first = tables[0]
        for entry, table in zip(self.entries, tables, strict=True):
            if not all(np.array_equal(table[column], first[column]) for column in ("cutoff", "customer_id", "y_true")):
                raise ClvError(
                    f"runs {self.entries[0].run_id} ({self.entries[0].label}) and {entry.run_id} ({entry.label}) of "
                    f"cell {self.title} hold different customers or another holdout spend; delete the one that is wrong"
                )
        origins = []
        for step, cutoff in enumerate(sorted(first["cutoff"].unique())):
            rows = (first["cutoff"] == cutoff).to_numpy()
            origins.append(
                OriginPredictions(
                    first["customer_id"].to_numpy()[rows],
                    first["y_true"].to_numpy(float)[rows],
                    first["purchase_days"].to_numpy()[rows] > 0,
                    np.column_stack([table["y_pred"].to_numpy(float)[rows] for table in tables]),
                    self.entries[0].d2_floors[step],
                    self.holdouts[step],
                    _stack_crps(tables, rows),
                )
            )
        return tuple(origins)


def _stack_crps(tables: list[pd.DataFrame], rows: np.ndarray) -> Floats | None:
    """Return each customer's CRPS by each model, shape (n, models); None where some model has none."""
    if not all("crps" in table for table in tables):
        return None
    crps = np.column_stack([table["crps"].to_numpy(float)[rows] for table in tables])
    return None if np.isnan(crps).any() else crps
