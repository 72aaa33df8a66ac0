"""Rows that repeat others: exports appended to one another, and customers who buy the same twice."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.cleaning import duplicates
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.parsing.repeated_rows import has_unlikely_repeated_rows
from clv_experiments.data.raw import RawTable

ENGINE = DuckDb()
DAYS = pd.date_range("2022-01-01", periods=365).strftime("%Y-%m-%d").to_numpy()


def orders(rows=1_500, customers=200, amounts=None, seed=1):
    rng = np.random.default_rng(seed)
    paid = rng.lognormal(3, 0.8, rows).round(2) if amounts is None else rng.choice(amounts, rows)
    day = DAYS[np.sort(rng.integers(0, 365, rows))]
    return pd.DataFrame({"customer_id": rng.integers(0, customers, rows), "date": day, "amount": paid})


def order_lines(orders_, products, again, seed=2):
    """Draw baskets, of whose items some are scanned twice."""
    rng = np.random.default_rng(seed)
    lines = orders_.loc[orders_.index.repeat(1 + rng.poisson(4, len(orders_)))].drop(columns="amount")
    product = np.minimum(rng.zipf(1.6, len(lines)), products)
    lines = lines.assign(order_id=lines.index, product=product, amount=(product * 7 % 11 + 0.95).round(2))
    return pd.concat([lines, lines.sample(frac=again, random_state=0)]).sort_index()


LOGS = {
    "orders": orders(),
    "three amounts": orders(amounts=[5, 10, 20]),
    "one amount": orders(amounts=[9.99]),
    "tickets": orders(6_000, 30, [2.5, 3.0]),
    "baskets": order_lines(orders(), 200, 0.1),
    "baskets without order id": order_lines(orders(), 200, 0.1).drop(columns="order_id"),
    "kiosk": order_lines(orders(), 6, 0.3).drop(columns="order_id"),
}


def twice(log):
    return pd.concat([log, log])


def overlapping(log):
    return pd.concat([log[log["date"] < "2022-07"], log[log["date"] >= "2022-05-15"]])


def register(log):
    return ENGINE.register_arrow("rows", pa.Table.from_pandas(log, preserve_index=False))


def is_suspect(log):
    roles = {role: role for role in ("customer_id", "date", "order_id") if role in log}
    return has_unlikely_repeated_rows(register(log), roles)


@pytest.mark.parametrize("name", LOGS)
def test_exports_that_were_appended_are_told_from_equal_purchases(name):
    log = LOGS[name]
    assert not is_suspect(log)
    assert is_suspect(twice(log))
    assert is_suspect(overlapping(log))


def test_rows_that_were_sent_twice_are_told_where_rows_are_orders():
    log = LOGS["orders"]
    assert is_suspect(pd.concat([log, log.sample(frac=0.05, random_state=0)]))
    same_day = log.sample(frac=0.1, random_state=0).assign(amount=lambda rows: rows["amount"] + 1)
    assert not is_suspect(pd.concat([log, same_day]))


def test_days_may_be_written_in_any_order():
    log = overlapping(LOGS["baskets"])
    assert is_suspect(log.assign(date=pd.to_datetime(log["date"]).dt.strftime("%d/%m/%Y")))


def load(log, policy=None):
    return load_log("shop", lambda engine: RawTable(register(log)), [duplicates(policy)])


def total(log):
    return float(log.purchase_days.amount.sum().to_pyarrow().as_py())


@pytest.mark.parametrize("log", [LOGS["orders"], LOGS["orders"].assign(order_id=range(1_500)), LOGS["baskets"]])
def test_repeated_rows_are_said_with_their_effect_and_one_setting_drops_them(log):
    rows, once = overlapping(log), log.drop_duplicates()
    repeated, added = rows.duplicated(keep=False), rows[rows.duplicated()]["amount"].sum()
    kept = load(rows)
    (note,) = [note for note in kept.notes if "equal to another in every column" in note]
    assert note.startswith(f"{repeated.sum():,} of {len(rows):,} rows ({repeated.mean():.0%})")
    assert f"which adds {added:,.2f} ({added / once['amount'].sum():.0%}) to the amounts" in note
    assert "data.cleaning.duplicates.policy=drop" in note
    assert total(kept) == pytest.approx(rows["amount"].sum())
    assert total(load(rows, "drop")) == pytest.approx(once["amount"].sum())


def test_who_says_that_rows_are_right_is_told_nothing():
    log = load(twice(LOGS["orders"]), "keep")
    assert not any("equal to another" in note for note in log.notes)
    assert total(log) == pytest.approx(2 * LOGS["orders"]["amount"].sum())


def test_a_total_on_each_line_of_an_order_outlives_dropped_copies():
    lines = LOGS["baskets"].assign(line=range(len(LOGS["baskets"])))
    lines["order_total"] = lines.groupby("order_id")["amount"].transform("sum").round(2)
    once = lines.drop(columns=["amount", "line"])
    truth = once.groupby("order_id")["order_total"].first().sum()
    assert total(load(once.drop_duplicates(), "drop")) == pytest.approx(truth)
    assert total(load(once, "drop")) == pytest.approx(truth)
    assert total(load(twice(once.drop_duplicates()), "drop")) == pytest.approx(truth)
    assert total(load(twice(once.drop_duplicates()))) == pytest.approx(2 * truth)
