"""Figures inside a page: text stays text, colours follow the light or dark theme, ids never clash."""

from __future__ import annotations

import re
from io import BytesIO
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from clv_experiments.reporting.chart_style import BAND, FAMILIES, GROUND, INK, QUIET, RULE, ignore_missing_glyphs

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
FONT = "font-family: inherit"
# Names of the page's colours; black is matplotlib's default.
VARIABLES = {
    **{style.colour: f"--{family}" for family, style in FAMILIES.items()},
    INK: "--ink",
    "#000000": "--ink",
    QUIET: "--quiet",
    RULE: "--rule",
    BAND: "--band",
    GROUND: "--ground",
}


def render_responsive_svg(wide: Figure, narrow: Figure, name: str, description: str, prefix: str) -> Markup:
    """Return a figure in both widths, of which a page shows that which fits the screen; see ``inline_svg``."""
    return Markup("").join(
        Markup('<div class="{}-picture">{}</div>').format(
            width,
            Markup(render_inline_svg(figure, name, description, f"{prefix}-{width}")),  # noqa: S704 - its texts are escaped
        )
        for width, figure in (("wide", wide), ("narrow", narrow))
    )


def render_inline_svg(figure: Figure, name: str, description: str, prefix: str) -> str:
    """Return a figure as an SVG element to stand in an HTML page.

    Parameters
    ----------
    figure : Figure
    name, description : str
        What a screen reader reads out.
    prefix : str
        Begins every id; unique in the page, letters, digits and hyphens.

    Returns
    -------
    str
        Identical for an identical figure. It loads nothing.
    """
    buffer = BytesIO()
    no_metadata = dict.fromkeys(["Date", "Creator", "Format", "Type"])
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}), ignore_missing_glyphs():
        figure.savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    root = ElementTree.fromstring(buffer.getvalue())  # noqa: S314 - Matplotlib wrote it a line above
    for child in [child for child in root if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}title")]:
        root.remove(child)
    for element in root.iter():
        _adapt_element_to_page(element, prefix)
    for text, tag in ((description, "desc"), (name, "title")):
        element = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{prefix}-{tag}"})
        element.text = text
        root.insert(0, element)
    root.attrib |= {"role": "img", "aria-labelledby": f"{prefix}-title {prefix}-desc"}
    for size in ("width", "height"):
        root.attrib.pop(size)
    return _serialise(root)


def _adapt_element_to_page(element: ElementTree.Element, prefix: str) -> None:
    """Give an element's references the figure's prefix and its style the page's colours and font."""
    for attribute, value in element.attrib.items():
        if attribute == "id":
            element.set(attribute, f"{prefix}-{value}")
        elif attribute.endswith("href"):
            element.set(attribute, value.replace("#", f"#{prefix}-", 1))
        else:
            value = value.replace("url(#", f"url(#{prefix}-")
            element.set(attribute, _convert_style_to_page(value) if attribute == "style" else value)


def _convert_style_to_page(style: str) -> str:
    style = re.sub(r"#[0-9a-f]{6}", lambda match: f"var({VARIABLES.get(match[0], '--ink')}, {match[0]})", style)
    style = re.sub(r"font: ([^;']*?px)[^;]*", r"font-size: \1; " + FONT, style)
    return re.sub(r"font-family: [^;]*", FONT, style)


def _serialise(root: ElementTree.Element) -> str:
    """Write an element as HTML parsers read it: no prefixes, no declaration."""
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        for attribute in [name for name in element.attrib if name.startswith(f"{{{XLINK}}}")]:
            element.set("href", element.attrib.pop(attribute))
    return ElementTree.tostring(root, encoding="unicode")
