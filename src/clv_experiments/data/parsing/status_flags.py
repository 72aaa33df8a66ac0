"""Columns named like a status, such as is_cancelled or Cancelled at: flags and times that set rows apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

import ibis
from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.parsing.status_values import REVERSAL, USUAL_EFFECTS, Effect, normalise_status

SUBJECTS = "order|payment|transaction|sale|invoice|item|line"  # of which it is said: order_cancelled, payment_success
NAME = re.compile(f"^(?:is|was|has|ist)?(?:{SUBJECTS})?(?:is|was|has)?(.+?)(flag|yn|at|on|date|datum|utc)?$")
UNPAID = {  # where false
    "paid": "unpaid", "captured": "uncaptured", "succeeded": "failed", "successful": "failed", "success": "failed",
    "complete": "incomplete", "completed": "incomplete",
}  # fmt: skip
TRUE_CELLS, FALSE_CELLS = (
    ("true", "t", "1", "yes", "y", "x", "ja", "oui", "o", "si", "sí", "s", "sim", "tak", "да", "wahr", "vrai", "vero"),
    ("false", "f", "0", "no", "n", "nein", "non", "não", "nao", "nie", "нет", "falsch", "faux", "falso"),
)
MAX_VALUES = 50  # distinct ones that are looked at


@dataclass(frozen=True, eq=False)
class StatusFlag:
    """What a column of true and false, or of times, says of the sale.

    Attributes
    ----------
    status : str
        Of the rows that it sets apart, such as ``cancelled``.
    rows : ibis boolean column
    is_time : bool
        Whether it holds times: those of a customer's cancelled subscription look the same as those of cancelled orders.
    """

    status: str
    rows: BooleanValue
    is_time: bool = False

    def to_text(self) -> ibis.expr.types.StringValue:
        """Write the status into each row; null where it is none."""
        return ibis.ifelse(self.rows.fill_null(False), self.status, None).cast("string")


def find_flag(raw: Table, column: str) -> StatusFlag | None:
    """Return what a column says if it is named like a status and holds flags or times; else None."""
    status = status_in_name(column)
    if status is None:
        return None
    kind = raw[column].type()
    if kind.is_boolean():
        return _flag(status, raw[column], ~raw[column])
    if kind.is_temporal():
        return _time(status, raw[column].notnull())
    if not (kind.is_string() or kind.is_integer()):
        return None
    text = raw[column].cast("string").strip().lower().nullif("")
    values = set(raw.select(value=text).distinct().limit(MAX_VALUES).to_pyarrow()["value"].to_pylist()) - {None}
    if values and values <= {*TRUE_CELLS, *FALSE_CELLS}:
        return _flag(status, text.isin(TRUE_CELLS), text.isin(FALSE_CELLS))
    if values and all(re.match("[0-9]+[-/.][0-9]+[-/.][0-9]", value) for value in values):
        return _time(status, text.notnull())
    return None


def status_in_name(column: str) -> str | None:
    """Return what a column is named after: a status that is no sale, or one whose absence is none; else None."""
    name = normalise_status(column)
    match = NAME.match(name)
    return next((s for s in (name, match[1] if match else "") if s in UNPAID or _is_no_sale(s)), None)


def _is_no_sale(status: str) -> bool:
    return USUAL_EFFECTS.get(status) in (Effect.DROP, Effect.NET)


def _flag(status: str, is_true: BooleanValue, is_false: BooleanValue) -> StatusFlag:
    return StatusFlag(UNPAID[status], is_false) if status in UNPAID else StatusFlag(status, is_true)


def _time(status: str, filled: BooleanValue) -> StatusFlag | None:
    is_lost = USUAL_EFFECTS.get(status) is Effect.DROP and (
        REVERSAL.search(status) or status.startswith(("void", "delet"))
    )
    return StatusFlag(status, filled, is_time=True) if is_lost else None
