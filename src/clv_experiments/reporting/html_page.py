"""Pages from templates: style and script are inlined, values are escaped, and no other script may run."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from markupsafe import Markup

from clv_experiments.reporting.prose import TEMPLATES, template_environment


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
    return (
        template_environment(autoescape=True)
        .get_template(template)
        .render(
            style=Markup("".join(path.read_text(encoding="utf-8") for path in styles)),  # noqa: S704 - of this package
            script=Markup(script),  # noqa: S704 - of this package
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            **context,
        )
    )
