"""Which column of a raw log plays which role: as the user named them, or guessed from usual names and said."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from clv_experiments.errors import ClvError

# What a column is usually called, most usual first, without case, blanks and punctuation.
USUAL_NAMES = {
    "customer_id": (
        "customerid", "customer", "customerno", "customernumber", "customernr", "customerkey", "customercode", "custid",
        "cust", "clientid", "client", "userid", "user", "memberid", "membernumber", "buyerid", "shopperid", "accountid",
        "householdkey", "customeruniqueid", "customeremail", "email", "kundennummer", "kundennr", "kundenid", "kunde",
    ),
    "date": (
        "date", "invoicedate", "orderdate", "orderpurchasetimestamp", "purchasedate", "transactiondate", "saledate",
        "salesdate", "transdate", "datetime", "timestamp", "orderedat", "createdat", "day", "datum", "bestelldatum",
        "rechnungsdatum", "kaufdatum",
    ),
    "amount": (
        "amount", "sales", "revenue", "totalamount", "orderamount", "ordervalue", "ordertotal", "totalprice", "total",
        "spend", "salesamount", "salesvalue", "purchaseamount", "lineamount", "netamount", "grossamount",
        "paymentvalue", "value", "betrag", "umsatz",
    ),
    "quantity": ("quantity", "qty", "units", "itemcount", "menge", "anzahl"),
    "unit_price": ("unitprice", "price", "itemprice", "priceperunit", "priceeach", "preis", "einzelpreis"),
    "order_id": (
        "orderid", "invoiceno", "invoice", "invoiceid", "invoicenumber", "orderno", "ordernumber", "order",
        "transactionid", "basketid", "receiptid", "receiptno", "bestellnummer", "rechnungsnummer",
    ),
    "product": (
        "product", "stockcode", "productid", "sku", "productcode", "itemid", "item", "articleid", "productname",
        "artikelnummer", "artikel",
    ),
    "product_name": ("description", "productdescription", "itemname", "itemdescription", "artikelbezeichnung"),
    "country": ("country", "countryname", "countrycode", "land"),
    "channel": ("channel", "saleschannel", "source", "kanal"),
    "currency": ("currency", "currencycode", "währung"),
}  # fmt: skip
OF_AN_ORDER = ("orderamount", "ordervalue", "ordertotal", "paymentvalue")  # usual names of what a whole order cost
DECISIVE = ("customer_id", "date", "amount")  # of these the wrong column would make a wrong log
MOST_LISTED = 20  # columns that a message lists


@dataclass(frozen=True)
class Columns:
    """The column of each role.

    Attributes
    ----------
    by_role : mapping of role to column
        Always ``customer_id``, ``date`` and either ``amount`` or both ``quantity`` and ``unit_price``.
    guessed : tuple of role
        Those the user did not name.
    """

    by_role: Mapping[str, str]
    guessed: tuple[str, ...]

    def __str__(self) -> str:
        """Say what was guessed, where it was not obvious."""
        pairs = [f"{role}={self.by_role[role]}" for role in self.guessed if self.by_role[role] != role]
        paid = self.guessed_from("amount", USUAL_NAMES["unit_price"])
        price = f"; {self.by_role['amount']} is taken as what was paid" if paid else ""
        return f"columns guessed: {', '.join(pairs)} (data.columns says otherwise){price}" if pairs else ""

    def guessed_from(self, role: str, names: Container[str]) -> bool:
        """Tell whether a role was guessed from one of these usual names."""
        return role in self.guessed and _plain(self.by_role[role]) in names


def choose_columns(available: Sequence[str], named: Mapping[str, str | bool | None], log: str) -> Columns:
    """Find the column of each role.

    Parameters
    ----------
    available : sequence of str
        Columns of the raw log.
    named : mapping of role to column
        What the user said; None leaves it to a guess, False says that there is none.
    log : str
        Name of the log, for messages.

    Raises
    ------
    ClvError
        If a named column is not there (the nearest names are suggested), a role is not known, or a column that is
        needed cannot be guessed or could be several.
    """
    by_role = _as_named(available, named, log)
    guessed: dict[str, str] = {}
    for role in USUAL_NAMES:
        priced = role == "amount" and {"quantity", "unit_price"} <= set(by_role)  # the user's own way to an amount
        if role not in by_role and named.get(role) is not False and not priced:
            taken = {*by_role.values(), *guessed.values()}
            column = _guess(role, [column for column in available if column not in taken], log)
            if column is not None:
                guessed[role] = column
    by_role |= guessed
    if "unit_price" in guessed and not {"amount", "quantity"} & set(by_role):
        by_role["amount"] = by_role.pop("unit_price")  # a price of nothing in particular is what was paid
        guessed["amount"] = guessed.pop("unit_price")
    _nothing_lacks(by_role, available, log)
    return Columns(by_role, tuple(guessed))


def _as_named(available: Sequence[str], named: Mapping[str, str | bool | None], log: str) -> dict[str, str]:
    by_role = {}
    for role, column in named.items():
        if role not in USUAL_NAMES:
            near = get_close_matches(role, USUAL_NAMES, n=1)
            hint = f"did you mean data.columns.{near[0]}?" if near else f"the roles are {', '.join(USUAL_NAMES)}"
            raise ClvError(f"data.columns.{role} is no role of a column; {hint}")
        if column is True:
            raise ClvError(f"data.columns.{role} must be the name of a column, false or null, got 'True'")
        if column is None or column is False:
            continue
        if str(column) not in available:
            raise ClvError(f"log '{log}' has no column '{column}' (data.columns.{role}); {_nearest(column, available)}")
        by_role[role] = str(column)
    return by_role


def _guess(role: str, free: Sequence[str], log: str) -> str | None:
    usual = USUAL_NAMES[role]
    if role in free:
        return role
    found = sorted(
        (column for column in free if _plain(column) in usual), key=lambda column: usual.index(_plain(column))
    )
    if len(found) > 1 and role in DECISIVE:
        raise ClvError(
            f"the {role} of log '{log}' could be any of {', '.join(found)}: type data.columns.{role}={quoted(found[0])}"
        )
    return found[0] if found else None


def _nothing_lacks(by_role: Mapping[str, str], available: Sequence[str], log: str) -> None:
    for role in ("customer_id", "date"):
        if role not in by_role:
            raise ClvError(f"no column of log '{log}' looks like its {role}: {_type(role, available)}")
    if "unit_price" in by_role and not {"amount", "quantity"} & set(by_role):
        price = by_role["unit_price"]
        raise ClvError(
            f"log '{log}' has a unit_price, {price}, but neither quantity nor amount: {_type('quantity', available)}, "
            f"or data.columns.amount={quoted(price)} if that is what was paid"
        )
    if "amount" not in by_role and "quantity" not in by_role:
        raise ClvError(
            f"no column of log '{log}' looks like its amount: {_type('amount', available)}, or name a quantity and a "
            "unit_price"
        )
    if "amount" not in by_role and "unit_price" not in by_role:
        raise ClvError(f"log '{log}' has a quantity but neither amount nor unit_price: {_type('amount', available)}")


def quoted(column: str) -> str:
    """Write a column's name as it is typed on the command line."""
    return column if re.fullmatch(r"[\w.-]+", column) else f"\"'{column}'\""


def _plain(column: str) -> str:
    return re.sub(r"[\W_]", "", column.lower())


def _nearest(column: object, available: Sequence[str]) -> str:
    plain = {_plain(name): name for name in available}
    near = [plain[name] for name in get_close_matches(_plain(str(column)), list(plain), n=3, cutoff=0.5)]
    return f"did you mean {' or '.join(near)}?" if near else f"it has {_listed(available)}"


def _type(role: str, available: Sequence[str]) -> str:
    return f"type data.columns.{role}=<one of {_listed(available)}>"


def _listed(available: Sequence[str]) -> str:
    rest = len(available) - MOST_LISTED
    return ", ".join(available[:MOST_LISTED]) + (f" and {rest} more" if rest > 0 else "")
