"""What tests of the documentation share."""

import sys

import pytest
from shown_pages import ROOT


@pytest.fixture(scope="session")
def reference_tables():
    """What reference pages are made from; needs what '.[docs]' installs."""
    pytest.importorskip("numpydoc", reason="numpydoc is not installed: pip install -c constraints.txt -e '.[docs]'")
    sys.path.insert(0, str(ROOT / "docs" / "_ext"))
    import reference_tables

    yield reference_tables
    sys.path.remove(str(ROOT / "docs" / "_ext"))
