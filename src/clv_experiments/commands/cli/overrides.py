"""From what was typed to what Hydra reads: values its grammar cannot read, other spellings, settings that are implied.

What has exactly one reading is read that way, with a note where it was not typed so; the rest is refused in a sentence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from clv_experiments.commands.cli.choices import CommandOptions
from clv_experiments.commands.cli.typed_secrets import CommandLineSecrets
from clv_experiments.commands.cli.words import CommandLineWord, parse_words
from clv_experiments.config.setting_kinds import accepts_list, is_text_only
from clv_experiments.errors import ClvError
from clv_experiments.tracking.addresses import URI_VARIABLE

PATHS = ("data.path", "data.source.path", "tracking.folder", "output", "markdown", "predictions")
FILE_SUFFIX = re.compile(r"(?i)\.(csv|tsv|txt|parquet|xlsx?|xlsm|json|jsonl|feather|orc|gz|zip|db|duckdb|sqlite3?)$")
URL_PREFIX = re.compile(r"\w[\w+.-]*://")
NEXT_ADDRESS = re.compile(r",(?=\w[\w+.-]*://)")  # any other comma belongs to the address before it
LENGTH = re.compile(r"(?i)(-?\d+)[\s_-]*([a-z]+)")
UNITS = {"d": ("days", 1), "w": ("weeks", 1), "m": ("months", 1), "q": ("months", 3), "y": ("months", 12)}
UNIT_WORDS = re.compile(r"(?i)d|days?|w|wks?|weeks?|m|mo|mon|months?|q|quarters?|y|yrs?|years?")
MULTIRUN = {"-m", "--multirun", "hydra.mode=MULTIRUN"}
INFORMATION_OPTIONS = {"--help", "-h", "--version", "--hydra-help", "--shell-completion", "-sc", "--info", "-i"}
SELECT = re.compile(r"(?i)\s*(select|with)\b")
# Below these a name that is not there may be added, and one that is there taken out.
OPEN = (
    "hydra.", "hydra/", "model.estimator.", "model.features.", "features.", "sweep.space.", "data.cleaning.",
    "decisions.contact.least.", "decisions.contact.most.", "evaluation.published.",
)  # fmt: skip


@dataclass(frozen=True)
class HydraArguments:
    """A command line as Hydra takes it, and notes on how it was interpreted."""

    overrides_and_options: list[str]
    notes: list[str]


def translate_arguments(typed: Sequence[str], config_name: str) -> HydraArguments:
    """Turn a command line as it was typed into one that Hydra reads.

    Parameters
    ----------
    typed : sequence of str
        Without the name of the program.
    config_name : str
        The file of ``conf/`` that the command composes.

    Raises
    ------
    ClvError
        Where it has no reading, or several: says what to type.
    """
    choices = CommandOptions.from_command(config_name)
    words = parse_words(typed, choices)
    typed_options = {word.text for word in (*words.options, *words.overrides)}
    reader = _OverrideTranslator(choices, multirun=bool(typed_options & MULTIRUN))
    overrides = [override for word in words.overrides for override in reader.translate(word)]
    overrides = reader.drop_repeated_keys([*overrides, *reader.implied_data_option(overrides)])
    if "tracking" in choices.groups and not typed_options & INFORMATION_OPTIONS:
        overrides += reader.implied_tracking_option({override.key: override.value for override in overrides})
    overrides += reader.secrets.build_override_dirname_exclusion(overrides)
    return HydraArguments([word.text for word in (*words.options, *overrides)], [*words.notes, *reader.notes])


class _OverrideTranslator:
    """Translates the typed words into Hydra's overrides, one after the other.

    Attributes
    ----------
    multirun : bool
        Whether a comma separates the runs of a multirun.
    notes : list of str
        What was read otherwise than it was typed.
    """

    def __init__(self, choices: CommandOptions, *, multirun: bool) -> None:
        self.choices, self.multirun = choices, multirun
        self.notes: list[str] = []
        self.parser = OverridesParser.create()
        self.secrets = CommandLineSecrets()

    def translate(self, word: CommandLineWord) -> Iterator[CommandLineWord]:
        """Yield the overrides that a word stands for, usually itself, with secrets hidden."""
        yield from map(self.secrets.hide, self._translate(word))

    def _translate(self, word: CommandLineWord) -> Iterator[CommandLineWord]:
        key, value = word.key, word.value
        if key.startswith(OPEN) or key in ("hydra", "hydra/launcher"):
            yield replace(word, prefix="++") if word.prefix == "+" and "/" not in key else word
        elif word.prefix == "~":
            raise ClvError(f"~{key} takes out a setting that every run reads; type {key}=<value> to change it")
        elif value is None:
            raise ClvError(self.choices.describe_missing_value(key))
        else:
            yield from self._translate_setting(replace(word, prefix=""), value)

    def _translate_setting(self, word: CommandLineWord, value: str) -> Iterator[CommandLineWord]:
        key, unquoted = word.key, _unquote(value)
        if key == "data" and self.choices.resolve_option(key, unquoted) is None and _looks_like_source(unquoted):
            is_file = URL_PREFIX.match(unquoted) is None
            option, setting = ("file", "data.path") if is_file else ("sql", "data.connection")
            self.notes.append(f"data={unquoted} is read as data={option} {setting}={unquoted}")
            yield CommandLineWord("data", option)
            yield CommandLineWord(setting, self._quote_text_value(setting, unquoted))
        elif key == "data.where":
            yield CommandLineWord(key, quote_condition(value))
        elif key in ("window", "window.horizon") and (lengths := _parse_lengths(value)) is not None:
            yield self._build_horizon_override(key, lengths)
        elif key in self.choices.groups:
            yield CommandLineWord(key, self._resolve_options(key, value))
        elif (
            accepts_list(key)
            and (key == "data.columns.date" or not is_text_only(key))
            and not self.multirun
            and self._is_sweep_override(value)
        ):
            yield self._resolve_models(CommandLineWord(key, f"[{value}]"))
        elif is_text_only(key):
            yield self._resolve_models(CommandLineWord(key, self._quote_text_value(key, value)))
        elif not self.multirun and self._is_sweep_override(value):
            raise ClvError(f"{key}={value} names several values; add -m to run each, or type [{value}] for a list")
        else:
            yield word

    def implied_data_option(self, overrides: Sequence[CommandLineWord]) -> Iterator[CommandLineWord]:
        """Give the data option that settings typed without one belong to; a preset may have chosen another."""
        keys = {override.key for override in overrides}
        if "data" in keys:
            return
        if "experiment" in keys and (typed := keys & {"data.path", "data.connection", "data.query", "data.table"}):
            raise ClvError(
                f"experiment= chooses a log of its own, so that {min(typed)} may mean a copy of that or another log; "
                "type data=file too for a log of yours, data=sql for a database, or the name of the published log"
            )
        if "data.path" in keys:
            yield CommandLineWord("data", "file")
        elif keys & {"data.connection", "data.query", "data.table"}:
            yield CommandLineWord("data", "sql")

    def implied_tracking_option(self, typed: Mapping[str, str | None]) -> Iterator[CommandLineWord]:
        """Give the tracking option that settings typed without one, or MLflow's own variable, belong to."""
        server = os.environ.get(URI_VARIABLE)
        if "tracking.uri" in typed and "tracking.folder" in typed:
            raise ClvError("runs are kept on a server or in a folder; type tracking.uri or tracking.folder, not both")
        if "tracking.uri" in typed and "tracking" not in typed:
            yield CommandLineWord("tracking", "server")
        elif server and "tracking" not in typed and "tracking.folder" not in typed:
            self.notes.append(
                f"runs are kept on {server}, as {URI_VARIABLE} says; type tracking=mlflow for this machine"
            )
            yield CommandLineWord("tracking", "server")
        elif server and "tracking.uri" not in typed and typed.get("tracking") in (None, "mlflow"):
            folder = typed.get("tracking.folder") or "mlruns"
            self.notes.append(f"runs are kept in {folder}, as typed, and not where {URI_VARIABLE} says")

    def drop_repeated_keys(self, overrides: Sequence[CommandLineWord]) -> list[CommandLineWord]:
        """Keep the last of overrides that set the same, as Hydra does, and say so."""
        last = {override.key: override for override in overrides}
        for override in overrides:
            if override.text != last[override.key].text:
                self.notes.append(f"of {override.text} and {last[override.key].text} the last counts")
        return list(last.values())

    def _build_horizon_override(self, key: str, lengths: Sequence[tuple[int, str]]) -> CommandLineWord:
        """Choose options where all lengths are, else a horizon: ``window=2m`` is ``window.horizon='2 months'``."""
        labels = [f"{count}{unit[0]}" for count, unit in lengths]
        if key == "window" and all(label in self.choices.groups["window"] for label in labels):
            return CommandLineWord(key, ",".join(labels))
        if labels[1:] and not self.multirun:
            raise ClvError(f"window={','.join(labels)} names several horizons; add -m to run each")
        return CommandLineWord("window.horizon", ",".join(f"'{count} {unit}'" for count, unit in lengths))

    def _resolve_options(self, group: str, value: str) -> str:
        """Spell options as they are called; refuse what is none."""
        if re.match(r"\w+\(|\$\{", value) or self.choices.is_stored_model(group, _unquote(value)):
            return value
        names = [_unquote(part) for part in value.split(",")]
        options = [self.choices.resolve_option(group, name) for name in names]
        for name, option in zip(names, options, strict=True):
            if option is None:
                raise ClvError(self.choices.describe_unknown_option(group, name))
            if option != name:
                self.notes.append(f"{group}={name} is read as {group}={option}")
        read = ",".join(option for option in options if option)
        if names[1:] and not self.multirun:
            raise ClvError(f"{group}={read} names several options; add -m to run each: -m {group}={read}")
        return read

    def _resolve_models(self, word: CommandLineWord) -> CommandLineWord:
        """Spell the models of ``models=[...]`` as they are called."""
        if word.key != "models" or not word.value:
            return word
        names = [_unquote(name) for name in word.value.strip("[]").split(",")]
        models = [self.choices.resolve_option("model", name) for name in names]
        return CommandLineWord(word.key, f"[{','.join(model for model in models if model)}]") if all(models) else word

    def _quote_text_value(self, key: str, value: str) -> str:
        """Quote text unless the grammar reads it as the text that it is, or as null, false, a list or a sweep."""
        addresses = NEXT_ADDRESS.split(value)
        if self.multirun and URL_PREFIX.match(value) and any("," in address for address in addresses):
            return ",".join(map(_quote, addresses))
        override = self._parse_override_value(value)
        if override is None:
            parts = [part.strip() for part in value.split(",")]
            several = self.multirun and parts[1:] and not _path_exists(value) and not SELECT.match(value)
            return ",".join(map(_quote, parts if several else [value]))
        if override.is_sweep_override():
            return self._quote_text_with_commas(key, value)
        read = override._value
        if isinstance(read, bool) and not key.startswith("data.columns."):
            return _quote(value)
        is_other_text = key in PATHS and isinstance(read, str) and read != value and not _path_exists(read)
        return _quote(value) if is_other_text or type(read) in (int, float) else value

    def _quote_text_with_commas(self, key: str, value: str) -> str:
        if re.match(r"\w+\(", value):  # glob(*), choice(a,b)
            return value
        if self.multirun and not SELECT.match(value):
            if key not in PATHS or not _path_exists(value):
                return value
            quoted = ",".join(_quote(part) for part in value.split(","))
            self.notes.append(f'{key}={value} is read as the one file that is there; several are "{key}={quoted}"')
        return _quote(value)

    def _parse_override_value(self, value: str) -> Override | None:
        """Parse a value as Hydra does; None where its grammar cannot."""
        try:
            return self.parser.parse_override(f"key={value}")
        except HydraException:
            return None

    def _is_sweep_override(self, value: str) -> bool:
        override = self._parse_override_value(value)
        return override is not None and override.is_sweep_override()


