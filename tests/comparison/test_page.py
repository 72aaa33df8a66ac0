"""The page holds the board's numbers and no one else's script, and sorts in a real browser."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest

from clv_experiments.comparison.aggregate import rank_over_cells
from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.checks import CheckResult, Finding
from clv_experiments.comparison.checks.method_checks import CHECKS, create_finding
from clv_experiments.comparison.checks.protocol import run_checks
from clv_experiments.comparison.display.page import board_html_table, render_leaderboard_page
from clv_experiments.comparison.display.tables import PAGE_METRICS
from clv_experiments.comparison.standings import compute_standings
from clv_experiments.reporting.formatting import format_score

ATTACK = "<script>document.title='owned'</script>"
BREAKOUT = "\"'></td></svg><img src=x onerror=\"document.title='owned'\">"
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Outline(HTMLParser):
    """Collects elements with their attributes, texts of table rows, and checks that every tag is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.rows, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append(("", dict(attrs).get("data-sort")))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)
        if self.rows and self.rows[-1] and {"td", "th"} & set(self.open):
            text, key = self.rows[-1][-1]
            self.rows[-1][-1] = (text + data, key)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def boards(cell_of):
    """Two cells of four models; the second has two origins and hostile names all over."""
    rng = np.random.default_rng(0)
    chance = rng.beta(1, 3, 400)
    y = np.where(rng.random(400) < chance, rng.lognormal(3, 1, 400), 0.0)
    guesses = {"zeros": np.zeros(400), "mean": np.full(400, y.mean()), "good": 40 * chance, "copy": 40.4 * chance}
    families = {"zeros": "baseline", "mean": "baseline", "good": "btyd", "copy": ATTACK}
    plain = cell_of(guesses, y, families=families)
    entries = {BREAKOUT: {"at_edge": ATTACK}}
    evil = cell_of(
        {name: [values, values] for name, values in ({**guesses, ATTACK: y + 9, BREAKOUT: 60 * chance}).items()},
        [y, y],
        families=families,
        entries=entries,
        data=ATTACK,
        horizon=BREAKOUT,
        identity="other",
        currency=BREAKOUT,
        holdouts=(ATTACK, BREAKOUT),
        excluded_runs=(f"1 run failed: {ATTACK}{BREAKOUT}",),
    )
    return [compute_standings(cell, "d2_tweedie", replicates=200) for cell in (plain, evil)]


@pytest.fixture(scope="module")
def plain(boards):
    fired = [create_finding("biased", name, {"bias": 0.5, "origins": 1}) for name in ("good", "copy")]
    outcomes = {"M2": {"findings": fired}, "M3": {"not_applicable": "there are losses"}}
    results = [CheckResult(check, **outcomes.get(check.code, {})) for check in CHECKS]
    return render_leaderboard_page([(boards[0], results)], None, "on a Monday")


@pytest.fixture(scope="module")
def hostile(boards):
    fired = [CheckResult(check, [create_finding("at_edge", ATTACK, {"settings": BREAKOUT})]) for check in CHECKS]
    fired.append(CheckResult(SimpleNamespace(code=ATTACK, title=BREAKOUT, question=ATTACK), not_applicable=BREAKOUT))
    return render_leaderboard_page([(board, fired) for board in boards], rank_over_cells(boards), ATTACK)


# --- content ----------------------------------------------------------------------------------------------------


def test_board_holds_the_numbers_of_the_standings(boards, plain):
    headings, *rows = Outline(plain).rows[:5]
    own, (score,) = boards[0].rows(), [i for i, (text, _) in enumerate(headings) if text == "D2"]
    assert [row[0][1] for row in rows] == boards[0].ranking
    for row, (model, expected) in zip(rows, own.iterrows(), strict=True):
        assert row[0][0] == model
        assert float(row[score][1]) == expected["score"]
        low, high = (format_score(expected[end], "{:.3f}") for end in ("lower", "upper"))
        assert row[score][0].split(" ", 1) == [format_score(expected["score"], "{:.3f}"), f"[{low}, {high}]"]


