"""Ids that stand for many people, such as 0 or guest: nobody's purchases add up to a customer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table

from clv_experiments.data.cleaning.checks import check_choice
from clv_experiments.data.cleaning.report import Step, StepResult
from clv_experiments.data.parsing.cells import aggregate_row
from clv_experiments.errors import ClvError

WORDS = (
    "guest", "guests", "guest user", "guest customer", "guest checkout", "anonymous", "anonym", "anon", "unknown",
    "unknown customer", "not set", "not available", "not provided", "undefined", "no customer", "no user", "no id",
    "walk in", "walk in customer", "cash customer", "cash sale", "counter sale", "one time customer", "default",
    "default customer", "dummy", "dummy customer", "test customer", "misc", "various", "final consumer", "gast",
    "gastkunde", "gastbestellung", "unbekannt", "laufkunde", "laufkundschaft", "barkunde", "barverkauf", "diverse",
    "cpd", "invité", "invite", "anonyme", "inconnu", "client comptoir", "invitado", "anónimo", "anonimo", "desconocido",
    "publico general", "consumidor final", "cliente final", "ospite", "sconosciuto", "convidado", "desconhecido",
    "onbekend", "anoniem", "gość", "nieznany", "gäst", "okänd", "gjest", "ukjent", "gæst", "ukendt", "vieras",
    "tuntematon", "neznámý", "гость", "неизвестно",
)  # fmt: skip
NIL_UUID = "00000000-0000-0000-0000-000000000000"
SYMBOLS = (NIL_UUID, "-", "--", "---", ".", "?", "??", "#", "*", "x", "xx", "xxx", "xxxx")
MAILBOXES = ("guest@", "noemail@", "no-email@", "nomail@", "none@", "anonymous@", "unknown@", "test@", "na@", "dummy@")
NUMBERS = ("-1", *("0" * n for n in range(1, 13)), *("9" * n for n in range(4, 13)))  # somebody may well have this id
MANY_TIMES = 3  # the next largest: so much is nobody's own
TOTALS = (
    "total", "totals", "grandtotal", "subtotal", "subtotals", "sum", "summe", "gesamt", "gesamtsumme", "endsumme",
    "zwischensumme", "totalgeneral", "totalgénéral", "soustotal", "somme", "totale", "totaal", "suma", "razem", "итого",
)  # fmt: skip
MAX_TOTALS, CENT = 3, 0.011  # of one row: subtotals, totals of these and a grand total may all be called alike
MIN_ROWS = 10
MIN_EMAILS, MANY_EMAILS = 3, 10  # of one id
MAX_SUSPECT_IDS = 100  # that are looked at
PEERS = 30  # other ids that suspects are compared with first
SIZES = ("rows", "days", "amount")


def guests(policy: str = "auto", ids: Sequence[str | int] = ()) -> Step:
    """Treat ids that stand for many people, such as ``guest``, as missing; e-mail addresses identify them, if any.

    A word for nobody is one; a number such as 0 or 99999, or a mailbox such as test@, is one if it has several e-mail
    addresses, or three times the spend, rows or days of any other id. Rows without an e-mail address lose their
    customer, and rows without a customer get their e-mail address. A row of totals, whose amount is the sum of all
    others, is nobody's either. Who somebody is, unlike what they bought, may be told by all rows: no amount and no day
    changes.

    Parameters
    ----------
    policy : {"auto", "keep"}
        ``keep`` takes all ids for customers, except those in ``ids``.
    ids : sequence of str or int
        Further ids that stand for many.

    Raises
    ------
    ClvError
        If the policy is unknown. When applied: if no row has one of the ids.
    """
    check_choice(policy, ("auto", "keep"), "guests.policy")
    typed = [str(value) for value in ([ids] if isinstance(ids, str | int) else ids)]

    def apply(t: Table, ids: Table) -> StepResult:
        candidates = _find_guest_id_candidates(ids, typed, policy)
        peers = _sample_other_customers(ids, candidates) if candidates else []
        sizes = _summarise_customers(t, [*candidates, *peers]) if candidates else []
        suspects = [row for row in sizes if row["customer_id"] in candidates]
        if missing := sorted(set(typed) - {row["customer_id"] for row in suspects}):
            raise ClvError(f"no row has the customer '{missing[0]}' (data.cleaning.guests.ids)")
        totals = _find_total_rows(t, suspects)
        sure = [*typed, *(row["customer_id"] for row in totals)]
        doubtful = [
            row
            for row in suspects
            if row["customer_id"] not in sure and not _is_certain_placeholder_id(row["customer_id"])
        ]
        others = _largest_sizes([row for row in sizes if row["customer_id"] in peers])
        if not all(_is_at_most_as_large(row, others) for row in doubtful):
            others = _largest_sizes_of_others(t, [row["customer_id"] for row in suspects])
        cleared = [row for row in doubtful if not _is_shared_id(row, others)]
        confirmed = [row for row in suspects if row not in cleared]
        notes = [
            _describe_largest_customer(row["customer_id"]) for row in cleared if _is_largest_in_any_size(row, others)
        ]
        notes += (
            _describe_other_ids_with_many_emails(t, [row["customer_id"] for row in suspects])
            if policy == "auto"
            else []
        )
        without_id = _count_rows_with_only_email(t) if policy == "auto" and "email" in t.columns else {"rows": 0}
        if not confirmed and not without_id["rows"]:
            return StepResult(t, tuple(notes))
        notes = [
            *(_describe_total_customer(row) if row in totals else _describe_guest_id(row) for row in confirmed),
            *([_describe_rows_identified_by_email(without_id)] if without_id["rows"] else []),
            *notes,
        ]
        t = _replace_ids_with_email_or_null(t, [row["customer_id"] for row in confirmed])
        if without_id["rows"]:
            t = t.mutate(customer_id=t.customer_id.fill_null(t.email.lower()))
        return StepResult(t, tuple(notes))

    return Step("guests", apply, takes_customer_ids=True)


CUSTOMER_WORD_PREFIX = "^(?:customer|cliente|client|kunde|klant|klient|kund|usuario|user|utente|buyer|acheteur)"
WORDS_WITHOUT_SPACES = tuple(word.replace(" ", "") for word in WORDS)
BRACKETS = ("()", "<>", "[]")  # that may stand around a word


def _is_certain_placeholder_id(customer_id: str) -> bool:
    lower = customer_id.lower()
    bare = _remove_separators(lower)
    bare = bare[1:-1] if bare[:1] + bare[-1:] in BRACKETS else bare
    return (
        lower in SYMBOLS
        or bare in WORDS_WITHOUT_SPACES
        or re.sub(CUSTOMER_WORD_PREFIX, "", bare) in WORDS_WITHOUT_SPACES
    )


def _remove_separators(lower: str) -> str:
    return re.sub("[ _-]", "", lower)


def _find_total_rows(t: Table, suspects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those that are called totals and come to the sum of all other rows, once or a few times."""
    totals = [row for row in suspects if _remove_separators(row["customer_id"].lower()) in TOTALS and row["amount"]]
    if not totals:
        return []
    has_customer = t.customer_id.notnull()
    others = t.filter(~(has_customer & t.customer_id.isin([row["customer_id"] for row in totals])))
    with_customer = others.amount.sum(where=others.customer_id.notnull())
    sums = aggregate_row(others, rows=others.amount.sum(), with_customer=with_customer)
    values = [float(value) for value in sums.values() if value]
    tolerated = {times * value for value in values for times in range(1, MAX_TOTALS + 1)}
    return [row for row in totals if any(abs(float(row["amount"]) - value) < CENT for value in tolerated)]


