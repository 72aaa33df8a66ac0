"""Tables with a column a period are recognised by the names of their columns, and the line that melts them works."""

import json
import re
import subprocess
import sys
from functools import partial

import pandas as pd
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.parsing.wide_tables import check_not_wide, find_period_columns, generate_melting_code
from clv_experiments.data.sources.files import files
from clv_experiments.errors import ClvError


@pytest.mark.parametrize(
    ("columns", "last_days"),
    [
        (["2022-01", "2022-02", "2022-12"], ["2022-01-31", "2022-02-28", "2022-12-31"]),
        (["202201", "202202", "202203"], ["2022-01-31", "2022-02-28", "2022-03-31"]),
        (["2022-01-01", "2022-02-01", "2022-03-01"], ["2022-01-31", "2022-02-28", "2022-03-31"]),
        (["Jan 2022", "February 2022", "Mar-22"], ["2022-01-31", "2022-02-28", "2022-03-31"]),
        (["01/2022", "02/2022", "03/2022"], ["2022-01-31", "2022-02-28", "2022-03-31"]),
        (["2022Q1", "2022 Q2", "2022-q4"], ["2022-03-31", "2022-06-30", "2022-12-31"]),
        (["Q1 2022", "Q2 2022", "Q3 2022"], ["2022-03-31", "2022-06-30", "2022-09-30"]),
        (["2019", "2020", "2021"], ["2019-12-31", "2020-12-31", "2021-12-31"]),
        (["spend_2022_01", "spend_2022_02", "spend_2022_03"], ["2022-01-31", "2022-02-28", "2022-03-31"]),
        (["2022-01-01", "2022-01-02", "2022-02-01"], ["2022-01-01", "2022-01-02", "2022-02-01"]),
        (["2022-W01", "2022-W02", "2022-W52"], ["2022-01-09", "2022-01-16", "2023-01-01"]),
        (["KW 1 2022", "KW 2 2022", "KW 3 2022"], ["2022-01-09", "2022-01-16", "2022-01-23"]),
        (["janv. 2022", "février 2022", "mars 2022"], ["2022-01-31", "2022-02-28", "2022-03-31"]),
        (["Januar", "Februar", "März"], ["2000-01-31", "2000-02-29", "2000-03-31"]),
        (["Jan", "Feb", "Mar", "Apr"], ["2000-01-31", "2000-02-29", "2000-03-31", "2000-04-30"]),
        (["m1", "m2", "m12"], ["2000-01-31", "2000-02-29", "2000-12-31"]),
    ],
)
def test_columns_named_after_periods_are_found(columns, last_days):
    wide = find_period_columns(["client", *columns, "Grand Total"])
    assert (list(wide.last_days), list(wide.last_days.values())) == (columns, last_days)
    assert wide.identifiers == ("client",)
    assert wide.has_years == (not last_days[0].startswith("2000"))


@pytest.mark.parametrize(
    "columns",
    [
        ["customer_id", "frequency", "recency", "T", "monetary_value"],
        ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"],
        ["customer", "2021", "2022"],
        ["customer_id", "date", "amount", "02/01/2022", "02/02/2022", "02/03/2022"],
        ["customer", "02/01/2022", "02/02/2022"],
        ["market", "decision", "novelty", "address_1", "address_2", "address_3"],
        ["customer_id", "date", "amount", "2020", "2021", "2022"],
    ],
)
def test_other_tables_are_left_alone(columns):
    check_not_wide(columns, {}, "orders", None)


@pytest.mark.parametrize(
    ("columns", "order", "last_days"),
    [
        (["31.01.2022", "28.02.2022", "31.03.2022"], None, ["2022-01-31", "2022-02-28", "2022-03-31"]),
        (["1/31/2022", "2/28/2022", "3/31/2022"], None, ["2022-01-31", "2022-02-28", "2022-03-31"]),
        (["03/01/2022", "10/01/2022", "17/01/2022"], None, ["2022-01-03", "2022-01-10", "2022-01-17"]),
        (["01/01/2022", "01/02/2022", "01/03/2022"], None, ["2022-01-31", "2022-02-28", "2022-03-31"]),
        (["01/01/2022", "02/01/2022", "01/01/2023"], None, ["2022-01-31", "2022-02-28", "2023-01-31"]),
        (["01/01/2022", "01/02/2022", "01/03/2022"], "mdy", ["2022-01-01", "2022-01-02", "2022-01-03"]),
        (["12/01/22", "01/01/23", "02/01/23"], "mdy", ["2022-12-31", "2023-01-31", "2023-02-28"]),
        (["01/31/2022", "01/31/2023", "02/28/2023"], "mdy", ["2022-01-31", "2023-01-31", "2023-02-28"]),
        (["2/1/2022", "3/1/2022", "4/1/2022"], "mdy", ["2022-02-28", "2022-03-31", "2022-04-30"]),
        (["2/1/2022", "3/1/2022", "4/1/2022"], "dmy", ["2022-01-02", "2022-01-03", "2022-01-04"]),
    ],
)
def test_columns_named_after_days_are_read_in_the_order_that_fits(columns, order, last_days):
    with pytest.raises(ClvError) as refused:
        check_not_wide(["who", *columns, "Total"], {}, "shop", None, order)
    renamed = json.dumps(dict(zip(columns, last_days, strict=True)))
    assert f".rename(columns={renamed})" in str(refused.value)
    assert '.melt(id_vars=["who"]' in str(refused.value)


def test_the_order_of_columns_named_after_days_is_asked_for():
    with pytest.raises(
        ClvError, match=r"^log 'shop' is a wide table, .* type data\.date_order=dmy or data\.date_order=mdy"
    ):
        check_not_wide(["customer", "02/01/2022", "02/02/2022", "02/03/2022"], {}, "shop", None)


def test_a_date_that_was_named_is_believed():
    check_not_wide(["who", "Tag", "2020", "2021", "2022"], {"date": "Tag"}, "orders", None)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_line_that_is_shown_makes_a_log(tmp_path, kind):
    wide = pd.DataFrame({"Client's id": ["a", "b", "Total"], "Jan 2022": [5, 0, 5], "Feb 2022": [2.5, 4, 6.5]})
    wide = wide.assign(**{"Mar 2022": [None, 1, 1], "Total": [7.5, 5, 12.5]})
    path = tmp_path / f"wide.{kind}"
    wide.to_csv(path, index=False, sep=";") if kind == "csv" else wide.to_excel(path, index=False)
    with pytest.raises(ClvError, match=r"^log 'wide' is a wide table, .* \('Jan 2022' to 'Mar 2022'\)") as caught:
        load_log("wide", partial(files, path=str(path)), engine=DuckDb())
    command = re.search(r"type (python -c .*), then data\.path=wide_log\.csv$", str(caught.value))[1]
    subprocess.run(command.replace("python", sys.executable, 1), shell=True, check=True, cwd=tmp_path)
    assert pd.read_csv(tmp_path / "wide_log.csv").values.tolist() == [
        ["a", "2022-01-31", 5.0],
        ["a", "2022-02-28", 2.5],
        ["b", "2022-02-28", 4.0],
        ["b", "2022-03-31", 1.0],
    ]


def test_a_clock_in_the_name_of_a_column_is_left_out_by_the_line():
    columns = ["who", *(f"2022-0{month}-01 00:00:00" for month in (1, 2, 3))]
    assert '.rename(columns={"2022-01-01": "2022-01-31",' in generate_melting_code(
        find_period_columns(columns), None, "shop"
    )
