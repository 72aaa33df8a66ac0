"""The errors a user can cause: one clear sentence each, without a traceback or a secret."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

SCRIPTS = {"train": "python train.py"} | {
    name: f"python scripts/{name}.py" for name in ("leaderboard", "sweep", "score", "insights")
}
MASK = "***"
MASKED_MATCH = rf"\g<before>{MASK}"  # what a match of ``SECRET_PATTERNS`` is replaced by
SHORTEST_SECRET = 8  # characters of a secret that is looked for wherever it stands: shorter ones are words, too
_remembered: set[str] = set()

# What a secret looks like. Every pattern has two named groups, ``before``, which stays, and ``secret``; it leaves alone
# what advice shows in place of a secret, and none begins with a repetition: long text would take for ever.

# The end of a name whose value nobody should see: password, PGPASSWORD, motherduck_token, aws_secret_access_key, sig.
CONFIDENTIAL_NAMES = (
    r"password|passwd|passphrase|passcode|(?<![a-z\d+/])(?:pwd|sig)|(?<![\w+/-])pass|token|secret|credentials?|signature|"
    r"(?:access|account|api|client|encryption|master|private|secret|shared|signing)[_-]?key"
)
SECRET_NAME = re.compile(rf"(?i)(?:{CONFIDENTIAL_NAMES})$")
# What stands where a secret would, in advice, in what was masked before or in another setting's name.
PLACEHOLDER = r"\*\*\*|\.\.\.|<[^<>]*>|\$\{[^}]*\}|password\b|null\b|none\b|true\b|false\b"
QUOTED = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|\{(?:[^{}]|\}\})*\}"

# Tokens that begin as their issuers say, so that a secret scanner finds them; long enough to be no word.
TOKENS = (
    r"gh[opsur]_\w{16,}|github_pat_\w{16,}|gl[a-z]{2,6}-[\w-]{16,}|hf_[A-Za-z\d]{16,}|npm_[A-Za-z\d]{30,}|pypi-[\w-]{30,}",
    r"(?<!-)sk-(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{20,}|sk-[a-z\d]{32,}|[rs]k_(?:live|test)_\w{10,}|whsec_\w{16,}|shp[a-z]{2}_\w{16,}",
    r"xox[a-z]-[\w-]{10,}|xapp-[\w-]{16,}|A[KS]IA[A-Z\d]{16}|AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{16,}",
    r"dapi[a-f\d]{32}|dop_v1_[a-f\d]{32,}|hvs\.[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|(?<!-)eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*",
)
TOKEN_PATTERN = "|".join(TOKENS)
# A user of an address that is none: a token's beginning, or at least 20 letters and digits that make no word.
TOKEN_USER = (
    rf"{TOKEN_PATTERN}|(?:gh[opsur]_|github_pat_|glpat-|hf_|sk-|xox[a-z]-|eyJ)[^\s:/@'\"?#]+|(?=[a-z_-]*\d)[\w-]{{20,}}"
)
WEB = r"(?:\b(?:(?:git|hg|svn)\+)?(?:https?|ftps?)|\bgit)://"
# Users that everybody knows, whose password is the secret, and passwords that everybody knows, whose user is.
COMMON_USER_PATTERN = (
    r"(?:oauth2?|x-access-token|x-token-auth|x-oauth-basic|__token__|token|git|anonymous|ftp|user(?:name)?)[:@]"
)
PLACEHOLDER_PASSWORDS = (
    r"x-oauth-basic|x-access-token|x-token-auth|oauth2?|api[_-]?token|api[_-]?key|token|none|unused|x"
)
PLACEHOLDER_PASSWORD_AFTER_MASK = rf"(?<=[*>}}]:)(?i:{PLACEHOLDER_PASSWORDS})@"
# Of an address that is percent-encoded within another, however often: what ends its parts.
ENCODED_END = "(?:" + "|".join(rf"%(?P=level){code}" for code in ("3A", "2F", "3F", "40")) + ")"

SECRET_PATTERN_STRINGS = (
    # https://token:@host and https://token:x-oauth-basic@host; https://token@host, which databases do not take.
    rf"(?i)(?P<before>{WEB})(?!\*\*\*|<|\$|{COMMON_USER_PATTERN})(?P<secret>[^\s:/@'\"?#]+)(?=:(?:{PLACEHOLDER_PASSWORDS})?@[\w\[])",
    rf"(?i)(?P<before>{WEB})(?!\*\*\*|<|\$|{COMMON_USER_PATTERN})(?P<secret>{TOKEN_USER})(?=:[^\s/]*@[\w\[]|@[\w\[])",
    r"(?i)(?P<before>\bhttps?://)(?!\*\*\*|<|\$|git@|user(?:name)?@)(?P<secret>[^\s:/@'\"?#]+)(?=@[\w\[])",
    # scheme://user:secret@host, where the secret may hold an unencoded @, / or quote: up to the last @ before a blank.
    rf"(?P<before>(?<=[\w+.-])://[^\s:/@'\"?#]*:)(?!password@|{PLACEHOLDER_PASSWORD_AFTER_MASK})(?P<secret>(?:(?!://)\S)+)"
    r"(?=@[\w\[/.%-])",
    # The same with a blank in the secret, unless that is a port: up to the first @ before a host.
    rf"(?P<before>(?<=[\w+.-])://[^\s:/@'\"?#]*:)(?!\*\*\*@|password@|{PLACEHOLDER_PASSWORD_AFTER_MASK}|\d{{1,5}}\b)"
    r"(?P<secret>(?:(?!://)[^\n])+?)(?=@[\w\[])",
    # An address within an address, percent-encoded.
    rf"(?i)(?P<before>%(?P<level>(?:25)*)3A%(?P=level)2F%(?P=level)2F(?:(?!{ENCODED_END})[^\s/'\"&])*%(?P=level)3A)"
    rf"(?!password%|\*\*\*|%(?:25)*2A)(?P<secret>(?:(?!{ENCODED_END})[^\s/'\"&])+)(?=%(?P=level)40)",
    rf"(?i)(?P<before>(?:{CONFIDENTIAL_NAMES}|(?<=3B|26|3F|20)(?:pwd|sig))%(?:25)*3D)(?!{PLACEHOLDER}|%(?:25)*2A)"
    r"(?P<secret>%(?:25)*7B(?:(?!%(?:25)*7D)[^\s&'\"])*%(?:25)*7D|(?:(?!%(?:25)*(?:3B|26|2[027]))[^\s&;'\"])+)",
    # name=secret of an address, up to the next & or blank.
    rf"(?i)(?P<before>[?&][\w.-]*(?:{CONFIDENTIAL_NAMES})=)(?!{PLACEHOLDER})(?P<secret>[^\s&#'\"]+)",
    # Pairs with semicolons between, as of ODBC: up to the next pair, or the end where all of the text is such pairs.
    rf"(?i)(?P<before>(?:{CONFIDENTIAL_NAMES})\s*=[ ]*)(?!{PLACEHOLDER})(?P<secret>[^\s;=&'\"{{}}][^;=&'\"\n{{}}]*)"
    r"(?=;\s*\w[\w ]*=)",
    rf"(?i)\A(?P<before>(?:[\w ]+=(?:\{{[^{{}}]*\}}|[^;\n]*);)+[\w ]*?(?:{CONFIDENTIAL_NAMES})\s*=[ ]*)"
    rf"(?!{PLACEHOLDER})(?P<secret>[^\s;'\"{{}}][^;\n]*)\Z",
    # name=secret of a query, a connection string or a command, and "name": secret of JSON, also of JSON in JSON.
    rf"(?i)(?P<before>(?:{CONFIDENTIAL_NAMES})(?:['\"]?\s*=|['\"]\s*:)\s*)(?!{PLACEHOLDER})"
    rf"(?P<secret>{QUOTED}|[^\s&;,'\"()\[\]]+)",
    rf"(?i)(?P<before>(?:{CONFIDENTIAL_NAMES})(?:\\+['\"])?\s*[:=]\s*\\+['\"])(?!{PLACEHOLDER})(?P<secret>[^'\"\\\n]+)",
    # A line of YAML, its block of lines, and {name: secret}; name: "secret" wherever it stands.
    rf"(?im)^(?P<before>(?P<indent>[ \t]*)(?:- )?[\w.-]*?(?:{CONFIDENTIAL_NAMES})['\"]?:[ \t]*[|>][-+\d]*[ \t]*\n)"
    r"(?P<secret>(?P=indent)[ \t]+\S.*(?:\n(?:[ \t]*\n)*(?P=indent)[ \t]+\S.*)*)",
    rf"(?im)^(?P<before>[ \t]*(?:- )?[\w.-]*?(?:{CONFIDENTIAL_NAMES}):[ \t]+)(?!{PLACEHOLDER})(?P<secret>\S.*)$",
    rf"(?i)(?P<before>[{{,]\s*[\w.-]*(?:{CONFIDENTIAL_NAMES}):\s+)(?!{PLACEHOLDER})"
    rf"(?P<secret>{QUOTED}|[^\s,{{}}'\"]+)(?=[^\n]{{0,1000}}\}})",
    rf"(?i)(?P<before>(?:{CONFIDENTIAL_NAMES}):\s*)(?P<secret>'(?!{PLACEHOLDER})[^'\n]+'|\"(?!{PLACEHOLDER})[^\"\n]+\")",
    # Headers of a request; what follows a scheme in a sentence is a word.
    r"(?i)(?P<before>\bauthorization['\"]?\s*[:=]\s*['\"]?[\w-]+\s+)(?P<secret>(?=\S*[\d=_]|[\w.~+/=-]{12})[\w.~+/=:-]{6,})",
    r"(?i)(?P<before>\bbearer\s+)(?P<secret>(?=[\w.~+/-]*[\d=_]|[\w.~+/=-]{24})[\w.~+/=:-]{6,})",
    r"(?i)(?P<before>\bauthorization['\"]?\s*[:=]\s*['\"]?)(?P<secret>(?=[\w.~+/-]*[\d=_])[\w.~+/=-]{12,})",
    rf"(?i)(?P<before>(?<![\w-])x-[\w-]{{0,80}}?(?:{CONFIDENTIAL_NAMES}):\s*)(?!{PLACEHOLDER})(?P<secret>[^\s'\",;]+)",
    r"(?i)(?P<before>\bcookie['\"]?:\s*['\"]?)(?P<secret>[\w.-]+=[^'\"\n]+)",
    # An option of a command, and an element of XML.
    rf"(?i)(?P<before>(?<!\S)--[\w-]*(?:{CONFIDENTIAL_NAMES})\s+)(?!{PLACEHOLDER}|-|(?:an?|and|are|for|in|is|or|the|to|with)\b)"
    rf"(?P<secret>{QUOTED}|\S+)",
    rf"(?i)(?P<before><[\w:.-]*(?:{CONFIDENTIAL_NAMES})>)(?!{PLACEHOLDER})(?P<secret>[^<>]+)(?=</)",
    r"(?P<before>-----BEGIN [A-Z ]*PRIVATE KEY-----)(?P<secret>(?:(?!-----END)[\s\S])+)(?=-----END|$)",
    r"(?P<before>\bhooks\.slack\.com/services/)(?P<secret>[\w/]+)",
    # Wherever it stands.
    rf"(?P<before>(?<![A-Za-z\d_]))(?P<secret>{TOKEN_PATTERN})(?!\w)",
)
SECRET_PATTERNS = tuple(map(re.compile, SECRET_PATTERN_STRINGS))


class ClvError(ValueError):
    """Bad input, said in the user's words: what was found, where, what was expected, what to type instead.

    No password that the sentence may quote is part of it.
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(mask_secrets(sentence))


