"""Cut points of a ranking of customers, such that equal customers are never separated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from clv_experiments.errors import ClvError


def cut_points(values: ArrayLike, shares: Sequence[float], name: str) -> tuple[float, ...]:
    """Return the least value above each share of the customers; equal values stand together in the middle of their tie.

    Parameters
    ----------
    values : array, shape (customers,)
    shares : sequence of float
        Of the customers, from 0 to 1, in any order.
    name : str
        Of the values, for messages.

    Returns
    -------
    tuple of float
        A customer is above share ``s`` where their value reaches the cut point; infinite where nobody is.

    Raises
    ------
    ClvError
        If there is no customer, or a value is not finite.

    Examples
    --------
    >>> cut_points([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [0.5, 0.9], "spend")
    (6.0, 10.0)
    >>> cut_points([0, 0, 0, 0, 9], [0.2, 0.5], "spend")
    (0.0, 9.0)
    """
    column = np.asarray(values, dtype=float)
    if not len(column) or not np.isfinite(column).all():
        problem = f"{np.count_nonzero(~np.isfinite(column)):,} that are not" if len(column) else "none"
        raise ClvError(f"{name} must hold one finite number a customer to be ranked, got {problem}")
    distinct, equal = np.unique(column, return_counts=True)
    middle = (np.cumsum(equal) - equal / 2) / len(column)
    # A share that arithmetic made a hair too large must not move its customer.
    positions = [int(np.searchsorted(middle, share - 1e-9)) for share in shares]
    return tuple(float(distinct[position]) if position < len(distinct) else np.inf for position in positions)


def count_cut_points_reached(values: ArrayLike, cuts: Sequence[float]) -> np.ndarray:
    """Count the cut points that each value reaches, shape (customers,)."""
    return np.searchsorted(np.sort(np.asarray(cuts, dtype=float)), np.asarray(values, dtype=float), side="right")
