"""Axes: the log scale with zeros, and how amounts are written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.reporting.symlog_scale import SymlogScale, format_amount


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-6, 1e6), st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=9, unique=True))
def test_the_log_scale_keeps_order_sign_and_zero(unit, values):
    scale = SymlogScale(unit)
    ordered = np.sort(values)
    assert (np.diff(scale(ordered)) >= 0).all()
    np.testing.assert_array_equal(scale(-ordered), -scale(ordered))
    assert scale(0.0) == 0.0
    assert scale(9 * unit) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1234.5, "1,234"), (2_500_000, "2.5M"), (0.05, "0.05"), (2.5, "2.5"), (-30, "-30")]
)
def test_amounts_are_written_as_people_do(value, text):
    assert format_amount(value) == text
