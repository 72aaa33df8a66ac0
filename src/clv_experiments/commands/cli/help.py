"""What --help shows, read from conf/ alone: Hydra would compose every option of its own too, for half a second."""

from __future__ import annotations

from string import Template
from textwrap import fill

from omegaconf import OmegaConf

from clv_experiments.commands.cli.choices import CommandOptions
from clv_experiments.config.conf_folders import packaged_conf_folder

WIDTH = 118


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
