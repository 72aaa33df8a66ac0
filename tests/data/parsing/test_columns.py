"""The column of each role: guesses for the headers people have, and refusals that say what to type."""

import pytest

from clv_experiments.data.parsing.columns import choose_column_roles
from clv_experiments.data.parsing.role_names import USUAL_NAMES, normalise_name, rank_name, usual_name
from clv_experiments.errors import ClvError

HEADERS = {
    "own words": (
        ["customer_id", "date", "amount"], {"customer_id": "customer_id", "date": "date", "amount": "amount"},
    ),
    "Online Retail": (
        ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"],
        {"customer_id": "CustomerID", "date": "InvoiceDate", "quantity": "Quantity", "unit_price": "UnitPrice",
         "order_id": "InvoiceNo", "product": "StockCode", "product_name": "Description", "country": "Country"},
    ),
    "Online Retail II": (
        ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"],
        {"customer_id": "Customer ID", "date": "InvoiceDate", "quantity": "Quantity", "unit_price": "Price",
         "order_id": "Invoice", "product": "StockCode", "product_name": "Description", "country": "Country"},
    ),
    "Olist, joined": (
        ["order_id", "customer_id", "order_status", "order_purchase_timestamp", "payment_type", "payment_value"],
        {"customer_id": "customer_id", "date": "order_purchase_timestamp", "amount": "payment_value",
         "order_id": "order_id"},
    ),
    "Shopify": (
        ["Name", "Email", "Financial Status", "Paid at", "Currency", "Subtotal", "Total", "Created at",
         "Lineitem quantity", "Lineitem price", "Source"],
        {"customer_id": "Email", "date": "Created at", "amount": "Total", "quantity": "Lineitem quantity",
         "unit_price": "Lineitem price", "channel": "Source", "currency": "Currency"},
    ),
    "Superstore": (
        ["Row ID", "Order ID", "Order Date", "Ship Date", "Customer ID", "Customer Name", "Country", "Product ID",
         "Sales", "Quantity", "Discount", "Profit"],
        {"customer_id": "Customer ID", "date": "Order Date", "amount": "Sales", "quantity": "Quantity",
         "discount": "Discount", "order_id": "Order ID", "product": "Product ID", "country": "Country"},
    ),
    "Ta-Feng, dunnhumby": (
        ["household_key", "BASKET_ID", "DAY", "PRODUCT_ID", "QUANTITY", "SALES_VALUE"],
        {"customer_id": "household_key", "date": "DAY", "amount": "SALES_VALUE", "quantity": "QUANTITY",
         "order_id": "BASKET_ID", "product": "PRODUCT_ID"},
    ),
    "German": (
        ["Kunden-Nr.", "Bestelldatum", "Artikelnummer", "Menge", "Einzelpreis", "Land", "Währung", "Kanal"],
        {"customer_id": "Kunden-Nr.", "date": "Bestelldatum", "quantity": "Menge", "unit_price": "Einzelpreis",
         "product": "Artikelnummer", "country": "Land", "channel": "Kanal", "currency": "Währung"},
    ),
    "a price of nothing in particular": (
        ["user", "timestamp", "price"], {"customer_id": "user", "date": "timestamp", "amount": "price"},
    ),
}  # fmt: skip


def error_message(available, named=None):
    with pytest.raises(ClvError) as refused:
        choose_column_roles(available, named or {}, "shop")
    return str(refused.value)


@pytest.mark.parametrize("header", HEADERS)
def test_usual_headers_are_guessed(header):
    available, expected = HEADERS[header]
    for order in (available, available[::-1]):
        chosen = choose_column_roles(order, dict.fromkeys(USUAL_NAMES), "shop")
        assert chosen.by_role == expected
        assert set(chosen.guessed) == set(expected)


def test_what_was_guessed_is_said_unless_it_was_obvious():
    chosen = choose_column_roles(["Kunde", "date", "Betrag"], {"amount": "Betrag"}, "shop")
    assert str(chosen) == "columns guessed: customer_id=Kunde (data.columns says otherwise)"
    assert str(choose_column_roles(["customer_id", "date", "amount"], {}, "shop")) == ""