def _find_guest_id_candidates(ids: Table, typed: Sequence[str], policy: str) -> list[str]:
    """Return the ids that the user named, or that look like nobody's."""
    candidates = ids.filter(ids.customer_id.isin(typed)) if typed else ids.limit(0)
    if policy == "auto":
        # Most ids have other digits than 0 and 9, and are not compared with words at all.
        unusual = ids.mutate(lower=ids.customer_id.lower())
        unusual = unusual.filter(~unusual.lower.re_search("^[^@]*[1-8]") | (unusual.lower == "-1")).cache()
        candidates = candidates.union(unusual.filter(_may_be_placeholder_id(unusual.lower)).select("customer_id"))
    return sorted(set(candidates.limit(MAX_SUSPECT_IDS).to_pyarrow()["customer_id"].to_pylist()))


def _may_be_placeholder_id(lower: StringValue) -> BooleanValue:
    condition = lower.isin([*SYMBOLS, *NUMBERS])
    bare = lower.replace(" ", "").replace("_", "").replace("-", "")
    in_brackets = (bare.left(1) + bare.right(1)).isin(BRACKETS)
    bare = ibis.ifelse(in_brackets, bare.substr(1, bare.length() - 2), bare)
    condition |= bare.isin([*WORDS_WITHOUT_SPACES, *TOTALS]) | bare.re_replace(CUSTOMER_WORD_PREFIX, "").isin(
        WORDS_WITHOUT_SPACES
    )
    for mailbox in MAILBOXES:
        condition |= lower.startswith(mailbox)
    return condition


def _summarise_customers(t: Table, ids: Sequence[str]) -> list[dict[str, Any]]:
    t = t.filter(t.customer_id.isin(ids))
    emails = t.email.lower().nunique() if "email" in t.columns else ibis.literal(0)
    table = t.group_by("customer_id").agg(
        rows=t.count(), days=t.date.nunique(), amount=t.amount.sum(), emails=emails.cast("int64")
    )
    return table.order_by("customer_id").to_pyarrow().to_pylist()


