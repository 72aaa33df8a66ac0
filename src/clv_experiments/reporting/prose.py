"""Sentences, documents and pages from templates: Python decides what is true, a template says it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from markupsafe import Markup

from clv_experiments.reporting import formatting

TEMPLATES = Path(__file__).parent / "templates"

# One filter a kind of value: {{ 1200|count("customer") }}, {{ 0.12|share }}, {{ 9.5|money("£") }}.
FILTERS: dict[str, Callable[..., str]] = {
    "money": formatting.format_money,
    "rough_money": formatting.format_rounded_money,
    "share": formatting.format_share,
    "exact_share": formatting.format_exact_percent,
    "percent": formatting.format_percent,
    "count": formatting.format_count,
    "change": formatting.describe_change,
    "score": formatting.format_score,
    "difference": formatting.format_difference,
    "distance": formatting.format_absolute_difference,
    "day": formatting.format_day,
    "dates": formatting.format_dates,
    "month": formatting.format_month,
    "horizon": formatting.describe_next_period,
    "name": formatting.clean_name,
    "names": formatting.join_names,
    "markdown": formatting.escape_markdown,
}


def _create_environment(*, autoescape: bool) -> Environment:
    """Return an environment of the templates, to which a missing value is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=autoescape, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


@cache
def prose_environment() -> Environment:
    """Return the environment of plain-text templates: nothing is escaped."""
    environment = _create_environment(autoescape=False)
    environment.filters |= {name: _reject_undefined_input(write) for name, write in FILTERS.items()}
    environment.filters["with_interval"] = _format_estimate
    environment.globals["interval"] = formatting.format_interval
    return environment


def _format_estimate(estimate: Any, kind: str, *args: Any) -> str:
    """Write an estimate and its interval by one of the filters: {{ estimate|with_interval("money", "£") }}."""
    value, low, high = (FILTERS[kind](end, *args) for end in (estimate.value, estimate.low, estimate.high))
    return f"{value} {formatting.format_interval(low, high)}"


def _reject_undefined_input(write: Callable[..., str]) -> Callable[..., str]:
    """Let a filter name what is missing, instead of failing on it."""

    def checked(value: Any, *args: Any, **kwargs: Any) -> str:
        if isinstance(value, Undefined):
            str(value)  # raises
        return write(value, *args, **kwargs)

    return checked


def render_paragraphs(template: str, macro: str, *values: Any, **named: Any) -> list[str]:
    """Render a macro of a template into paragraphs of plain text.

    Parameters
    ----------
    template : str
        Its path below ``templates/``, such as ``report/missed.jinja``.
    macro : str
        Its name in the template.
    *values, **named
        What it takes: typed values, which filters write.

    Returns
    -------
    list of str
        What blank lines separate, each on one line; empty paragraphs are left out.

    Raises
    ------
    jinja2.UndefinedError
        If the template asks for something that is not there.
    """
    module = prose_environment().get_template(template).module
    text = str(getattr(module, macro)(*values, **named))
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return [paragraph for paragraph in paragraphs if paragraph]


def read_template_variable(template: str, name: str) -> dict[str, Any]:
    """Return what a template sets under a name, such as the headings of its columns; nothing where it sets none."""
    return dict(getattr(prose_environment().get_template(template).module, name, {}))


def render_document(template: str, **context: Any) -> str:
    """Render a whole template into plain text, such as a Markdown file.

    Raises
    ------
    jinja2.UndefinedError
        If the template asks for something that is not there.
    """
    return prose_environment().get_template(template).render(**context)


def render_page(template: str, **context: Any) -> str:
    """Render a template as an HTML page.

    It gets the common ``style`` and ``script``, and the ``script_hash`` that its Content-Security-Policy allows. A file
    ``extra.css`` in its folder is added to the style.

    Parameters
    ----------
    template : str
        Its path below ``templates/``.
    **context
        Strings are escaped, ``Markup`` is not.

    Returns
    -------
    str
        HTML5.
    """
    own_style = (TEMPLATES / template).with_name("extra.css")
    styles = [path for path in (TEMPLATES / "page.css", own_style) if path.exists()]
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    return _create_environment(autoescape=True).get_template(template).render(
        style=Markup("".join(path.read_text(encoding="utf-8") for path in styles)),  # noqa: S704 - of this package
        script=Markup(script),  # noqa: S704 - of this package
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **context,
    )  # fmt: skip
