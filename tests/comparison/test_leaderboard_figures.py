"""The pictures of a board draw nasty data without a warning, show the numbers they claim, and are safe in a page."""

import re
from itertools import pairwise, product
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from clv_experiments.comparison.aggregate import rank_over_cells
from clv_experiments.comparison.display.cost import fit_predict_seconds, label_points, plot_accuracy_against_cost
from clv_experiments.comparison.display.curves import plot_decile_calibrations, plot_value_capture_curves
from clv_experiments.comparison.display.figures import (
    aggregate_figures,
    board_figures,
    plot_bias_by_origin,
    plot_differences,
    plot_mean_ranks,
)
from clv_experiments.comparison.standings import compute_standings
from clv_experiments.reporting.chart_style import (
    FAMILIES,
    RULE,
    axis_span_without_outliers,
    create_chart,
    make_printable,
)
from clv_experiments.reporting.exhibit import NARROW, WIDE
from clv_experiments.reporting.inline_svg import render_inline_svg

FAMILY = {"zeros": "baseline", "flat": "baseline", "pareto": "btyd", "trees": "ml", "stack": "hybrid"}
HOSTILE = {
    '<script>alert("x")</script>': "ml",
    "$\\frac{1$ & $2": "</svg>",
    "new\nline\x00": "btyd",
    "客户" * 30: "baseline",
}
DRAWN = [
    plot_differences,
    plot_value_capture_curves,
    plot_decile_calibrations,
    plot_bias_by_origin,
    plot_accuracy_against_cost,
]


def spend(seed=0, n=300):
    rng = np.random.default_rng(seed)
    chance = rng.beta(1, 3, n)
    return np.where(rng.random(n) < chance, rng.lognormal(3, 1, n), 0.0).round(2), chance


@pytest.fixture(scope="module")
def board(cell_of):
    """Five models of all families over two origins."""
    origins = [spend(0), spend(1)]
    rng = np.random.default_rng(2)
    predictions = {
        "zeros": [np.zeros(300)] * 2,
        "flat": [np.full(300, y.mean()) for y, _ in origins],
        "pareto": [40 * chance * rng.lognormal(0, 0.3, 300) for _, chance in origins],
        "trees": [35 * chance for _, chance in origins],
        "stack": [70 * chance for _, chance in origins],
    }
    return compute_standings(
        cell_of(predictions, [y for y, _ in origins], families=FAMILY), "d2_tweedie", replicates=200
    )


@pytest.fixture(scope="module")
def nasty(cell_of):
    """Boards that break pictures, by what is odd about them."""
    y, chance = spend()
    good, names = {"a": y + 1, "b": 40 * chance}, {label: 30 * chance + i for i, label in enumerate(HOSTILE)}
    timeless = {label: {"seconds": {}} for label in good}
    cells = {
        "one model": cell_of({"a": y}, y),
        "copies": cell_of({"a": 40 * chance, "b": 40 * chance}, y, families={"b": "baseline"}),
        "nobody bought": cell_of(good, np.zeros(300)),
        "everything is zero": cell_of({"zeros": np.zeros(300), "also": np.zeros(300)}, np.zeros(300)),
        "returns": cell_of(good, np.where(np.arange(300) % 7 == 0, -5.0, y)),
        "three customers": cell_of({"a": [1.0, 2, 3], "b": [3.0, 2, 1]}, [0.0, 4, 9]),
        "hostile names": cell_of(names, y, families=HOSTILE, data="<b>$log$", currency="$$"),
        "many models": cell_of({f"model_{i}": 40 * chance + i for i in range(12)}, y),
        "no times": cell_of(good, y, entries=timeless),
    }
    return {name: compute_standings(cell, "normalised_gini", replicates=100) for name, cell in cells.items()}


def check(figure, width=8.0):
    """Lay it out (a warning is an error): all words large enough, printable and on the page."""
    figure.draw_without_rendering()
    labels = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert min(text.get_fontsize() for text in labels) >= 11
    assert not [text for text in labels if "nan" in text.get_text()]
    box = figure.get_tightbbox()
    assert min(box.x0, box.y0) > -0.02
    assert box.x1 < width + 0.02
    assert box.y1 < figure.get_figheight() + 0.02
    return " ".join(text.get_text() for text in labels)