def _largest_sizes_of_others(t: Table, suspects: Sequence[str]) -> dict[str, Any]:
    """Return the most rows, days and spend of any other customer."""
    days = t.group_by("customer_id", "date").agg(rows=t.count(), amount=t.amount.sum())
    others = days.filter(days.customer_id.notnull() & ~days.customer_id.isin(suspects))
    each = others.group_by("customer_id").agg(
        rows=others.rows.sum(), days=others.date.count(), amount=others.amount.sum()
    )
    return aggregate_row(each, rows=each.rows.max(), days=each.days.max(), amount=each.amount.max())


def _sample_other_customers(ids: Table, suspects: Sequence[str]) -> list[str]:
    """List some other customers: most often one of them is larger than any suspect, and no other needs to be read."""
    peers: list[str] = (
        ids.order_by("customer_id").limit(MAX_SUSPECT_IDS + PEERS).to_pyarrow()["customer_id"].to_pylist()
    )
    return [peer for peer in peers if peer not in suspects][:PEERS]


def _largest_sizes(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {size: max((row[size] or 0 for row in rows), default=0) for size in SIZES}


def _is_at_most_as_large(row: dict[str, Any], others: dict[str, Any]) -> bool:
    return all((row[size] or 0) <= others[size] for size in SIZES)


def _ratio_to_largest_other(row: dict[str, Any], others: dict[str, Any]) -> float:
    return max(float(row[size] or 0) / float(others[size]) if (others[size] or 0) > 0 else 0.0 for size in SIZES)


def _is_shared_id(row: dict[str, Any], others: dict[str, Any]) -> bool:
    return row["emails"] >= MIN_EMAILS or (
        row["rows"] >= MIN_ROWS and _ratio_to_largest_other(row, others) >= MANY_TIMES
    )


def _is_largest_in_any_size(row: dict[str, Any], others: dict[str, Any]) -> bool:
    return row["rows"] >= MIN_ROWS and _ratio_to_largest_other(row, others) > 1


def _replace_ids_with_email_or_null(t: Table, ids: Sequence[str]) -> Table:
    email = t.email.lower() if "email" in t.columns else ibis.null("string")
    return t.mutate(customer_id=ibis.ifelse(t.customer_id.isin(ids), email, t.customer_id))


def _count_rows_with_only_email(t: Table) -> dict[str, int]:
    t = t.filter(t.customer_id.isnull() & t.email.notnull())
    return aggregate_row(t, rows=t.count(), emails=t.email.lower().nunique())


def _describe_rows_identified_by_email(counts: dict[str, int]) -> str:
    return (
        f"{counts['rows']:,} row(s) without a customer count for {counts['emails']:,} people by their e-mail addresses "
        "(data.columns.email=false leaves them out)"
    )


def _describe_guest_id(row: dict[str, Any]) -> str:
    fate = (
        f"its rows count for {row['emails']:,} people by their e-mail addresses, and those without one for nobody"
        if row["emails"]
        else f"its {row['rows']:,} row(s) count as rows without a customer"
    )
    keep = "(data.cleaning.guests.policy=keep takes it for one customer)"
    return f"customer '{row['customer_id']}' stands for many: {fate} {keep}"


def _describe_total_customer(row: dict[str, Any]) -> str:
    return (
        f"customer '{row['customer_id']}' is the total of all other rows: its {row['rows']:,} row(s) count as rows "
        "without a customer (data.cleaning.guests.policy=keep takes it for one)"
    )


def _describe_largest_customer(customer_id: str) -> str:
    return (
        f"customer '{customer_id}' is the largest of all: if it stands for many, type "
        f"\"data.cleaning.guests.ids=['{customer_id}']\""
    )


def _describe_other_ids_with_many_emails(t: Table, excluded: Sequence[str]) -> list[str]:
    """Name ids, other than those already found, that have many e-mail addresses."""
    if "email" not in t.columns:
        return []
    t = t.filter(t.customer_id.notnull())
    each = t.group_by("customer_id").agg(emails=t.email.lower().nunique())
    shared = each.filter(each.emails > MANY_EMAILS)
    shared = shared.filter(~shared.customer_id.isin(excluded)) if excluded else shared
    return [
        f"customer '{row['customer_id']}' has {row['emails']:,} e-mail addresses: if it stands for many, type "
        f"\"data.cleaning.guests.ids=['{row['customer_id']}']\""
        for row in shared.order_by(ibis.desc("emails"), "customer_id").limit(3).to_pyarrow().to_pylist()
    ]
