"""Newton's method on functions whose maxima are plain to see."""

import numpy as np
import pytest

from clv_experiments.models import newton
from clv_experiments.models.btyd_likelihood import Derivatives
from clv_experiments.models.newton import maximise_by_newton


def bowl(point):
    scales = np.array([1.0, 1e6])
    return Derivatives(-(scales @ (point - [1, 2]) ** 2) / 2, -scales * (point - [1, 2]), -np.diag(scales))


def bell(point):
    """exp(-x^2 / 2): curved upwards further out than 1."""
    value = np.exp(-(point[0] ** 2) / 2)
    return Derivatives(value, -point * value, np.array([[(point[0] ** 2 - 1) * value]]))


def levelling(point):
    """1 - exp(-x), which rises for ever."""
    rest = np.exp(-point[0])
    return Derivatives(1 - rest, np.array([rest]), np.array([[-rest]]))


def ridge(point):
    """A steep ridge along x = y that levels off, so that it is left where one of them stops at a bound."""
    across, rest = point[0] - point[1] + 3, np.exp(-point[1])
    gradient = np.array([-1e4 * across, 1e4 * across + rest])
    return Derivatives(-5e3 * across**2 - rest, gradient, np.array([[-1e4, 1e4], [1e4, -1e4 - rest]]))


def test_a_quadratic_function_is_climbed_in_few_steps():
    end = maximise_by_newton(bowl, np.array([-1.0, 3.0]), 14.0)
    assert end.converged
    np.testing.assert_allclose(end.point, [1, 2], rtol=1e-12)


def test_a_maximum_outside_the_bounds_ends_at_them():
    end = maximise_by_newton(bowl, np.array([-1.0, 0.0]), 1.5)
    assert end.converged
    np.testing.assert_allclose(end.point, [1, 1.5], rtol=1e-12)
    assert newton.free_coordinates(end.point, end.derivatives.gradient, 1.5).tolist() == [True, False]


def test_a_ridge_is_followed_up_to_a_bound():
    calls = []

    def counted(point):
        calls.append(point)
        return ridge(point)

    end = maximise_by_newton(counted, np.array([0.0, 0.0]), 14.0)
    assert end.converged
    assert end.point[0] == pytest.approx(end.point[1] - 3, abs=1e-6)
    assert end.derivatives.value > -np.exp(-13.9)
    assert len(calls) < 30


def test_upward_curvature_does_not_turn_the_climb_around():
    end = maximise_by_newton(bell, np.array([3.0]), 14.0)
    assert end.converged
    assert end.point[0] == pytest.approx(0.0, abs=1e-6)


def test_a_function_that_levels_off_is_climbed_until_nothing_is_gained():
    end = maximise_by_newton(levelling, np.array([0.0]), 14.0)
    assert end.converged
    assert end.derivatives.value == pytest.approx(1.0, abs=1e-6)


def test_a_start_at_the_maximum_stays_there():
    assert maximise_by_newton(bowl, np.array([1.0, 2.0]), 14.0).point.tolist() == [1.0, 2.0]


def test_steps_to_where_the_function_is_not_finite_are_taken_back():
    def walled(point):
        return bowl(point) if point[1] <= 2.0 + 1e-9 else Derivatives(np.nan, np.zeros(2), np.zeros((2, 2)))

    end = maximise_by_newton(walled, np.array([0.0, 0.0]), 14.0)
    np.testing.assert_allclose(end.point, [1, 2], rtol=1e-6)


def test_a_climb_without_steps_left_has_not_ended(monkeypatch):
    monkeypatch.setattr(newton, "MAX_STEPS", 1)
    assert not maximise_by_newton(bell, np.array([3.0]), 14.0).converged
