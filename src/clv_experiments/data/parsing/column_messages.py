"""What is said where a column is not there, or its role is open: which could be meant, and what to type."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from clv_experiments.data.parsing.column_contents import ColumnSample
from clv_experiments.data.parsing.role_guesses import RoleGuess
from clv_experiments.data.parsing.role_names import normalise_name

MAX_LISTED = 20  # columns in a message


def describe_open_role(role: str, guess: RoleGuess, by_role: Mapping[str, str], log: str, first: bool) -> str:
    """Say why the column of a role is not known: several could be it, or none."""
    if guess.rivals:
        owner = f"the {role} of log '{log}'" if first else f"its {role}"
        return f"{owner} could be any of {', '.join(guess.rivals)}"
    owner = f"log '{log}'" if first else "it"
    if role == "quantity":
        return f"{owner} has a unit_price, {by_role['unit_price']}, but neither quantity nor amount"
    if role == "amount" and "quantity" in by_role:
        return f"{owner} has a quantity but neither amount nor unit_price"
    doubts = f" ({'; '.join(guess.doubts)})" if guess.doubts else ""
    return (f"no column of log '{log}' looks like its {role}" if first else f"none like its {role}") + doubts


def format_column_choices(
    role: str, guess: RoleGuess, free: Sequence[str], listed: Sequence[str], contents: ColumnSample | None
) -> str:
    """Write what may be typed for a role: the one column that it could be, or those to choose from."""
    choices = guess.rivals[:1] or [
        column for column in free if contents is None or contents.could_have_role(role, column)
    ]
    if len(choices) == 1:
        return quote_for_command_line(choices[0])
    return f"<one of {_list_columns(choices or listed)}>" if choices or listed else ""


def list_alternatives_to_naming_column(
    by_role: Mapping[str, str], guesses: Mapping[str, RoleGuess], free: Sequence[str], missing: Sequence[str]
) -> list[str]:
    """List what else than a column may be typed, or changed, where roles of money are ``missing``."""
    date, alternatives = guesses["date"], list[str]()
    if "date" not in by_role:
        alternatives += ["write its dates like 2020-12-31"] if date.doubts else []
        parts = "data.columns.date=[year,month,day] with the columns that it stands in"
        alternatives += [parts] if len(free) > 2 and not date.rivals else []
    if guesses["amount"].rivals:
        return alternatives
    if "quantity" in missing:
        alternatives += [
            f"data.columns.amount={quote_for_command_line(by_role['unit_price'])} if that is what was paid"
        ]
    if "amount" not in missing:
        return alternatives
    priced = "data.columns.unit_price=<one of them> if that is the price of one unit"
    alternatives += ["name a quantity and a unit_price" if "quantity" not in by_role else priced] if free else []
    return [*alternatives, "data.columns.amount=false for a log without money"]


def quote_for_command_line(column: str) -> str:
    """Write a column's name the way it must be typed on the command line."""
    plain = re.fullmatch(r"[A-Za-z_][\w.-]*|[0-9]+", column, re.ASCII)
    return column if plain and column.lower() not in ("true", "false", "null", "nan", "inf") else f"\"'{column}'\""


def suggest_columns(column: object, available: Sequence[str]) -> str:
    """Name the columns that are written much like the one that is not there, or else all."""
    originals = {normalise_name(name): name for name in available}
    matches = get_close_matches(normalise_name(str(column)), list(originals), n=3, cutoff=0.5)
    near = [originals[name] for name in matches]
    return f"did you mean {' or '.join(near)}?" if near else f"it has {_list_columns(available)}"


def _list_columns(available: Sequence[str]) -> str:
    more = f" and {len(available) - MAX_LISTED} more" if len(available) > MAX_LISTED else ""
    return ", ".join(available[:MAX_LISTED]) + more