def test_every_score_stands_in_the_board_and_has_its_own_table(boards, plain):
    headings = [text for text, _ in Outline(plain).rows[0]]
    displayed = boards[0].displayed_metrics(PAGE_METRICS)
    assert displayed[0] == "d2_tweedie"
    assert "mae" in displayed
    for metric in displayed:
        assert METRICS[metric].heading.replace(" %", "\u00a0%") in headings
    assert [f"Differences on {METRICS[metric].heading}" in plain for metric in displayed[1:]] == [True] * len(
        displayed[1:]
    )
    table = board_html_table(boards[0])
    for column in table.columns:
        assert len(column.cells) == len(table.row_positions)


def test_mae_is_not_shown_without_all_zeros(cell_of, board_of):
    cell = cell_of({"a": [1.0, 2.0], "b": [2.0, 1.0]}, [0.0, 3.0])
    assert "mae" not in board_of(cell, {}).displayed_metrics(PAGE_METRICS)


def test_missing_values_sort_last(cell_of, board_of):
    entries = {"a": {"seconds": {}}}
    board = board_of(cell_of({"a": [1.0, 2.0], "b": [2.0, 1.0]}, [0.0, 3.0], entries=entries), {})
    (cost,) = [column for column in board_html_table(board).columns if column.heading == "fit + predict"]
    assert {value.text: value.sort for value in cost.cells} == {"–": "", "1.01 s": "1.01"}


def test_ties_are_said_in_words(cell_of, board_of):
    scores = {"a": 0.5, "b": 0.49, "c": 0.2}
    board = board_of(cell_of({name: [1.0, 2.0] for name in scores}, [0.0, 3.0]), {"d2_tweedie": scores})
    columns = {column.heading: column.cells for column in board_html_table(board).columns}
    assert [value.text for value in columns["group"]] == ["1=", "1=", "2"]
    assert [value.note.split("] ")[-1] for value in columns["from the best"]] == ["", "tied", "worse"]


def test_checks_that_fired_and_those_that_did_not(plain):
    text = " ".join(Outline(plain).texts)
    assert "good" in text
    assert "50.0%" in text
    assert text.count("✓ nothing found") == len(CHECKS) - 2
    assert text.count("– not applicable") == text.count("there are losses") == 1
    assert text.count("! 2 findings") == 1
    assert all(check.title in text and check.question in text for check in CHECKS)


def test_page_says_what_was_judged_and_how_to_read_it(plain):
    text = " ".join(Outline(plain).texts)
    facts = ["shop", "2001-04-01 to 2001-06-30", "400", "GBP", "on a Monday", "Gini", "Simultaneous intervals", "A tie"]
    assert [word for word in facts if word not in text] == []


def test_a_log_without_amounts_is_spoken_of_by_what_it_counts(cell_of):
    rng = np.random.default_rng(5)
    counts = rng.poisson(0.6, 300).astype(float)
    predicted = {"mbg_nbd": counts * 0.3 + rng.gamma(1.0, 0.5, 300), "zeros": np.zeros(300)}

    def text_of(currency):
        board = compute_standings(
            cell_of(predicted, counts, families={"zeros": "baseline"}, currency=currency), "d2_tweedie", replicates=100
        )
        page = render_leaderboard_page([(board, run_checks(board, CHECKS))], None, "today")
        return " ".join(" ".join(Outline(page).texts).split())

    assert not re.findall(r"\b(spen[dt]\w*|money|amounts)\b", text_of("purchases"))
    assert "share of all purchases" in text_of("purchases")
    assert "share of all spend" in text_of("GBP")


@pytest.mark.slow
def test_several_cells_have_anchors_and_the_aggregate_on_top(hostile):
    outline = Outline(hostile)
    links = [link["href"] for link in outline.all("a")]
    assert links == ["#content", "#all", "#cell-1", "#cell-2", *["#reading"] * 3]
    assert [section["id"] for section in outline.all("section")] == ["all", "cell-1", "cell-2", "reading"]
    assert len(outline.all("svg")) == 2 * (1 + 2 * 5), "each picture in two widths"


# --- safety -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["plain", "hostile"])
def test_page_is_sound_and_asks_for_nothing(which, request):
    text = request.getfixturevalue(which)
    outline = Outline(text)
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(outline.all("script")) == 1
    assert not {"img", "link", "iframe", "object", "image", "base"} & {tag for tag, _ in outline.elements}
    for _, attributes in outline.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")]
        assert attributes.get("href", "#").startswith("#")
        assert attributes.get("href", "#")[1:] in {"", *ids}
        for name in attributes.get("aria-labelledby", "").split():
            assert name in ids
        assert "url(" not in re.sub(r"url\(#", "", attributes.get("style", ""))
    assert not re.search(r"https?:|@import|url\([^#]", re.sub(r"url\(#", "", text))


