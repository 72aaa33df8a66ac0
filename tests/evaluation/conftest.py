"""What the tests of plots share: render a figure, and read what it shows."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.text import Text


def visible_texts(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


@pytest.fixture(scope="session")
def texts():
    """List the texts of a figure."""
    return lambda figure: [text.get_text() for text in visible_texts(figure)]


@pytest.fixture(scope="session")
def line():
    """Return x and y of the line with a label."""

    def points(panel, label):
        (match,) = [line for line in panel.lines if line.get_label() == label]
        return np.asarray(match.get_xdata(), dtype=float), np.asarray(match.get_ydata(), dtype=float)

    return points


@pytest.fixture(scope="session")
def check_figure():
    """Render a figure as MLflow does (a warning is an error), check that its texts can be read, and return it."""

    def check(figure):
        figure.savefig(BytesIO(), format="png")
        texts = visible_texts(figure)
        assert min(text.get_fontsize() for text in texts) >= 11
        assert not [text for text in texts if "nan" in text.get_text()]
        box = figure.get_tightbbox()  # inches around all that is drawn; 0.01 is a pixel of grace
        assert min(box.x0, box.y0) > -0.01
        assert box.x1 < 6.41
        assert box.y1 < 4.81
        return figure

    return check
