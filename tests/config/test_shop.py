"""The shop's own numbers: read from the config, refused in one sentence where they make no sense."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from clv_experiments.config.shop import build_shop
from clv_experiments.errors import ClvError

CONF = Path(__file__).resolve().parents[2] / "conf" / "decisions" / "shop.yaml"


def shop(*changes):
    return build_shop(
        OmegaConf.to_container(OmegaConf.merge(OmegaConf.load(CONF), OmegaConf.from_dotlist([*changes]))), "£"
    )


def test_the_configured_numbers_are_read():
    settings = shop("contact.budget=10", "contact.cost=3", "contact.uplift=0.1", "contact.least={At risk: 5}")
    assert (settings.tiers, str(settings.clv_horizon), settings.campaign.contacts) == ((0.1, 0.3), "12 months", 3)
    assert settings.campaign.uplift == (0.1, 0.1, 0.1)
    assert (settings.campaign.min_by_segment, settings.campaign.max_by_country) == ({"At risk": 5}, {})


@pytest.mark.parametrize(
    ("override", "minima"),
    [
        ("decisions.contact.least={At risk: 50}", {"At risk": 50}),
        ("+decisions.contact.least.Loyal=3", {"Loyal": 3}),
        ("decisions.contact.least={}", {}),
    ],
)
def test_demands_can_be_typed(override, minima):
    with initialize_config_dir(str(CONF.parents[1]), version_base="1.3"):
        cfg = compose("score", overrides=[override])
    assert build_shop(cfg.decisions, "").campaign.min_by_segment == minima


@pytest.mark.parametrize(
    "change",
    [
        "margin=30", "margin=0", "margin=yes", "annual_discount_rate=-0.1", "clv_horizon=soon", "interval=80",
        "tiers.high=0.9", "tiers.mid=0", "likely=1", "next_purchase_within=0 days", "contact.budget=-1",
        "contact.cost=0", "contact.uplift=[0.2,0.1,0.3]", "contact.uplift=[0.1,0.2]", "contact.least={At risk: -1}",
        "contact.most={Germany: many}",
        "contact.uplift=big", f"contact.uplift={10**400}", "contact.most=5", "tiers=0.1", "contact=null",
        "contact.least=50",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_its_name(change):
    with pytest.raises(
        ClvError, match=rf"decisions\.{change.partition('=')[0].removesuffix('.high').removesuffix('.mid')}\b"
    ):
        shop(change)
