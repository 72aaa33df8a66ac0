"""No password in what is shown or kept."""

import pytest
from omegaconf import OmegaConf

from clv_experiments.config.settings import mask_passwords, setting_records
from clv_experiments.masking import find_passwords, mask_password


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://ann:sesame@db/shop", "postgresql://ann:***@db/shop"),
        ("postgresql+psycopg://ann:p@ss:w@db:5432/shop", "postgresql+psycopg://ann:***@db:5432/shop"),
        ("error at 'mysql://u:x@h/d' and 'mysql://u:y@h/d'", "error at 'mysql://u:***@h/d' and 'mysql://u:***@h/d'"),
        ("snowflake://h/d?user=ann&PASSWORD=sesame&role=r", "snowflake://h/d?user=ann&PASSWORD=***&role=r"),
        ("host=h password=sesame dbname=d", "host=h password=*** dbname=d"),
        ("postgresql://:sesame@db/shop", "postgresql://:***@db/shop"),
        ("connection: postgresql://ann:open se/same@db/shop", "connection: postgresql://ann:***@db/shop"),
        ("duckdb://md:shop?motherduck_token=sesame", "duckdb://md:shop?motherduck_token=***"),
        ("password='open sesame' host=h", "password=*** host=h"),
        ("postgresql://ann@db/shop", "postgresql://ann@db/shop"),
        ("duckdb:///data/shop.duckdb", "duckdb:///data/shop.duckdb"),
        ("at 12:30 mail a@b.c, see https://x.y/z", "at 12:30 mail a@b.c, see https://x.y/z"),
    ],
)
def test_passwords_are_masked_and_the_rest_is_left_alone(text, masked):
    assert mask_password(text) == masked


def test_long_text_is_read_through_once():
    text = f"{'x' * 500_000}://ann:sesame@db/shop?{'y' * 500_000}password=sesame"
    assert mask_password(text) == text.replace("sesame", "***")


def test_parameters_of_a_run_hold_none(compose):
    cfg = compose("data=file", "data.path='postgresql://ann:sesame@db/shop'")
    result = {
        record.name: record.value
        for record in setting_records(mask_passwords(OmegaConf.to_container(cfg, resolve=True)))
    }
    assert result["data.path"] == "postgresql://ann:***@db/shop"
    assert "sesame" not in str(result)


def test_passwords_are_found_as_written_and_decoded():
    assert find_passwords("postgresql://ann:s%40same@db/shop?sslpassword=x&connect_timeout=5") == {
        "s%40same",
        "s@same",
        "x",
    }
    assert find_passwords("postgresql://ann@db/shop") == set()
