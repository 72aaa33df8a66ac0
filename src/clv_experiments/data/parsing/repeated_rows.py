"""Whether rows repeat others as where one export was appended to another, beyond what customers buy twice by chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

from clv_experiments.data.parsing.column_contents import SAMPLE_ROWS

MAX_ROWS = 20_000  # that are compared
MIN_ROWS = 20
MIN_SHARE = 0.01  # of the rows that repeat another: fewer are no matter
MIN_PAIRS, MIN_ODDS = 5, 10  # of equal rows on one day, in times of what they are on different days
BLOCK_ROWS, NEARLY_ALL = (10, 50, 200), 0.95  # of consecutive days, that all repeat another where exports overlap
MIN_REPEATED_BLOCKS = 2
UNLIKELY = 0.001
SIZE, TOTAL = "customer: rows", "customers: rows"  # names of temporary columns


def has_unlikely_repeated_rows(raw: Table, by_role: Mapping[str, str]) -> bool:
    """Return whether more rows than chance gives repeat another in every column, by all rows of some customers.

    What chance gives is told by rows of the same customers on different days: where customers often buy the same for
    the same amount, equal rows of one day say nothing. Two signs count: nearly all rows that share a customer, a date
    and an order are equal; or nearly all rows of some days repeat another, and few of all other days do.

    Parameters
    ----------
    raw : ibis.Table
    by_role : mapping of role to column
    """
    cells = _sample_whole_customers(raw, by_role["customer_id"])
    if len(cells) < MIN_ROWS:
        return False
    rows = cells.apply(lambda column: pd.factorize(column)[0])
    repeats = rows.duplicated(keep=False)
    if repeats.mean() < MIN_SHARE:
        return False
    keys = [by_role[role] for role in ("customer_id", "date", "order_id") if role in by_role]
    if _has_unlikely_pairs(rows, keys):
        return True
    days = pd.to_datetime(cells[by_role["date"]].astype("string"), errors="coerce", format="mixed", utc=True)
    return any(_has_days_that_repeat(days.dt.floor("D"), repeats, size) for size in BLOCK_ROWS)


def _sample_whole_customers(raw: Table, customer: str) -> pd.DataFrame:
    """Fetch all rows of as many customers as have at most ``MAX_ROWS``; they are among those of the first rows."""
    flat = [name for name, kind in raw.schema().items() if not (kind.is_nested() or kind.is_binary())]
    rows = raw.select(*flat)
    first = rows.drop_null(customer).limit(SAMPLE_ROWS).select(customer).distinct()
    sizes = rows.semi_join(first, customer).group_by(customer).agg(**{SIZE: lambda t: t.count()})
    so_far = ibis.window(order_by=customer, preceding=None, following=0)
    sizes = sizes.mutate(**{TOTAL: sizes[SIZE].sum().over(so_far)})
    return rows.semi_join(sizes.filter(sizes[TOTAL] <= MAX_ROWS), customer).to_pyarrow().to_pandas()


def _has_unlikely_pairs(rows: pd.DataFrame, keys: Sequence[str]) -> bool:
    """Return whether equal rows of a customer's date and order are many more than on different dates."""

    def count_pairs(of: pd.DataFrame, columns: Iterable[str]) -> int:
        sizes = of.groupby(list(columns), sort=False).size().to_numpy(dtype=np.int64)
        return int((sizes * (sizes - 1) // 2).sum())

    equal = count_pairs(rows, rows.columns)
    different = count_pairs(rows, keys) - equal
    distinct, rest = rows.drop_duplicates(), [column for column in rows.columns if column not in keys[1:]]
    apart = count_pairs(distinct, keys[:1]) - count_pairs(distinct, keys)  # a customer's rows on different dates
    chance = count_pairs(distinct, rest) / apart if apart else 0.0  # that two of them are equal in all else
    odds = (equal + 0.5) / (different + 0.5)
    by_chance = (chance + UNLIKELY) / (1 - chance + UNLIKELY)
    return equal >= max(MIN_PAIRS, different) and odds > MIN_ODDS * by_chance


def _has_days_that_repeat(days: pd.Series, repeats: pd.Series, rows: int) -> bool:
    """Return whether nearly all rows of some days repeat another, more than chance gives by the share on other days.

    Consecutive days are taken together until they have so many rows.
    """
    counts = repeats.groupby(days).agg(["size", "sum"])
    blocks = counts.groupby((counts["size"].cumsum() - counts["size"]) // rows).sum()
    blocks = blocks[blocks["size"] >= rows / 2]
    repeated = blocks["sum"] >= NEARLY_ALL * blocks["size"]
    rest = blocks[~repeated]
    share = rest["sum"].sum() / rest["size"].sum() if len(rest) else 0.0
    expected = float((share ** (NEARLY_ALL * blocks["size"])).sum())
    return bool(repeated.sum() >= max(MIN_REPEATED_BLOCKS, expected / UNLIKELY))
