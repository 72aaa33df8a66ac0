"""The report as a user gets it: every question answered, numbers those of its files, hostile names harmless."""

import html
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from clv_experiments.commands.insights import write_insights
from clv_experiments.errors import ClvError

ROOT = Path(__file__).resolve().parents[2]
ATTACK = "<script>alert('owned')</script>"
FORMULA = "=cmd|' /C calc'!A0"
SMALL = ["replicates=50", "evaluation.bootstrap_replicates=5", "features=rfm", "tracking=memory"]


def written(folder, *typed, model="linear"):
    """Write one report as scripts/insights.py does."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("insights", overrides=[*SMALL, f"output={folder}", f"model={model}", *typed])
    return write_insights(cfg, model)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A shop of 300 customers over two years; ids, countries and products are attacks."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(300):
        name = {0: ATTACK, 1: FORMULA, 2: "$x$ 東京"}.get(number, f"c{number}")
        often, day = rng.gamma(1.0, 0.03), int(rng.integers(500))
        while day < 730:
            country = ATTACK if number % 7 == 0 else "United Kingdom"
            product = FORMULA if number % 3 else ATTACK
            rows.append((name, date(2020, 1, 1) + timedelta(day), round(float(rng.gamma(3, 10)), 2), country, product))
            day += 1 + int(rng.exponential(1 / often))
    path = tmp_path_factory.mktemp("hostile") / "orders.csv"
    pd.DataFrame(rows, columns=["customer_id", "date", "amount", "country", "product"]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def page(hostile, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return written(folder, "data=file", f"data.path={hostile}", "data.name=shop", "data.log_end=2021-12-30")


class Rows(HTMLParser):
    """Collects the cells of each table by its caption, as they are sorted."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.inside = {}, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.inside = tag if tag == "caption" else ""
        if tag in ("td", "th") and "data-sort" in attributes:
            self.rows[-1].append(attributes["data-sort"])
        elif tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "caption":
            self.rows = self.tables.setdefault(data, [])


def test_every_question_is_answered_on_the_page(page):
    text = page.read_text(encoding="utf-8")
    summary = text[text.index('id="summary"') : text.index('<section id="customers"')]
    for anchor in ("customers", "missed", "budget", "acquisition", "next_purchase", "segments", "drivers", "overview"):
        assert f'<section id="{anchor}"' in text
        assert f'href="#{anchor}"' in summary
    assert (
        "nan" not in re.sub(r"<svg.*?</svg>", "", html.unescape(text), flags=re.DOTALL).replace("finance", "").split()
    )


def test_numbers_on_the_page_are_those_of_the_files(page):
    tables = Rows(page.read_text(encoding="utf-8")).tables
    best = pd.read_csv(page.parent / "highest_expected_spend.csv").head(20)
    rows = [row for row in tables["Highest expected spend"] if row]
    position = list(best.columns).index("expected_spend")
    assert [float(row[position]) for row in rows] == pytest.approx(best["expected_spend"].tolist(), rel=1e-9)
    assert best["expected_spend"].is_monotonic_decreasing
    assert len(tables) >= 15
    for table in tables.values():
        assert len({len(row) for row in table if row}) == 1


def test_names_of_strangers_do_nothing(page):
    text = page.read_text(encoding="utf-8")
    assert ATTACK not in text
    assert text.count("<script>") == 1
    for path in page.parent.glob("*.csv"):
        for cell in pd.read_csv(path, dtype=str, keep_default_na=False).to_numpy().ravel():
            assert not cell.startswith(("=", "@", "+")), path.name


def test_one_clear_sentence_for_what_cannot_be(hostile, tmp_path):
    shop = ["data=file", f"data.path={hostile}", "data.name=shop"]
    with pytest.raises(ClvError, match=r"decisions\.btyd"):
        written(tmp_path, *shop, "decisions.btyd=linear")
    with pytest.raises(ClvError, match="too short"):
        written(tmp_path, *shop, "window=12m")
    with pytest.raises(ClvError, match=r"window\.origins"):
        written(tmp_path, *shop, "window.origins=2")
    assert list(tmp_path.iterdir()) == []