def test_only_the_pages_own_script_may_run(hostile):
    (policy,) = [m["content"] for m in Outline(hostile).all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    script = hostile.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_hostile_names_are_shown_as_they_are(hostile):
    text = " ".join(Outline(hostile).texts)
    assert text.count(ATTACK) > 10
    assert text.count(BREAKOUT) > 10


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return np.dot(
        [0.2126, 0.7152, 0.0722], [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    )


def test_every_palette_can_be_read(plain):
    palettes = [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block)) for block in re.findall(r"{[^{}]*}", plain)]
    palettes = [palette for palette in palettes if palette]
    assert len(palettes) == 4  # light, dark by preference, dark by choice, print
    assert palettes[1] == palettes[2]
    for palette in palettes:
        for name, least in [*dict.fromkeys(("ink", "quiet", "accent", "good", "warn"), 4.5).items(),
                            *dict.fromkeys(("baseline", "btyd", "ml", "hybrid"), 3.0).items()]:  # fmt: skip
            pair = sorted([luminance(palette[name]), luminance(palette["ground"])])
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= least, name


# --- in a browser -----------------------------------------------------------------------------------------------

DRIVER = """
const frame = document.createElement("iframe");
frame.style.width = "390px";
frame.srcdoc = PAGE;
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement, found = {};
  const table = page.querySelector("#cell-1 table"), head = table.tHead.rows[0];
  const sortedBy = (name) => {
    const header = [...head.cells].find((cell) => cell.textContent === name);
    header.firstElementChild.click();
    return [header.getAttribute("aria-sort"), ...table.querySelectorAll("tbody th")].map(
      (cell) => cell.textContent ?? cell);
  };
  found.model = sortedBy("model");
  found.again = sortedBy("model");
  found.d2 = sortedBy("D2");
  found.bias = sortedBy("bias");
  found.cost = sortedBy("fit + predict");
  found.costAgain = sortedBy("fit + predict");
  found.marked = head.querySelectorAll("[aria-sort]").length;
  const button = page.getElementById("theme");
  const ground = () => frame.contentWindow.getComputedStyle(page.body).backgroundColor;
  found.ground = [ground()];
  button.click();
  found.ground.push(ground());
  found.width = [root.clientWidth, root.scrollWidth];
  for (const part of page.querySelectorAll("details")) part.open = true;
  found.opened = root.scrollWidth;
  found.title = page.title;
  found.elements = [page.scripts.length, page.images.length];
  found.requests = frame.contentWindow.performance.getEntriesByType("resource").map((entry) => entry.name);
  document.body.textContent = JSON.stringify(found);
};
document.body.append(frame);
"""


@pytest.mark.slow
def test_page_works_in_a_browser(boards, browsed):
    entries = [replace(e, seconds={} if e.label == "good" else e.seconds) for e in boards[0].cell.entries]
    odd = replace(boards[0], cell=replace(boards[0].cell, entries=tuple(entries)))
    probe = browsed(
        DRIVER,
        render_leaderboard_page(
            [(odd, []), (boards[1], [CheckResult(CHECKS[3], [Finding(ATTACK, ATTACK)])])],
            rank_over_cells([odd, boards[1]]),
            ATTACK,
        ),
    )
    assert probe["model"] == ["ascending", "copy", "good", "mean", "zeros"]
    assert probe["again"] == ["descending", "zeros", "mean", "good", "copy"]
    assert probe["d2"] == ["descending", *odd.ranking]
    nearest = odd.rows("aggregate_bias")["score"].abs().sort_values().index
    assert probe["bias"] == ["ascending", *nearest]
    assert probe["cost"][0] == "ascending"
    assert probe["costAgain"][0] == "descending"
    assert probe["cost"][-1] == probe["costAgain"][-1] == "good"  # its time is unknown
    assert probe["marked"] == 1
    assert len(set(probe["ground"])) == 2
    assert probe["width"][0] <= 390
    assert probe["width"][1] == probe["width"][0] == probe["opened"]
    assert probe["title"].startswith("Leaderboard: ")
    assert probe["elements"] == [1, 0]
    assert probe["requests"] == []
