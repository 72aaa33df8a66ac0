"""Every setting with its default and meaning, read from the YAML files of ``conf/`` and their comments.

Where a YAML says nothing of a setting, the docstring of what it builds does: a parameter of ``_target_``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from inspect import getdoc
from itertools import takewhile
from pathlib import Path

import yaml
from hydra.utils import get_object
from numpydoc.docscrape import NumpyDocString

from clv_experiments.errors import ClvError

IGNORED = {"defaults", "hydra", "_target_", "_partial_"}
COMMENT = re.compile(r"\s#\s(.*)$")
LONGEST_DEFAULT = 60


@dataclass(frozen=True)
class Setting:
    """One setting of a YAML file; ``meaning`` is empty where nobody says it."""

    key: str
    default: str
    meaning: str


def read_title(path: Path) -> str:
    """Return the first sentence of the comment that a YAML file begins with: what the file is."""
    lines = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    prose = " ".join(line[2:] for line in lines if not line.startswith(("# @", "# python ")))
    return prose.split(". ")[0].rstrip(".").replace("|", "\\|")


def read_settings(path: Path, prefix: str = "") -> list[Setting]:
    """Read the settings of a YAML file in their order, those of nested mappings by their full keys."""
    text = path.read_text(encoding="utf-8")
    document = yaml.compose(text)
    lines = text.splitlines()
    settings = list(_read_mapping(document, prefix, lines)) if isinstance(document, yaml.MappingNode) else []
    return [replace(setting, meaning=setting.meaning.replace("|", "\\|")) for setting in settings]


def _read_mapping(node: yaml.MappingNode, prefix: str, lines: list[str]) -> Iterator[Setting]:
    target = next((value.value for key, value in node.value if key.value == "_target_"), None)
    parameters = _parameters(target) if target else {}
    comment = of_line = _comment(lines, node.end_mark.line) if node.flow_style else ""
    is_alone = {key.value for key, _ in node.value} <= IGNORED
    if target and is_alone and node.flow_style:
        yield Setting(prefix.rstrip("."), "on", comment or parameters.get("", ""))
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        if key.value in IGNORED:
            continue
        if not node.flow_style:
            comment = _comment(lines, key.end_mark.line if _is_nested(value) else value.end_mark.line)
        own, comment = comment, ""  # that of a mapping on one line is about its first setting
        meaning = own or parameters.get(key.value, "") or of_line
        if _is_nested(value):
            if meaning and not value.flow_style and own:
                yield Setting(name, "", meaning)
            yield from _read_nested(value, f"{name}.", lines)
        else:
            yield Setting(name, _default(value, lines), meaning)


def _read_nested(node: yaml.Node, prefix: str, lines: list[str]) -> Iterator[Setting]:
    if isinstance(node, yaml.MappingNode):
        yield from _read_mapping(node, prefix, lines)
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield from _read_nested(item, f"{prefix}{position}.", lines)


def _is_nested(node: yaml.Node) -> bool:
    if isinstance(node, yaml.SequenceNode):
        return any(_is_nested(item) for item in node.value)
    return isinstance(node, yaml.MappingNode) and bool(node.value)


def _comment(lines: list[str], number: int) -> str:
    match = COMMENT.search(lines[number]) if number < len(lines) else None
    return match[1].strip() if match else ""


def _default(node: yaml.Node, lines: list[str]) -> str:
    start, end = node.start_mark, node.end_mark
    if start.line == end.line:
        return _shorten(lines[start.line][start.column : end.column].strip())
    return _shorten(f"[{', '.join(item.value for item in getattr(node, 'value', []))}]")


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_DEFAULT else text[: LONGEST_DEFAULT - 4].rstrip(", ") + " ...]"


@cache
def _parameters(target: str) -> dict[str, str]:
    """Return the first sentence on each parameter in a docstring, and on the whole under the empty name."""
    parsed = NumpyDocString(_docstring(target))
    found = {"": " ".join(parsed["Summary"])}
    for name, kind, description in parsed["Parameters"]:
        paragraph = takewhile(lambda line: line.strip() and line.lstrip()[0] not in "-+.", description)
        text = " ".join(line.strip() for line in paragraph) or str(kind)
        for part in name.split(","):
            found[part.strip().lstrip("*")] = re.split(r"(?<=[a-z)`])\.\s+(?=[A-Z:])", text)[0].rstrip(".:")
    return found


def _docstring(target: str) -> str:
    return getdoc(get_object(target)) or ""


def render_settings(settings: list[Setting]) -> str:
    """Write settings as a Markdown table.

    Raises
    ------
    ClvError
        Names those whose meaning nobody says.
    """
    if silent := [setting.key for setting in settings if not setting.meaning]:
        raise ClvError(f"nothing says what {', '.join(silent)} mean; comment them in conf/")
    rows = [f"| `{s.key}` | {f'`{s.default}`' if s.default else ''} | {s.meaning} |" for s in settings]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows]) + "\n"