def marks(panel):
    """The single markers of a panel: x, y, shape, and whether filled."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]), line.get_marker(), line.get_mfc() != "#ffffff")
        for line in panel.lines
        if len(line.get_xdata()) == 1
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Glyph .* missing")
def test_pictures_survive_nasty_boards(nasty):
    for (name, nasty_board), width in product(nasty.items(), (WIDE, NARROW)):
        for record in board_figures(nasty_board, width):
            assert check(record.figure, width), name


def test_pictures_survive_several_origins_and_say_what_to_look_for(board):
    records = list(board_figures(board))
    assert len({record.name for record in records}) == len(DRAWN)
    for record in records:
        assert "shop 3m" in check(record.figure)
        assert record.caption.startswith("Look ")


# --- what the pictures show -------------------------------------------------------------------------------------


def test_forest_shows_differences_ties_and_what_lies_beyond(cell_of, board_of):
    scores = {"a": 0.40, "b": 0.39, "c": 0.30, "zeros": -4.0}
    cell = cell_of({name: [1.0, 2.0] for name in scores}, [0.0, 3.0], families={"zeros": "baseline"})
    panel = plot_differences(board_of(cell, {"d2_tweedie": scores}, error=0.01)).axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["a · 1", "b · 1", "c · 2", "zeros · 2"]
    sorted_marks = sorted(marks(panel), key=lambda mark: -mark[1])
    assert [(round(x, 3), filled) for x, _, _, filled in sorted_marks[:3]] == [(0, True), (-0.01, True), (-0.1, False)]
    assert sorted_marks[3][2] == "<"
    assert panel.get_xlim()[0] > -0.5
    assert [text.get_text() for text in panel.texts] == ["best", "−0.010 tied", "−0.100", "−4.400"]


@pytest.mark.parametrize(
    ("behind", "expected"),
    [([0.1, 0.2, 0.3], 0.3), ([0.1, 0.2, 4.0], 0.2), ([0.0, np.nan], 1.0), ([0.1], 0.1), ([0.02, 0.1, 0.11], 0.1)],
)
def test_axis_reaches_to_all_but_outliers(behind, expected):
    assert axis_span_without_outliers(np.array(behind)) == expected


def test_captures_draw_each_models_share_and_name_all(cell_of):
    y = np.arange(100.0)
    cell = cell_of({"right": y, "wrong": -y, "flat": np.ones(100)}, y, families={"flat": "baseline"})
    figure = plot_value_capture_curves(compute_standings(cell, "normalised_gini", replicates=100))
    text = check(figure)
    assert all(name in text for name in ("right", "wrong", "flat", "perfect", "random"))
    ends = sorted(round(float(line.get_ydata()[-1]), 3) for line in figure.axes[0].lines if len(line.get_ydata()) > 2)
    top, bottom = round(y[70:].sum() / y.sum(), 3), round(y[:30].sum() / y.sum(), 3)
    assert ends == [bottom, 0.3, 0.3, top, top]  # wrong, flat, random, right, perfect


def test_of_many_models_the_best_of_each_family_is_named(cell_of, board_of):
    names = [f"tree_{k}" for k in range(6)] + [f"line_{k}" for k in range(3)]
    y = np.arange(100.0)
    cell = cell_of(dict.fromkeys(names, y), y, families=dict.fromkeys(names[6:], "btyd"))
    board = board_of(cell, {"d2_tweedie": {name: 0.5 - 0.01 * k for k, name in enumerate(reversed(names))}})
    figure = plot_value_capture_curves(board)
    text = check(figure)
    assert "tree_5" in text
    assert "line_2" in text
    assert "tree_4" not in text
    assert "grey = 7 other models" in text
    grey = [line for line in figure.axes[0].lines if line.get_color() == RULE and len(line.get_xdata()) > 2]
    named = [line for line in figure.axes[0].lines if line.get_marker() in "o^"]
    assert (len(grey), len({(line.get_color(), line.get_marker()) for line in named})) == (7, 2)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_names_at_the_ends_of_lines_keep_apart(board, width):
    figure = plot_value_capture_curves(board, width)
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in figure.axes[0].texts), key=lambda box: box.y0)
    assert all(lower.y1 < upper.y0 + 4 for lower, upper in pairwise(boxes))  # of 23 pixels


def test_calibration_shows_means_of_deciles_over_origins(cell_of):
    y = [np.arange(20.0), 3 * np.arange(20.0)]
    cell = cell_of({"a": y, "b": [2 * part for part in y]}, y)
    figure = plot_decile_calibrations(compute_standings(cell, "normalised_gini", replicates=100))
    panel = figure.axes[0]
    actual, predicted = (line.get_ydata() for line in panel.lines)
    assert panel.get_title(loc="left") == "a"
    np.testing.assert_allclose(actual, predicted)
    doubled = figure.axes[1].lines[1].get_ydata()
    assert (doubled[:-1] > actual[:-1]).all()
    assert len({axes.get_ylim() for axes in figure.axes[:2]}) == 1


def test_bias_has_a_marker_an_origin_and_stops_at_the_edge(cell_of, board_of):
    cell = cell_of({"a": [[1.0], [1.0]], "wild": [[1.0], [1.0]]}, [[1.0], [1.0]])
    biases = {"a": [-0.1, 0.3], "wild": [0.5, 3.0]}
    figure = plot_bias_by_origin(board_of(cell, {"aggregate_bias": biases, "d2_tweedie": {"a": 1.0}}))
    assert [(round(x, 2), shape, filled) for x, _, shape, filled in marks(figure.axes[0])] == [
        (-0.1, "^", False), (0.3, "^", True), (0.5, "^", False), (1.03, ">", True),
    ]  # fmt: skip
    assert [text.get_text() for text in figure.axes[0].texts] == ["+10%", "+175%"]


def test_cost_sums_fit_and_predict(cell_of, board_of):
    entries = {"a": {"seconds": {"fit": 2.0, "predict": 1.0, "features": 9.0}}, "b": {"seconds": {"fit": 1.0}}}
    entries |= {name: {"seconds": {"fit": value, "predict": value}} for name, value in (("c", 1e308), ("d", -1.0))}
    cell = cell_of({name: [1.0] for name in entries}, [1.0], entries=entries)
    timed_board = board_of(cell, {"d2_tweedie": {"a": 0.5, "b": 0.4, "c": 0.3, "d": 0.2}})
    assert fit_predict_seconds(timed_board)["a"] == 3.0
    assert fit_predict_seconds(timed_board).isna().to_dict() == {"a": False, "b": True, "c": True, "d": True}, (
        "nobody took that"
    )
    assert marks(plot_accuracy_against_cost(timed_board).axes[0]) == [(3.0, 0.5, "^", True)]


def test_labels_of_crowded_points_do_not_overlap():
    figure, (panel,) = create_chart("title", "subtitle", 6.0)
    x = np.array([1.0, 1.02, 1.04, 1.5, 1.52, 1.52])
    y = np.array([1.0, 1.01, 1.0, 1.0, 1.01, 1.02])
    panel.set_xlim(0.5, 2)
    panel.set_ylim(0.5, 1.5)
    label_points(panel, [f"model_{i}" for i in range(6)], x, y, np.column_stack([y, y]))
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in panel.texts]
    shared = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.padded(-1).overlaps(b.padded(-1))]
    assert shared == []


def test_mean_ranks_join_what_the_critical_difference_cannot_part(cell_of, board_of):
    boards = []
    for i in range(12):
        predictions = {name: [1.0, 2.0] for name in ("best", "near", "last")}
        cell = cell_of(predictions, [0.0, 3.0], families={"last": "baseline"}, identity=str(i), data=f"log{i}")
        scores = {"best": 0.5 + 0.1 * (i % 2), "near": 0.55, "last": 0.1}
        boards.append(board_of(cell, {"d2_tweedie": scores}))
    together = rank_over_cells(boards)
    (record,) = aggregate_figures(together)
    text = check(plot_mean_ranks(together))
    assert "1 is best" in text
    assert check(plot_mean_ranks(together, NARROW), NARROW)
    assert all(name in text for name in ("best 1.50", "near 1.50", "last 3.00", "critical difference 0.96"))
    bars = [line.get_xdata() for line in record.figure.axes[0].lines if line.get_linewidth() == 5]
    assert [list(bar) for bar in bars] == [[1.5, 1.5]]


def test_families_differ_in_shape_and_stand_out_from_white():
    assert len({style.marker for style in FAMILIES.values()}) == len(FAMILIES)
    for style in FAMILIES.values():
        channels = [int(to_hex(style.colour)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        assert 1.05 / (np.dot([0.2126, 0.7152, 0.0722], linear) + 0.05) >= 3  # WCAG 1.4.11


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a\n b", "a b"),
        ("$x$", r"\$x\$"),
        ("a" * 40, "a" * 25 + "…"),
        ("\x00", ""),
        ("客" * 14, "客" * 12 + "…"),
        ("客" * 13, "客" * 13),
    ],
)
def test_any_name_can_be_shown(name, expected):
    assert make_printable(name) == expected


# --- inside a page ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def svg(board):
    return render_inline_svg(plot_differences(board), "A & <b>", 'say "x"', "one")


def test_svg_is_the_same_every_time_and_clashes_with_no_other(board, svg):
    assert render_inline_svg(plot_differences(board), "A & <b>", 'say "x"', "one") == svg
    other = render_inline_svg(plot_differences(board), "A & <b>", 'say "x"', "two")
    ids = [set(re.findall(r' id="([^"]*)"', text)) for text in (svg, other)]
    assert len(ids[0]) == len(re.findall(r' id="', svg))
    assert not ids[0] & ids[1]
    for text, own in zip((svg, other), ids, strict=True):
        assert set(re.findall(r"url\(#([^)]*)\)", text)) | set(re.findall(r'href="#([^"]*)"', text)) <= own


def test_svg_keeps_text_and_takes_the_pages_colours(svg):
    root = ElementTree.fromstring(svg)
    texts = {element.text for element in root.iter("text")}
    assert {"best", "trees · 1"} <= texts
    assert root.get("role") == "img"
    assert [root.find("title").text, root.find("desc").text] == ["A & <b>", 'say "x"']
    assert root.get("aria-labelledby") == "one-title one-desc"
    bare = re.sub(r"var\(--[a-z]+, #[0-9a-f]{6}\)", "", svg)
    assert not re.search(r"#[0-9a-f]{6}\b", bare)
    assert "http" not in svg
    assert "DejaVu" not in svg


@pytest.mark.filterwarnings("error")
def test_hostile_names_stay_text_in_svg(nasty):
    for record in board_figures(nasty["hostile names"]):
        text = render_inline_svg(record.figure, record.title, record.caption, "x")
        root = ElementTree.fromstring(text)
        assert not list(root.iter("script"))
        assert "<script" not in text
