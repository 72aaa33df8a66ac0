"""Sphinx settings of the documentation: ``make docs`` builds it into docs/_build/html, without a network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS / "_ext"))

from source_digest import source_digest  # noqa: E402 - the folder is on the path from here on

import clv_experiments  # noqa: E402

project = "clv_experiments"
author = "the authors of clv_experiments"
copyright = "the authors of clv_experiments, MIT licence"
version = release = clv_experiments.__version__

extensions = ["myst_nb", "sphinx_design", "sphinx.ext.autodoc", "numpydoc", "mathml", "inserted_text"]
exclude_patterns = ["_build", "_ext", "_generated"]
numpydoc_show_class_members = False
autodoc_typehints = "none"  # numpydoc says them

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

# A tutorial is run again where it, or the code that it calls, has changed.
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS / "_build" / "notebooks" / source_digest())
nb_execution_in_temp = True
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_merge_streams = True
os.environ["COLUMNS"] = "110"
os.environ["PYTHONWARNINGS"] = "ignore"
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # where clv is

html_theme = "pydata_sphinx_theme"
html_title = "clv_experiments"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "results": []}
