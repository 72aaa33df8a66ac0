"""What the shop knows and no log tells: margin, discount rate, campaign; checked once, plain values afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from clv_experiments.data.horizon import Horizon
from clv_experiments.errors import ClvError


@dataclass(frozen=True)
class Campaign:
    """A round of contacts."""

    budget: float  # in the log's currency
    cost: float  # of contacting one customer
    uplift: tuple[float, float, float]  # by what share a contact raises spend in the period: low, expected, high
    min_by_segment: Mapping[str, int] = field(default_factory=dict)  # customers to contact at least (contact.least)
    max_by_country: Mapping[str, int] = field(default_factory=dict)  # customers to contact at most (contact.most)

    def __post_init__(self) -> None:
        _require_number("contact.budget", self.budget, lambda amount: amount >= 0, "an amount of 0 or more")
        _require_number("contact.cost", self.cost, lambda amount: amount > 0, "an amount above 0")
        uplift = list(self.uplift)
        are_shares = len(uplift) == 3 and all(-1 <= _to_float_or_nan(share) < np.inf for share in uplift)
        _require_valid_setting(
            "contact.uplift",
            uplift,
            are_shares and uplift == sorted(uplift),
            "three rising shares: low, expected, high, such as [0,0.05,0.1]",
        )
        for name, counts in (("least", self.min_by_segment), ("most", self.max_by_country)):
            valid = isinstance(counts, Mapping) and all(type(count) is int and count >= 0 for count in counts.values())
            _require_valid_setting(
                f"contact.{name}", counts, valid, "whole numbers of at least 0 by name, such as {Germany: 100}"
            )

    @property
    def expected_uplift(self) -> float:
        """The uplift that a plan counts on."""
        return self.uplift[1]

    @property
    def contacts(self) -> int:
        """How many customers the budget pays for."""
        return int(np.floor(self.budget / self.cost + 1e-9))

    @property
    def has_group_limits(self) -> bool:
        """Whether segments or countries have limits of their own."""
        return bool(self.min_by_segment or self.max_by_country)


@dataclass(frozen=True)
class Shop:
    """What decisions rest on besides predictions; see ``conf/decisions/shop.yaml``."""

    currency: str  # of the log
    margin: float  # share of spend that is left after goods and delivery
    annual_discount_rate: float
    clv_horizon: Horizon  # over which CLV adds up
    interval: float  # share of customers whose spend a prediction interval is to hold
    tiers: tuple[float, float]  # shares of customers in the tiers High and Mid
    likely: float  # P(buys) from which on a customer who did not is a missed opportunity
    next_purchase_within: Horizon  # next purchase dates are of customers who come within this time
    campaign: Campaign

    def __post_init__(self) -> None:
        rate = self.annual_discount_rate
        _require_number("margin", self.margin, lambda share: 0 < share <= 1, "a share above 0 and up to 1")
        _require_number("annual_discount_rate", rate, lambda x: 0 <= x <= 10, "a rate of 0 or more a year, such as 0.1")
        _require_number("interval", self.interval, lambda x: 0.5 <= x < 1, "a share from 0.5 to below 1, such as 0.8")
        shares = [_to_float_or_nan(share) for share in self.tiers]
        valid = all(share > 0 for share in shares) and sum(shares) < 1
        _require_valid_setting("tiers", list(self.tiers), valid, "two shares above 0 that leave a rest")
        _require_number("likely", self.likely, lambda p: 0 < p < 1, "a probability between 0 and 1")


def _to_float_or_nan(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return np.inf


def _require_number(name: str, value: object, is_valid: Callable[[float], bool], requirement: str) -> None:
    _require_valid_setting(name, value, is_valid(_to_float_or_nan(value)), requirement)


def _require_valid_setting(name: str, value: object, valid: bool, requirement: str) -> None:
    if not valid:
        raise ClvError(f"decisions.{name} must be {requirement}, got '{value}'")
