"""The pages that tests of the documentation read, and what stands in their blocks."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})(?P<kind>[^\n]*)\n(?P<body>.*?)^(?P=fence)[ \t]*$", re.DOTALL | re.MULTILINE
)
ROOT_PAGES = ["README.md", "CHANGELOG.md", "CONTEXT.md", "CONTRIBUTING.md", "examples/README.md"]


def pages():
    """All Markdown that people read, by paths from the root."""
    below = (page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)
    return [*ROOT_PAGES, *sorted(page.relative_to(ROOT).as_posix() for page in below)]


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(text, *kinds):
    """Bodies of the fenced blocks of some kinds, such as python, {code-cell} ipython3, or "" for none."""
    return [match["body"] for match in FENCE.finditer(text) if match["kind"].strip() in kinds]
