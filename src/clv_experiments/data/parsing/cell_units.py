"""Units that stand in each cell of a column of numbers, such as ``12 pcs`` and ``3.50 EUR/unit``: they are left out."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from ibis.expr.types import Table

from clv_experiments.data.parsing.column_contents import MOST, NUMBER, ColumnSample
from clv_experiments.data.parsing.formats import WHITESPACE, add_cleaned_text_columns

CELL = re.compile(r"([^-+0-9(.,]*)([-+]? ?[0-9][0-9.,'’ \u00a0\u202f]*?)([^-+0-9).,]?[^0-9]*)")
UNIT = re.compile(r"[\w./:@*€$£¢() ]*")  # whose characters mean the same in every engine's patterns
# What changes the size of a number: 5k, 3 dozen, 99 cents, 5 %.
MULTIPLE = re.compile(
    "[km%]|tsd|thousand|mill?(?:ions?|ionen)?|mio|mn|mm|mrd|bn|billions?|dozens?|dz|dutzend|percent|(?:out )?of|"
    "hundreds?|lakhs?|crores?|pairs?|paar",
    re.IGNORECASE,
)
CENTS = re.compile("[cp¢]|cts?|cents?|pence|centimes?|centavos?", re.IGNORECASE)  # only money is in these
PLURALS = ("", "s", "es", "e", "en")
MIN_STEM = 4  # letters that forms of one word share: sztuka, sztuki


@dataclass(frozen=True)
class CellUnits:
    """What stands before and behind the numbers of columns.

    Attributes
    ----------
    patterns : mapping of column to tuple of str
        What is left out of its cells.
    notes : tuple of str
    in_cents : frozenset of str
        Columns whose unit is cents.
    """

    patterns: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]
    in_cents: frozenset[str]

    def strip_units(self, table: Table) -> Table:
        """Leave the units out of a raw table."""
        if not self.patterns:
            return table
        table = add_cleaned_text_columns(table, {column: column for column in self.patterns})
        for column, patterns in self.patterns.items():
            for pattern in patterns:
                table = table.mutate(**{column: table[column].re_replace(pattern, "")})
        return table


def detect_cell_units(columns: Iterable[str], contents: ColumnSample, money: Container[str] = ()) -> CellUnits:
    """Find the columns of text in which most numbers have one and the same unit.

    Parameters
    ----------
    columns : iterable of str
        Columns that should hold numbers.
    contents : ColumnSample
    money : container of str
        Those of them that may be in cents.
    """
    patterns: dict[str, tuple[str, ...]] = {}
    notes, in_cents = [], set()
    for column in columns:
        is_text = contents.kind(column).name == "text"
        units = _find_unit_affixes(column, contents, column in money) if is_text else set()
        if units:
            before, behind = ({unit[side] for unit in units} - {""} for side in (0, 1))
            starts = [f"^(?:{_build_unit_pattern(before)}){WHITESPACE}*"] if before else []
            patterns[column] = (*starts, *([f"{WHITESPACE}*(?:{_build_unit_pattern(behind)})$"] if behind else []))
            quoted = " and ".join(f"'{' … '.join(filter(None, unit))}'" for unit in sorted(units)[:2])
            if any(CENTS.fullmatch(behind) for _, behind in units):
                in_cents.add(column)
            notes.append(f"{quoted} beside the numbers of column '{column}' is left out of them")
    return CellUnits(patterns, tuple(notes), frozenset(in_cents))


def _find_unit_affixes(column: str, contents: ColumnSample, is_money: bool) -> set[tuple[str, str]]:
    """Return what stands before and behind the numbers, if it is one unit."""
    cells = contents.sample[column].dropna().drop_duplicates()
    matches = [CELL.fullmatch(cell) for cell in cells if not NUMBER.search(cell)]
    if len(matches) < MOST * len(cells) or not all(matches):
        return set()
    affixes = {(match[1].strip(), match[3].strip()) for match in matches if match}
    words = [affix for pair in affixes for affix in pair]
    if any(MULTIPLE.fullmatch(word) or not UNIT.fullmatch(word) for word in words):
        return set()
    if any(CENTS.fullmatch(word) for word in words) and not is_money:
        return set()
    starts, ends = ({pair[side] for pair in affixes} for side in (0, 1))
    return affixes if _are_spellings_of_one_unit(starts) and _are_spellings_of_one_unit(ends) else set()


def _are_spellings_of_one_unit(spellings: set[str]) -> bool:
    lower = sorted({spelling.lower().rstrip(". ") for spelling in spellings}, key=len)
    first = lower[0]
    return all(other in [first + end for end in PLURALS] for other in lower) or (
        all(first and other[:MIN_STEM] == first[:MIN_STEM] for other in lower) and len(first) > MIN_STEM
    )


def _build_unit_pattern(units: set[str]) -> str:
    longest_first = sorted(units, key=lambda unit: (-len(unit), unit))
    return "|".join(re.sub("[.*$()]", lambda match: f"[{match[0]}]", unit) for unit in longest_first)
