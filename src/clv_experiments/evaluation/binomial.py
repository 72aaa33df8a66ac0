"""What a share tells that was counted among few."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from clv_experiments.evaluation.validation import Floats

LEVEL = 0.95
Z = float(ndtri((1 + LEVEL) / 2))


def wilson(share: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Return the ends of the 95 % interval of shares that were counted among n (Wilson 1927).

    Parameters
    ----------
    share : array
        From 0 to 1.
    n : array
        At least 1.
    """
    found, size = np.asarray(share, dtype=float), np.asarray(n, dtype=float)
    centre = (found + Z**2 / (2 * size)) / (1 + Z**2 / size)
    reach = Z / (1 + Z**2 / size) * np.sqrt(found * (1 - found) / size + Z**2 / (4 * size**2))
    return np.maximum(centre - reach, 0.0), np.minimum(centre + reach, 1.0)
