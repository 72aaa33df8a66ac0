"""Which column says what became of an order: found by its name and by its values."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import ibis
from ibis.expr.types import Table

from clv_experiments.data.parsing.column_messages import quote_for_command_line
from clv_experiments.data.parsing.formats import add_text_column
from clv_experiments.data.parsing.status_flags import StatusFlag, detect_status_flag, is_named_like_status
from clv_experiments.data.parsing.status_values import RowAction, build_status_rules, normalise_status

WORDS = "status|statut|zustand|situacao|estatus|статус|durum|state?ment|状态|狀態|ステータス|状況|상태"
USUAL_NAME = re.compile("|".join(map(normalise_status, WORDS.replace("", "").split("|"))))
OTHER_NAME = re.compile("marital|civil|member|loyalty|stock|inventory|tax|employment|famil|payment(type|method|kind)")
# Columns of these names are a status only if their values say so.
POSSIBLE_NAME = re.compile(
    "(?:type|typ|kind|state|stage|event|eventname|action|operation|outcome|result|art|vorgang|ergebnis|tipo|estado|"
    "stato|etat|resultado|soort|rodzaj|stan|slag|laji|tila|druh|stav|allapot|stare|тип|вид|состояние|类型|類型|種別|区分)"
    "(?:id|code|name)?$|^(?:estado|stato|etat|situacao)"
)
MAX_VALUES = 50  # a status has no more
MAX_CODES = 5  # of one letter, such as S and R, which nothing explains
TEXT = "status text"  # name of a temporary column
RULES = build_status_rules()


@dataclass(frozen=True, eq=False)
class StatusColumn:
    """The column with each row's status.

    Attributes
    ----------
    raw : ibis.Table
        The raw log, in which a flag or a time is replaced by the status that it stands for.
    column : str or None
    notes : tuple of str
        Columns that look like a status and are left aside.
    """

    raw: Table
    column: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _StatusCandidate:
    column: str
    is_usual: bool
    flag: StatusFlag | None
    rows: Mapping[str, int]  # by value

    def rows_with(self, *effects: RowAction) -> int:
        return sum(rows for value, rows in self.rows.items() if RULES.get_action(value) in effects)

    @property
    def has_effect(self) -> bool:
        return self.rows_with(RowAction.DROP, RowAction.NET) > 0

    @property
    def is_certain(self) -> bool:
        return self.flag is None or self.flag.is_certain

    @property
    def is_status(self) -> bool:
        """A usual name, or most rows have a known value; and some are no sale, or both is so."""
        most_known = 2 * self.rows_with(*RowAction) > sum(self.rows.values())
        return self.is_certain and sum((self.is_usual, most_known, self.has_effect)) > 1

    @property
    def looks_like_status(self) -> bool:
        unknown = self.rows_with(*RowAction) < sum(self.rows.values())
        codes = len(self.rows) <= MAX_CODES and all(len(value) == 1 for value in self.rows)
        return self.has_effect or not self.is_certain or ((self.is_usual or codes) and unknown and len(self.rows) > 1)


def find_status_column(raw: Table, used: Container[str], named: str | bool | None) -> StatusColumn:
    """Find the column with each row's status.

    Parameters
    ----------
    raw : ibis.Table
    used : container of str
        Columns that play another role.
    named : str, bool or None
        What the user typed: a column, False for none, None to guess.

    Returns
    -------
    StatusColumn
    """
    if named is False:
        return StatusColumn(raw)
    free = [str(named)] if named else [column for column in raw.columns if column not in used]
    flags = {column: flag for column in free if (flag := detect_status_flag(raw, column))}
    raw = raw.mutate(**{column: flag.to_text() for column, flag in flags.items()}) if flags else raw
    if named:
        return StatusColumn(raw, str(named))
    names = [column for column in free if column in flags or _may_be_status_by_name(raw, column)]
    candidates = [_build_status_candidate(raw, column, flags.get(column)) for column in names]
    candidates = [candidate for candidate in candidates if 0 < len(candidate.rows) <= MAX_VALUES]
    matches = [candidate for candidate in candidates if candidate.is_status]
    if not matches:
        unused = [candidate for candidate in candidates if candidate.looks_like_status]
        return StatusColumn(raw, None, tuple(map(_describe_unused_column, unused)))
    chosen = min(matches, key=lambda candidate: (not candidate.has_effect, not candidate.is_usual))
    others = [candidate for candidate in candidates if candidate is not chosen and candidate.looks_like_status]
    further = [candidate for candidate in others if candidate.flag and candidate.is_certain]
    notes = [_describe_flag_also_applied(candidate, chosen) for candidate in further]
    notes += [_describe_unused_column(candidate) for candidate in others if candidate not in further]
    return StatusColumn(_combine_with_flags(raw, chosen, further), chosen.column, tuple(notes))


def _combine_with_flags(raw: Table, chosen: _StatusCandidate, flags: Sequence[_StatusCandidate]) -> Table:
    """Write what further flags say into the status of rows that are sales by it."""
    if not flags:
        return raw
    status, says = raw[chosen.column], ibis.coalesce(*(raw[flag.column] for flag in flags))
    no_sales = [value for value in chosen.rows if RULES.get_action(value) in (RowAction.DROP, RowAction.NET)]
    is_sale = ~status.isin(no_sales).fill_null(False) if no_sales else ibis.literal(True)
    return raw.mutate(**{chosen.column: ibis.ifelse(is_sale, ibis.coalesce(says, status), status)})


def _may_be_status_by_name(raw: Table, column: str) -> bool:
    name, kind = normalise_status(column), raw[column].type()
    fits = USUAL_NAME.search(name) or POSSIBLE_NAME.search(name) or is_named_like_status(column)
    return (kind.is_string() or kind.is_integer()) and bool(fits) and not OTHER_NAME.search(name)


def _build_status_candidate(raw: Table, column: str, flag: StatusFlag | None) -> _StatusCandidate:
    table = add_text_column(raw.select(column), column, TEXT)
    counts = table.filter(table[TEXT].notnull()).group_by(TEXT).agg(rows=lambda t: t.count())
    rows = counts.order_by(TEXT).limit(MAX_VALUES + 1).to_pyarrow().to_pylist()
    usual = USUAL_NAME.search(normalise_status(column)) is not None
    return _StatusCandidate(column, usual, flag, {row[TEXT]: row["rows"] for row in rows})


def _describe_flag_also_applied(candidate: _StatusCandidate, chosen: _StatusCandidate) -> str:
    [(status, rows)] = candidate.rows.items()
    return (
        f"column '{candidate.column}' says of {rows:,} row(s) that they are no sales either: '{status}' "
        f"is their status (data.columns.status={quote_for_command_line(chosen.column)} leaves it aside)"
    )


def _describe_unused_column(candidate: _StatusCandidate) -> str:
    values = sorted(candidate.rows, key=lambda value: (-candidate.rows[value], value))
    examples = ", ".join(f"'{value}' {candidate.rows[value]:,}" for value in values[:4]) + ", ..." * (len(values) > 4)
    unknown = [value for value in values if RULES.get_action(value) is None]
    drop = f" \"data.cleaning.status.drop=['{unknown[-1]}']\"" if unknown else ""
    return (
        f"column '{candidate.column}' looks like a status ({examples}) and is left aside: if it says which rows are no "
        f"sales, type data.columns.status={quote_for_command_line(candidate.column)}{drop}"
    )