def test_a_price_that_is_taken_as_what_was_paid_is_said():
    for column in ("Price", "unit_price"):
        chosen = choose_column_roles(["customer_id", "date", column], {"quantity": False}, "shop")
        assert str(chosen) == (
            f"columns guessed: amount={column} (data.columns says otherwise); {column} is taken as what was paid"
        )
    named = choose_column_roles(["customer_id", "date", "Price"], {"amount": "Price"}, "shop")
    assert str(named) == ""


@pytest.mark.parametrize("quantity", [{}, {"quantity": None}, {"quantity": False}])
def test_a_named_price_needs_a_quantity(quantity):
    message = error_message(["customer", "date", "Price", "n", "pile"], {"unit_price": "Price"} | quantity)
    assert message == (
        "log 'shop' has a unit_price, Price, but neither quantity nor amount: type data.columns.quantity=<one of "
        "n, pile>, or data.columns.amount=Price if that is what was paid"
    )
    paid = choose_column_roles(["customer", "date", "Price", "Sales"], {"unit_price": "Price"} | quantity, "shop")
    assert (paid.by_role["amount"], paid.by_role["unit_price"]) == ("Sales", "Price")


def test_all_that_is_missing_is_asked_for_at_once():
    assert error_message(["a", "b", "Sales", "Total"]) == (
        "no column of log 'shop' looks like its customer_id, and none like its date, and its amount could be any of "
        "Sales, Total: type data.columns.customer_id=<one of a, b> data.columns.date=<one of a, b> "
        "data.columns.amount=Sales"
    )


@pytest.mark.parametrize(
    ("available", "role", "column", "passed_over"),
    [
        (
            ["email", "customer name", "client_id", "date", "amount"],
            "customer_id",
            "client_id",
            "email or customer name",
        ),
        (["customer", "updated_at", "Created At", "Order Date", "amount"], "date", "Order Date", "Created At"),
        (["customer", "Ship Date", "Delivery Date", "InvoiceDate", "amount"], "date", "InvoiceDate", ""),
        (["customer", "date", "Subtotal", "Tax", "Shipping", "Total"], "amount", "Total", "Subtotal"),
        (["customer", "date", "Order Total", "Line Total"], "amount", "Line Total", "Order Total"),
    ],
)
def test_the_conventional_column_is_taken_and_what_was_passed_over_is_said(available, role, column, passed_over):
    for order in (available, available[::-1]):
        chosen = choose_column_roles(order, {}, "shop")
        assert chosen.by_role[role] == column
        assert f"{role}={column}{passed_over and f' rather than {passed_over}'}" in str(chosen)


def test_a_column_plays_one_role():
    assert "amount" not in error_message(["customer", "date", "amount"], {"date": "customer"}).split("looks like")[0]
    message = error_message(["id", "date", "amount"], {"customer_id": "id", "order_id": "id"})
    assert message == (
        "data.columns.customer_id and data.columns.order_id of log 'shop' all name the column 'id', which can play one "
        "role only; leave out all but one of them"
    )
    named = {"product": "what", "product_name": "what"}
    assert choose_column_roles(["customer", "date", "amount", "what"], named, "shop").by_role["product_name"] == "what"


def test_every_usual_name_is_written_as_names_are_compared_and_stands_for_one_role():
    names = [name for usual in USUAL_NAMES.values() for name in usual]
    assert all(name == normalise_name(name) for name in names)
    assert len(names) == len(set(names))
    for name in names:
        assert [role for role in USUAL_NAMES if usual_name(role, name)] == [
            role for role in USUAL_NAMES if name in USUAL_NAMES[role]
        ]


def test_a_named_column_wins_over_any_guess():
    available = ["customer_id", "client", "date", "amount", "Net"]
    chosen = choose_column_roles(available, {"customer_id": "client", "amount": "Net"}, "shop")
    assert chosen.by_role == {"customer_id": "client", "amount": "Net", "date": "date"}
    assert chosen.guessed == ("date",)


def test_a_named_quantity_and_price_win_over_a_guessed_amount():
    available = ["customer", "date", "Sales", "n", "each"]
    chosen = choose_column_roles(available, {"quantity": "n", "unit_price": "each"}, "shop")
    assert "amount" not in chosen.by_role