class StoreFailure(ClvError):  # noqa: N818 - it says what is so, not that something broke
    """The store of runs does not answer, which says nothing of what it holds."""


class UnsuitableLog(ClvError):  # noqa: N818 - it says what is so, not that something broke
    """A model cannot be judged on a log, whatever its settings."""


class LogTooShort(UnsuitableLog):
    """A model cannot be judged under a window, since the log does not reach back far enough."""


class LogWithoutAmounts(UnsuitableLog):
    """A model of spend cannot be judged, since the log says nothing of money."""


class LogWithLosses(UnsuitableLog):
    """A model that learns from spend of 0 or more cannot be judged, since some of the log's lies below."""


def error_chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and what led to it, each once: an error that was raised anew may stand below itself."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def suggest(word: str, choices: Iterable[str]) -> str:
    """Ask whether one of the known words was meant, or name them all where none is near.

    Examples
    --------
    >>> suggest("rigde", ["ridge", "linear"])
    'did you mean ridge?'
    >>> suggest("forest", ["ridge", "linear"])
    'there are ridge, linear'
    """
    choices = list(choices)
    matches = get_close_matches(word, choices, n=3)
    return f"did you mean {' or '.join(matches)}?" if matches else f"there are {', '.join(choices) or 'none here'}"


def command(name: str) -> str:
    """Return how a command is typed: as ``clv score``, or as a script where a script was started.

    Examples
    --------
    >>> command("score")
    'clv score'
    """
    script = Path(sys.argv[0])
    by_script = script.name == "train.py" or (script.suffix == ".py" and script.parent.name == "scripts")
    if by_script and name in SCRIPTS:
        return SCRIPTS[name]
    return f"clv {name}"


