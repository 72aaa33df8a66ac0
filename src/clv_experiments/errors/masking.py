"""Keep passwords, keys and tokens out of whatever is shown or kept: the one place that knows how they look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

MASK = "***"
# The end of a name whose value nobody should see: password, PGPASSWORD, motherduck_token, aws_secret_access_key, sig.
NAME = (
    r"password|passwd|passphrase|passcode|(?<![a-z\d+/])(?:pwd|sig)|token|secret|credentials?|signature|"
    r"(?:access|account|api|client|encryption|master|private|secret|shared|signing)[_-]?key"
)
# What stands where a secret would, in advice, in what was masked before or in another setting's name.
PLACEHOLDER = r"\*\*\*|\.\.\.|<[^<>]*>|\$\{[^}]*\}|password\b|null\b|none\b|true\b|false\b"
QUOTED = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|\{(?:[^{}]|\}\})*\}"
# No pattern begins with a repetition: long text would take for ever.
PATTERNS = (
    # scheme://user:secret@host, where the secret may hold an unencoded @, / or quote: up to the last @ before a blank.
    re.compile(r"((?<=[\w+.-])://[^\s:/@'\"?#]*:)(?!password@)((?:(?!://)\S)+)(?=@[\w\[/.%-])"),
    # The same with a blank in the secret, unless that is a port: up to the first @ before a host.
    re.compile(r"((?<=[\w+.-])://[^\s:/@'\"?#]*:)(?!\*\*\*@|password@|\d{1,5}\b)((?:(?!://)[^\n])+?)(?=@[\w\[])"),
    # name=secret of an address, up to the next & or blank.
    re.compile(rf"(?i)([?&][\w.-]*(?:{NAME})=)(?!{PLACEHOLDER})([^\s&#'\"]+)"),
    # name=secret of a query, a connection string or a command, and "name": secret of JSON and Python.
    re.compile(rf"(?i)((?:{NAME})(?:['\"]?\s*=|['\"]\s*:)\s*)(?!{PLACEHOLDER})({QUOTED}|[^\s&;,'\"()\[\]]+)"),
    # A line of YAML.
    re.compile(rf"(?im)^([ \t]*(?:- )?[\w.-]*?(?:{NAME}):[ \t]+)(?!{PLACEHOLDER})(\S.*)$"),
    re.compile(r"(?i)(\b(?:bearer|authorization['\"]?\s*[:=]\s*['\"]?\w+)\s+)([\w.~+/=-]{12,})"),
    re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)((?:(?!-----END)[\s\S])+)(?=-----END|$)"),
)
SECRET_NAME = re.compile(rf"(?i)(?:{NAME})$")
LEAST_REMEMBERED = 8  # characters of a secret that is looked for wherever it stands: shorter ones are words, too
_remembered: set[str] = set()


def mask_secrets(text: str) -> str:
    """Replace passwords, keys and tokens by ``***``: by where they stand, and what was remembered wherever it stands.

    Examples
    --------
    >>> mask_secrets("postgresql://ann:sesame@db.example/shop?sslpassword=open")
    'postgresql://ann:***@db.example/shop?sslpassword=***'
    >>> mask_secrets("DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=c2VzYW1l==;EndpointSuffix=core")
    'DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=***;EndpointSuffix=core'
    """
    for pattern in PATTERNS:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    for secret in sorted(_remembered, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def find_secrets(text: str) -> set[str]:
    """Find what ``mask_secrets`` masks by where it stands, as written and decoded: a driver may quote it alone."""
    secrets, rest = [], text
    for pattern in PATTERNS:
        secrets += [match[2] for match in pattern.finditer(rest)]
        rest = pattern.sub(rf"\g<1>{MASK}", rest)
    bare = [secret[1:-1] if re.fullmatch(QUOTED, secret) else secret for secret in secrets]
    return {form for secret in bare for form in (secret, unquote(secret)) if form not in ("", MASK)}


def remember_secrets(*texts: str) -> None:
    """Mask the secrets of these texts from now on wherever they stand, in whatever a library may say.

    One that is also a name in its text, as of a user ``postgres`` whose password is ``postgres``, is none to look for.
    """
    for text in texts:
        names = mask_secrets(text)
        _remembered.update(s for s in find_secrets(text) if len(s) >= LEAST_REMEMBERED and s not in names)


def remember_environment(environment: Mapping[str, str]) -> None:
    """Remember what the variables hold by which this program and its libraries are given secrets."""
    for name, value in environment.items():
        if name.startswith(("CLV_", "MLFLOW_", "AWS_", "AZURE_", "GOOGLE_", "PG", "DATABRICKS_")):
            remember_secrets(f"{name}={value}" if is_secret_name(name) else value)


def is_secret_name(name: str) -> bool:
    """Whether a setting or a variable of this name holds a secret."""
    return SECRET_NAME.search(name) is not None


def mask_settings(settings: Any, name: str = "") -> Any:
    """Copy composed settings without what their names or their values give away as secret."""
    if isinstance(settings, dict):
        return {key: mask_settings(value, str(key)) for key, value in settings.items()}
    if isinstance(settings, list):
        return [mask_settings(value, name) for value in settings]
    if settings is not None and not isinstance(settings, bool) and is_secret_name(name) and str(settings).strip():
        return MASK
    return mask_secrets(settings) if isinstance(settings, str) else settings


def setting_secrets(settings: Any, name: str = "") -> Iterator[str]:
    """Give what ``mask_settings`` leaves out, as texts that ``remember_secrets`` takes."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            yield from setting_secrets(value, str(key))
    elif isinstance(settings, list):
        for value in settings:
            yield from setting_secrets(value, name)
    elif isinstance(settings, str):
        yield f"{name}='{settings}'" if is_secret_name(name) else settings
