"""Guesses of the columns that the user did not name: first from usual names, then from what the columns hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from clv_experiments.data.parsing.column_contents import ColumnSample
from clv_experiments.data.parsing.role_names import (
    EXPORT_COLUMNS_BY_MARKER,
    SALES,
    TOTALS,
    normalise_name,
    rank_name,
    usual_name,
)

# Words in the names of columns that hold a date, money or an identifier, but not that of a purchase.
OTHER_DATES = re.compile(
    "ship|deliver|dispatch|due|updat|modif|birth|dob|expir|cancel|refund|return|estimat|approv|carrier|limit|regist|"
    "signup|first|last|end|valid|geburt|liefer|versand|envio|livraison|consegna|entrega|nacimiento|naissance"
)
# Money all the same, where no column holds spend.
PROFITS = re.compile(
    "profit|gewinn|benefice|guadagno|ganancia|lucro|winst|zysk|vinst|deckungsbeitrag|(?:margin|marge|margen|margine|marza)"
    "(?!p(?:er)?c|rate|ratio|quote|prozent)"
)
SHORT_NON_SPEND_WORDS = (
    "lat|lon|lng|tax|vat|mwst|tva|iva|fee|rate|tip|age|pct"  # end or begin a name: no basket value is tva
)
NON_SPEND_NUMBER_NAMES = re.compile(
    f"^(?:{SHORT_NON_SPEND_WORDS})|(?:{SHORT_NON_SPEND_WORDS})$|{PROFITS.pattern}|ship|freight|fracht|discount|rabat|rebate|cost|margin|"
    "weight|ratio|percent|score|rating|balance|refund|price"
)
NON_CUSTOMER_ID_NAMES = re.compile(
    "product|item|sku|article|artikel|country|city|state|region|status|payment|channel|category|store|shop|employee|"
    "cashier|seller|vendor|supplier|rep$|currency|gender|zip|postal|segment|method|type|brand|coupon|device|browser"
)
ROLES_THAT_MUST_BE_UNAMBIGUOUS = ("customer_id", "date", "amount")  # a wrong column here makes a wrong log
ROLES_IGNORING_EMPTY_COLUMNS = (
    "order_id",
    "product",
    "product_name",
    "country",
    "channel",
)  # of which an empty column says nothing


@dataclass(frozen=True)
class RoleGuess:
    """A guess of one role's column.

    Attributes
    ----------
    column : str, optional
        None where no column fits, or where several do.
    rivals : tuple of str
        Columns that fit equally well, if there are several.
    other_candidates : tuple of str
        Columns whose names fit too, but less.
    doubts : tuple of str
        Why columns whose names fit are not taken.
    """

    column: str | None = None
    rivals: tuple[str, ...] = ()
    other_candidates: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def has_candidates(self) -> bool:
        """Whether there is a column, or several to choose from."""
        return self.column is not None or bool(self.rivals)


def guess_by_name(role: str, unused: Sequence[str], contents: ColumnSample | None) -> RoleGuess:
    """Guess the column of a role from its name, unless what it holds speaks against it.

    Parameters
    ----------
    role : str
    unused : sequence of str
        Columns without a role.
    contents : ColumnSample, optional

    Returns
    -------
    RoleGuess
        Of several names, the one that is most usual for the role; rivals where nothing in the names decides.
    """
    ranks = {column: rank for column in unused if (rank := rank_name(role, column)) is not None}
    by_export = _find_known_export_column(role, unused)
    if by_export:
        ranks |= {by_export: -1}
    named = sorted(ranks, key=lambda column: (ranks[column], unused.index(column)))
    fitting = [column for column in named if contents is None or contents.could_have_role(role, column)]
    if contents and (len(fitting) > 1 or role in ROLES_IGNORING_EMPTY_COLUMNS):
        fitting = [column for column in fitting if contents.kind(column).name != "nothing"] or (
            [] if role in ROLES_IGNORING_EMPTY_COLUMNS else fitting
        )
    unfit = [column for column in named if column not in fitting]
    doubts = tuple(f"{column} holds {_describe_column(contents, column)}" for column in unfit if contents)
    if not fitting:
        return RoleGuess(doubts=doubts)
    first, *others = fitting
    rivals = tuple(
        c for c in fitting if _is_ambiguous_pair(role, first, c) or (ranks[c] == ranks[first] and c != first)
    )
    if rivals and role in ROLES_THAT_MUST_BE_UNAMBIGUOUS and not (contents and contents.are_equal([first, *rivals])):
        return RoleGuess(rivals=(first, *rivals), doubts=doubts)
    return RoleGuess(
        first,
        other_candidates=tuple(others) if role in (*ROLES_THAT_MUST_BE_UNAMBIGUOUS, "discount") else (),
        doubts=doubts,
    )


def _find_known_export_column(role: str, unused: Sequence[str]) -> str | None:
    names = {normalise_name(column): column for column in unused}
    names_in_export = [
        roles[role] for marker, roles in EXPORT_COLUMNS_BY_MARKER.items() if marker in names and role in roles
    ]
    return names.get(names_in_export[0]) if names_in_export else None


def _is_ambiguous_pair(role: str, first: str, other: str) -> bool:
    """Return whether one is a total and the other sales: nothing in a name says of tax, shipping or discount."""
    names = permutations((usual_name(role, first), usual_name(role, other)))
    return role == "amount" != first and any(one in TOTALS and two in SALES for one, two in names)


def _describe_column(contents: ColumnSample, column: str) -> str:
    kind = contents.kind(column)
    if contents.holds_years(column):
        return f"years such as '{kind.example}', which tell no purchase days"
    kinds = {"date": "dates", "decimal": "numbers with decimals", "whole": "whole numbers", "text": "text"}
    return f"{kinds.get(kind.name, kind.name)} such as '{kind.example}'"


def guess_by_contents(
    by_role: Mapping[str, str],
    named: Mapping[str, str | bool | None],
    guesses: dict[str, RoleGuess],
    unused: Sequence[str],
    contents: ColumnSample,
) -> None:
    """Add guesses of what no name told: dates, money, identifiers that come back, identifiers of one day.

    Parameters
    ----------
    by_role : mapping of role to column
        What the user named.
    named : mapping of role to column
        What the user typed: False where there is no such column.
    guesses : dict of role to RoleGuess
        From names; changed in place.
    unused : sequence of str
        Columns without a role.
    contents : ColumnSample
    """

    def column_of(role: str) -> str | None:
        return by_role.get(role) or guesses[role].column

    def is_missing(role: str) -> bool:
        return role not in by_role and named.get(role) is not False and not guesses[role].has_candidates

    def add(role: str, candidates: Sequence[str], other: re.Pattern[str] | None = None) -> None:
        nonlocal unused
        likely = [c for c in candidates if not (other and other.search(normalise_name(c)))]
        if role == "amount" and not likely:
            likely = [c for c in candidates if PROFITS.search(normalise_name(c))]
        found = likely if likely or role != "date" else candidates
        column, rivals = (found[0], ()) if len(found) == 1 else (None, tuple(found))
        guesses[role] = replace(guesses[role], column=column, rivals=rivals)
        unused = [other for other in unused if other != column]

    if is_missing("date"):
        add("date", [column for column in unused if contents.kind(column).name == "date"], OTHER_DATES)
    if is_missing("amount") and not (column_of("quantity") and column_of("unit_price")):
        add("amount", [column for column in unused if contents.could_be_money(column)], NON_SPEND_NUMBER_NAMES)
    date = column_of("date")
    if is_missing("customer_id"):
        candidates = [column for column in unused if contents.could_be_customer_id(column, date)]
        candidates.sort(key=lambda column: -contents.share_of_returning_values(column, date))
        add("customer_id", _drop_one_to_one_columns(candidates, contents), NON_CUSTOMER_ID_NAMES)
    customer = column_of("customer_id")
    if is_missing("order_id") and customer and date:
        orders = [column for column in unused if contents.could_be_order_id(column, customer, date)]
        guesses["order_id"] = RoleGuess(orders[0]) if len(orders) == 1 else guesses["order_id"]


def prefer_totals_net_of_discount(
    by_role: Mapping[str, str], chosen: dict[str, str], guesses: dict[str, RoleGuess], contents: ColumnSample
) -> None:
    """Take a total that is the sum of other amounts less the discount, which needs no further subtraction then.

    Parameters
    ----------
    by_role : mapping of role to column
        What the user named.
    chosen : dict of role to column
        What was guessed; changed in place, as ``guesses`` is.
    guesses : dict of role to RoleGuess
    contents : ColumnSample
    """
    roles = {**by_role, **chosen}
    if not {"amount", "discount", "customer_id", "date"} <= set(roles) or "discount" not in chosen:
        return
    order = [roles["order_id"]] if "order_id" in roles else [roles["customer_id"], roles["date"]]
    amount, others = roles["amount"], guesses["amount"].other_candidates
    pairs = [(amount, other) for other in others] + [(other, amount) for other in others]
    discount = roles["discount"]
    paid = next((total for part, total in pairs if contents.is_net_of_discount(total, part, discount, order)), None)
    if paid:
        del chosen["discount"]
    if paid and paid != amount:
        chosen["amount"] = paid
        rest = (amount, *(other for other in others if other != paid))
        guesses["amount"] = replace(guesses["amount"], column=paid, other_candidates=rest)


def prefer_total_over_unit_price(
    by_role: Mapping[str, str], chosen: dict[str, str], guesses: dict[str, RoleGuess], contents: ColumnSample
) -> None:
    """Take a total that is the quantity times the guessed amount, which is a unit price then.

    Parameters
    ----------
    by_role : mapping of role to column
        What the user named.
    chosen : dict of role to column
        What was guessed; changed in place, as ``guesses`` is.
    guesses : dict of role to RoleGuess
    contents : ColumnSample
    """
    roles = {**by_role, **chosen}
    if "amount" not in chosen or "quantity" not in roles or "unit_price" in roles:
        return
    price, quantity = chosen["amount"], roles["quantity"]
    others = guesses["amount"].other_candidates
    total = next((other for other in others if contents.is_quantity_times_price(other, quantity, price)), None)
    if total:
        chosen |= {"amount": total, "unit_price": price}
        rest = tuple(other for other in others if other != total)
        guesses["amount"] = replace(guesses["amount"], column=total, other_candidates=rest)


def prefer_net_of_refunds(
    available: Sequence[str], by_role: Mapping[str, str], guesses: dict[str, RoleGuess], contents: ColumnSample
) -> None:
    """Take an amount that is another less what was refunded, from which the refund must not be deducted again.

    Parameters
    ----------
    available : sequence of str
    by_role : mapping of role to column
        What the user named.
    guesses : dict of role to RoleGuess
        Changed in place.
    contents : ColumnSample
    """
    refunded, guess = guesses["refunded"].column, guesses["amount"]
    if refunded is None or not contents.holds_mostly_numbers(refunded):
        return
    named = [by_role["amount"]] if "amount" in by_role else [*guess.rivals, *filter(None, [guess.column])]
    amounts = [column for column in available if rank_name("amount", column) is not None and column != refunded]
    amounts = [column for column in dict.fromkeys([*named, *amounts]) if contents.holds_mostly_numbers(column)]
    pairs = [pair for pair in permutations(amounts, 2) if set(pair) & set(named)]
    net, gross = next((pair for pair in pairs if contents.is_net_of_refund(*pair, refunded)), ("", ""))
    if not net or named == [gross] or not set(guess.rivals) <= {net, gross}:
        return
    guesses["refunded"] = RoleGuess()
    if "amount" not in by_role:
        guesses["amount"] = RoleGuess(net, other_candidates=(gross,))


def _drop_one_to_one_columns(candidates: Sequence[str], contents: ColumnSample) -> list[str]:
    """Keep one of columns that stand for each other, such as an id and a name, the first."""
    kept: list[str] = []
    for column in candidates:
        if not any(contents.are_one_to_one(column, other) for other in kept):
            kept.append(column)
    return kept
