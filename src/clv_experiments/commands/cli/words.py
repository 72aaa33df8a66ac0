"""The words of a command line: what a shell, a script of another system or a blank took apart is put together again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clv_experiments.commands.cli.choices import CommandOptions
from clv_experiments.errors import ClvError, suggest

INVISIBLE = "\ufeff\u200b\u2060"
SETTING = re.compile(r"(\+{1,2}|~)?\s*([\w$][\w$.@/:-]*?)\s*(?:=\s*(.*))?", re.DOTALL)
COLON = re.compile(r"([A-Za-z][\w.]*)\s*:\s*(?![/\\])(.+)", re.DOTALL)
LENGTH_UNIT = re.compile(r"(?i)(day|week|month|quarter|year)s?")
DASHES = re.compile(r"^(?=-?[\u2013\u2014\u2212])[-\u2013\u2014\u2212]+(?=[A-Za-z])")  # as a word processor writes --
QUOTES = {"'": "'", '"': '"', "\u2018": "\u2019", "\u201c": "\u201d"}
# Options of Hydra's, and how many words follow them.
OPTIONS = {
    "--help": 0, "-h": 0, "--hydra-help": 0, "--version": 0, "--cfg": 1, "-c": 1, "--resolve": 0, "--package": 1,
    "-p": 1, "--run": 0, "-r": 0, "--multirun": 0, "-m": 0, "--shell-completion": 0, "-sc": 0, "--config-path": 1,
    "-cp": 1, "--config-name": 1, "-cn": 1, "--config-dir": 1, "-cd": 1, "--experimental-rerun": 1, "--info": 1,
    "-i": 1,
}  # fmt: skip
INFO = (
    "all",
    "config",
    "defaults",
    "defaults-tree",
    "plugins",
    "searchpath",
)  # the word after --info may be missing
OPTION_VALUES = {
    "--cfg": ("job", "hydra", "all"),
    "-c": ("job", "hydra", "all"),
    "--info": INFO,
    "-i": INFO,
}


@dataclass(frozen=True)
class CommandLineWord:
    """One word: an option of Hydra's, or a setting, whose value is None where none was typed.

    Attributes
    ----------
    prefix : str
        Empty, or Hydra's ``+``, ``++`` and ``~``.
    """

    key: str
    value: str | None = None
    prefix: str = ""

    @property
    def text(self) -> str:
        """The word as it is typed."""
        return f"{self.prefix}{self.key}" + ("" if self.value is None else f"={self.value}")


@dataclass
class ParsedCommandLine:
    """A command line, sorted; ``notes`` say what was read otherwise than it was typed."""

    options: list[CommandLineWord] = field(default_factory=list)
    overrides: list[CommandLineWord] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def parse_words(typed: Sequence[str], choices: CommandOptions) -> ParsedCommandLine:
    """Sort a command line into options and settings.

    Raises
    ------
    ClvError
        If a word is neither.
    """
    words, pending = ParsedCommandLine(), list(_join_split_words([*_strip_words(typed)], choices))
    while pending:
        word = pending.pop(0)
        if word.startswith("-"):
            _parse_option(word, pending, words, choices)
        else:
            words.overrides.append(_parse_setting(word, words, choices))
    return words


def _strip_words(typed: Sequence[str]) -> Iterator[str]:
    """Take off what nobody sees: line ends and blanks around a word, quotes that a shell left around it."""
    for word in typed:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise ClvError(f"{word!a} holds bytes that are no UTF-8; give the file a name that is") from None
        word = DASHES.sub("--", word.strip().strip(INVISIBLE).strip())
        if len(word) > 1 and "=" in word and QUOTES.get(word[0]) == word[-1]:
            word = word[1:-1]
        key, equal, value = word.partition("=")
        if value[:1] in ("\u2018", "\u201c") and value.endswith(QUOTES[value[0]]):
            word = f"{key}={value[1:-1]}"
        if word and (equal or key):
            yield word


def _join_split_words(words: list[str], choices: CommandOptions) -> Iterator[str]:
    """Put together what blanks took apart: ``model = xgboost``, ``window=3 months``, quotes that cmd.exe ignores."""
    while words:
        word = words.pop(0)
        while words and (longer := _rejoin_split_setting(word, words, choices)):
            word = longer
        yield word


def _rejoin_split_setting(word: str, words: list[str], choices: CommandOptions) -> str | None:
    """Join a word with what follows, if it belongs to it; takes that from the words."""
    following = words[0]
    if following.startswith("=") and "=" not in word:
        return word + words.pop(0)
    value = word.partition("=")[2]
    if "=" not in word or following.startswith("-"):
        return None
    if not value:
        is_value = "=" not in following
        return word + words.pop(0) if is_value else None
    if value[0] in "'\"" and value.count(value[0]) == 1:
        end = next((position for position, later in enumerate(words) if later.endswith(value[0])), None)
        if end is not None:
            quoted, words[: end + 1] = words[: end + 1], []
            return " ".join([word, *quoted])
    elif value.lstrip("-").isdigit() and LENGTH_UNIT.fullmatch(following):
        return f"{word} {words.pop(0)}"
    for end in range(1, 1 + next((n for n, later in enumerate(words) if "=" in later), len(words))):
        longer = " ".join([word, *words[:end]])
        key, _, value = longer.partition("=")
        if _is_file(value) or (key in choices.groups and choices.resolve_option(key, value)):
            del words[:end]
            return longer
    return None


def _is_file(path: str) -> bool:
    try:
        return Path(path).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):
        return False


def _parse_option(word: str, pending: list[str], words: ParsedCommandLine, choices: CommandOptions) -> None:
    """Read a word that begins with a dash: an option, or a setting that was typed like one."""
    name, equal, value = word.partition("=")
    matches = [option for option in OPTIONS if option.startswith(name) and name.startswith("--")]
    option = name if name in OPTIONS else matches[0] if len(matches) == 1 else None
    body = word.lstrip("-")
    key = re.split(r"[=:]", body)[0].strip()
    if option is not None:
        words.options.append(CommandLineWord(option + word[len(name) :]))
        takes_next = OPTIONS[option] and not equal and pending
        if takes_next and (option not in ("--info", "-i") or pending[0] in INFO):
            value = pending.pop(0)
            words.options.append(CommandLineWord(value))
        _check_option_value(option, value if value or equal else None)
    elif key in choices.flags and body == key:
        words.overrides.append(CommandLineWord(key, "true"))
    elif choices.has_top_level_key(key):
        if body == key and pending and "=" not in pending[0] and not pending[0].startswith("-"):
            body = f"{key}={pending.pop(0)}"
        words.overrides.append(_parse_setting(body, words, choices))
    else:
        options = [option for option in OPTIONS if option.startswith("--")]
        flags = [f"--{flag}" for flag in choices.flags]
        raise ClvError(f"there is no option {name}; {suggest(f'--{key}'.lower(), [*options, *flags])}")


def _check_option_value(option: str, value: str | None) -> None:
    accepted = OPTION_VALUES.get(option)
    following = f"one of {', '.join(accepted)}" if accepted else "a value"
    if value is not None and not OPTIONS[option]:
        raise ClvError(f"{option} takes no value, got '{value}'; type {option} alone")
    if value is not None and accepted and value not in accepted:
        raise ClvError(f"{option} must be followed by {following}, got '{value}'")
    if value is None and OPTIONS[option] and accepted != INFO:
        raise ClvError(f"{option} must be followed by {following}")


def _parse_setting(word: str, words: ParsedCommandLine, choices: CommandOptions) -> CommandLineWord:
    """Read a setting; a word without a key is read as the one thing it can be."""
    colon = COLON.fullmatch(word)
    if colon and "=" not in colon[1] and choices.has_top_level_key(colon[1]):
        words.notes.append(f"{word} is read as {colon[1]}={colon[2]}")
        return CommandLineWord(colon[1], colon[2])
    match = SETTING.fullmatch(word)
    if match and (match[3] is not None or match[1]):
        return CommandLineWord(match[2], match[3], match[1] or "")
    if "=" in word and not _is_file(word):
        raise ClvError(f"'{word.partition('=')[0]}' is no name of a setting, which read key=value, as model=xgboost")
    if _is_file(word):
        words.notes.append(f"{word} is read as data.path={word}")
        return CommandLineWord("data.path", word)
    groups = choices.groups_with(word)
    if len(groups) == 1:
        option = choices.resolve_option(groups[0], word)
        words.notes.append(f"{word} is read as {groups[0]}={option}")
        return CommandLineWord(groups[0], str(option))
    if words.overrides and words.overrides[-1].value and not choices.has_top_level_key(word):
        last = words.overrides[-1]
        raise ClvError(
            f"'{word}' stands alone; if it belongs to {last.key}, put all of it in quotes: \"{last.text} {word}\""
        )
    raise ClvError(choices.describe_missing_value(word))
