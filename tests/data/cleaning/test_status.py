"""What a status does to a log: orders that were not sold or came back, refunds as rows, refunded amounts."""

from datetime import date
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.cleaning import missing_amount, refunded, returns, status
from clv_experiments.data.log import load_log
from clv_experiments.data.parsing.status_values import RowAction, build_status_rules, normalise_status
from clv_experiments.data.parsing.status_words import DROP, KEEP, NET
from clv_experiments.data.raw import RawTable
from clv_experiments.errors import ClvError

NAMES = ["customer_id", "date", "amount"]


def load(rows, extra, steps=None, columns=None):
    """Log of rows of customer, day of January 2020, amount and further columns."""
    frame = pd.DataFrame(rows, columns=[*NAMES, *extra])
    frame["date"] = [date(2020, 1, number) for number in frame["date"]]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    steps = [status(), refunded(), returns()] if steps is None else steps
    return load_log("toy", lambda engine: RawTable(engine.register_arrow("rows", table)), steps, columns=columns)


def spend(log):
    rows = log.purchase_days.to_pyarrow().to_pylist()
    return sorted((row["customer_id"], row["date"].day, float(row["amount"])) for row in rows)


def notes_about(log, text):
    return [note for note in log.notes if text in note]


BASE = [("a", 1, 10.0, "complete"), ("a", 3, 5.0, "Complete"), ("b", 2, 7.0, "complete")]


@pytest.mark.parametrize("name", ["status", "Order Status", "financial_status", "Bestellstatus", "state", "type"])
def test_rows_that_are_no_sale_leave_and_stand_in_the_receipt(name):
    log = load([*BASE, ("b", 4, 90.0, "CANCELLED"), ("c", 4, 3.0, "failed")], [name])
    assert spend(log) == [("a", 1, 10), ("a", 3, 5), ("b", 2, 7)]
    assert log.report.changes.to_dict("records") == [
        {"rule": "status", "rows": 2, "customers": 1, "amount": Decimal("93.0000")}
    ]
    assert notes_about(log, "'CANCELLED' 1, 'failed' 1 are no sales")


def test_refunds_as_rows_of_their_own_are_returns():
    rows = [*BASE, ("a", 5, 4.0, "refund"), ("a", 6, 9.0, "complete")]
    assert spend(load(rows, ["type"])) == [("a", 1, 10), ("a", 3, 5), ("a", 6, 9), ("b", 2, 7)]
    netted = load(rows, ["type"], [status(), returns("net")])
    assert spend(netted) == [("a", 1, 10), ("a", 3, 5), ("a", 6, 5), ("b", 2, 7)], "from its own day on"
    assert list(netted.report.changes["amount"]) == [8, 0]
    signed = [(*row[:2], -row[2] if row[3] == "refund" else row[2], row[3]) for row in rows]
    assert spend(load(signed, ["type"], [status(), returns("net")])) == spend(netted), "whatever its sign"


def test_returns_that_nothing_is_set_against_are_said():
    rows = [*BASE, ("a", 5, 4.0, "refund"), ("a", 6, 3.0, "complete"), ("b", 1, 50.0, "refund")]
    netted = load(rows, ["type"], [status(), returns("net")])
    assert spend(netted) == [("a", 1, 10), ("a", 3, 5), ("a", 6, 0), ("b", 2, 7)]
    [note] = notes_about(netted, "in returns")
    assert note.startswith("of 54.00 in returns, 51.00 from 2 customer(s) found no purchase to be set against")
    used_up = load([*BASE, ("a", 5, 4.0, "refund"), ("a", 6, 9.0, "complete")], ["type"], [status(), returns("net")])
    assert notes_about(used_up, "in returns") == []


# Of eleven orders of 10.
REFUNDED = [0, 0, 0, 5, 5, 10, 0, 0, 5, 5, 0]


def refunds(columns, **named):
    rows = [(who, day + 1, *(part(10.0, back) for part in columns.values())) for day, (who, back) in
            enumerate(zip("abababababa", REFUNDED, strict=True))]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "date", *columns])
    frame["date"] = [date(2020, 1, day) for day in frame["date"]]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    steps = [status(), refunded(), returns()]
    log = load_log("toy", lambda engine: RawTable(engine.register_arrow("rows", table)), steps, columns=named)
    return sum(amount for _, _, amount in spend(log)), log.notes


