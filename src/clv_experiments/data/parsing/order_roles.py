"""Roles that are found by more than a usual name: an order's status, what was refunded of it, and an e-mail address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ibis.expr.types import Table

from clv_experiments.data.parsing.column_contents import ColumnSample
from clv_experiments.data.parsing.column_messages import quote_for_command_line
from clv_experiments.data.parsing.columns import ColumnRoles
from clv_experiments.data.parsing.status_column import find_status_column
from clv_experiments.data.parsing.status_flags import detect_status_flag
from clv_experiments.data.parsing.status_values import normalise_status
from clv_experiments.errors import ClvError

EMAIL_NAME = re.compile("e?mail(?:address|adresse)?$|^(?:courriel|correo)|^email")
NO_EMAIL_NAME = re.compile("optin|consent|accept|domain|sent|campaign|seller|supplier|staff|marketing|ship|recipient")
NET_NAME = re.compile("^(?:total)?(?:net|netto)(?!werk|work)|net(?:to)?$")  # of tax, or of refunds


def find_status_email_refund_columns(
    raw: Table, roles: ColumnRoles, named: Mapping[str, str | bool | None], contents: ColumnSample, log: str
) -> tuple[Table, ColumnRoles, tuple[str, ...]]:
    """Find the columns of ``status`` and ``email``, and check that a guessed ``refunded`` holds amounts.

    Parameters
    ----------
    raw : ibis.Table
    roles : ColumnRoles
        By usual names.
    named : mapping of role to column
        What the user typed; None leaves it to a guess, False means that there is none.
    contents : ColumnSample
        What the columns hold.
    log : str
        Name of the log, for messages.

    Returns
    -------
    ibis.Table
        The raw log; a status column of flags holds what they say.
    ColumnRoles
    tuple of str
        Notes on columns that look like a status or a refund and are left aside.

    Raises
    ------
    ClvError
        If an amount may be what was left after the refund, and no row tells.
    """
    by_role = {role: column for role, column in roles.by_role.items() if role != "status" or named.get("status")}
    if "refunded" in roles.guessed and detect_status_flag(raw, by_role["refunded"]):
        del by_role["refunded"]
    refund_notes: tuple[str, ...] = ()
    is_guess = "refunded" in by_role and "refunded" in roles.guessed and "amount" in by_role
    if is_guess and _is_left_after_refund(by_role, contents, log):
        refunded = by_role.pop("refunded")
        refund_notes = (
            f"{refunded} is not deducted from {by_role['amount']}, which is 0 where all was refunded "
            f"(data.columns.refunded={quote_for_command_line(refunded)} deducts it)",
        )
    status = find_status_column(raw, set(by_role.values()), named.get("status"))
    if status.column:
        by_role["status"] = status.column
    email = _find_separate_email_column(raw, by_role) if named.get("email") is None and "email" not in by_role else None
    if email:
        by_role["email"] = email
    guessed = tuple(role for role in by_role if role in roles.guessed or not named.get(role))
    return status.raw, replace(roles, by_role=by_role, guessed=guessed), (*refund_notes, *status.notes)


def _is_left_after_refund(by_role: Mapping[str, str], contents: ColumnSample, log: str) -> bool:
    """Return whether amounts are what a refund left of them: 0, and not the refund, where all was given back."""
    amount, refunded = by_role["amount"], by_role["refunded"]
    refunds = contents.numbers(refunded).abs()
    refunds = refunds[refunds > 0]
    if "order_id" in by_role:  # the refund of an order may stand on each of its lines
        refunds = refunds[~contents.sample[by_role["order_id"]].duplicated(keep=False).reindex(refunds.index)]
    amounts = contents.numbers(amount).reindex(refunds.index)
    if (amounts == 0).any():
        return True
    is_told = refunds.empty or (amounts == refunds).any()
    if not is_told and NET_NAME.search(normalise_status(amount)):
        raise ClvError(
            f"column '{amount}' of log '{log}' may be what the refunds in '{refunded}' left, or was paid before, and "
            "no row tells: type data.columns.refunded=false if they are deducted already, or "
            f"data.columns.refunded={quote_for_command_line(refunded)} to deduct them"
        )
    return False


def _find_separate_email_column(raw: Table, by_role: Mapping[str, str]) -> str | None:
    """Return the first column of e-mail addresses, which only helps where the customers are known by something else."""
    if EMAIL_NAME.search(normalise_status(by_role["customer_id"])):
        return None
    names = {column: normalise_status(column) for column in raw.columns if column not in by_role.values()}
    return next(
        (
            column
            for column, name in names.items()
            if EMAIL_NAME.search(name) and not NO_EMAIL_NAME.search(name) and raw[column].type().is_string()
        ),
        None,
    )
