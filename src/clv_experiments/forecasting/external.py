"""Predictions that were made elsewhere: checked against a cell, then scored like those of any model here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.data.window import Origin
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.forecast import Forecast, TrainingPanel
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model

FAMILY = "external"
COLUMNS = ("customer_id", "cutoff", "y_pred")
OPTIONAL = ("p_purchase", "expected_purchases")
SHOWN = 3  # cutoffs or columns that a message names


def external_model(name: str) -> Model:
    """Name predictions made elsewhere as a model: nothing of it is fitted here."""
    return Model(name, FAMILY, supervised=False, features=FeatureSet(FAMILY, []), estimator=None)


class ExternalForecaster(Forecaster):
    """A forecaster whose model of family ``external`` predicts what a table says; baselines are fitted as ever.

    Parameters
    ----------
    forecaster : Forecaster
        Of the cell; what it computed is shared.
    tables : mapping of cutoff to pandas.DataFrame
        From ``validate_cell_predictions``.
    """

    def __init__(self, forecaster: Forecaster, tables: Mapping[date, pd.DataFrame]) -> None:
        vars(self).update(vars(forecaster))
        self.tables = tables

    def forecast(self, target: Period, model: Model) -> Forecast:
        """Return the given predictions of a period, or fit a model and predict, see ``Forecaster.forecast``."""
        if model.family != FAMILY:
            return super().forecast(target, model)
        outcome = self.outcome(target).rename(columns={"spend": "y_true"})
        X = pd.DataFrame(index=outcome.index)
        return Forecast(target, None, TrainingPanel(X, None, ()), X, outcome.join(self.tables[target.cutoff]), {})

    def origins(self) -> list[Origin]:
        """List the origins of the window, oldest first, with a validation period where it was predicted too."""
        origins = self.window.backtest_origins(supervised=False, source=self.log.name)
        return [
            replace(
                origin, validation=period if (period := origin.validation) and period.cutoff in self.tables else None
            )
            for origin in origins
        ]


def validate_cell_predictions(
    predictions: pd.DataFrame, forecaster: Forecaster, name: str, *, cell: str, claimed_cell: str | None = None
) -> dict[date, pd.DataFrame]:
    """Check that predictions are those of a cell: its cutoffs, all its customers once each, values that can be scored.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Columns ``customer_id``, ``cutoff`` (a day), ``y_pred`` (spend in the horizon, currency), optionally
        ``p_purchase``, ``expected_purchases`` and ``cell``; other columns are ignored. Of one cutoff, ``cutoff`` may
        be missing. Validation periods may be predicted too.
    forecaster : Forecaster
        Of the cell's log and window.
    name : str
        Of the predictions, for messages.
    cell : str
        The cell's fingerprint.
    claimed_cell : str, optional
        The fingerprint, or its beginning, that the predictions were made for; by default their column ``cell``.

    Returns
    -------
    dict of cutoff to pandas.DataFrame
        ``y_pred`` and what else there is, indexed by customer_id in the order of the cell's customers.

    Raises
    ------
    ClvError
        In one sentence: what is wrong, where, and what is expected.
    """
    origins = forecaster.window.backtest_origins(supervised=False, source=forecaster.log.name)
    required = [origin.holdout for origin in origins]
    periods = {period.cutoff: period for origin in origins for period in (origin.validation, origin.holdout) if period}
    needed = [column for column in COLUMNS if column != "cutoff" or origins[1:]]
    if absent := [column for column in needed if column not in predictions]:
        raise ClvError(
            f"predictions '{name}' lack the column{'s' * (len(absent) > 1)} {', '.join(absent)}; they have "
            f"{', '.join(map(str, predictions.columns))}"
        )
    _check_cell(predictions, name, cell, claimed_cell)
    table = predictions.reset_index(drop=True)
    if "cutoff" not in table:
        table = table.assign(cutoff=required[-1].cutoff)
    table = table.assign(
        customer_id=_format_customer_ids(table["customer_id"], name), cutoff=_parse_cutoffs(table["cutoff"], name)
    )
    _check_cutoffs(set(table["cutoff"]), [period.cutoff for period in required], set(periods), name)
    return {
        cutoff: validate_origin_predictions(
            table[table["cutoff"] == cutoff],
            forecaster.outcome(periods[cutoff]).index,
            f"predictions '{name}' of {cutoff}",
            has_losses=forecaster.log.has_losses,
        )
        for cutoff in sorted(set(table["cutoff"]))
    }


def validate_origin_predictions(
    predictions: pd.DataFrame, customers: pd.Index, source: str, *, has_losses: bool = False
) -> pd.DataFrame:
    """Check that predictions are of all customers of one cutoff, once each, with values that can be scored.

    Parameters
    ----------
    predictions : pandas.DataFrame
        ``customer_id`` (text), ``y_pred`` and perhaps ``p_purchase`` and ``expected_purchases``.
    customers : pandas.Index
        Whom the cell forecasts.
    source : str
        What messages begin with.
    has_losses : bool
        Whether spend may lie below 0.

    Returns
    -------
    pandas.DataFrame
        Indexed by customer_id, in the order of ``customers``.

    Raises
    ------
    ClvError
    """
    columns = ["y_pred", *(column for column in OPTIONAL if column in predictions)]
    table = predictions.set_index("customer_id")[columns]
    _check_customers(table.index, customers, source)
    return _convert_to_valid_floats(table.loc[customers], source, has_losses=has_losses)


def _check_cell(predictions: pd.DataFrame, name: str, cell: str, claimed: str | None) -> None:
    claims = (
        [claimed] if claimed else predictions["cell"].dropna().astype(str).unique() if "cell" in predictions else []
    )
    for claim in claims:
        if not cell.startswith(claim):
            raise ClvError(
                f"predictions '{name}' were made for cell {claim}, and this log, window and these customers are cell "
                f"{cell}; give the settings that the cell was written with"
            )


def _format_customer_ids(ids: pd.Series, name: str) -> pd.Series:
    """Return ids as the log has them, as text; whole numbers without a decimal point."""
    if ids.isna().any():
        raise ClvError(f"predictions '{name}' have {ids.isna().sum():,} rows without a customer_id")
    if pd.api.types.is_float_dtype(ids) and (ids % 1 == 0).all():
        ids = ids.astype("int64")
    return ids.astype(str)


def _parse_cutoffs(cutoffs: pd.Series, name: str) -> pd.Series:
    try:
        days = pd.to_datetime(cutoffs)
    except (ValueError, TypeError) as error:
        raise ClvError(
            f"predictions '{name}' have a cutoff that is no day ({error}); it must read like 1998-03-31"
        ) from error
    if days.isna().any():
        raise ClvError(f"predictions '{name}' have {days.isna().sum():,} rows without a cutoff")
    return days.dt.date


def _check_cutoffs(given: set[date], required: Sequence[date], allowed: set[date], name: str) -> None:
    missing, other = [day for day in required if day not in given], sorted(given - allowed)
    expected = f"this cell is forecast from {_format_day_list(required)}"
    if missing:
        raise ClvError(
            f"predictions '{name}' are of {_format_day_list(sorted(given))} and lack "
            f"{_format_day_list(missing)}; {expected}"
        )
    if other:
        raise ClvError(f"predictions '{name}' are of {_format_day_list(other)} too, and {expected}")


def _check_customers(given: pd.Index, customers: pd.Index, source: str) -> None:
    expected = f"expected is one row for each of the {len(customers):,} customers known at the cutoff"
    if given.has_duplicates:
        repeated = given[given.duplicated()]
        raise ClvError(
            f"{source} have {len(repeated):,} rows too many, the first of customer {repeated[0]}; {expected}"
        )
    missing, unknown = customers.difference(given), given.difference(customers)
    if len(missing):
        raise ClvError(f"{source} lack {len(missing):,} customers, the first {missing[0]}; {expected}")
    if len(unknown):
        raise ClvError(
            f"{source} have {len(unknown):,} customers of no purchase before it, the first {unknown[0]}; {expected}"
        )


def _convert_to_valid_floats(table: pd.DataFrame, source: str, *, has_losses: bool) -> pd.DataFrame:
    """Return all columns as floats that can be scored."""
    ranges = {
        "y_pred": (-np.inf if has_losses else 0.0, np.inf, "a finite spend" + ("" if has_losses else " of 0 or more")),
        "p_purchase": (0.0, 1.0, "a probability from 0 to 1"),
        "expected_purchases": (0.0, np.inf, "a finite number of 0 or more"),
    }
    checked = {}
    for column in table:
        low, high, expected = ranges[str(column)]
        values = pd.to_numeric(table[column], errors="coerce").astype(float)
        invalid = ~(np.isfinite(values) & values.between(low, high))
        if invalid.any():
            raise ClvError(
                f"{source} have {invalid.sum():,} values of {column} that cannot be scored, the first "
                f"{table[column][invalid].iloc[0]} of customer {values.index[invalid][0]}; expected is {expected}"
            )
        checked[column] = values
    return pd.DataFrame(checked, index=table.index)


def _format_day_list(days: Iterable[date]) -> str:
    listed = [str(day) for day in days]
    return ", ".join(listed[:SHOWN]) + (f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else "")
