"""Roles that are found by more than a usual name: an order's status, what was refunded of it, and an e-mail address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ibis.expr.types import Table

from clv_experiments.data.parsing.columns import ColumnRoles
from clv_experiments.data.parsing.status_column import find_status
from clv_experiments.data.parsing.status_flags import find_flag
from clv_experiments.data.parsing.status_values import normalise_status

EMAIL_NAME = re.compile("e?mail(?:address|adresse)?$|^(?:courriel|correo)|^email")
NO_EMAIL_NAME = re.compile("optin|consent|accept|domain|sent|campaign|seller|supplier|staff|marketing|ship|recipient")


def add_order_roles(
    raw: Table, roles: ColumnRoles, named: Mapping[str, str | bool | None]
) -> tuple[Table, ColumnRoles, tuple[str, ...]]:
    """Find the columns of ``status`` and ``email``, and check that a guessed ``refunded`` holds amounts.

    Parameters
    ----------
    raw : ibis.Table
    roles : ColumnRoles
        By usual names.
    named : mapping of role to column
        What the user typed; None leaves it to a guess, False means that there is none.

    Returns
    -------
    ibis.Table
        The raw log; a status column of flags holds what they say.
    ColumnRoles
    tuple of str
        Notes on columns that look like a status and are left aside.
    """
    by_role = {role: column for role, column in roles.by_role.items() if role != "status" or named.get("status")}
    if "refunded" in roles.guessed and find_flag(raw, by_role["refunded"]):
        del by_role["refunded"]
    status = find_status(raw, set(by_role.values()), named.get("status"))
    if status.column:
        by_role["status"] = status.column
    email = _find_email(raw, by_role) if named.get("email") is None and "email" not in by_role else None
    if email:
        by_role["email"] = email
    guessed = tuple(role for role in by_role if role in roles.guessed or not named.get(role))
    return status.raw, replace(roles, by_role=by_role, guessed=guessed), status.notes


def _find_email(raw: Table, by_role: Mapping[str, str]) -> str | None:
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