def gross(paid, back):
    return paid


def less(paid, back):
    return paid - back


def given_back(paid, back):
    return back


def less_tax(paid, back):
    return round(paid / 1.19, 2)


@pytest.mark.parametrize(
    "columns",
    [
        {"Total": gross, "Refunded amount": given_back},
        {"Total": gross, "Refunded amount": given_back, "Net amount": less},  # as Wix exports it
        {"Gross sales": gross, "Refunds": lambda paid, back: -back, "Net sales": less},
        {"Net amount": less, "Refunded amount": given_back},  # 0 where all was given back
    ],
)
def test_a_refund_is_deducted_once(columns):
    assert refunds(columns)[0] == 11 * 10 - sum(REFUNDED)


def test_which_amounts_a_refund_is_deducted_from_is_said_or_asked():
    both = {"Total": gross, "Refunded amount": given_back, "Net amount": less}
    assert "amount=Net amount rather than Total" in refunds(both)[1][0]
    assert refunds(both, amount="Total")[0] == refunds(both, amount="Net amount")[0] == 80
    net = {"Net amount": less, "Refunded amount": given_back}
    assert "Refunded amount is not deducted from Net amount, which is 0 where" in " ".join(refunds(net)[1])
    assert refunds(net, refunded="Refunded amount")[0] == 60
    with pytest.raises(
        ClvError, match=r"refunded=false if they .*, or data\.columns\.refunded=\"'Refunded amount'\" to"
    ):
        refunds({"Net amount": less_tax, "Refunded amount": given_back})


def test_a_sale_that_came_back_is_left_out_unless_its_row_is_the_money_given_back():
    rows = [*BASE, ("b", 4, 8.0, "refunded"), ("a", 4, -2.0, "refunded"), ("a", 5, 6.0, "partially_refunded")]
    assert spend(load(rows, ["status"], [status(), returns("net")])) == [
        ("a", 1, 10), ("a", 3, 5), ("a", 5, 4), ("b", 2, 7),
    ]  # fmt: skip


def test_values_that_nobody_knows_are_kept_and_said_until_they_are_settled():
    rows = [*BASE, ("b", 4, 8.0, "zorbed")]
    log = load(rows, ["status"])
    assert len(spend(log)) == 4
    assert notes_about(log, "unknown status 'zorbed' 1 are kept")
    assert not notes_about(load(rows, ["status"], [status(keep=["Zorbed"])]), "zorbed")
    assert len(spend(load(rows, ["status"], [status(drop="zor bed")]))) == 3
    log = load([*rows, ("b", 5, 9.0, "complete")], ["status"], [status(net=["zorbed"]), returns("net")])
    assert spend(log)[-1] == ("b", 5, 2)


def test_what_the_user_types_comes_first():
    rows = [*BASE, ("b", 4, 8.0, "on-hold")]
    assert len(spend(load(rows, ["status"]))) == 3
    assert len(spend(load(rows, ["status"], [status(keep=["On hold"])]))) == 4


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"drop": ["cancelld"]}, r"no row has the status 'cancelld' \(data\.cleaning\.status\.drop\); did you mean"),
        (
            {"net": ["zzz"]},
            r"no row has the status 'zzz' \(data\.cleaning\.status\.net\); there are Complete, canc",
        ),
        ({"keep": ["a b"], "drop": ["A-B"]}, "has 'ab' in two of keep, drop and net; leave it in one"),
    ],
)
def test_a_value_that_cannot_be_is_refused(step, message):
    with pytest.raises(ClvError, match=message):
        load([*BASE, ("b", 4, 8.0, "cancelled")], ["status"], [status(**step)])


@pytest.mark.parametrize("name", ["Stato ordine", "estado_pedido", "État de la commande"])
def test_a_status_may_begin_with_the_word_for_it(name):
    rows = [*((*row[:3], "Spedito") for row in BASE), ("b", 4, 8.0, "Annullato")]
    assert len(spend(load(rows, [name], [status()]))) == 3


def test_values_without_a_status_are_refused():
    with pytest.raises(ClvError, match=r"status has values, but no column: name data\.columns\.status"):
        load([row[:3] for row in BASE], [], [status(drop=["x"])])


