"""What pages of the site take from elsewhere when they are read.

``<!-- root: CONTRIBUTING.md -->`` shows a file from outside ``docs/``, where GitHub looks for it, and ``<!-- generated:
settings -->`` what a function of ``reference_tables`` makes. A link to a file that is shown leads to its page.
"""

from __future__ import annotations

import re
from os.path import relpath
from pathlib import Path

import reference_tables
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
SHOWN_FILE = re.compile(r"<!-- root: ([\w/]+\.md) -->\n")
GENERATED = re.compile(r"<!-- generated: (\w+) -->\n")
LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)\s#]+)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what is done to the text of each page."""
    app.connect("source-read", _insert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def pages_of_root_files(docs: Path) -> dict[Path, Path]:
    """Return by which page each file outside the documentation is shown."""
    texts = {page: page.read_text(encoding="utf-8") for page in docs.rglob("*.md") if "_build" not in page.parts}
    return {(ROOT / match[1]): page for page, text in texts.items() for match in SHOWN_FILE.finditer(text)}


def turn_links(text: str, written: Path, shown: Path, pages: dict[Path, Path]) -> str:
    """Turn the links of a file so that they lead from the page that shows it to the same places, as pages of the site.

    Parameters
    ----------
    written, shown : Path
        The file that holds the text, and the page that shows it.
    pages : dict of Path to Path
        As ``pages_of_root_files`` returns them.
    """

    def turn(link: re.Match[str]) -> str:
        target = (written.parent / link[2]).resolve()
        return link[1] + Path(relpath(pages.get(target, target), shown.parent)).as_posix()

    return LINK.sub(turn, text)


def _insert(app: Sphinx, name: str, source: list[str]) -> None:
    page, pages = Path(app.env.doc2path(name)), pages_of_root_files(Path(app.srcdir))
    text = turn_links(source[0], page, page, pages)

    def show(match: re.Match[str]) -> str:
        file = ROOT / match[1]
        app.env.note_dependency(str(file), docname=name)
        return turn_links(file.read_text(encoding="utf-8"), file, page, pages)

    def generate(match: re.Match[str]) -> str:
        app.env.note_reread()
        return str(getattr(reference_tables, match[1])())

    source[0] = GENERATED.sub(generate, SHOWN_FILE.sub(show, text))
