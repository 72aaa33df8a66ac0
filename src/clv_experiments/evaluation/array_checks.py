"""Validation of the two columns that every score takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from clv_experiments.errors import ClvError

Floats = NDArray[np.float64]


def check_paired_columns(
    left: ArrayLike, right: ArrayLike, names: tuple[str, str] = ("y_true", "y_pred")
) -> tuple[Floats, Floats]:
    """Return both columns as float arrays of one shape (customers,).

    Raises ClvError unless both are one-dimensional, finite, equally long and not empty, and, where both are Series,
    carry the same customers in the same order.
    """
    if isinstance(left, pd.Series) and isinstance(right, pd.Series) and not left.index.equals(right.index):
        raise ClvError(
            f"{names[0]} and {names[1]} list different customers, or in a different order; "
            f"align them first, for example with {names[1]}.reindex({names[0]}.index)"
        )
    first, second = _check_column(left, names[0]), _check_column(right, names[1])
    if len(first) != len(second):
        raise ClvError(
            f"{names[0]} has {len(first):,} values and {names[1]} has {len(second):,}; expected one of each a customer"
        )
    return first, second


def check_probabilities(bought: ArrayLike, probability: ArrayLike) -> tuple[Floats, Floats]:
    """Return 0/1 outcomes and their predicted probabilities as float arrays of one shape (customers,).

    Raises ClvError as `check_paired_columns` does, and where an outcome is not 0 or 1 or a probability lies outside
    [0, 1].
    """
    outcome, predicted = check_paired_columns(bought, probability, ("bought", "probability"))
    neither, outside = outcome[~np.isin(outcome, (0.0, 1.0))], predicted[(predicted < 0) | (predicted > 1)]
    if len(neither):
        raise ClvError(f"bought holds {neither[0]:g}; expected 0 or 1 (or False and True)")
    if len(outside):
        raise ClvError(f"probability holds {outside[0]:g}; expected numbers from 0 to 1")
    return outcome, predicted


def _check_column(values: ArrayLike, name: str) -> Floats:
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ClvError(
            f"{name} holds something that is not a number ({error}); expected one finite number a customer"
        ) from error
    if column.ndim != 1:
        raise ClvError(f"{name} has shape {column.shape}; expected one dimension, one number a customer")
    if len(column) == 0:
        raise ClvError(f"{name} is empty; expected at least one customer")
    invalid = np.flatnonzero(~np.isfinite(column))
    if len(invalid):
        raise ClvError(
            f"{name} holds {len(invalid):,} values that are not finite (the first, {column[invalid[0]]}, "
            f"at position {invalid[0]}); expected one finite number a customer"
        )
    return column
