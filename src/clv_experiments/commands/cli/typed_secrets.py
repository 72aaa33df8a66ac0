"""Secrets that were typed: Hydra, which writes down what was typed, sees the name of a variable that holds each."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf

from clv_experiments.commands.cli.words import CommandLineWord
from clv_experiments.errors import (
    command,
    find_secrets,
    is_secret_name,
    mask_secrets,
    mask_settings,
    remember_secrets_in,
)

VARIABLE = re.compile(r"\$\{oc\.env:(CLV_\w+)\}")
ESCAPED = re.compile(r"\$\\\{oc\.env\\:(CLV_\w+)\\\}")


EXCLUDED = "hydra.job.config.override_dirname.exclude_keys"  # overrides that Hydra leaves out of names of folders


class CommandLineSecrets:
    """Moves secrets from overrides into environment variables, which worker processes inherit.

    Attributes
    ----------
    variables : dict of variable to secret
    keys : dict of key to None
        Overrides that hold any.
    """

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self.keys: dict[str, None] = {}
        self.parser = OverridesParser.create()

    def hide(self, word: CommandLineWord) -> CommandLineWord:
        """Return an override with a variable in place of each value that is, or holds, a secret.

        Of several values, the runs of a multirun, each has a variable of its own.
        """
        if not word.value:
            return word
        try:
            value = self.parser.parse_override(f"key={word.value}")._value
        except HydraException:
            value = word.value
        if isinstance(value, ChoiceSweep):
            hidden = [self._hide_value(one, word.key) for one in value.list]
            return (
                word if hidden == value.list else self._replace_value(word, ",".join(map(_format_hydra_value, hidden)))
            )
        hidden_value = self._hide_value(value, word.key)
        return word if hidden_value == value else self._replace_value(word, _format_hydra_value(hidden_value))

    def build_override_dirname_exclusion(self, overrides: Sequence[CommandLineWord]) -> Iterator[CommandLineWord]:
        """Give what keeps hidden values out of ``hydra.job.override_dirname``, of which folders may be named."""
        if self.keys:
            typed = next((word.value for word in reversed(overrides) if word.key == EXCLUDED), None)
            keys = self.parser.parse_override(f"key={typed}").value() if typed else []
            yield CommandLineWord(
                EXCLUDED, f"[{','.join([*map(str, keys if isinstance(keys, list) else []), *self.keys])}]"
            )

    def _replace_value(self, word: CommandLineWord, value: str) -> CommandLineWord:
        self.keys[word.key] = None
        return replace(word, value=value)

    def _hide_value(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: self._hide_value(one, str(name)) for name, one in value.items()}
        if isinstance(value, list):
            return [self._hide_value(one, key) for one in value]
        text = value.text if isinstance(value, QuotedString) else value
        if isinstance(text, bool | None) or VARIABLE.search(str(text)):
            return value
        named = is_secret_name(key) and "${" not in str(text)
        if not (named or (isinstance(text, str) and find_secrets(text))):
            return value
        remember_secrets_in(f"{key}='{text}'" if named else text)
        return f"${{oc.env:{self._set_environment_variable(key, str(text))}}}"

    def _set_environment_variable(self, key: str, text: str) -> str:
        first = f"CLV_{re.sub(r'[^A-Za-z0-9]+', '_', key).strip('_').upper()}"
        variable, number = first, 1
        while self.variables.get(variable, text) != text:
            number += 1
            variable = f"{first}_{number}"
        self.variables[variable] = os.environ[variable] = text
        return variable


def get_unresolved_job_overrides() -> list[str]:
    """Return the overrides of this job as Hydra was given them, with the variables that hold secrets unread."""
    overrides = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    assert isinstance(overrides, list)
    return [str(override) for override in overrides]


def format_command(name: str, words: Sequence[str]) -> str:
    """Write a command that can be typed, with ``***`` for each secret that has to be typed again."""
    return shlex.join([*command(name).split(), *map(restore_and_mask_override, words)])


def restore_and_mask_override(override: str) -> str:
    """Return an override as it was typed, but for its secrets.

    Examples
    --------
    >>> os.environ["CLV_DATA_CONNECTION"] = "postgresql://ann:sesame@host/shop?sslmode=require"
    >>> restore_and_mask_override("data.connection=${oc.env:CLV_DATA_CONNECTION}")
    'data.connection=postgresql://ann:***@host/shop?sslmode=require'
    >>> del os.environ["CLV_DATA_CONNECTION"]
    """
    key = override.partition("=")[0]

    def value(match: re.Match[str]) -> str:
        return str(mask_settings(os.environ.get(match[1], match[0]), key))

    return mask_secrets(VARIABLE.sub(value, override))


def _format_hydra_value(value: Any) -> str:
    """Write a value as Hydra's grammar reads it, which escapes what an interpolation is made of."""
    return ESCAPED.sub(r"${oc.env:\1}", str(Override._get_value_element_as_str(value)))
