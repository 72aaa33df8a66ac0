"""Boards as text: every number where it belongs, and names that cannot break a table."""

import re

import numpy as np
import pytest

from clv_experiments.comparison.aggregate import rank_over_cells
from clv_experiments.comparison.checks import CheckResult, Finding
from clv_experiments.comparison.checks.method_checks import CHECKS
from clv_experiments.comparison.checks.protocol import run_checks
from clv_experiments.comparison.display.tables import (
    NARROW_METRICS,
    PAGE_METRICS,
    aggregate_text_table,
    board_heading,
    board_markdown,
    board_text_table,
    explain_board,
    format_check_results,
    render_aggregate_markdown,
)
from clv_experiments.comparison.standings import compute_standings

LADDER = {"zeros": "baseline", "rate": "baseline"}
SCORES = {
    "d2_tweedie": {"tree": 0.375, "forest": 0.37, "rate": 0.1, "zeros": -4.9},
    "normalised_gini": {"tree": 0.6, "forest": 0.7, "rate": 0.5, "zeros": 0.0},
    "aggregate_bias": {"tree": 0.12, "forest": -0.3, "rate": 1.93, "zeros": -1.0},
    "mae": {"tree": 1030.5, "forest": 1030.6, "rate": 1050.0, "zeros": 1030.41},
}


@pytest.fixture
def made(cell_of, board_of):
    """A hand-written board of four models, or of others with the same scores."""

    def build(names=("tree", "forest", "rate", "zeros"), *, origins=1, scores=SCORES, metric="d2_tweedie", **cell):
        y = [np.array([5.0, 0.0, 3.0, 0.0])] * origins
        predicted = {
            name: [np.zeros(4) if name == "zeros" else np.array([4.0, 1.0, 2.0, 0.5])] * origins for name in names
        }
        return board_of(cell_of(predicted, y, families=LADDER, **cell), scores, metric=metric)

    return build


def columns(table):
    return {heading: [row[i] for row in table.rows] for i, heading in enumerate(table.headings)}


def test_board_by_hand(made):
    displayed = columns(board_text_table(made()))
    assert displayed["#"] == ["1=", "1=", "2=", "2="]  # the toy board knows no third group
    assert displayed["model"] == ["tree", "forest", "rate", "zeros"]
    assert displayed["family"] == ["ml", "ml", "baseline", "baseline"]
    assert displayed["D2 [95 %]"][0] == "0.375 [0.355, 0.395]"
    assert displayed["behind the best"][0] == ""
    assert re.fullmatch(r"-0\.005 ±0\.02\d", displayed["behind the best"][1])
    assert re.fullmatch(r"\+0\.275 ±0\.02\d", displayed["over rate"][0])
    assert displayed["over rate"][2] == ""
    assert displayed["Gini"] == ["0.600", "0.700*", "0.500", "0.000"]
    assert displayed["bias"] == ["+12.0%*", "-30.0%", "+193.0%", "-100.0%"]
    assert displayed["MAE"] == ["1,030.50", "1,030.60", "1,050.00", "1,030.41*"]
    assert "spread" not in displayed


def test_board_of_computed_standings_shows_their_numbers(cell_of):
    rng = np.random.default_rng(3)
    mu = rng.gamma(1.0, 20.0, 300)
    y = [mu * rng.gamma(0.5, 2.0, 300) for _ in range(2)]
    predicted = {"good": [mu, mu], "copy": [mu, mu], "zeros": [0 * mu, 0 * mu]}
    result = compute_standings(cell_of(predicted, y, families=LADDER), "normalised_gini", replicates=200)
    own, displayed = result.rows(), columns(board_text_table(result, PAGE_METRICS))
    assert displayed["#"] == ["1=", "1=", "2"]
    first = own.iloc[0]
    assert displayed["Gini [95 %]"][0] == f"{first['score']:.3f} [{first['lower']:.3f}, {first['upper']:.3f}]"
    assert displayed["behind the best"][1] == "+0.000 ±0.000"
    half = (own["from_best_upper"] - own["from_best_lower"]).iloc[2] / 2
    assert displayed["behind the best"][2] == f"{own['from_best'].iloc[2]:+.3f} ±{half:.3f}"
    assert displayed["spread"] == [f"{spread:.3f}" for spread in own["spread"]]
    assert [float(text.strip("*")) for text in displayed["D2"]] == pytest.approx(
        result.rows("d2_tweedie")["score"].loc[own.index], abs=6e-4
    )


