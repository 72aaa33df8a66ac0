"""CSV files hold text as text: nothing in them runs when a spreadsheet opens them."""

import csv

import pandas as pd
import pytest

from clv_experiments.reporting.safe_csv import write_csv

HOSTILE = ["=HYPERLINK(1)", "+1", "-17850", "@SUM(A1)", "\tx", "\r=1", "<script>", "a=b", "'; DROP", "", 'q"uote']


@pytest.mark.parametrize("kind", ["str", "object", "category"])
def test_formulas_are_defused_and_the_rest_is_left_alone(kind, tmp_path):
    write_csv(pd.DataFrame({"customer_id": pd.Series(HOSTILE, dtype=kind)}), tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="") as file:
        written = [row[0] if row else "" for row in csv.reader(file)][1:]
    assert written == [f"'{text}" if text.startswith(tuple("=+-@\t\r")) else text for text in HOSTILE]


def test_numbers_keep_their_sign_and_headings_are_defused_too(tmp_path):
    write_csv(pd.DataFrame({"=amount": [-1.5, 2.0], "n": [-1, 1]}), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "'=amount,n\n-1.5,-1\n2.0,1\n"


def test_missing_text_stays_missing(tmp_path):
    write_csv(pd.DataFrame({"a": pd.Series(["x", None], dtype="str"), "b": [1, 2]}), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "a,b\nx,1\n,2\n"
