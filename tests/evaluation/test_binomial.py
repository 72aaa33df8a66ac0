"""Wilson's interval of a share, against published values, at its ends and in rows."""

import numpy as np
import pytest

from clv_experiments.evaluation.binomial import wilson


def test_wilsons_interval_of_a_share():
    low, high = wilson([0.0, 0.5, 1.0], [10, 10, 10])
    np.testing.assert_allclose(low, [0.0, 0.2366, 0.7225], atol=1e-4)
    np.testing.assert_allclose(high, [0.2775, 0.7634, 1.0], atol=1e-4)
    assert min(wilson(0.0, 3)[0], 1 - wilson(1.0, 3)[1]) == 0
    assert wilson(0.5, 10) == pytest.approx((low[1], high[1]))
