"""The errors a user can cause: one clear sentence each, without a traceback or a secret, also where a disk is full."""

from __future__ import annotations

import errno
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from clv_experiments.secret_patterns import QUOTED, SECRET_NAME, SECRET_PATTERNS

SCRIPTS = {"train": "python train.py"} | {
    name: f"python scripts/{name}.py" for name in ("leaderboard", "sweep", "score", "insights")
}
TEMPORARY_PREFIX = "clv_experiments-"  # of the folder that holds the temporary files of a process
FULL_CODES = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
# As the system, SQLite, DuckDB, Arrow and PostgreSQL put it.
FULL_WORDS = ("no space left on device", "disk is full", "disk quota exceeded", "max_temp_directory_size")
MASK = "***"
SHORTEST_SECRET = 8  # characters of a secret that is looked for wherever it stands: shorter ones are words, too
_remembered: set[str] = set()


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
        text = pattern.sub(_mask_match, text)
    for secret in sorted(_remembered, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _mask_match(match: re.Match[str]) -> str:
    return match["before"] + MASK


def find_secrets(text: str) -> set[str]:
    """Find what ``mask_secrets`` masks by where it stands, as written and decoded: a driver may quote it alone."""
    secrets, rest = [], text
    for pattern in SECRET_PATTERNS:
        secrets += [match["secret"] for match in pattern.finditer(rest)]
        rest = pattern.sub(_mask_match, rest)
    bare = [secret[1:-1] if re.fullmatch(QUOTED, secret) else secret for secret in secrets]
    return {form for secret in bare for form in (secret, unquote(secret)) if form not in ("", MASK)}


def remember_secrets(*texts: str) -> None:
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


def setting_texts(settings: Any, name: str = "") -> Iterator[str]:
    """Give what ``mask_settings`` leaves out, as texts that ``remember_secrets`` takes."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            yield from setting_texts(value, str(key))
    elif isinstance(settings, list):
        for value in settings:
            yield from setting_texts(value, name)
    elif isinstance(settings, str):
        yield f"{name}='{settings}'" if is_secret_name(name) else settings


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or one that led to it, says that a disk is full."""
    return any(
        getattr(one, "errno", None) in FULL_CODES or any(word in str(one).lower() for word in FULL_WORDS)
        for one in error_chain(error)
    )


def describe_full_disk(error: BaseException, folder: Path | None = None, setting: str = "") -> str:
    """Say which disk is full, and what to do.

    Parameters
    ----------
    error : BaseException
        Of which ``is_disk_full`` is true.
    folder : Path, optional
        Where something was written, besides the folder for temporary files.
    setting : str, optional
        What can be typed for another folder, such as ``output``.
    """
    temporary = Path(gettempdir())
    path = _path_on_full_disk(error, [temporary] if folder is None else [folder, temporary])
    while not path.is_dir():
        path = path.parent
    if _is_below(path, temporary) and not _is_below(folder, temporary):
        path = temporary.parent if temporary.name.startswith(TEMPORARY_PREFIX) else temporary
        elsewhere = "set TMPDIR to a folder on another disk"
    else:
        path = folder if folder and _is_below(path, folder) else path
        elsewhere = f"type {setting}=<a folder on another disk>" if setting else "write to another disk"
    return f"the disk that holds '{path}' is full; free space there and run again, or {elsewhere}"


def describe_write_failure(error: BaseException, folder: Path, setting: str) -> str:
    """Say why a folder that a setting names takes no file, and what to do."""
    if is_disk_full(error):
        return describe_full_disk(error, folder, setting)
    return f"{error}; type {setting}=<a folder>"


def remove_partial_copy(error: BaseException) -> None:
    """Remove the file that a copy could not bring to its end for want of space."""
    for one in error_chain(error):
        target = getattr(one, "filename2", None)
        if target and getattr(one, "errno", None) in FULL_CODES:
            with suppress(OSError):
                Path(target).unlink(missing_ok=True)


def _path_on_full_disk(error: BaseException, folders: list[Path]) -> Path:
    """Return what the error names, where a copy went rather than what was copied; else the folder with least space."""
    for one in error_chain(error):
        if getattr(one, "errno", None) in FULL_CODES:
            named = getattr(one, "filename2", None) or getattr(one, "filename", None)
            if isinstance(named, str | bytes) and named:
                return Path(named if isinstance(named, str) else named.decode(errors="replace")).absolute()
    return min(map(Path.absolute, folders), key=_free_megabytes)


def _free_megabytes(folder: Path) -> int:
    """Return the space left, in whole megabytes, since what is told apart here are disks."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free >> 20


def _is_below(path: Path | None, folder: Path) -> bool:
    return path is not None and path.resolve().is_relative_to(folder.resolve())