def test_which_scores_are_shown_can_be_chosen(made):
    assert board_text_table(made(), metrics=("rmse",)).headings[-1] == "RMSE"
    headings = board_text_table(made(metric="normalised_gini"), NARROW_METRICS).headings
    assert "Gini [95 %]" in headings
    assert "Gini" not in headings
    assert "D2" in headings


def test_mae_is_never_shown_without_all_zeros(made):
    assert "MAE" in board_text_table(made()).headings
    assert "MAE" not in board_text_table(made(("tree", "forest", "rate"))).headings
    assert "MAE" in board_text_table(made(origins=2)).headings


def test_without_a_baseline_nothing_is_over_one(made):
    result = made(("tree", "forest"))
    assert not [heading for heading in board_text_table(result).headings if heading.startswith("over")]
    assert "baseline" not in board_markdown(result, []).split("Checks:")[0].replace("without that baseline", "")


def test_undefined_scores_and_negative_zeros_are_not_shown_as_numbers(made):
    scores = SCORES | {"normalised_gini": dict.fromkeys(SCORES["mae"], np.nan), "aggregate_bias": {"tree": -1e-6}}
    displayed = columns(board_text_table(made(scores=scores)))
    assert displayed["Gini"] == ["–"] * 4
    assert displayed["bias"][0] == "+0.0%*"


def test_usual_names_fit_the_terminal(made):
    names = ["zeros", "rate", "random_forest", "decision_tree", "last_period", "pareto_nbd"]
    scores = {metric: dict.fromkeys(names, value) for metric, value in (("d2_tweedie", 0.2), ("mae", 1234.5))}
    scores["d2_tweedie"] |= {"zeros": -4.9, "random_forest": 0.3}
    scores["aggregate_bias"] = {"rate": 1.93}
    table = board_text_table(made(names, scores=scores, origins=2))
    # A column is as wide as its widest cell, or its heading's longest word; two blanks or rules stand between columns.
    widths = [max(map(len, [*heading.split(), *cells])) for heading, cells in columns(table).items()]
    assert sum(widths) + 2 * len(widths) <= 120


def cells_of(line):
    return re.split(r"(?<!\\)\|", line)[1:-1]


UNFINISHED = "1 run left out: abc"


