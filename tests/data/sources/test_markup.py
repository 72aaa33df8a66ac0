"""Web pages, XML, JSON and PDF under the name of a table are said to be what they are."""

import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.sources.file_kinds import describe_non_csv_text
from clv_experiments.data.sources.files import files
from clv_experiments.errors import ClvError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\n<!DOCTYPE html><html><body>customer_id,date</body></html>", "web page (HTML), not the file itself"),
        ('<HTML><form><input type="password"></form>', "web page (HTML) that asks to log in"),
        ("\ufeff<html><table><tr><td>Zoe</td></tr></table>", "web page (HTML) with a table"),
        ('<?xml?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "workbook written as XML"),
        ('<?xml version="1.0"?><orders><order/></orders>', "XML, not CSV"),
        ('[\n{"id": 1, "n": 2}]', "JSON, not CSV"),
        ('{"id": 1, "n": 2}\n{"id": 2, "n": 3}', "JSON, not CSV"),
        ("%PDF-1.4\n", "PDF document"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["log.csv", "log.xls", "log.parquet", "log.html"])
def test_what_is_no_table_is_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(ClvError) as refused:
        files(DuckDb(), path=str(tmp_path / name))
    assert f"{name}' is a {message}" in str(refused.value) or f"{name}' is {message}" in str(refused.value)


@pytest.mark.parametrize("text", ["id,n\n1,2\n", "<id>,n\n1,2\n", "[id],n\n1,2\n", "{id},n\n", '"{""a"": 1}",n\n'])
def test_a_table_is_none_of_them(text):
    assert describe_non_csv_text(text) is None
