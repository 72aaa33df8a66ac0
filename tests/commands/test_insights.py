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
from clv_experiments.decisions.customer_scores import COLUMNS
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


class Words(HTMLParser):
    """Collects what is read: before anything is opened, once it is, and of that what tells how it was found."""

    VOID = ("meta", "input", "br", "link", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.closed, self.method = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append((tag, dict(attrs).get("class") or ""))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tags = [tag for tag, _ in self.open]
        if {"svg", "style", "script", "caption", "title"} & set(tags):
            return
        closed = [place for place, tag in enumerate(tags) if tag == "details"]
        if any("method" in look.split() for tag, look in self.open if tag == "details"):
            self.method.append(data)
        elif not closed or (len(closed) == 1 and "summary" in tags):
            self.seen.append(data)
        else:
            self.closed.append(data)


TERMS = re.compile(
    r"P\(|BTYD|RFM|Gini|AUC|Brier|Rand index|silhouette|regret|mbg_nbd|bg_nbd|linear|bootstrap|cutoff|quantile|CLV\b"
)


def test_every_question_is_answered_on_the_page(page):
    text = page.read_text(encoding="utf-8")
    for anchor in ("answer-total", "answer-contact", "answer-budget"):
        assert f'<section id="{anchor}"' in text
    sections = dict(
        re.findall(r'<details class="section" id="(\w+)">(.*?)(?=<details class="section)', text, re.DOTALL)
    )
    assert list(sections) == [
        "customers", "budget", "missed", "next_purchase", "segments", "drivers", "acquisition", "overview",
    ]  # fmt: skip
    for anchor, section in sections.items():
        if anchor != "drivers":  # nothing drives value in this shop
            assert section.index("<figure>") < section.index("<table"), f"{anchor} begins with a picture"
    words = Words(text)
    assert "nan" not in " ".join(words.seen + words.closed + words.method).replace("finance", "").split()


def test_little_is_read_before_anything_is_opened_and_terms_only_in_the_method(page):
    words = Words(page.read_text(encoding="utf-8"))
    assert 200 < len(" ".join(words.seen).split()) < 1000
    plain, method = " ".join(words.seen + words.closed), " ".join(words.method)
    assert TERMS.findall(plain) == []
    assert {"mbg_nbd", "linear", "Brier"} <= set(TERMS.findall(method))
    assert re.findall(r"\d{4}-\d\d", plain + method) == [], "days are written in one form"


def test_answers_are_those_of_the_files(page):
    text = " ".join(html.unescape(page.read_text(encoding="utf-8")).split())
    contacts, scores = (pd.read_csv(page.parent / f"{name}.csv") for name in ("contacts", "scores"))
    assert list(scores.columns) == list(COLUMNS)
    assert f'<p class="headline">{len(contacts):,} customers</p>' in text
    assert f"is expected of the {len(scores)} customers known today" in text
    tables = Rows(page.read_text(encoding="utf-8")).tables
    first = [row for row in tables["The first to contact"] if row]
    assert [float(row[1]) for row in first] == pytest.approx(contacts["expected_spend"].head(10).tolist(), rel=1e-9)
    assert [row[2] for row in first] == contacts["reason"].head(10).tolist()
    expected = scores.set_index("customer_id").loc[contacts["customer_id"], "expected_spend"]
    assert contacts["expected_spend"].tolist() == pytest.approx(expected.tolist())
    profit = 0.05 * 0.3 * contacts["expected_spend"] - 1
    assert contacts["expected_profit"].tolist() == pytest.approx(profit.tolist())
    files = {path.name for path in page.parent.iterdir()}
    assert set(re.findall(r'href="([\w.]+)"', text)) <= files
    described = (page.parent / "readme.txt").read_text(encoding="utf-8")
    assert all(re.search(rf"^{column}: ", described, re.MULTILINE) for column in {*scores.columns, *contacts.columns})


@pytest.mark.slow
def test_what_was_typed_is_no_assumption(page, hostile, tmp_path):
    text = page.read_text(encoding="utf-8")
    assert (
        "Assumed, not known: margin 30% of spend, cost of a contact $1.00, uplift 5% (2% to 8%), budget $1,000." in text
    )
    assert "<code>clv insights … decisions.margin=0.4 decisions.contact.cost=2.5" in text
    shop = ["data=file", f"data.path={hostile}", "data.name=shop", "data.log_end=2021-12-30"]
    typed = ["decisions.margin=0.25", "decisions.contact.uplift=0.1"]
    written_page = written(tmp_path, *shop, *typed, "excel=true")
    other = written_page.read_text(encoding="utf-8")
    assert "Assumed, not known: cost of a contact $1.00, budget $1,000." in other
    assert "As you entered: margin 25% of spend, uplift 10%." in other
    assert "<code>clv insights … decisions.contact.cost=2.5 decisions.contact.budget=5000</code>" in other
    for name in ("contacts", "scores"):
        csv = pd.read_csv(written_page.with_name(f"{name}.csv"))
        workbook = pd.read_excel(written_page.with_name(f"{name}.xlsx"), engine="openpyxl")
        assert workbook["expected_spend"].tolist() == pytest.approx(csv["expected_spend"].tolist())
        assert workbook["customer_id"].tolist() == csv["customer_id"].str.removeprefix("'").tolist()


def test_numbers_on_the_page_are_those_of_the_files(page):
    tables = Rows(page.read_text(encoding="utf-8")).tables
    best = pd.read_csv(page.parent / "scores.csv").head(20)
    rows = [row for row in tables["Highest expected spend"] if row]
    assert [row[0].lstrip("'") for row in rows] == best["customer_id"].str.lstrip("'").tolist()
    assert [float(row[2]) for row in rows] == pytest.approx(best["expected_spend"].tolist(), rel=1e-9)
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
