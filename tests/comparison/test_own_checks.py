"""A check of a user's own stands beside those of the package, from an entry point or from the config."""

import re
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from omegaconf import OmegaConf

from clv_experiments.commands.leaderboard import build_checks
from clv_experiments.comparison.checks import Finding, NotApplicable, registry
from clv_experiments.comparison.checks.method_checks import CHECKS
from clv_experiments.comparison.checks.protocol import run_checks
from clv_experiments.comparison.checks.registry import all_checks
from clv_experiments.comparison.display.page import render_leaderboard_page
from clv_experiments.comparison.display.tables import board_markdown, format_check_results
from clv_experiments.comparison.standings import compute_standings
from clv_experiments.errors import ClvError

CODES = [check.code for check in CHECKS]


class Negligible:
    """Models that predict less than a share of what the best baseline does."""

    code = "OWN1"
    title = "Predicts next to nothing"

    def __init__(self, share=0.5):
        self.share = share
        self.question = f"Does a model predict less than {share:.0%} of the actual total?"

    def find(self, standings):
        bias = standings.rows("aggregate_bias")["score"]
        if bias.isna().all():
            return NotApplicable("nobody spent anything")
        return [Finding(f"{model} is <tiny>", model) for model in bias.index[bias < self.share - 1]]


class Failing(Negligible):
    def find(self, standings):
        raise KeyError("no such metric")


class Telling(Negligible):
    def find(self, standings):
        return "tree is tiny"


@pytest.fixture(scope="module")
def board(cell_of):
    y = np.tile([10.0, 0.0, 0.0, 30.0], 50)
    predicted = {"tree": y * 0.4 + 0.1, "forest": y * 0.9 + 0.1, "zeros": y * 0}
    return compute_standings(cell_of(predicted, y, families={"zeros": "baseline"}), "d2_tweedie", replicates=100)


def installed(monkeypatch, *values):
    found = [EntryPoint(f"check_{number}", value, registry.ENTRY_POINTS) for number, value in enumerate(values)]
    monkeypatch.setattr(registry, "entry_points", lambda group: found if group == registry.ENTRY_POINTS else [])


@pytest.mark.parametrize("how", ["entry point", "instance of an entry point", "config", "config with settings"])
@pytest.mark.slow
def test_a_check_of_a_users_own_is_asked_and_displayed(board, monkeypatch, how):
    own = []
    if "entry point" in how:
        monkeypatch.setitem(globals(), "CHECK", Negligible())
        installed(monkeypatch, f"{__name__}:{'CHECK' if how.startswith('instance') else 'Negligible'}")
    elif how == "config":
        own = build_checks(OmegaConf.create([f"{__name__}.Negligible"]))
    else:
        own = build_checks(OmegaConf.create([{"_target_": f"{__name__}.Negligible", "share": 0.7}]))
    checks = all_checks(own)
    assert [check.code for check in checks] == [*CODES, "OWN1"]
    results = run_checks(board, checks)
    assert [(finding.model, finding.sentence) for finding in results[-1].findings] == [
        ("tree", "tree is <tiny>"),
        ("zeros", "zeros is <tiny>"),
    ]
    assert "OWN1: tree is <tiny>" in format_check_results(results)
    assert "- OWN1 Predicts next to nothing\n  - tree is &lt;tiny>\n" in board_markdown(board, results)
    page = render_leaderboard_page([(board, results)], None, "today")
    assert "tree is &lt;tiny&gt;" in page
    assert checks[-1].question in page


def test_it_may_say_that_it_does_not_apply(board, cell_of, board_of):
    nothing = board_of(board.cell, {"aggregate_bias": dict.fromkeys(board.cell.labels, np.nan)})
    assert format_check_results(run_checks(nothing, [Negligible()])) == [
        "not applicable: OWN1 Predicts next to nothing, since nobody spent anything"
    ]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Failing(), r"^check OWN1 \(Predicts next to nothing\) failed: KeyError: 'no such metric'$"),
        (Telling(), r"^check OWN1 .* must return Finding objects or one NotApplicable, got str$"),
    ],
)
def test_what_fails_is_one_sentence(board, check, words):
    with pytest.raises(ClvError, match=words):
        run_checks(board, [check])


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ([Negligible(), Negligible()], "two checks have the code OWN1"),
        ([SimpleNamespace(code="M1", title="t", question="q?", find=len)], "two checks have the code M1"),
        ([SimpleNamespace(code="X", title=" ")], r"SimpleNamespace is no check, .* lacks title, question, find"),
        ([Negligible], r"Negligible is no check, .* lacks question, find"),
    ],
)
def test_what_is_no_check_is_refused(own, words):
    with pytest.raises(ClvError, match=words):
        all_checks(own)


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        (["nowhere.Check"], r"^checks\[0\] cannot be built as it is set: .*nowhere"),
        ([3], r"^checks\[0\] must be a class, such as my_module.MyCheck, or have it as _target_, got '3'$"),
        ("Check", r"^checks\[0\] must be a class"),
    ],
)
def test_what_cannot_be_built_names_its_setting(checks, words):
    with pytest.raises(ClvError, match=words):
        build_checks(OmegaConf.create({"checks": checks}).checks)


def test_no_list_is_no_check():
    assert build_checks(None) == []


def test_an_installed_check_that_cannot_be_loaded_is_named(monkeypatch):
    installed(monkeypatch, "nowhere:Check")
    with pytest.raises(ClvError, match=r"entry point check_0 = nowhere:Check"):
        all_checks()


DOCS = Path(__file__).resolve().parents[2] / "docs" / "checks"


@pytest.mark.parametrize("check", CHECKS, ids=CODES)
def test_each_check_has_a_page_that_asks_the_same(check):
    page = (DOCS / f"{check.code}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {check.code} {check.title}\n\n{check.question}\n")
    assert f"| [{check.code}]({check.code}.md) | {check.title} | {check.question} |" in (DOCS / "README.md").read_text()


def test_the_check_of_the_docs_runs(board):
    (program,) = re.findall(r"```python\n(.*?)```", (DOCS.parent / "howto" / "own_check.md").read_text(), re.DOTALL)
    names = {}
    exec(program, names)
    (result,) = run_checks(board, [names["Worthless"]()])
    assert [(finding.model, finding.sentence) for finding in result.findings] == [
        ("tree", "tree predicts 41% of it"),
        ("zeros", "zeros predicts 0% of it"),
    ]
