"""Workbooks hold what the frame holds, and text in them stays text."""

import pandas as pd
import pytest
from openpyxl import load_workbook

from clv_experiments.errors import ClvError
from clv_experiments.reporting import workbook
from clv_experiments.reporting.record_files import write_record
from clv_experiments.reporting.records import Table

FRAME = pd.DataFrame(
    {
        "customer_id": ["=cmd|' /C calc'!A0", "+1", "a\x00b", "東京"],
        "spend": [1234.5678, 0.0, None, -2.0],
        "last_purchase": pd.to_datetime(["2011-11-30", None, "2011-12-01", "2011-12-02"]),
        "missed": [True, False, True, False],
    }
)


def test_what_is_read_back_is_what_was_written(tmp_path):
    path = tmp_path / "scores.xlsx"
    write_record(Table("scores.xlsx", FRAME), path)
    back = pd.read_excel(path, engine="openpyxl")
    expected = FRAME.assign(customer_id=FRAME["customer_id"].str.replace("\x00", " "))
    pd.testing.assert_frame_equal(back, expected, check_dtype=False)
    sheet = load_workbook(path)["scores"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "inlineStr", "n", "d", "b"}, (
        "no formula"
    )
    assert sheet["C2"].number_format == "yyyy-mm-dd"
    assert sheet.freeze_panes == "B2"


def test_without_a_writer_the_setting_is_refused(monkeypatch):
    workbook.require_excel_writer("excel=true")
    monkeypatch.setattr(workbook, "find_spec", lambda name: None)
    with pytest.raises(ClvError, match=r"excel=true needs openpyxl.*pip install 'clv-experiments\[excel\]'"):
        workbook.require_excel_writer("excel=true")


def test_an_unknown_format_is_refused():
    with pytest.raises(ClvError, match=r"expected \.csv, \.parquet or \.xlsx"):
        Table("scores.ods", FRAME)
