"""The two Online Retail logs: what the pipeline reads and removes, against published counts and plain pandas."""

import os
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import ibis
import pandas as pd
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from clv_experiments.config.log_and_window import load_log_from_config
from clv_experiments.data.cleaning import (
    duplicates,
    in_two_sheets,
    missing_customer,
    not_goods,
    price_not_positive,
    returns,
)
from clv_experiments.data.cleaning.clean import clean
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.parsing.columns import choose_column_roles
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.parsing.lines import read_lines

FOLDER = os.environ.get("CLV_DATA_DIR")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="CLV_DATA_DIR does not say where the Parquet files of UCI are")
BOTH = pytest.mark.parametrize("name", ["online_retail", "online_retail_ii"])
IN_TWO_SHEETS = in_two_sheets("2010-12-01", "2010-12-09")


@dataclass
class Retail:
    """One of the logs on its way: the config, lines with their raw columns, the cleaned log, and the file in pandas."""

    data: OmegaConf
    lines: ibis.Table
    log: TransactionLog
    frame: pd.DataFrame

    def after(self, *steps):
        """What is left, and what each step removed."""
        cleaned = clean(self.lines, steps, None, lambda first, last: last)
        table = cleaned.report.table.set_index("rule")
        assert all(table.iloc[1:][column].sum() == table[column].iloc[0] for column in table)
        return cleaned.lines, table

    def removed(self, step):
        """Rows that one step removes of the raw log."""
        return self.after(step)[1].loc[step.name, "rows"]


@pytest.fixture(scope="module")
def retail(compose):
    """Both logs by name, read as ``data=<name> data.path=<file>`` reads them."""

    def read(name):
        path = Path(FOLDER or "") / f"{name}.parquet"
        data = compose(f"data={name}", f"data.path={path}").data
        raw = instantiate(data.source)(DuckDb())
        columns = choose_column_roles(raw.table.columns, OmegaConf.to_container(data.columns), name)
        assert columns.guessed == ()
        lines, _, notes = read_lines(raw.table, columns, ParseOptions(), name, keep_raw_columns=True)
        assert notes == []
        names = {column: role for role, column in columns.by_role.items()}
        frame = pd.read_parquet(path).rename(columns=names)
        # Prices have three decimals, so thousandths of a pound are whole.
        frame["thousandths"] = frame["quantity"] * (frame["unit_price"] * 1000).round().astype("int64")
        return Retail(data, lines, load_log_from_config(data, lambda start, end: end), frame)

    return {name: read(name) for name in ("online_retail", "online_retail_ii")}


def value(expression):
    return expression.to_pyarrow().as_py()


@pytest.mark.parametrize(
    ("name", "rows", "customers", "amount", "first"),
    [
        ("online_retail", 541_909, 4_372, "9747747.934", date(2010, 12, 1)),
        ("online_retail_ii", 1_067_371, 5_942, "19287250.568", date(2009, 12, 1)),
    ],
)
def test_raw_log_is_the_published_one(retail, name, rows, customers, amount, first):
    lines, report = retail[name].lines, retail[name].log.report
    assert tuple(report.table.iloc[0]) == ("raw log", rows, customers, Decimal(amount))
    assert retail[name].frame["thousandths"].sum() == int(Decimal(amount) * 1000)
    assert (value(lines.date.min()), value(lines.date.max())) == (first, date(2011, 12, 9))


def test_orders_products_and_countries(retail):
    lines = retail["online_retail"].lines
    assert value(lines.order_id.nunique()) == 25_900
    assert value(lines.product.nunique()) == 4_070
    assert value(lines.country.nunique()) == 38


@pytest.mark.parametrize(
    ("name", "without_customer", "cancelled", "copies"),
    [("online_retail", 135_080, 9_288, 5_268), ("online_retail_ii", 243_007, 19_494, 34_335)],
)
def test_rows_that_the_steps_remove(retail, name, without_customer, cancelled, copies):
    result = retail[name]
    assert result.removed(missing_customer()) == without_customer
    assert value(result.lines.order_id.startswith("C").sum()) == cancelled
    assert result.removed(duplicates("drop")) == copies
    assert result.removed(duplicates("keep")) == 0


def test_returns_and_prices_of_online_retail(retail):
    result = retail["online_retail"]
    lines, c_invoice = result.lines, result.lines.order_id.startswith("C")
    assert value((lines.quantity < 0).sum()) == 10_624
    assert value(((lines.quantity < 0) & ~c_invoice).sum()) == 1_336
    assert value(lines.filter(c_invoice).order_id.nunique()) == 3_836
    assert value((lines.unit_price == 0).sum()) == 2_515
    bad_debt = lines.filter(lines.unit_price < 0)
    assert value(bad_debt.count()) == 2
    assert value(bad_debt.order_id.startswith("A").all())
    # Every line of a C invoice has a negative quantity; bad debt has a negative amount.
    assert result.removed(returns("drop", cancelled="C")) == 10_624 + 2
    remaining, _ = result.after(missing_customer(), returns("drop", cancelled="C"), price_not_positive())
    assert value(remaining.customer_id.nunique()) == 4_338
    assert value(remaining.filter(remaining.unit_price <= 0).count()) == 0