def quote_condition(value: str) -> str:
    """Quote the condition of ``data.where`` as Hydra wants it, so that the shell's quotes are enough."""
    if value in ("", "null") or value[0] + value[-1] in ("''", '""') or "${" in value:
        return value
    escaped = re.sub(r"(\\*)(?='|$)", r"\1\1", value).replace("'", r"\'")
    return f"'{escaped}'"


def _parse_lengths(value: str) -> list[tuple[int, str]] | None:
    """Read lengths of time, such as ``2m`` or ``'3 months','1 year'``; None where one of them is none."""
    lengths = []
    for part in value.split(","):
        match = LENGTH.fullmatch(_unquote(part))
        if match is None or not UNIT_WORDS.fullmatch(match[2]):
            return None
        unit, times = UNITS[match[2][0].lower()]
        lengths.append((int(match[1]) * times, unit))
    return lengths


def _looks_like_source(value: str) -> bool:
    is_named_like_one = FILE_SUFFIX.search(value) or URL_PREFIX.match(value) or set(value) & set("/\\*")
    return bool(value) and (bool(is_named_like_one) or _path_exists(value))


def _path_exists(path: str) -> bool:
    """Whether a file is there, or one that matches a pattern."""
    try:
        expanded = Path(path).expanduser()
        return expanded.exists() or bool(glob(str(expanded)))
    except (OSError, ValueError, RuntimeError):  # too long, or nobody's home
        return False


def _quote(value: str) -> str:
    if re.search(r"\$\{[^}]*$", value):
        raise ClvError(f"'{value}' holds ${{, which begins the name of another setting; give the file another name")
    return QuotedString(value, Quote.single).with_quotes()


def _unquote(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
