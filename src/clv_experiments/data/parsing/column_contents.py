"""What the columns of a raw log hold, judged by its first rows or by rows from all of it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import ibis
import pandas as pd
from ibis.expr.types import Table

from clv_experiments.data.parsing.date_layouts import (
    CALENDAR_DATE,
    CLOCK,
    COMPACT_LAYOUTS,
    DAY_OF_YEAR_LAYOUTS,
    EITHER_ORDER,
    END,
    OTHER_CHARACTERS,
    PART_ORDER_BY_DATE_PATTERN,
    PERIOD_LAYOUTS,
    PLAIN_CHARACTERS,
    TWO_DIGIT_YEAR_FIRST,
    WEEK_LAYOUTS,
    WEEKDAY,
    ZONE,
)
from clv_experiments.data.parsing.formats import EMPTY_CELLS, amount_pattern

SAMPLE_ROWS = 10_000
POSITION = "row: position"  # name of a temporary column
MAX_CELLS = 200  # distinct ones of a column, that patterns are tried on
MAX_LENGTH = 200  # characters of each of them
MOST = 0.9
PERIODS = (pattern for patterns in PERIOD_LAYOUTS.values() for pattern in patterns)
DATE = re.compile(
    "|".join(
        (
            f"^{CALENDAR_DATE}{END}",
            *PART_ORDER_BY_DATE_PATTERN,
            *PERIODS,
            *WEEK_LAYOUTS,
            *DAY_OF_YEAR_LAYOUTS,
            EITHER_ORDER,
            TWO_DIGIT_YEAR_FIRST,
        )
    ),
    re.IGNORECASE,
)
WEEKDAY_REGEX = re.compile(WEEKDAY, re.IGNORECASE)
PLAIN_CHARACTER_TRANSLATION = str.maketrans(OTHER_CHARACTERS, PLAIN_CHARACTERS)
CLOCK_TIME = re.compile(f"{CLOCK}{ZONE}?", re.IGNORECASE)
YYMMDD_DATE = re.compile("|".join(COMPACT_LAYOUTS["yymmdd"]))
YYYYMMDD_DATE = re.compile("(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[.]0)?")  # 20201231
NUMBER = re.compile(f"{amount_pattern('.')}|{amount_pattern(',')}|^[+-]?[0-9.]+[eE][+-]?[0-9]+$")
WHOLE = re.compile("[+-]?[0-9]+(?:[.]0?)?")  # 17850.0 too, but no 30.00
SERIAL_DATES = (20_000, 80_000)  # days since 1900, as spreadsheets count: 1954 to 2119
YYYYMM_RANGE = (190_001, 210_012)  # 202001
YYYYMMDD_RANGE = (19_000_101, 21_001_231)  # 20200131
YYYYDDD_RANGE = (1_900_001, 2_100_366)  # the day of the year
BUDDHIST_RANGE = (24_430_101, 26_431_231)  # 25650131
YEARS = (1900, 2100)
MIN_EPOCH_SECONDS = 10**8  # seconds since 1970, from 1973 on; smaller ones are no date of a purchase
MIN_ONES, MAX_UNITS = 0.2, 1_000  # of a quantity
MIN_SUMS, CENT = 5, 0.011  # orders whose sums are compared, and what rounding makes of each of their lines
MIN_CATEGORY_ROWS, MAX_CATEGORIES = 200, 12  # so few values in so many rows are kinds, not customers


@dataclass(frozen=True)
class ColumnKind:
    """What most filled cells of a column are: ``date``, ``decimal``, ``whole``, ``text``, ``nothing`` or ``other``."""

    name: str
    example: str = ""

    @property
    def is_mostly_numbers(self) -> bool:
        """Whether most cells are numbers, with or without decimals."""
        return self.name in ("decimal", "whole")


class ColumnSample:
    """The first rows of a raw log as text; they are fetched once, and only if a type does not tell.

    Parameters
    ----------
    raw : ibis.Table
    spread : bool
        Take every so many rows of the whole log instead, which costs a pass over it.
    """

    def __init__(self, raw: Table, *, spread: bool = False) -> None:
        self.raw = raw
        self.spread = spread
        self._kinds: dict[str, ColumnKind] = {}

    @cached_property
    def sample(self) -> pd.DataFrame:
        """At most ``SAMPLE_ROWS`` rows: text without surrounding blanks, None where a cell is empty."""
        flat = [name for name, kind in self.raw.schema().items() if not (kind.is_nested() or kind.is_binary())]
        chosen = _sample_rows_evenly(self.raw.select(*flat)) if self.spread else self.raw.select(*flat)
        rows = chosen.limit(SAMPLE_ROWS).to_pyarrow().to_pandas()
        return rows.apply(_to_text)

    def kind(self, column: str) -> ColumnKind:
        """Return what a column holds."""
        if column not in self._kinds:
            self._kinds[column] = self._find_column_kind(column)
        return self._kinds[column]

    def numbers(self, column: str) -> pd.Series:
        """Return the numbers of a column, by row of the sample; cells that are none are left out."""
        return pd.to_numeric(self.sample[column].dropna().map(_normalise_number), errors="coerce").dropna()

    def holds_mostly_numbers(self, column: str) -> bool:
        """Return whether most filled cells of a column are numbers."""
        kind = self.kind(column)
        if kind.is_mostly_numbers or kind.name != "text":
            return kind.is_mostly_numbers
        cells = self.sample[column].dropna().drop_duplicates().head(MAX_CELLS)
        return _share_of_matches(NUMBER.search(cell) for cell in cells) > 0.5

    def could_have_role(self, role: str, column: str) -> bool:
        """Return whether a column's cells are compatible with the role that its name suggests."""
        kind = self.kind(column)
        if kind.name in ("nothing", "other"):
            return True
        has_digits = kind.name == "text" and self._mostly_contains_digits(column)
        if role == "date":
            is_coded = kind.is_mostly_numbers and self._could_be_coded_dates(column)
            return kind.name == "date" or is_coded or (has_digits and not self._holds_clock_times(column))
        if role in ("amount", "quantity", "unit_price", "discount", "refunded"):
            return kind.is_mostly_numbers or has_digits
        # 1068203.1704276000 is a visitor of Google Analytics, 20.27 is nobody.
        is_price = kind.name == "decimal" and bool(re.search("[.,][0-9]{1,2}[^0-9]*$", kind.example))
        return role not in ("customer_id", "order_id") or not (kind.name == "date" or is_price)

    def holds_years(self, column: str) -> bool:
        """Return whether a column holds years, such as 2021, which tell no purchase day."""
        return self.kind(column).name == "whole" and bool(self.numbers(column).between(*YEARS).all())

    def are_equal(self, columns: Sequence[str]) -> bool:
        """Return whether columns hold the same in every row of the sample."""
        first, *others = (self.sample[column] for column in columns)
        return len(first) > 0 and all(first.equals(other) for other in others)

    def are_one_to_one(self, one: str, other: str) -> bool:
        """Return whether each value of one column goes with one value of the other, such as an id with an e-mail."""
        pairs = self.sample[[one, other]].dropna().drop_duplicates()
        return len(pairs) == pairs[one].nunique() == pairs[other].nunique()

    def could_be_money(self, column: str) -> bool:
        """Return whether a column holds numbers with decimals, most of them positive, which no identifier has."""
        if self.kind(column).name != "decimal":
            return False
        numbers = self.numbers(column)
        return bool((numbers > 0).mean() > 0.5)

    def could_be_quantity(self, column: str) -> bool:
        """Return whether a column holds small whole numbers, most often 1, as the units of a line are."""
        if self.kind(column).name != "whole":
            return False
        numbers = self.numbers(column)
        return bool((numbers == 1).mean() >= MIN_ONES and numbers.abs().max() <= MAX_UNITS and numbers.nunique() > 2)

    def could_be_customer_id(self, column: str, date: str | None) -> bool:
        """Return whether a column holds identifiers that come back, on other days if there are days."""
        if self.kind(column).name not in ("text", "whole") or self.could_be_quantity(column):
            return False
        cells = self.sample[column]
        if cells.isna().mean() > 0.5:
            return False
        values = cells.nunique()
        if values < 2 or values == cells.count() or (len(cells) >= MIN_CATEGORY_ROWS and values <= MAX_CATEGORIES):
            return False
        return self.share_of_returning_values(column, date) > 0

    def share_of_returning_values(self, column: str, date: str | None) -> float:
        """Return the share of values that are there on several days; 1 where there are no days to compare."""
        if date is None or self.sample[date].nunique() < 2:
            return 1.0
        days = self.sample[date].str.slice(0, 10).groupby(self.sample[column]).nunique()
        return float((days > 1).mean())

    def could_be_order_id(self, column: str, customer: str, date: str) -> bool:
        """Return whether a column holds identifiers that repeat, but only for one customer on one day."""
        if self.kind(column).name not in ("text", "whole"):
            return False
        cells = self.sample[column]
        if cells.isna().any() or not cells.duplicated().any():
            return False
        days = pd.DataFrame({"order": cells, "customer": self.sample[customer], "day": self.sample[date].str[:10]})
        return len(days.drop_duplicates()) == days["order"].nunique() > 1

    def is_net_of_discount(self, total: str, part: str, discount: str, order: Sequence[str]) -> bool:
        """Return whether a column is the sum of another over an order, less a discount of its lines or of the order.

        Parameters
        ----------
        total, part, discount : str
            Columns of numbers; the total stands on each line of its order.
        order : sequence of str
            Columns that tell orders apart.
        """
        numbers = {name: self.numbers(name) for name in (total, part, discount)}
        lines = self.sample[list(order)].assign(**numbers).groupby(list(order), sort=False)
        orders = lines[[part, discount]].sum().abs()
        orders = orders.assign(rows=lines.size(), least=lines[total].min(), most=lines[total].max())
        orders["once"] = lines[discount].max().abs()
        orders = orders[(orders["least"] == orders["most"]) & (orders[discount] > 0)]
        tolerated, paid = CENT * orders["rows"], orders[part] - orders["most"]
        fits = ((paid - orders[discount]).abs() < tolerated) | ((paid - orders["once"]).abs() < tolerated)
        return len(orders) >= MIN_SUMS and bool(fits.mean() > MOST)

    def is_quantity_times_price(self, total: str, quantity: str, price: str) -> bool:
        """Return whether a column of numbers is the product of two others, and not the price, row by row."""
        columns = {"total": total, "quantity": quantity, "price": price}
        numbers = pd.DataFrame({role: self.numbers(column) for role, column in columns.items()}).dropna()
        product = numbers["quantity"] * numbers["price"]
        tells = (product != numbers["price"]) & (product != 0)
        fits = ((numbers["total"] - product).abs() < CENT)[tells]
        return len(fits) >= MIN_SUMS and bool(fits.mean() > MOST)

    def is_net_of_refund(self, net: str, gross: str, refunded: str) -> bool:
        """Return whether a column of numbers is another less what was refunded, row by row."""
        refund = self.numbers(refunded).abs()
        refund = refund[refund > 0]
        fits = (self.numbers(gross) - refund - self.numbers(net)).abs().reindex(refund.index) < CENT
        return len(refund) >= MIN_SUMS and bool(fits.mean() > MOST)

    def _find_column_kind(self, column: str) -> ColumnKind:
        kind = self.raw[column].type()
        if kind.is_nested() or kind.is_binary():
            return ColumnKind("other")
        if kind.is_temporal():
            return ColumnKind("date" if kind.is_date() or kind.is_timestamp() else "text")
        if kind.is_boolean():
            return ColumnKind("text", "true")
        cells = self.sample[column].dropna().drop_duplicates().head(MAX_CELLS)
        return _detect_column_kind(cells.tolist())

    def _mostly_contains_digits(self, column: str) -> bool:
        return bool(self.sample[column].dropna().str.contains("[0-9]").mean() > 0.5)

    def _holds_clock_times(self, column: str) -> bool:
        return all(CLOCK_TIME.fullmatch(cell) for cell in self.sample[column].dropna())

    def _could_be_coded_dates(self, column: str) -> bool:
        if all(YYMMDD_DATE.match(cell) for cell in self.sample[column].dropna()):
            return True
        middle = self.numbers(column).median()
        ranges = (SERIAL_DATES, YYYYMM_RANGE, YYYYMMDD_RANGE, YYYYDDD_RANGE, BUDDHIST_RANGE)
        return middle >= MIN_EPOCH_SECONDS or any(first <= middle <= last for first, last in ranges)