@pytest.mark.parametrize(
    ("name", "values", "is_noted"),
    [
        ("state", ["CA", "NY", "CA"], False),  # of the United States
        ("type", ["online", "shop", "online"], False),
        ("marital_status", ["single", "married", "single"], False),
        ("order_status", ["A1", "B2", "A1"], True),
        ("stage", ["refund", "zorbed", "zorbed"], True),
        ("transaction type", ["S", "R", "S"], True),
    ],
)
def test_a_column_that_only_looks_like_a_status_is_left_aside_and_said(name, values, is_noted):
    log = load([(*row[:3], value) for row, value in zip(BASE, values, strict=True)], [name])
    assert len(spend(log)) == 3
    assert bool(notes_about(log, f"column '{name}' looks like a status")) == is_noted


def test_false_says_that_there_is_no_status():
    log = load([*BASE, ("b", 4, 8.0, "cancelled")], ["status"], columns={"status": False})
    assert len(spend(log)) == 4
    assert not notes_about(log, "status")


@pytest.mark.quick_cases("name", 4)
@pytest.mark.parametrize(
    ("name", "lost", "other"),
    [
        ("is_cancelled", True, False), ("Refunded", "yes", "no"), ("returned", 1, 0), ("captured", "false", "true"),
        ("payment_success", 0, 1), ("order_is_cancelled", "wahr", "falsch"), ("Returned", "x", None),
        ("returned", "Returned", None), ("is_complete", False, True),
    ],
)  # fmt: skip
def test_a_flag_says_the_same(name, lost, other):
    rows = [(*row[:3], other) for row in BASE]
    log = load([*rows, ("b", 4, 8.0, lost)], [name])
    assert spend(log) == spend(load(BASE, ["status"]))


def test_times_of_cancellations_may_be_those_of_a_subscription_and_are_said():
    rows = [*((*row[:3], None) for row in BASE), ("b", 4, 8.0, "2020-01-05 10:00")]
    assert notes_about(load(rows, ["Cancelled at"]), "column 'Cancelled at' looks like a status ('cancelled' 1)")
    assert len(spend(load(rows, ["Cancelled at"], columns={"status": "Cancelled at"}))) == 3


def test_of_two_columns_the_one_that_says_what_is_no_sale_is_taken():
    rows = [(*row[:3], "fulfilled", "paid") for row in BASE]
    log = load([*rows, ("b", 4, 8.0, "fulfilled", "voided")], ["fulfillment status", "financial status"])
    assert len(spend(log)) == 3


def test_a_line_without_a_status_has_that_of_its_order():
    rows = [(*row, str(number)) for number, row in enumerate(BASE)]
    rows += [("b", 4, 8.0, "voided", "x"), ("b", 4, 2.0, None, "x"), ("b", 5, 2.0, None, None)]
    assert spend(load(rows, ["status", "order_id"])) == [("a", 1, 10), ("a", 3, 5), ("b", 2, 7), ("b", 5, 2)]


@pytest.mark.parametrize("name", ["Amount Refunded", "refunded", "total_refunded"])
def test_what_was_refunded_of_a_row_is_deducted(name):
    rows = [("a", 1, 10.0, 0.0), ("a", 3, 5.0, 2.0), ("b", 2, 7.0, -7.0), ("b", 4, 8.0, None), ("b", 5, 1.0, 3.0)]
    log = load(rows, [name])
    assert spend(log) == [("a", 1, 10), ("a", 3, 3), ("b", 4, 8)]
    assert notes_about(log, "3 row(s) were refunded, 2 of them altogether")
    assert log.report.table.set_index("rule").loc["refunded amounts", "amount"] == 10


def test_a_refund_on_each_line_of_an_order_counts_once():
    rows = [("a", 1, 10.0, 12.0, "x"), ("a", 1, 4.0, 12.0, "x"), ("a", 3, 5.0, 0.0, "y"), ("b", 2, 6.0, 3.0, "z")]
    rows += [("b", 2, 6.0, 0.0, "z")]
    assert spend(load(rows, ["refunded_amount", "order_id"])) == [("a", 1, 2), ("a", 3, 5), ("b", 2, 9)]


def test_the_lists_have_each_value_once():
    values = [normalise_status(value) for value in (*KEEP, *DROP, *NET)]
    assert len(values) == len(set(values))


