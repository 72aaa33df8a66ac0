"""The report page: its numbers are the tables', strangers' text stays text, a browser has nothing to complain of."""

import html
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clv_experiments.reporting.chart_style import create_chart, make_printable
from clv_experiments.reporting.exhibit import NARROW, WIDE, Answer, Exhibit, Section
from clv_experiments.reporting.html_table import exhibit_table, format_cell
from clv_experiments.reporting.report_page import render_report_page

ATTACK = "</td><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
ROWS = pd.DataFrame(
    {
        "customer_id": [ATTACK, "17850.", "=1+1"] + [f"c{n}" for n in range(30)],
        "spend": [1234.567, 0.5, np.nan] + [2.0] * 30,
        "p": [0.123456, 1.0, 0.0] + [0.5] * 30,
        "day": pd.to_datetime(["2011-12-01", None, "2012-01-31"] + ["2012-02-01"] * 30),
        "days": [3, 20, 1000] + [5] * 30,
        "likely": [True, False, True] + [False] * 30,
        "country": [None, "United Kingdom", ATTACK] + ["Österreich 東京"] * 30,
    }
)


def exhibit(draw=None, **changes):
    kinds = {"spend": "money", "p": "share"}
    return Exhibit("top", ATTACK, [ATTACK], ROWS, {"spend": "spent so far"}, kinds, draw, **changes)


def note_of(**changes):
    note = exhibit_table(exhibit(**changes), "£").file_note
    return f"{note.before} {note.file}{note.after}"


def test_numbers_on_the_page_are_those_of_the_table():
    table = exhibit_table(exhibit(), "£")
    texts = {column.heading: [printable.text for printable in column.cells[:3]] for column in table.columns}
    assert texts["spent so far"] == ["£1,235", "£0.50", "–"]
    assert texts["p"] == ["12.3%", "100.0%", "0.0%"]
    assert texts["day"] == ["1 December 2011", "–", "31 January 2012"]
    assert texts["days"] == ["3", "20", "1,000"]
    assert texts["likely"] == ["yes", "no", "yes"]
    for column in table.columns[1:5]:
        whole = [printable.sort for printable in column.cells]
        assert (whole[0] == "") == pd.isna(ROWS[{"spent so far": "spend"}.get(column.heading, column.heading)][0])
    assert [float(printable.sort) for printable in table.columns[2].cells] == ROWS["p"].head(20).tolist()
    assert [cell.sort for cell in table.columns[3].cells[:3]] == ["2011-12-01", "", "2012-01-31"]
    assert note_of() == "The first 20 of 33 rows; all are in top.csv, beside this page."
    assert note_of(page_rows=33) == "Also in top.csv, beside this page."
    assert note_of(page_rows=33, file="all.csv") == "Also in all.csv, beside this page."
    some = exhibit_table(exhibit(columns=["p", "days"]), "£")
    assert [column.heading for column in some.columns] == ["p", "days"]
    assert note_of(columns=["p", "days"]).endswith("in top.csv, beside this page, with 5 more columns.")
    assert exhibit_table(exhibit(page_rows=0), "£").columns == []
    assert note_of(page_rows=0) == "The numbers are in top.csv, beside this page."
    assert exhibit_table(replace(exhibit(), table=ROWS.head(0)), "£") is None


def test_a_long_text_is_cut_and_kept_whole_beside():
    cell = format_cell("x" * 100, "text", "$")
    assert (len(cell.text), len(cell.full_text)) == (90, 100)


def draw(width):
    figure, (panel,) = create_chart(ATTACK, "$x$ 東京 " * 9, 3, width=width)
    panel.plot([0, 1], [0, 1], label=make_printable(ATTACK))
    panel.legend()
    return figure


@pytest.fixture(scope="module")
def page():
    bare, interval = Exhibit("bare", "No numbers"), "It is £5 (95% interval £4 to £6) or so."
    sections = [
        Section("first", "What is <b>?", [ATTACK, interval], [exhibit(draw), bare], [ATTACK], [exhibit()]),
        Section("second", "Then?", ["So."], [exhibit()]),
    ]
    answers = [Answer("answer-who", "Who?", ATTACK, [ATTACK], exhibit(columns=["customer_id", "p"], page_rows=2))]
    return render_report_page(
        "shop", ATTACK, answers, [ATTACK], ATTACK, sections, [("log", ATTACK)], [ATTACK], "£", "today"
    )


def test_text_of_strangers_stays_text(page):
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert html.escape(ATTACK, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in page
    assert re.findall(r"(?:https?:)?//[^\s\"'<]+", re.sub(r'xmlns(:\w+)?="[^"]+"', "", page)) == []


def test_answers_come_first_and_all_else_is_closed(page):
    order = [page.index(f'id="{anchor}"') for anchor in ("answer-who", "assumptions", "first", "second", "method")]
    assert order == sorted(order)
    assert "<details open" not in page
    assert page.count('<a href="top.csv">top.csv</a>') == 4
    assert "(95%\u00a0interval\u00a0£4\u00a0to\u00a0£6)" in page


def test_a_heading_is_wrapped_where_the_picture_is_narrow():
    wide, narrow = ([text.get_text() for text in draw(width).texts] for width in (WIDE, NARROW))
    assert "\n" not in "".join(wide)
    assert "\n" in narrow[0]
    assert draw(NARROW).get_figheight() > draw(WIDE).get_figheight()


PROBE = """
const frame = document.createElement("iframe");
frame.style = "width:${WIDTH}px;height:800px"; frame.srcdoc = PAGE;
frame.onload = () => {
  const page = frame.contentDocument, view = frame.contentWindow;
  const seen = [...page.querySelectorAll("svg, table, details.method > :not(summary)")];
  const before = seen.filter((part) => part.checkVisibility()).map((part) => part.tagName);
  for (const part of page.querySelectorAll("details")) part.open = true;
  const pictures = [...page.querySelectorAll("figure svg")].filter((part) => part.checkVisibility());
  const button = [...page.querySelectorAll(".exhibit th button")].find((b) => b.textContent === "spent so far");
  button.click();
  const rows = [...button.closest("table").tBodies[0].rows].map((row) => row.cells[1].textContent);
  document.body.textContent = JSON.stringify({
    title: page.title, width: page.documentElement.scrollWidth, rows: [rows[0], rows.at(-1)], before: before,
    picture: pictures.map((picture) => picture.viewBox.baseVal.width),
    scripts: page.scripts.length, images: page.images.length,
    requests: view.performance.getEntriesByType("resource").length,
  });
};
document.body.append(frame);
"""


@pytest.mark.slow
@pytest.mark.parametrize(("width", "inches"), [(390, NARROW), (1280, WIDE)])
def test_the_page_works_on_a_phone_and_on_a_desk(page, browsed, width, inches):
    probe = browsed(PROBE.replace("${WIDTH}", str(width)), page)
    assert probe["title"].startswith("shop: ")
    assert probe["width"] <= width
    assert probe["rows"] == ["£1,235", "–"]
    assert probe["before"] == ["TABLE"], "nothing but the first rows of the list is seen before a part is opened"
    assert probe["picture"] == [72 * inches], "one picture is seen, in the width of the screen"
    assert (probe["scripts"], probe["images"], probe["requests"]) == (1, 0, 0)
