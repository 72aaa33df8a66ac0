"""A number with its 95 % bootstrap interval."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from clv_experiments.decisions.segments.resampling import bounds


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its 95 % interval; nan where there is none."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, replicates: ArrayLike) -> Estimate:
        """Put the percentile interval of its bootstrap replicates, shape (replicates,), around a value."""
        low, high = bounds(replicates)
        return cls(float(value), low.item(), high.item())

    @property
    def is_significant(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    def __abs__(self) -> Estimate:
        """Return the size of a value whose sign words tell."""
        return Estimate(-self.value, -self.high, -self.low) if self.value < 0 else self

    def columns(self, name: str) -> dict[str, float]:
        """Return the columns of a table: ``name``, ``name_low``, ``name_high``."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}