def test_markdown_says_what_was_judged_how_to_read_it_and_what_was_found(made):
    result = made(origins=2, excluded_runs=(UNFINISHED,))
    checks = run_checks(result, CHECKS)
    text = board_markdown(result, checks)
    assert text.startswith("## shop 3m\n")
    first, second = (next(line for line in text.splitlines() if holdout in line) for holdout in result.cell.holdouts)
    assert "4 customers" in first
    assert "2 bought" in first
    assert first.replace(result.cell.holdouts[0], result.cell.holdouts[1]) == second
    assert all(f"- {sentence}" in text for sentence in explain_board(result))
    assert any("2 origins" in sentence for sentence in explain_board(result))
    assert any("tree" in sentence and "rate" in sentence for sentence in explain_board(result))
    outcomes = {check.check.code: check.outcome for check in checks}
    assert [code for code, outcome in outcomes.items() if outcome == "found"] == ["M1", "M2", "M7"]
    assert [code for code, outcome in outcomes.items() if outcome == "not applicable"] == ["M5", "M6"]
    for check in CHECKS:
        assert (f"- {check.code} {check.title}\n" in text) == (outcomes[check.code] == "found")
    silent = "M3 Hangs on a handful of customers, M4 At the edge of the search, M8 Mixed code"
    assert f"- nothing found by {silent}\n" in text
    assert "- not applicable: M6 Labels from the holdout, since no model on the board learned from labels" in text
    assert all(f"  - {finding.sentence}\n" in text for check in checks for finding in check.findings)
    lines = format_check_results(checks)
    assert [line.split(" ")[0] for line in lines[-3:]] == ["nothing", "not", "not"]
    assert [line.partition(": ")[2] for line in lines[:-3]] == [f.sentence for check in checks for f in check.findings]
    assert f"\n\n- {UNFINISHED}" in text
    table = [cells_of(line) for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 6
    assert len({len(row) for row in table}) == 1
    assert table[1][1].strip() == "---"
    assert table[1][3].strip() == "---:"


def test_heading_says_what_was_judged_in_one_line(made):
    one, two = board_heading(made()), board_heading(made(origins=2))
    assert one.startswith("shop 3m, ")
    assert all(part in one for part in ("2001-04-01 to 2001-06-30", "4 customers", "2 bought"))
    assert two.startswith("shop 3m, ")
    assert all(part in two for part in ("2 origins", "2001-04-01 to 2001-09-30", "4 customers"))
    assert "\n" not in one + two
    assert board_heading(made(protocol="customer_split")).startswith("shop 3m (customer_split), ")
    assert "purchases instead of spend" in board_heading(made(currency="purchases"))
    assert "purchases" not in one


def test_markdown_without_findings_or_gaps_says_so(made):
    text = board_markdown(made(), [CheckResult(check) for check in CHECKS])
    silent = ", ".join(f"{check.code} {check.title}" for check in CHECKS)
    assert text.endswith(f"{silent}\n")
    assert "Not shown" not in text
    assert "Not shown" in board_markdown(made(excluded_runs=(UNFINISHED,)), [])
    assert "origins" not in text
    assert "## shop 3m (customer_split)" in board_markdown(made(protocol="customer_split"), [])


HOSTILE = "a|b\n# x <script>alert(1)</script> \\|"


def test_hostile_names_stay_in_their_cell(made):
    best = {"d2_tweedie": {HOSTILE: 0.9}}
    result = made((HOSTILE, "tree", "zeros"), scores=best, data=HOSTILE, excluded_runs=(HOSTILE,))
    text = board_markdown(result, [CheckResult(CHECKS[3], [Finding(f"from {HOSTILE}", HOSTILE)])])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 5
    assert len({len(cells_of(row.replace("\\\\", ""))) for row in rows}) == 1
    assert "<script" not in text
    assert "from a\\|b # x" in text
    assert len([line for line in text.splitlines() if line.startswith("#")]) == 1


def test_aggregate_and_its_markdown(made):
    boards = [made(), made(data="other", identity="another")]
    boards += [made(("tree", "rate", "zeros"), data="third", identity="third")]
    result = rank_over_cells(boards)
    displayed = columns(aggregate_text_table(result))
    assert displayed["place"] == ["1", "2", "3"]
    assert displayed["model"] == ["tree", "rate", "zeros"]
    assert displayed["mean rank"] == ["1.00", "2.00", "3.00"]
    assert displayed["win rate"] == ["100%", "50%", "0%"]
    assert displayed["leads"] == ["3 of 3", "0 of 3", "0 of 3"]
    assert displayed["skill over the best baseline [95 %]"][0].startswith("+0.306 [")  # 0.275 / 0.9
    text = render_aggregate_markdown(result, "2026-12-01 12:00")
    assert "the date of this board is 2026-12-01 12:00" in text
    assert all(f"{title} {board.cell.identity}" in text for title, board in zip(result.cells, boards, strict=True))
    assert text.startswith("## 3 cells by D2\n")
    rows = [[cell.strip() for cell in cells_of(line)] for line in text.splitlines() if line.startswith("|")]
    assert ["tree", *["0.375* (1)"] * 3] in rows
    assert any(row[:2] == ["zeros", "-4.900 (3)"] for row in rows)
    assert f"{result.critical_difference:.2f}" in text
    assert result.p_value == pytest.approx(0.050, abs=5e-4)
    assert "0.050 (Friedman)" in text
    assert result.unranked_models == {"forest": ["third 3m"]}
    assert all(f"- {sentence}." in text for sentence in [*result.exclusion_notes, *result.notes])
    assert result.cliques == (("tree", "rate"), ("rate", "zeros"))
    assert all(f"- {', '.join(clique)} " in text for clique in result.cliques)


def test_equal_mean_ranks_share_their_place(made):
    scores = {"d2_tweedie": {"tree": 0.3, "forest": 0.3, "rate": 0.1, "zeros": -1.0}}
    result = rank_over_cells([made(scores=scores), made(scores=scores, identity="another")])
    assert columns(aggregate_text_table(result))["place"] == ["1=", "1=", "3", "4"]
    assert f"{result.p_value:.3f} (Friedman)" in render_aggregate_markdown(result, "2026-12-01 12:00")
    assert [len(clique) for clique in result.cliques] == [4]
    assert "- All 4 models " in render_aggregate_markdown(result, "2026-12-01 12:00")
