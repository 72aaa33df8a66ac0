"""Which column of a raw log plays which role: as the user named them, or guessed from usual names."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from clv_experiments.errors import ClvError

# What a column is usually called, most usual first, in lower case without blanks and punctuation.
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
ORDER_TOTAL_NAMES = (
    "orderamount",
    "ordervalue",
    "ordertotal",
    "paymentvalue",
)  # usual names of an order's total
UNAMBIGUOUS_ROLES = ("customer_id", "date", "amount")  # a wrong column here makes a wrong log
MAX_LISTED = 20  # columns in a message


@dataclass(frozen=True)
class ColumnRoles:
    """The column of each role.

    Attributes
    ----------
    by_role : mapping of role to column
        Always ``customer_id``, ``date`` and either ``amount`` or both ``quantity`` and ``unit_price``.
    guessed : tuple of str
        Roles that the user did not name.
    """

    by_role: Mapping[str, str]
    guessed: tuple[str, ...]

    def __str__(self) -> str:
        """List the guesses that were not obvious."""
        pairs = [f"{role}={self.by_role[role]}" for role in self.guessed if self.by_role[role] != role]
        paid = self.guessed_from("amount", USUAL_NAMES["unit_price"])
        price = f"; {self.by_role['amount']} is taken as what was paid" if paid else ""
        return f"columns guessed: {', '.join(pairs)} (data.columns says otherwise){price}" if pairs else ""

    def guessed_from(self, role: str, names: Container[str]) -> bool:
        """Return whether a role was guessed from one of these usual names."""
        return role in self.guessed and _normalise_name(self.by_role[role]) in names


def choose_columns(available: Sequence[str], named: Mapping[str, str | bool | None], log: str) -> ColumnRoles:
    """Find the column of each role.

    Parameters
    ----------
    available : sequence of str
        Columns of the raw log.
    named : mapping of role to column
        What the user typed; None leaves it to a guess, False means that there is none.
    log : str
        Name of the log, for messages.

    Returns
    -------
    ColumnRoles

    Raises
    ------
    ClvError
        If a named column does not exist (the nearest names are suggested), a role is unknown, or a required column
        cannot be guessed or could be several.
    """
    by_role = _resolve_named_columns(available, named, log)
    guesses: dict[str, str] = {}
    for role in USUAL_NAMES:
        priced = role == "amount" and {"quantity", "unit_price"} <= set(by_role)  # the user named what makes an amount
        if role not in by_role and named.get(role) is not False and not priced:
            used = {*by_role.values(), *guesses.values()}
            column = _guess_column(role, [column for column in available if column not in used], log)
            if column is not None:
                guesses[role] = column
    by_role |= guesses
    if "unit_price" in guesses and not {"amount", "quantity"} & set(by_role):
        by_role["amount"] = by_role.pop("unit_price")  # a price without a quantity is what was paid
        guesses["amount"] = guesses.pop("unit_price")
    _check_required_roles(by_role, available, log)
    return ColumnRoles(by_role, tuple(guesses))


def _resolve_named_columns(
    available: Sequence[str], named: Mapping[str, str | bool | None], log: str
) -> dict[str, str]:
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
            raise ClvError(
                f"log '{log}' has no column '{column}' (data.columns.{role}); {_suggest_columns(column, available)}"
            )
        by_role[role] = str(column)
    return by_role


def _guess_column(role: str, unused: Sequence[str], log: str) -> str | None:
    if role in unused:
        return role
    ranks = {name: rank for rank, name in enumerate(USUAL_NAMES[role])}
    candidates = sorted(
        (column for column in unused if _normalise_name(column) in ranks),
        key=lambda column: ranks[_normalise_name(column)],
    )
    if len(candidates) > 1 and role in UNAMBIGUOUS_ROLES:
        raise ClvError(
            f"the {role} of log '{log}' could be any of {', '.join(candidates)}: type "
            f"data.columns.{role}={quote_column(candidates[0])}"
        )
    return candidates[0] if candidates else None


def _check_required_roles(by_role: Mapping[str, str], available: Sequence[str], log: str) -> None:
    for role in ("customer_id", "date"):
        if role not in by_role:
            raise ClvError(f"no column of log '{log}' looks like its {role}: {_advise_column(role, available)}")
    if "unit_price" in by_role and not {"amount", "quantity"} & set(by_role):
        price = by_role["unit_price"]
        raise ClvError(
            f"log '{log}' has a unit_price, {price}, but neither quantity nor amount: "
            f"{_advise_column('quantity', available)}, or data.columns.amount={quote_column(price)} if that is "
            "what was paid"
        )
    if "amount" not in by_role and "quantity" not in by_role:
        raise ClvError(
            f"no column of log '{log}' looks like its amount: {_advise_column('amount', available)}, or name "
            "a quantity and a unit_price"
        )
    if "amount" not in by_role and "unit_price" not in by_role:
        raise ClvError(
            f"log '{log}' has a quantity but neither amount nor unit_price: {_advise_column('amount', available)}"
        )


def quote_column(column: str) -> str:
    """Write a column's name the way it must be typed on the command line."""
    return column if re.fullmatch(r"[\w.-]+", column) else f"\"'{column}'\""


def _normalise_name(column: str) -> str:
    return re.sub(r"[\W_]", "", column.lower())


def _suggest_columns(column: object, available: Sequence[str]) -> str:
    originals = {_normalise_name(name): name for name in available}
    matches = get_close_matches(_normalise_name(str(column)), list(originals), n=3, cutoff=0.5)
    near = [originals[name] for name in matches]
    return f"did you mean {' or '.join(near)}?" if near else f"it has {_list_columns(available)}"


def _advise_column(role: str, available: Sequence[str]) -> str:
    return f"type data.columns.{role}=<one of {_list_columns(available)}>"


def _list_columns(available: Sequence[str]) -> str:
    rest = len(available) - MAX_LISTED
    return ", ".join(available[:MAX_LISTED]) + (f" and {rest} more" if rest > 0 else "")