def test_days_in_two_sheets_are_kept_once(retail):
    result = retail["online_retail_ii"]
    remaining, table = result.after(IN_TWO_SHEETS)
    assert table.loc["in two sheets", "rows"] == 22_523
    assert table.loc["clean log", "rows"] == 1_044_848
    assert table.loc["in two sheets", "customers"] == 0
    # The published rule: rows up to 525,460 are the first sheet, of which the days before 1 December 2010 are kept.
    frame = result.frame
    kept = frame[(frame.index > 525_460) | (frame["date"] < "2010-12-01")]
    assert table.loc["clean log", "amount"] * 1000 == int(kept["thousandths"].sum())
    counted = remaining.group_by("date").agg(rows=remaining.count()).order_by("date").to_pyarrow().to_pandas()
    assert counted["rows"].tolist() == kept.groupby(kept["date"].dt.date).size().tolist()
    # Removing repeats altogether would cost lines that may be real.
    assert result.removed(duplicates("drop")) - 22_523 > 11_000


def test_online_retail_lies_inside_online_retail_ii(retail):
    one, two = retail["online_retail"].lines, retail["online_retail_ii"].after(IN_TWO_SHEETS)[0]
    year = two.filter(two.date >= ibis.date(2010, 12, 1))
    assert value(year.count()) == value(one.count()) + 1


def test_giant_orders_vanish_with_their_cancellations(retail):
    giants = [("16446", date(2011, 12, 9), 80_995), ("12346", date(2011, 1, 18), 74_215)]
    result = retail["online_retail"]
    kept, netted = (result.after(missing_customer(), returns(policy, cancelled="C"))[0] for policy in ("drop", "net"))
    for customer, day, units in giants:
        for remaining, count in ((kept, 1), (netted, 0)):
            mine = remaining.filter(
                (remaining.customer_id == customer) & (remaining.date == day) & (remaining.quantity == units)
            )
            assert value((mine.amount > 0).sum().fill_null(0)) == count
    # They bought nothing else but two brushes for 2.90.
    theirs = netted.filter(netted.customer_id.isin([customer for customer, *_ in giants]))
    assert value(theirs.amount.sum()) == Decimal("2.90")


@BOTH
def test_what_is_not_goods(retail, name):
    settings = OmegaConf.to_container(retail[name].data.cleaning.not_goods)
    step = not_goods(settings["codes"], settings["pattern"])
    remaining, _ = retail[name].after(missing_customer(), returns("drop", cancelled="C"), price_not_positive(), step)
    # Goods have five digits and letters for their colour, but for one blackboard.
    odd = remaining.filter(~remaining.product.re_search("^[0-9]{5}[A-Za-z]*$")).product
    assert set(odd.to_pyarrow().to_pylist()) == ({"SP1002"} if name == "online_retail_ii" else set())
    codes = set(value(retail["online_retail_ii"].lines.product.upper().collect()))
    assert set(settings["codes"]) <= codes, "a code that does not occur is a slip of the pen"


@BOTH
def test_cleaning_adds_up_exactly(retail, name):
    table = retail[name].log.report.table
    assert (table.iloc[0]["rule"], table.iloc[-1]["rule"]) == ("raw log", "clean log")
    for column in ("rows", "customers", "amount"):
        assert table[column].iloc[1:].sum() == table[column].iloc[0]
    assert (table["rows"] >= 0).all()


@BOTH
def test_purchase_days_are_those_of_plain_pandas(retail, name):
    settings = retail[name].data.cleaning.not_goods
    frame = retail[name].frame
    if name == "online_retail_ii":
        frame = frame[(frame.index > 525_460) | (frame["date"] < "2010-12-01")]
    code = frame["product"].str.upper()
    frame = frame[
        frame["customer_id"].notna()
        & (frame["quantity"] > 0)
        & (frame["unit_price"] > 0)
        & ~frame["order_id"].str.startswith("C")
        & ~code.isin(list(settings.codes))
        & ~code.str.startswith("GIFT_0001_")
        & (frame["date"] < "2011-12-01")
    ]
    day = frame["date"].dt.date
    expected = frame.assign(customer=frame["customer_id"].astype("int64").astype(str), day=day)
    expected = expected.groupby(["customer", "day"])["thousandths"].sum()
    log = retail[name].log
    result = log.purchase_days.to_pyarrow().to_pandas().set_index(["customer_id", "date"])["amount"].sort_index()
    assert (result * 1000).astype("int64").to_dict() == expected.to_dict()
    assert log.end == date(2011, 11, 30)
    assert log.customers == frame["customer_id"].nunique()
    assert log.report.rows_kept == len(frame)
