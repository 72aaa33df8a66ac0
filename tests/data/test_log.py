"""The transaction log: published facts of CDNOW, cleaning that adds up, exact sums, clear refusals."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data.cleaning import missing_amount, missing_customer, missing_date, price_not_positive, returns
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.data.log import load_log
from clv_experiments.data.queries.outcomes import holdout_spend_and_purchase_days
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.cdnow import cdnow
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError

# A DuckDB log costs up to 100 ms.
few_examples = settings(max_examples=8, deadline=None)
START = date(1997, 1, 1)
TWO = [("a", date(2020, 1, 1), 1.0), ("b", date(2020, 1, 2), 2.0), ("a", date(2020, 1, 2), 4.0)]

cents = st.integers(-5_000, 100_000).map(lambda amount: Decimal(amount) / 100)
some_day = st.integers(0, 1_500).map(lambda day: date(2015, 1, 1) + timedelta(days=day))


def content(log):
    """Rows of the cleaned log as plain values, sorted."""
    rows = log.purchase_days.to_pyarrow().to_pylist()
    return sorted((row["customer_id"], row["date"], row["amount"]) for row in rows)


# --- CDNOW ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fixture", "customers", "rows", "amount", "free"),
    [
        ("cdnow_master", 23_570, 69_659, "2500315.63", 80),
        ("cdnow_sample", 2_357, 6_919, "244091.94", None),
    ],
)
def test_cdnow_is_the_published_log(request, fixture, customers, rows, amount, free):
    log = request.getfixturevalue(fixture)
    assert (log.customers, log.report.rows_read, log.report.rows_kept) == (customers, rows, rows)
    assert (log.start, log.end) == (START, date(1998, 6, 30))
    assert log.purchase_days.amount.sum().to_pyarrow().as_py() == Decimal(amount)
    assert set(log.report.table["amount"].iloc[[0, -1]]) == {Decimal(amount)}
    assert str(log.report) == f"{rows:,} rows read, {rows:,} kept; removed: nothing"
    if free is not None:
        raw = cdnow(DuckDb()).table
        assert raw.filter(raw.amount == 0).count().to_pyarrow().as_py() == free


@pytest.mark.parametrize(
    ("fixture", "purchases", "spend"),
    [("cdnow_sample", 1_882, 70_976.39), ("cdnow_master", 19_684, 776_961.13)],
)
def test_cdnow_holdout_of_39_weeks_is_the_published_one(request, fixture, purchases, spend):
    log = request.getfixturevalue(fixture)
    bought = holdout_spend_and_purchase_days(log, Window(log.start, log.end, Horizon.parse("39 weeks")).period(0))
    assert len(bought) == log.customers  # all first bought in the first quarter of 1997
    assert bought["purchase_days"].sum() == purchases
    # Cents, added as floats over 23,570 customers: rounding stays far below a cent.
    assert bought["spend"].sum() == pytest.approx(spend, abs=1e-4)
    if fixture == "cdnow_sample":
        assert round(100 * (bought["spend"] == 0).mean(), 1) == 71.0


# --- cleaning ---------------------------------------------------------------------------------------------------

DIRTY = pd.DataFrame(
    {
        "customer_id": ["a", None, "  ", "b", "b", "c", "c", "d", None, "d"],
        "date": pd.to_datetime(
            [
                "2020-01-01",
                "2020-01-01",
                "2020-01-02",
                None,
                "2020-01-03",
                "2020-01-04",
                "2020-02-01",
                "2020-01-31",
                None,
                "2020-01-30",
            ]
        ),
        "amount": [1.0, 2.0, 4.0, 8.0, np.nan, 16.0, 32.0, 64.0, 128.0, 256.0],
    }
)


def test_cleaning_report_counts_every_row_that_leaves(log_of):
    log = log_of(DIRTY, log_end=date(2020, 1, 31))
    rows = [tuple(row) for row in log.report.table.itertuples(index=False)]
    assert rows == [
        ("raw log", 10, 4, Decimal(511)),  # customers: a, b, c, d; blanks are none
        ("missing customer", 3, 0, Decimal(134)),
        ("missing date", 1, 0, Decimal(8)),
        ("missing amount", 1, 1, Decimal(0)),  # b's only usable row
        ("after log end 2020-01-31", 1, 0, Decimal(32)),
        ("clean log", 4, 3, Decimal(337)),
    ]
    assert str(log.report) == (
        "10 rows read, 4 kept; removed: missing customer 3, missing date 1, missing amount 1, "
        "after log end 2020-01-31 1"
    )
    assert (log.start, log.end, log.customers) == (date(2020, 1, 1), date(2020, 1, 31), 3)


@few_examples
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["a", "b", "", None]), st.none() | some_day, st.none() | cents.map(float)),
        max_size=15,
    )
)
def test_cleaning_report_adds_up_exactly(log_of, rows):
    rows = [*rows, ("x", date(2015, 1, 1), 0.1), ("x", date(2016, 12, 30), 0.1), ("y", date(2016, 12, 31), 0.2)]
    log = log_of(rows, log_end=date(2017, 1, 1))
    table = log.report.table
    for column in ("rows", "customers", "amount"):
        assert table[column].iloc[0] - sum(table[column].iloc[1:-1]) == table[column].iloc[-1]
    kept = [row for row in rows if row[0] and row[1] and row[2] is not None and row[1] <= date(2017, 1, 1)]
    assert log.report.rows_kept == len(kept)
    assert table["amount"].iloc[-1] == sum(Decimal(str(amount)) for *_, amount in kept)
    assert table["amount"].iloc[0] == sum(Decimal(str(amount)) for *_, amount in rows if amount is not None)


def test_gaps_that_no_step_removes_are_refused(log_of):
    for column in DIRTY.columns:
        gappy = DIRTY.replace("  ", None).dropna(subset=DIRTY.columns.drop(column))
        missing = int(gappy[column].isna().sum())
        with pytest.raises(
            ClvError, match=rf"{missing} row\(s\) without {column} after cleaning; add the step missing_"
        ):
            log_of(gappy, rules=())


# --- days and amounts -------------------------------------------------------------------------------------------


def test_clock_times_are_cut_to_whole_days(log_of):
    log = log_of(
        [
            ("a", datetime(2020, 1, 1, 23, 59, 59), 1.0),
            ("a", datetime(2020, 1, 31, 15, 0), 10.0),
            ("a", datetime(2020, 1, 31, 9, 30), 100.0),
            ("a", datetime(2020, 2, 1, 0, 0), 1000.0),
            ("b", datetime(2020, 1, 31, 15, 0), 5.0),
        ]
    )
    # A purchase at 15:00 on the cutoff day is calibration: b is known, a's 110 are not in the holdout.
    after = holdout_spend_and_purchase_days(log, Period(date(2020, 1, 31), date(2020, 2, 1)))
    assert after.to_dict("index") == {
        "a": {"spend": 1000.0, "purchase_days": 1},
        "b": {"spend": 0.0, "purchase_days": 0},
    }
    assert content(log)[1] == ("a", date(2020, 1, 31), Decimal(110))


@few_examples
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.sampled_from([0.1, 0.2, 0.7, 1e9, -1e9, 1e-4])),
        min_size=1,
        max_size=30,
    ),
    order=st.randoms(use_true_random=False),
)
def test_amounts_add_up_exactly_in_any_order(log_of, rows, order):
    rows = [("a", 1, 0.1), ("a", 1, 0.2), ("b", 1, 0.3), ("b", 4, 0.1), *rows]
    exact = defaultdict(Decimal)
    for customer, day, amount in rows:
        exact[customer, date(2020, 1, day)] += Decimal(str(amount))
    log = log_of([(customer, date(2020, 1, day), amount) for customer, day, amount in order.sample(rows, len(rows))])
    assert content(log) == sorted((*key, amount) for key, amount in exact.items())


def test_three_dimes_are_thirty_cents(log_of):
    first, second = date(2020, 1, 1), date(2020, 1, 2)
    dimes = log_of([("a", first, 0.1), ("a", first, 0.2), ("b", first, 0.3), ("b", second, 1.0)])
    whole = log_of([("a", first, 0.3), ("b", first, 0.2), ("b", first, 0.1), ("b", second, 1.0)])
    assert 0.1 + 0.2 != 0.3
    assert dimes.fingerprint == whole.fingerprint


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["customer_id", "date", "amount"])
def test_a_missing_column_is_named_beside_those_there(log_of, lost):
    frame = pd.DataFrame(TWO, columns=["customer_id", "date", "amount"]).rename(columns={lost: "Other"})
    frame["Other"] = 7
    with pytest.raises(ClvError, match=rf"^no column of log 'toy' looks like its {lost}: .*{lost}=.*Other"):
        log_of(frame)


@pytest.mark.parametrize("lost", ["customer_id", "date"])
def test_the_only_column_that_can_play_a_role_is_taken_and_said(log_of, lost):
    frame = pd.DataFrame(TWO, columns=["customer_id", "date", "amount"]).rename(columns={lost: "Other"})
    assert log_of(frame).notes == (f"columns guessed: {lost}=Other (data.columns says otherwise)",)


def test_further_columns_are_allowed(log_of):
    frame = pd.DataFrame(TWO, columns=["customer_id", "date", "amount"])
    assert log_of(frame.assign(shop="x")).fingerprint == log_of(frame).fingerprint


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("amount", ["12.50", "abc", "1"], r"'amount' .* 1 row\(s\) .* a number below .* such as 'abc'; correct them"),
        ("amount", [np.inf, 1.0, 1.0], r"'amount' .* 1 row\(s\) .* such as '?inf'?; correct them"),
        ("amount", [1e15, 1.0, 1.0], r"'amount' .* below 100,000,000,000,000, such as '?1000000000000000\.0"),
        ("date", ["2020-01-01", "soon", "2020-01-02"], r"'date' .* a date like 1997-12-31.*, such as 'soon'"),
        ("date", [20200101, 20201301, 20200102], r"'date' .* 1 row\(s\) .* such as '?20201301"),
    ],
)
def test_values_that_cannot_be_read_are_shown(log_of, column, values, message):
    frame = pd.DataFrame(TWO, columns=["customer_id", "date", "amount"]).assign(**{column: values})
    with pytest.raises(ClvError, match=message):
        log_of(frame)


def test_dates_with_a_time_zone_are_refused():
    instants = pa.array([day for _, day, _ in TWO]).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    zoned = pa.table({"customer_id": ["a", "b", "a"], "date": instants, "amount": [1.0, 2.0, 4.0]})
    with pytest.raises(ClvError, match=r"^column 'date' of log 'toy' carries a time zone; give the shop's local date"):
        load_log("toy", lambda engine: RawTable(engine.register_arrow("rows", zoned)))


def test_text_that_can_be_read_is(log_of):
    frame = pd.DataFrame(TWO, columns=["customer_id", "date", "amount"])
    text = frame.assign(date=["2020-01-01", "2020-01-02 15:00", "2020-01-02"], amount=["1", "2.0", "$4.00"])
    numbers = frame.assign(date=[20200101, 20200102, 20200102])
    assert log_of(text).fingerprint == log_of(numbers).fingerprint == log_of(TWO).fingerprint


def test_an_empty_log_is_refused(log_of):
    with pytest.raises(ClvError, match=r"^log 'toy' has a header but no row$"):
        log_of(DIRTY.iloc[:0])


def test_a_log_that_cleaning_empties_is_refused(log_of):
    with pytest.raises(ClvError, match=r"^log 'toy' has no usable row: 3 rows read, 0 kept; removed: after log end"):
        log_of(TWO, log_end=date(2019, 12, 31))


def test_one_customer_only_is_refused(log_of):
    with pytest.raises(ClvError, match=r"^log 'toy' has one customer only; at least two are needed"):
        log_of([TWO[0], ("a", date(2020, 5, 1), 3.0)])


def test_a_log_of_one_day_is_refused(log_of):
    with pytest.raises(ClvError, match=r"^all purchases of log 'toy' fall on one day, 2020-01-01; is that the date"):
        log_of([TWO[0], ("b", date(2020, 1, 1), 3.0)])


def test_a_log_where_nobody_came_back_is_refused(log_of):
    with pytest.raises(ClvError, match=r"^none of the 2 customers of log 'toy' bought on two days"):
        log_of([TWO[0], ("a", date(2020, 1, 1), 3.0), TWO[1]])


def test_days_to_come_are_refused():
    rows = pa.Table.from_pandas(pd.DataFrame(TWO, columns=["customer_id", "date", "amount"]))

    def load(today, log_end=None):
        return load_log("toy", lambda engine: RawTable(engine.register_arrow("rows", rows)), (), log_end, today=today)

    assert load(date(2020, 1, 2)).end == date(2020, 1, 2)
    with pytest.raises(ClvError, match=r"after today \(2020-01-01\), up to 2020-01-02; .* data\.log_end=2020-01-01"):
        load(date(2020, 1, 1))
    with pytest.raises(ClvError, match="fall on one day"):
        load(date(2020, 1, 1), log_end=date(2020, 1, 1))


def test_orders_of_a_day_are_counted_once_and_are_one_where_none_is_named(log_of):
    frame = pd.DataFrame([*TWO, *TWO, TWO[0]], columns=["customer_id", "date", "amount"])
    assert log_of(frame).purchase_days.orders.sum().to_pyarrow().as_py() == 3
    log = log_of(frame.assign(order_id=["1", None, "3", "2", None, "3", "1"]))
    result = {
        (row["customer_id"], row["date"].day): row["orders"] for row in log.purchase_days.to_pyarrow().to_pylist()
    }
    assert result == {("a", 1): 2, ("a", 2): 1, ("b", 2): 1}


def test_the_log_ends_where_the_config_says_or_with_its_last_day(log_of):
    assert log_of(TWO).end == date(2020, 1, 2)
    assert log_of(TWO, log_end=date(2020, 1, 9)).end == date(2020, 1, 9)
    with pytest.raises(ClvError, match=r"8 days after the last purchase .* 2020-01-02: .* data\.log_end=2020-01-02"):
        log_of(TWO, log_end=date(2020, 1, 10))


def test_cdnow_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr("clv_experiments.data.sources.package_data.find_spec", lambda name: None)
    with pytest.raises(ClvError, match="type pip install 'lifetimes"):
        load_log("cdnow", cdnow)


def test_a_day_years_before_all_others_is_refused_and_can_be_left_out():
    rows = [(f"c{k % 20}", date(2020, 1, 1) + timedelta(days=k), 1.0) for k in range(300)]
    table = pa.Table.from_pandas(
        pd.DataFrame([*rows, ("c1", date(1902, 3, 4), 1.0)], columns=["customer_id", "date", "amount"])
    )

    def load(log_start=None):
        return load_log("toy", lambda engine: RawTable(engine.register_arrow("rows", table)), (), log_start=log_start)

    with pytest.raises(ClvError, match=r"1 of 301 row\(s\) dated 1902-03-04, .* data\.log_start=2020-01-01"):
        load()
    log = load(date(2020, 1, 1))
    assert (log.start, log.report.rows_kept) == (date(2020, 1, 1), 300)
    assert log.report.changes["rule"].tolist() == ["before log start 2020-01-01"]


def test_a_shop_that_began_slowly_is_no_placeholder(log_of):
    early = [("a", date(2016, 1, 1), 1.0)] * 3
    later = [(customer, date(2020, 1, day), 1.0) for customer in "ab" for day in range(1, 20)]
    assert log_of([*early, *later]).start == date(2016, 1, 1)


def test_one_customer_who_holds_much_of_all_spend_gets_a_note(log_of):
    rows = [(f"c{k}", date(2020, 1, day), 10.0) for k in range(60) for day in (1, 5)]
    assert not any("stands in for many" in note for note in log_of(rows).notes)
    log = log_of([*rows, *(("guest", date(2020, 1, day), 100.0) for day in range(1, 9))])
    assert any(note.startswith("customer 'guest' holds 40% of all spend") for note in log.notes)


def test_a_small_log_takes_few_queries(monkeypatch):
    queries, backend = [], type(DuckDb().connection)

    def counted(run):
        return lambda *args, **kwargs: queries.append(run) or run(*args, **kwargs)

    for method in ("to_pyarrow", "create_table"):
        monkeypatch.setattr(backend, method, counted(getattr(backend, method)))
    rows = pa.table({name: [str(row[k]) for row in TWO] for k, name in enumerate(("customer_id", "date", "amount"))})
    steps = [missing_customer(), missing_date(), missing_amount(), price_not_positive(), returns()]
    log = load_log("toy", lambda engine: RawTable(engine.register_arrow("rows", rows)), steps)
    assert log.report.rows_kept == len(TWO)
    assert len(queries) <= 13  # each takes longer to compile than to run


@pytest.mark.parametrize("first", [{"geld": None}, {"kto": 7}, {"geld": 5}])
def test_columns_are_judged_by_all_of_a_log_whose_first_rows_tell_too_little(first):
    rows = [
        {"kto": k % 300, "wann": date(2022, 1 + k % 12, 1 + k % 28), "geld": k % 97 + 0.5}
        | (first if k < 12_000 else {})
        for k in range(30_000)
    ]
    table = pa.Table.from_pylist(
        [{name: None if cell is None else str(cell) for name, cell in row.items()} for row in rows]
    )
    log = load_log("shop", lambda engine: RawTable(engine.register_arrow("rows", table)), [missing_amount()])
    assert "columns guessed: customer_id=kto, date=wann, amount=geld" in log.notes[0]
    assert log.customers == 300