def test_false_says_that_there_is_none_and_a_column_called_0_is_one():
    available = ["customer_id", "date", "amount", "country", "0"]
    assert "country" not in choose_column_roles(available, {"country": False}, "shop").by_role
    assert choose_column_roles(available, {"country": None}, "shop").by_role["country"] == "country"
    assert choose_column_roles(available, {"country": 0}, "shop").by_role["country"] == "0"


@pytest.mark.parametrize(
    ("available", "role", "result"),
    [
        (["customer", "date", "Sales", "Total"], "amount", "Sales, Total"),
        (["Total", "customer", "date", "Sales"], "amount", "Sales, Total"),  # the most usual is suggested
        (["customer", "date", "Net amount", "Gross amount"], "amount", "Net amount, Gross amount"),
        (["customer id", "Customer-ID", "date", "amount"], "customer_id", "customer id, Customer-ID"),
    ],
)
def test_what_could_be_several_is_refused(available, role, result):
    message = error_message(available)
    first = result.split(", ")[0]
    typed = first if " " not in first else f"\"'{first}'\""
    assert message == f"the {role} of log 'shop' could be any of {result}: type data.columns.{role}={typed}"


def test_near_names_are_suggested():
    available = ["CustomerID", "InvoiceDate", "Sales"]
    assert error_message(available, {"customer_id": "customerid"}) == (
        "log 'shop' has no column 'customerid' (data.columns.customer_id); did you mean CustomerID?"
    )
    assert "did you mean InvoiceDate?" in error_message(available, {"date": "Invoice_Dat"})
    assert error_message(available, {"amount": "xyz"}).endswith("; it has CustomerID, InvoiceDate, Sales")


def test_a_misspelt_role_is_refused():
    message = "data.columns.amonut is no role of a column; did you mean data.columns.amount?"
    assert error_message(["customer", "date", "Sales"], {"amonut": "Sales"}) == message
    assert "the roles are customer_id, date, amount" in error_message(["customer", "date", "Sales"], {"xyz": "Sales"})
    assert "must be the name of a column, false or null" in error_message(
        ["customer", "date", "Sales"], {"amount": True}
    )


@pytest.mark.parametrize(
    ("available", "message"),
    [
        (["a", "b", "date", "amount"], "looks like its customer_id: type data.columns.customer_id=<one of a, b>"),
        (["customer", "b", "amount"], "looks like its date: type data.columns.date=b"),
        (["customer", "date", "c", "d"], "looks like its amount: type data.columns.amount=<one of c, d>, or name a"),
        (["customer", "date"], "looks like its amount: type data.columns.amount=false for a log without money"),
        (["customer", "date", "qty"], "has a quantity but neither amount nor unit_price: type data.columns.amount"),
    ],
)
def test_what_cannot_be_guessed_is_asked_for(available, message):
    assert message in error_message(available)


def test_a_wide_log_is_not_listed_whole():
    assert "c19 and 80 more" in error_message([f"c{k}" for k in range(100)])


@pytest.mark.parametrize(
    ("column", "role"),
    [("disc_pct", "discount"), ("line_discount_amount", "discount"), ("Rabatt %", "discount"),
     ("Taux remise", "discount"), ("discount_code", None), ("Discount Name", None), ("trans_dt", "date"),
     ("refund_value", "refunded"), ("Returned Amount", "refunded"), ("Erstattungsbetrag", "refunded"),
     ("refund_date", None), ("order_ts", "date"), ("ts", "date"), ("Posting Date", "date"),
     ("Sell-to Customer No.", "customer_id"), ("Document No.", "order_id"), ("receipt_total", "amount"),
     ("Ticket Sum", "amount"), ("Total commande (EUR)", "amount"), ("total_orders", None),
     ("loyalty_id", "customer_id"), ("Donor No.", "customer_id"), ("loyalty", None), ("doc_no", "order_id")],
)  # fmt: skip
def test_names_of_several_words_are_known(column, role):
    assert [known for known in USUAL_NAMES if rank_name(known, column) is not None] == [role] * bool(role)
