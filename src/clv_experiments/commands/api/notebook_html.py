"""How logs, results and boards show themselves in a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import pandas as pd


def notebook_html(heading: str, table: pd.DataFrame, notes: Iterable[str], *, index: bool = True) -> str:
    """Return a heading, a table and a list of notes as HTML, with all text escaped: names may come from anywhere."""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    rows = table.to_html(index=index, float_format="{:.3f}".format)
    return f"<p><b>{escape(heading)}</b></p>{rows}<ul>{items}</ul>"