def mask_secrets(text: str) -> str:
    """Replace passwords, keys and tokens by ``***``: by where they stand, and what was remembered wherever it stands.

    Examples
    --------
    >>> mask_secrets("postgresql://ann:sesame@db.example/shop?sslpassword=open")
    'postgresql://ann:***@db.example/shop?sslpassword=***'
    >>> mask_secrets("DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=c2VzYW1l==;EndpointSuffix=core")
    'DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=***;EndpointSuffix=core'
    """
    for pattern in SECRET_PATTERNS:
        text = pattern.sub(MASKED_MATCH, text)
    for secret in sorted(_remembered, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def find_secrets(text: str) -> set[str]:
    """Find what ``mask_secrets`` masks by where it stands, as written and decoded: a driver may quote it alone."""
    secrets, rest = [], text
    for pattern in SECRET_PATTERNS:
        secrets += [match["secret"] for match in pattern.finditer(rest)]
        rest = pattern.sub(MASKED_MATCH, rest)
    bare = [secret[1:-1] if re.fullmatch(QUOTED, secret) else secret for secret in secrets]
    return {form for secret in bare for form in (secret, unquote(secret)) if form not in ("", MASK)}


def remember_secrets_in(*texts: str) -> None:
    """Mask the secrets of these texts from now on wherever they stand, in whatever a library may say.

    One that is also a name in its text, as of a user ``postgres`` whose password is ``postgres``, is none to look for.
    """
    for text in texts:
        names = mask_secrets(text)
        secrets = {s for s in find_secrets(text) if len(s) >= SHORTEST_SECRET and s not in names}
        _remembered.update(form for secret in secrets for form in _written_forms(secret))


def _written_forms(secret: str) -> Iterator[str]:
    """Give a secret as drivers, requests and logs write it: as it is, percent-encoded, and within quotes."""
    yield from (secret, quote(secret), quote(secret, safe=""), quote(secret, safe=" +"), quote_plus(secret))
    yield from (repr(secret)[1:-1], json.dumps(secret)[1:-1])


def remember_secrets_in_environment(environment: Mapping[str, str]) -> None:
    """Remember what the variables hold by which this program and its libraries are given secrets."""
    for name, value in environment.items():
        if name.startswith(("CLV_", "MLFLOW_", "AWS_", "AZURE_", "GOOGLE_", "PG", "DATABRICKS_")):
            remember_secrets_in(f"{name}={value}" if is_secret_name(name) else value)


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


def iterate_possible_secret_texts(settings: Any, name: str = "") -> Iterator[str]:
    """Give what ``mask_settings`` leaves out, as texts that ``remember_secrets_in`` takes."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            yield from iterate_possible_secret_texts(value, str(key))
    elif isinstance(settings, list):
        for value in settings:
            yield from iterate_possible_secret_texts(value, name)
    elif isinstance(settings, str):
        yield f"{name}='{settings}'" if is_secret_name(name) else settings