def _sample_rows_evenly(raw: Table) -> Table:
    step = math.ceil(raw.count().to_pyarrow().as_py() / SAMPLE_ROWS)
    numbered = raw.mutate(**{POSITION: ibis.row_number()})
    return numbered.filter(numbered[POSITION] % max(step, 1) == 0).drop(POSITION)


def _to_text(cells: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(cells):
        cells = cells.map(lambda cell: None if pd.isna(cell) else f"{cell:.15g}")
    text = cells.astype("string").str.strip()
    return text.mask(text.str.lower().isin(EMPTY_CELLS)).astype(object).where(lambda cell: cell.notna(), None)


def _detect_column_kind(cells: Sequence[str]) -> ColumnKind:
    if not cells:
        return ColumnKind("nothing")
    cells = [cell[:MAX_LENGTH] for cell in cells]
    if _share_of_matches(YYYYMMDD_DATE.fullmatch(cell) for cell in cells) >= MOST and len(cells) > 1:
        return ColumnKind("date", cells[0])
    if _share_of_matches(NUMBER.search(cell) for cell in cells) >= MOST:
        # 000226 is an identifier: no number is written so.
        if _share_of_matches(re.match("0[0-9]", cell) for cell in cells) > 1 - MOST:
            return ColumnKind("text", cells[0])
        return ColumnKind("whole" if all(WHOLE.fullmatch(cell) for cell in cells) else "decimal", cells[0])
    dates = (DATE.search(WEEKDAY_REGEX.sub("", cell.translate(PLAIN_CHARACTER_TRANSLATION))) for cell in cells)
    return ColumnKind("date" if _share_of_matches(dates) >= MOST else "text", cells[0])


def _share_of_matches(matches: object) -> float:
    results = [bool(match) for match in matches]  # type: ignore[attr-defined]
    return sum(results) / len(results)


def _normalise_number(cell: str) -> str:
    digits = re.sub("[^0-9.,eE+-]", "", cell)
    return re.sub("[.,](?=.*[.,])", "", digits).replace(",", ".")
