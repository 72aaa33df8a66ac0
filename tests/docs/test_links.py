"""Every link inside README and documentation leads somewhere, and every picture is there, small and used."""

import re

import pytest
from shown_pages import FENCE, ROOT, pages, read

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
OPTION = re.compile(r"^:(?:link|target): (\S+)$", re.MULTILINE)  # of cards and pictures
IMAGE = re.compile(r"\{(?:image|figure)\} (\S+)")
LARGEST = 200_000


def links(text):
    """Targets of links and pictures, those in code left out, addresses elsewhere too."""
    prose = FENCE.sub(lambda match: match[0] if match["kind"].startswith("{") else "", text)
    prose = re.sub(r"`[^`\n]*`", "", prose)
    found = [*LINK.findall(prose), *IMAGE.findall(text)]
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page):
    """What headings of a page are called in a link."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages())
def test_links_resolve(page):
    folder = (ROOT / page).parent
    for target in links(read(page)):
        path, _, anchor = target.partition("#")
        file = (folder / path).resolve() if path else ROOT / page
        assert file.exists(), f"{page}: {target} is not there"
        assert file.is_relative_to(ROOT), f"{page}: {target} leaves the repository"
        if anchor and file.suffix == ".md":
            shown = re.search(r"<!-- root: (\S+) -->", file.read_text(encoding="utf-8"))
            assert anchor in anchors(shown[1] if shown else file.relative_to(ROOT)), f"{page}: no heading for {target}"


def test_a_broken_link_is_noticed():
    assert links("[a](b.md) `[c](d.md)` ![e](f.png) [g](https://h) [i](#j)") == ["b.md", "f.png", "#j"]


def test_pictures_are_small_and_used():
    text = "\n".join(read(page) for page in pages())
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size <= LARGEST, f"{picture.name} is larger than 200 kB"
        assert picture.name in text, f"no page shows {picture.name}"


def test_the_readme_is_short():
    assert len(read("README.md").splitlines()) <= 150
