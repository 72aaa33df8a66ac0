"""Parts of reference pages that are made from what the project itself reads: options, their comments and templates."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml
from settings_reference import Setting, read_settings, read_title, render_settings

from clv_experiments.commands.cli.clv import COMMANDS
from clv_experiments.config.conf_folders import find_option_files, packaged_conf_folder, read_options
from clv_experiments.reporting.prose import render_paragraphs

# Config groups, and of each the option whose comments say what its settings mean; the others differ from it in values.
GROUPS = {
    "data": ("file", "which log"),
    "window": ("3m", "how far ahead, and from which cutoffs"),
    "features": ("full", "what models that learn from features are told"),
    "model": ("xgboost", "what predicts"),
    "evaluation": ("forecast", "how a model is judged"),
    "tracking": ("mlflow", "where the run goes"),
    "decisions": ("shop", "what only the shop knows"),
}


def commands() -> str:
    """List the commands of ``clv``."""
    rows = [f"| `clv {name}` | {text} |" for name, text in COMMANDS.items()]
    return _table("| command | what it does |", rows)


def options() -> str:
    """List the options of every config group with what their files say they are."""
    groups = [*GROUPS, "experiment", "sweep"]
    parts = [
        f"## `{group}=`\n\n"
        + _table("| option | what it is |", [f"| `{name}` | {read_title(file)} |" for name, file in files.items()])
        for group in groups
        if (files := find_option_files(group))
    ]
    return "\n".join(parts)


def settings() -> str:
    """List every setting with its default and meaning."""
    base = read_settings(packaged_conf_folder() / "config.yaml")
    parts = [f"## Of every command\n\n{render_settings(base)}"]
    for group, (reference, meaning) in GROUPS.items():
        parts.append(f"## {group}: {meaning}\n")
        parts.extend(_model_tables() if group == "model" else _group_tables(group, reference))
    for command in COMMANDS:
        file = packaged_conf_folder() / f"{command}.yaml"
        if file.is_file() and (own := read_settings(file)):
            parts.append(f"## clv {command}\n\n{render_settings(own)}")
    return "\n".join(parts)


def _group_tables(group: str, reference: str) -> Iterable[str]:
    """Give the settings that every option has, then those that only some have."""
    files = find_option_files(group)
    common = read_settings(files[reference], f"{group}.")
    yield render_settings(common)
    known = {setting.key for setting in common}
    for name, file in files.items():
        own = [setting for setting in read_settings(file, f"{group}.") if _is_new(setting, known)]
        if name != reference and own:
            known |= {setting.key for setting in own}
            yield f"### Only {group}={name}\n\n{render_settings(own)}"


def _is_new(setting: Setting, known: set[str]) -> bool:
    """Whether a setting is none that an earlier option has, nor one of a mapping that the user fills."""
    return setting.key not in known and not setting.key.startswith(("data.columns", "data.cleaning"))


def _model_tables() -> Iterable[str]:
    """Give the settings of all models, then those of each model's estimator."""
    common = [s for s in read_settings(find_option_files("model")["xgboost"], "model.") if s.key.count(".") == 1]
    yield render_settings(common)
    for name, file in find_option_files("model").items():
        settings = read_settings(file, "model.")
        own = [
            s
            for s in settings
            if s.key.startswith("model.estimator") and not s.default.startswith(("${model", "${..."))
        ]
        if own:
            yield f"### Only model={name}\n\n{read_title(file)}.\n\n{render_settings(own)}"


def models() -> str:
    """List the models by family, with what each is and whether it learns from labels."""
    families = {"btyd": [], "ml": [], "hybrid": [], "baseline": []}
    for option in read_options("model"):
        families[option.family].append(option)
    titles = {name: read_title(file) for name, file in find_option_files("model").items()}
    fitted_on = {True: "training panel", False: "calibration period"}
    rows = [
        f"| `{option.name}` | {titles[option.name]} | {family} | {fitted_on[option.supervised]} |"
        for family, members in families.items()
        for option in members
    ]
    return _table("| model | what it is | family | fitted on |", rows)


def score_columns() -> str:
    """List the columns of scores.csv, as the readme beside it describes them."""
    described = [line.partition(": ") for line in render_paragraphs("scores/readme.jinja", "columns", True)]
    return _table("| column | meaning |", [f"| `{name}` | {text} |" for name, _, text in described])


def described_files() -> dict[str, dict[str, str]]:
    """Return what each column of each described file means, files by name."""
    makers = yaml.safe_load((Path(__file__).parent / "columns.yaml").read_text(encoding="utf-8"))
    return {
        file: {name: text for names, text in about["columns"].items() for name in names.split(", ")}
        for files in makers.values()
        for joined, about in files.items()
        for file in joined.split(", ")
    }


def file_columns() -> str:
    """List the columns of the other files, by the command that writes them."""
    makers = yaml.safe_load((Path(__file__).parent / "columns.yaml").read_text(encoding="utf-8"))
    parts = []
    for maker, files in makers.items():
        parts.append(f"## {maker}\n")
        for joined, about in files.items():
            names = {", ".join(f"`{name}`" for name in key.split(", ")): text for key, text in about["columns"].items()}
            rows = [f"| {name} | {text} |" for name, text in names.items()]
            parts.append(f"### {joined}\n\nOne row: {about['row']}.\n\n{_table('| column | meaning |', rows)}")
    return "\n".join(parts)


def _table(heading: str, rows: Iterable[str]) -> str:
    return "\n".join([heading, "|" + "---|" * (heading.count("|") - 1), *rows]) + "\n"