@pytest.mark.parametrize(
    ("value", "effect"),
    [
        ("wc-completed", RowAction.KEEP),
        ("Partially refunded", RowAction.KEEP),
        ("Shipped - Returned to Seller", RowAction.DROP),
        ("On hold - awaiting payment", RowAction.DROP),
        ("Failed refund", RowAction.DROP),
        ("Payment Refund", RowAction.NET),
        ("Annulée", RowAction.DROP),
        ("Rückgabe", RowAction.NET),
        ("not complete", None),
        ("Cancelled - no stock", RowAction.DROP),
        ("partially returned", None),
        ("Errore di pagamento", RowAction.DROP),
        ("payment review", None),
        ("交易关闭", RowAction.DROP),
        ("発送済み", RowAction.KEEP),
        ("결제대기", RowAction.DROP),
        ("İptal Edildi", RowAction.DROP),
        ("Отменён", RowAction.DROP),
        ("W trakcie realizacji", RowAction.KEEP),
        ("gold", None),
        (None, RowAction.KEEP),
    ],
)
def test_values_are_known_in_any_writing_and_in_phrases(value, effect):
    assert build_status_rules().get_action(value) is effect


def orders_of_two_lines(line_status, order_total, on_lines=(0, 1)):
    """Orders of a line of 2 x 6 and one of 3 x 3; the second of order 5 has a status of its own."""
    rows = []
    for order in range(1, 13):
        total = order_total if order == 5 else "21"
        for line, (quantity, price) in enumerate([("2", "6"), ("3", "3")]):
            own = line_status if (order, line) == (5, 1) else "complete"
            paid = total if line in on_lines else None
            rows.append((f"c{order % 4}", order, paid, str(order), own, quantity, price))
    names = ["order_id", "status", "quantity", "unit_price"]
    return load(rows, names, [status(), missing_amount(), returns()], {"amount": "amount"})


@pytest.mark.parametrize(("order_total", "removed"), [("21", "9.0000"), ("12", "0.0000"), ("30", "12.8571")])
def test_a_cancelled_line_takes_its_own_part_of_the_orders_total(order_total, removed):
    log = orders_of_two_lines("cancelled", order_total)
    [change] = log.report.changes.to_dict("records")
    assert change == {"rule": "status", "rows": 1, "customers": 0, "amount": Decimal(removed)}
    assert log.report.table["amount"].iloc[0] == 11 * 21 + Decimal(order_total)
    assert ("c1", 5, float(Decimal(order_total) - Decimal(removed))) in spend(log)


def test_equal_parts_of_a_total_are_said_where_lines_of_an_order_differ_in_status():
    lines = [(order, line) for order in range(1, 13) for line in (0, 1)]
    rows = [
        (
            f"c{order % 4}",
            order,
            1.0,
            str(order),
            "cancelled" if (order, line) == (5, 1) else "complete",
            line,
            order + 20,
        )
        for order, line in lines
    ]
    log = load(rows, ["order_id", "status", "product", "order_total"], columns={"amount": "order_total"})
    assert list(log.report.changes["amount"]) == [Decimal("12.5")]
    assert notes_about(log, "1 order(s) have lines of several statuses, each of which bears an equal part of the total")


def test_statuses_that_each_come_to_the_orders_total_are_said():
    rows = []
    for order in range(1, 13):
        ordered = [("2", "6", "complete"), ("3", "3", "complete")]
        replaced = [("1", "21", "cancelled")] if order == 5 else []
        rows += [
            (f"c{order % 4}", order, 21.0, str(order), own, quantity, price)
            for quantity, price, own in ordered + replaced
        ]
    log = load(rows, ["order_id", "status", "quantity", "unit_price"], columns={"amount": "amount"})
    [change] = log.report.changes.to_dict("records")
    assert change["amount"] == Decimal("10.5")
    assert notes_about(log, "1 order(s) have lines of several statuses that each come to the total")
    assert not notes_about(orders_of_two_lines("cancelled", "12"), "each come to the total")


def test_an_order_that_loses_its_only_amount_with_a_line_is_said():
    log = orders_of_two_lines("cancelled", "21", on_lines=[1])
    assert list(log.report.changes["amount"]) == [21, 0]
    assert notes_about(log, "1 order(s), such as '5', lose their only amount")
    assert not notes_about(orders_of_two_lines("complete", "21", on_lines=[1]), "lose their only amount")
