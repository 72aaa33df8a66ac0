"""No password in what is shown or kept."""

import pytest
from omegaconf import OmegaConf

from clv_experiments import errors
from clv_experiments.config.settings import setting_records
from clv_experiments.errors import (
    ClvError,
    find_secrets,
    mask_secrets,
    mask_settings,
    remember_environment,
    remember_secrets,
)
from clv_experiments.reporting.records import Description, Param, Tag, Text


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
        ("https://ghp_sesame@shop.example/orders.csv", "https://***@shop.example/orders.csv"),
        ("see https://shop.example/a@b or http://<user>@host", "see https://shop.example/a@b or http://<user>@host"),
        ("postgresql://ann@db/shop", "postgresql://ann@db/shop"),
        ("duckdb:///data/shop.duckdb", "duckdb:///data/shop.duckdb"),
        ("at 12:30 mail a@b.c, see https://x.y/z", "at 12:30 mail a@b.c, see https://x.y/z"),
        ("redis://host:6379/0 is down; mail ops@x.org", "redis://host:6379/0 is down; mail ops@x.org"),
        ("no postgresql://u:a@b@h; write %40 for @, %2F for /", "no postgresql://u:***@h; write %40 for @, %2F for /"),
        ("postgresql://u:***@, %2F for /, mail x@y.z", "postgresql://u:***@, %2F for /, mail x@y.z"),
        ("postgresql://u:sesame@/shop?host=/run", "postgresql://u:***@/shop?host=/run"),
        ("Driver={ODBC 18};Uid=u;Pwd={o;pe}}n};Encrypt=yes", "Driver={ODBC 18};Uid=u;Pwd=***;Encrypt=yes"),
        ("AccountName=a;AccountKey=c2Vz/W1l+w==;X=y", "AccountName=a;AccountKey=***;X=y"),
        ("https://a.blob/c?sv=1&sig=c2Vz%2F&se=2", "https://a.blob/c?sv=1&sig=***&se=2"),
        ("s3://b?aws_secret_access_key=c2Vz/W1l&region=eu", "s3://b?aws_secret_access_key=***&region=eu"),
        ("{'api_key': 'sesame', \"password\": \"o\\\"pen\", 'n': 1}", "{'api_key': ***, \"password\": ***, 'n': 1}"),
        ("data:\n  password: open sesame\n  table: t", "data:\n  password: ***\n  table: t"),
        ("Authorization: Bearer c2VzYW1lb3Blbg==", "Authorization: Bearer ***"),
        (
            "-----BEGIN PRIVATE KEY-----\nc2Vz\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----",
        ),
        ("check user and password; a token: none", "check user and password; a token: none"),
        ("type password=<yours>, or postgresql://user:password@host/database",) * 2,
        ("data.connection=${oc.env:SHOP} password=${oc.env:WORD}",) * 2,
        ("x://h/d?token=a,b=c&n=1", "x://h/d?token=***&n=1"),
        ("design=flat&tokens=5&sort_key=a", "design=flat&tokens=5&sort_key=a"),
    ],
)
def test_passwords_are_masked_and_the_rest_is_left_alone(text, masked):
    assert mask_secrets(text) == masked


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(errors, "_remembered", set())


def test_a_secret_is_known_again_wherever_it_stands():
    remember_secrets("postgresql://ann:open%20sesame@db/shop", "postgresql://postgres:postgres@db/postgres")
    assert mask_secrets("driver: 'open sesame' or open%20sesame?") == "driver: '***' or ***?"
    assert mask_secrets("postgresql://localhost/postgres") == "postgresql://localhost/postgres", "a name as well"


def test_a_secret_of_the_environment_is_known():
    remember_environment(
        {"MLFLOW_TRACKING_PASSWORD": "open-sesame", "CLV_DATABASE": "mysql://u:sesame42@h/d", "X": "y"}
    )
    assert mask_secrets("401 for open-sesame and sesame42") == "401 for *** and ***"


def test_settings_are_masked_by_name_and_by_value():
    settings = {"source": {"password": "a b", "port": 1, "keys": [{"api_key": 7}], "token": None}, "uri": "x://a:b@c"}
    masked = {
        "source": {"password": "***", "port": 1, "keys": [{"api_key": "***"}], "token": None},
        "uri": "x://a:***@c",
    }
    assert mask_settings(settings) == masked


def test_no_record_and_no_error_holds_a_secret():
    address = "postgresql://ann:sesame@db/shop"
    records = [
        Param("data.connection", address),
        Param("data.token", "sesame"),
        Tag("failure", address),
        Text("a", address),
    ]
    assert "sesame" not in f"{records} {Description(address)} {ClvError(address)!r}"


def test_long_text_is_read_through_once():
    text = f"{'x' * 500_000}://ann:sesame@db/shop?{'y' * 500_000}password=sesame"
    assert mask_secrets(text) == text.replace("sesame", "***")


def test_parameters_of_a_run_hold_none(compose):
    cfg = compose("data=file", "data.path='postgresql://ann:sesame@db/shop'")
    result = {
        record.name: record.value
        for record in setting_records(mask_settings(OmegaConf.to_container(cfg, resolve=True)))
    }
    assert result["data.path"] == "postgresql://ann:***@db/shop"
    assert "sesame" not in str(result)


def test_passwords_are_found_as_written_and_decoded():
    assert find_secrets("postgresql://ann:s%40same@db/shop?sslpassword=x&connect_timeout=5") == {
        "s%40same",
        "s@same",
        "x",
    }
    assert find_secrets("postgresql://ann@db/shop") == set()
