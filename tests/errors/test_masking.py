"""No password in what is shown or kept."""

import time

import pytest
from omegaconf import OmegaConf

from clv_experiments import errors
from clv_experiments.config.settings import setting_records
from clv_experiments.errors import (
    ClvError,
    find_secrets,
    mask_secrets,
    mask_settings,
    remember_secrets_in,
    remember_secrets_in_environment,
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
        ("Driver={ODBC};Uid=u;Pwd=open sesame;Encrypt=yes", "Driver={ODBC};Uid=u;Pwd=***;Encrypt=yes"),
        ("Driver={ODBC};Uid=u;Pwd=open sesame", "Driver={ODBC};Uid=u;Pwd=***"),
        ("odbc_connect=D%3D%7BODBC%7D%3BPWD%3Dsesame%3BE%3Dyes", "odbc_connect=D%3D%7BODBC%7D%3BPWD%3D***%3BE%3Dyes"),
        ("/?u=x%3A%2F%2Fann%3As%2540same%40db%2Fshop&b=1", "/?u=x%3A%2F%2Fann%3A***%40db%2Fshop&b=1"),
        ("/?next=http%3A%2F%2Fhost%3A8080%2Fp%3Fmail%3Da%40b",) * 2,
        (r"{\"password\": \"open sesame\", \"n\": 1}", r"{\"password\": \"***\", \"n\": 1}"),
        ("{user: ann, password: sesame, table: t}", "{user: ann, password: ***, table: t}"),
        ("data:\n  token: |\n    open\n    sesame\n  table: t", "data:\n  token: ***\n***\n  table: t"),
        ("connect(password: 'open sesame', n: 1)", "connect(password: ***, n: 1)"),
        ("curl -H 'X-Api-Key: sesame' --password sesame x", "curl -H 'X-Api-Key: ***' --password *** x"),
        ("<Password>sesame</Password><user>u</user>", "<Password>***</Password><user>u</user>"),
        ("Set-Cookie: session=sesame", "Set-Cookie: ***"),
        (
            "?X-Amz-Credential=a%2Fb&X-Amz-Date=1&X-Amz-Signature=c",
            "?X-Amz-Credential=***&X-Amz-Date=1&X-Amz-Signature=***",
        ),
        ("Authorization: Basic c2VzYW1l", "Authorization: Basic ***"),
        ("Authorization: required; Bearer authentication is not supported; Basic auth",) * 2,
        ("the password: it is wrong; the option --password is unknown; a token, a date",) * 2,
        ("design=flat&tokens=5&sort_key=a", "design=flat&tokens=5&sort_key=a"),
    ],
)
def test_passwords_are_masked_and_the_rest_is_left_alone(text, masked):
    assert mask_secrets(text) == masked


GITHUB, GITLAB = "ghp_" + "aB3d" * 9, "glpat-" + "aB3d" * 5


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://sesame:x-oauth-basic@host/r", "https://***:x-oauth-basic@host/r"),
        ("git+https://sesame:x-access-token@host/r", "git+https://***:x-access-token@host/r"),
        ("https://sesame:@host/r and ftp://sesame:@host", "https://***:@host/r and ftp://***:@host"),
        (
            "https://oauth2:sesame@host, https://x-access-token:sesame@h",
            "https://oauth2:***@host, https://x-access-token:***@h",
        ),
        (
            "ftp://ann:sesame@host ftp://ann@host ftp://anonymous:@host",
            "ftp://ann:***@host ftp://ann@host ftp://anonymous:@host",
        ),
        (f"git://{GITLAB}@host/r git://ann@host/r", "git://***@host/r git://ann@host/r"),
        (f"https://{'a1b2' * 10}:sesame@host", "https://***:***@host"),
        ("https://ann:sesame@host", "https://ann:***@host"),
        (f"postgresql://{'a1b2' * 10}:token@db/shop", f"postgresql://{'a1b2' * 10}:***@db/shop"),
        ("https://<token>:x-oauth-basic@host https://user:@host https://git@host ssh://git@host",) * 2,
        ("https://user:password@host, https://${TOKEN}:@host",) * 2,
    ],
)
def test_a_token_in_place_of_a_user_is_masked_where_it_is_one(text, masked):
    assert mask_secrets(text) == masked


@pytest.mark.parametrize(
    "token",
    [
        GITHUB,
        "github_pat_" + "A1b2" * 8,
        GITLAB,
        "hf_" + "aB3d" * 8,
        "sk-proj-" + "aB3_" * 12,
        "sk-" + "ab12" * 12,
        "sk_live_" + "aB3d" * 6,
        "xoxb-123456789012-abcDEF",
        "AKIA" + "A1B2" * 4,
        "AIza" + "aB3-d" * 7,
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln-_",
    ],
)
def test_a_token_is_known_by_how_it_begins(token):
    for text in ("{}", "401 for {}.", "run({!r}, n=1)", "/x?key={}&n=1", "[{}, b]"):
        assert mask_secrets(text.format(token)) == text.format("***")
    assert find_secrets(f"a {token}") == {token}


def test_words_that_begin_like_a_token_are_left_alone():
    text = "sk-learn-contrib-and-more-words risk-adjusted-1234567890123456789012A sk_live_ hf_ xoxo eyJ ghp_short AKIA"
    assert mask_secrets(text) == text


def test_a_secret_is_known_again_as_a_driver_writes_it():
    remember_secrets_in('PWD={open/"sesame"+}')
    for form in ("open/%22sesame%22%2B", "open%2F%22sesame%22%2B", r'{"a": "open/\"sesame\"+"}'):
        assert "sesame" not in mask_secrets(form)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(errors, "_remembered", set())


def test_a_secret_is_known_again_wherever_it_stands():
    remember_secrets_in("postgresql://ann:open%20sesame@db/shop", "postgresql://postgres:postgres@db/postgres")
    assert mask_secrets("driver: 'open sesame' or open%20sesame?") == "driver: '***' or ***?"
    assert mask_secrets("postgresql://localhost/postgres") == "postgresql://localhost/postgres", "a name as well"


def test_a_secret_of_the_environment_is_known():
    remember_secrets_in_environment(
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


@pytest.mark.parametrize(
    "piece", ["x-", "sk-", "eyJ-", "SG.-", "password=a ", "{token: ", "%3A%2F%2Fu%3A", "token: |\n  a\n", "a=b;"]
)
def test_text_of_beginnings_is_read_in_time(piece):
    started = time.process_time()
    mask_secrets((piece * 60_000)[:60_000])
    assert time.process_time() - started < 5


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
