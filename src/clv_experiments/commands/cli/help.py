"""What --help shows, read from conf/ alone: Hydra would compose every option of its own too, for half a second."""

from __future__ import annotations

from collections.abc import Iterator
from string import Template
from textwrap import fill

from omegaconf import OmegaConf

from clv_experiments.config.conf_folders import option_files, packaged_conf

WIDTH = 118


def help_text(config_name: str) -> str:
    """Return the help of a command: its template in ``conf/``, with the options of each choice that it has."""
    names = dict.fromkeys(("config", config_name))
    files = [OmegaConf.load(packaged_conf() / f"{name}.yaml") for name in names]
    choices = (choice for file in files for choice in _choices(file.defaults))
    lines = [f"{choice}: {', '.join(option_files(choice))}" for choice in dict.fromkeys(choices)]
    options = [fill(line, WIDTH, subsequent_indent="  ") + "\n" for line in lines]
    template = str(OmegaConf.select(OmegaConf.merge(*files), "hydra.help.template"))
    return Template(template).substitute(APP_CONFIG_GROUPS="".join(options))


def _choices(defaults: list[dict[str, str] | str]) -> Iterator[str]:
    """Name the groups of a list of defaults, but for Hydra's own."""
    for entry in defaults:
        for name in entry if not isinstance(entry, str) else ():
            if not name.startswith(("override ", "optional ")):
                yield str(name)
