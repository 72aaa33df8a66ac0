"""What a command offers, and its help: config groups with their options, settings, flags; read from ``conf/`` alone.

Hydra would compose every option of its own too, for half a second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from textwrap import fill

from omegaconf import DictConfig, OmegaConf

from clv_experiments.commands.model_reference import ADDRESSES, CHAMPION
from clv_experiments.config.conf_folders import find_option_files, packaged_conf_folder, user_conf_folder
from clv_experiments.errors import suggest

WIDTH = 118  # of the help
STORED_MODEL_COMMANDS = ("score", "insights", "export")  # commands whose model may also be one that is kept


@dataclass(frozen=True)
class CommandOptions:
    """What may be typed for one command.

    Attributes
    ----------
    command : str
        The file of ``conf/`` that it composes.
    groups : mapping of str to list of str
        The options of each config group that it composes.
    settings : tuple of str
        Its settings that stand in no group.
    flags : tuple of str
        Those of them that are true or false.
    """

    command: str
    groups: Mapping[str, list[str]]
    settings: tuple[str, ...]
    flags: tuple[str, ...]

    @classmethod
    def from_command(cls, config_name: str) -> CommandOptions:
        """Read what a command offers in the working folder."""
        return _read_command_options(config_name, user_conf_folder())

    def has_top_level_key(self, key: str) -> bool:
        """Whether a key begins with something that is there."""
        return re.split(r"[./@]", key)[0] in (*self.groups, *self.settings, "hydra")

    def resolve_option(self, group: str, name: str) -> str | None:
        """Return the option that a name spells, whatever its case and punctuation; None where there is none."""
        if name in self.groups[group]:
            return name
        same = [option for option in self.groups[group] if _normalise_name(option) == _normalise_name(name) != ""]
        return same[0] if len(same) == 1 else "null" if (group, name) == ("experiment", "null") else None

    def is_stored_model(self, group: str, name: str) -> bool:
        """Whether a name is read by the command itself: a model that is kept."""
        takes_stored = group == "model" and self.command in STORED_MODEL_COMMANDS
        return takes_stored and (name == CHAMPION or name.startswith(ADDRESSES))

    def groups_with(self, name: str) -> list[str]:
        """List the groups that have an option of this name; a search space is named after its model."""
        return [
            group
            for group in self.groups
            if group != "sweep" and self.resolve_option(group, name) not in (None, "null")
        ]

    def describe_unknown_option(self, group: str, name: str) -> str:
        """Say that a group has no such option, and suggest the nearest."""
        options = self.groups[group]
        if name in ("", "null", "None", "none"):
            optional = "; leave it out for none" if group == "experiment" else ""
            hint = " (tracking=memory keeps no run)" if group == "tracking" else ""
            return f"{group}={name} names no option; there are {', '.join(options)}{hint}{optional}"
        suggestion = suggest(name.lower(), options)
        if group == "window":
            suggestion += "; any other length reads window=45d, or \"window.horizon='45 days'\""
        if group == "data":
            suggestion += "; a log of your own reads data.path=orders.csv"
        return f"there is no {group}={name}; {suggestion}"

    def describe_missing_value(self, key: str) -> str:
        """Describe what could follow a setting that was typed without a value."""
        if key in self.groups:
            return f"'{key}' says no option; type {key}=<one of {', '.join(self.groups[key])}>"
        if self.has_top_level_key(key):
            return f"'{key}' says no value; type {key}=<value>"
        for group in self.groups_with(key):
            return f"'{key}' is no setting; type {group}={self.resolve_option(group, key)}"
        if key.lower() in ("help", "multirun", "version", "info"):
            return f"'{key}' is an option: type --{key.lower()}"
        suggestion = suggest(key.lower(), [option for options in self.groups.values() for option in options])
        hint = suggestion if suggestion.startswith("did") else "a file of your own reads data.path=orders.csv"
        return f"'{key}' is no setting, which read key=value, such as model=xgboost; {hint}"


@cache
def _read_command_options(config_name: str, _: Path | None) -> CommandOptions:
    groups: dict[str, list[str]] = {}
    defaults: dict[str, object] = {}
    _collect_groups(config_name, groups, defaults)
    settings = tuple(name for name in defaults if name != "hydra")
    return CommandOptions(
        config_name, groups, settings, tuple(name for name in settings if isinstance(defaults[name], bool))
    )


def _collect_groups(config_name: str, groups: dict[str, list[str]], defaults: dict[str, object]) -> None:
    cfg = OmegaConf.load(packaged_conf_folder() / f"{config_name}.yaml")
    assert isinstance(cfg, DictConfig)
    for entry in cfg.defaults:
        if isinstance(entry, str):
            if entry != "_self_":
                _collect_groups(entry, groups, defaults)
            continue
        group = str(next(iter(entry))).split()[-1]
        if not group.startswith("hydra"):
            groups[group] = list(find_option_files(group))
    nodes = {str(name): cfg._get_node(name) for name in cfg if name != "defaults" and name not in groups}
    defaults.update({name: node._value() for name, node in nodes.items()})  # type: ignore[union-attr]


def render_help(config_name: str) -> str:
    """Return the help of a command: its template in ``conf/``, with the options of each choice that it has."""
    names = dict.fromkeys(("config", config_name))
    files = [OmegaConf.load(packaged_conf_folder() / f"{name}.yaml") for name in names]
    lines = [
        f"{group}: {', '.join(options)}" for group, options in CommandOptions.from_command(config_name).groups.items()
    ]
    options = [fill(line, WIDTH, subsequent_indent="  ") + "\n" for line in lines]
    template = str(OmegaConf.select(OmegaConf.merge(*files), "hydra.help.template"))
    return Template(template).substitute(APP_CONFIG_GROUPS="".join(options))


def _normalise_name(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())
