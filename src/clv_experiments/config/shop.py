"""From configuration to what the shop knows: the settings of ``conf/decisions``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clv_experiments.data.horizon import Horizon
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.errors import ClvError


def build_shop(settings: Mapping[str, Any], currency: str) -> Shop:
    """Read the settings of ``conf/decisions``.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    contact, tiers = _get_subsettings(settings, "contact"), _get_subsettings(settings, "tiers")
    uplift = contact["uplift"]
    if not isinstance(uplift, Sequence) or isinstance(uplift, str):
        uplift = [uplift] * 3
    return Shop(
        currency=currency,
        margin=settings["margin"],
        annual_discount_rate=settings["annual_discount_rate"],
        clv_horizon=_parse_horizon(settings, "clv_horizon"),
        interval=settings["interval"],
        tiers=(tiers["high"], tiers["mid"]),
        likely=settings["likely"],
        next_purchase_within=_parse_horizon(settings, "next_purchase_within"),
        campaign=Campaign(
            contact["budget"],
            contact["cost"],
            tuple(uplift),
            _replace_null_contact_limits(contact["least"]),
            _replace_null_contact_limits(contact["most"]),
        ),
    )


def _get_subsettings(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return settings that have settings of their own."""
    group = settings[name]
    if not isinstance(group, Mapping):
        raise ClvError(f"decisions.{name} must be left as it is; type decisions.{name}.<setting>=..., got '{group}'")
    return group


def _parse_horizon(settings: Mapping[str, Any], name: str) -> Horizon:
    try:
        return Horizon.parse(settings[name])
    except ClvError as error:
        raise ClvError(str(error).replace("window.horizon", f"decisions.{name}")) from error


def _replace_null_contact_limits(setting: Any) -> Any:
    """Read None as no counts; what is no mapping is refused later, by its name."""
    return {} if setting is None else dict(setting) if isinstance(setting, Mapping) else setting
