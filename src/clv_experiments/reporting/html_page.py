"""Pages from templates: style and script are inlined, values are escaped, and no other script may run."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, **context: Any) -> str:
    """Fill a template.

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
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own_style = (TEMPLATES / template).with_name("extra.css")
    styles = [path for path in (TEMPLATES / "page.css", own_style) if path.exists()]
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    return environment.get_template(template).render(
        style=Markup("".join(path.read_text(encoding="utf-8") for path in styles)),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **context,
    )
