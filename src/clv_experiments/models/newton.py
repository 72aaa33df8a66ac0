"""Newton's method for a maximum inside bounds, for functions of a few parameters that may be flat far out."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from clv_experiments.models.btyd_likelihood import Derivatives

MAX_STEPS = 200
LONGEST_STEP = 3.0
MIN_GAIN = 1e-9  # a step that promises less is the last
MIN_RELATIVE_CURVATURE = 1e-12  # of the steepest curvature, at least: what rounding leaves of a curvature of 0
HALVINGS = 30
RELATIVE_VALUE_TOLERANCE = 1e-14  # of a sum's value: less is no loss
BOUND_TOLERANCE = 1e-9  # to a bound: at it


class NewtonResult(NamedTuple):
    """Where a climb ended, the function there, and whether it ended by itself."""

    point: np.ndarray
    derivatives: Derivatives
    converged: bool


def maximise_by_newton(function: Callable[[np.ndarray], Derivatives], start: np.ndarray, bound: float) -> NewtonResult:
    """Climb from the start to a maximum with all coordinates in [-bound, bound].

    Curvatures count by their size, so that every step leads up; a step ends at the first bound that it meets, is cut to
    a length of 3, and halved until the function is no lower. Near a maximum it converges quadratically; a ridge that
    levels off exponentially it follows by a step of 1 at a time.
    """
    point = np.clip(start, -bound, bound)
    current = function(point)
    for _ in range(MAX_STEPS):
        step, gain = _newton_step(point, current, bound)
        for halving in range(HALVINGS):
            candidate = np.clip(point + step / 2**halving, -bound, bound)
            proposal = function(candidate)
            if proposal.is_finite() and proposal.value >= current.value - RELATIVE_VALUE_TOLERANCE * abs(current.value):
                break
        else:
            return NewtonResult(point, current, True)
        point, current = candidate, proposal
        if gain < MIN_GAIN:
            return NewtonResult(point, current, True)
    return NewtonResult(point, current, False)


def free_coordinates(point: np.ndarray, direction: np.ndarray, bound: float) -> np.ndarray:
    """Return which coordinates can be moved in their direction without leaving the bounds."""
    return ~np.where(direction > 0, point >= bound - BOUND_TOLERANCE, point <= BOUND_TOLERANCE - bound)


def _newton_step(point: np.ndarray, current: Derivatives, bound: float) -> tuple[np.ndarray, float]:
    """Return a step inside the bounds, and what a quadratic function would gain by the whole of it."""
    if not current.is_finite():
        return np.zeros_like(point), 0.0
    free = free_coordinates(point, current.gradient, bound)
    while free.any():
        step, gain = _unbounded_step_and_gain(current, free)
        blocked = free & ~free_coordinates(point, step, bound)
        if blocked.any():
            free &= ~blocked
        else:
            moving = step != 0
            room = (np.copysign(bound, step) - point)[moving] / step[moving]
            longest = LONGEST_STEP / np.linalg.norm(step) if moving.any() else 1.0
            return step * np.append(room, [1.0, longest]).min(), gain
    return np.zeros_like(point), 0.0


def _unbounded_step_and_gain(current: Derivatives, free: np.ndarray) -> tuple[np.ndarray, float]:
    curvatures, directions = np.linalg.eigh(-current.hessian[np.ix_(free, free)])
    sizes = np.maximum(np.abs(curvatures), max(MIN_RELATIVE_CURVATURE * np.abs(curvatures).max(), np.finfo(float).tiny))
    slopes = current.gradient[free] @ directions
    step = np.zeros(len(free))
    step[free] = directions @ (slopes / sizes)
    return step, float(slopes**2 @ (1 / sizes)) / 2
