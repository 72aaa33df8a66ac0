"""Ridge regression whose penalty is counted per row, so that one setting suits panels of any size."""

from typing import Any, Self

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.utils.validation import _check_sample_weight


class RidgePerRow(Ridge):
    """Minimise the mean squared error plus ``alpha`` times the squared coefficients (Hoerl and Kennard 1970).

    ``Ridge`` adds the penalty to the *sum* of squared errors: what shrinks well on 3,000 rows does next to nothing on
    50,000. Its parameters are taken as they are, but for the meaning of ``alpha``.

    Attributes
    ----------
    alpha_ : float
        Penalty on the sum of squared errors: ``alpha`` times the rows, or their weights.

    Examples
    --------
    >>> X, y = [[-1.0], [1.0]], [0.0, 2.0]
    >>> RidgePerRow(alpha=1.0).fit(X, y).coef_.tolist(), Ridge(alpha=2.0).fit(X, y).coef_.tolist()
    ([0.5], [0.5])
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to n rows; see ``Ridge.fit``."""
        if sample_weight is None:
            self.alpha_ = self.alpha * np.shape(X if hasattr(X, "shape") else np.asarray(X))[0]
        else:
            self.alpha_ = self.alpha * float(np.sum(_check_sample_weight(sample_weight, X)))
        ridge = Ridge(**{**self.get_params(), "alpha": self.alpha_}).fit(X, y, sample_weight)
        for name in filter(lambda name: name.endswith("_"), vars(ridge)):
            setattr(self, name, getattr(ridge, name))
        return self
