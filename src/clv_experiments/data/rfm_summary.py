"""A table of frequency, recency and T, one row a customer: all that is left of a log, and all a BTYD model reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clv_experiments.data.parsing.column_messages import MAX_LISTED
from clv_experiments.data.parsing.formats import EMPTY_CELLS, add_identifier_column
from clv_experiments.data.parsing.role_names import rank_name
from clv_experiments.data.raw import RawTable
from clv_experiments.errors import ClvError, command

# What the columns are called in lower case, without blanks and punctuation: lifetimes, and R's x, t.x and T.cal.
TOTAL_PURCHASE_COUNT_NAMES = tuple(  # of all purchases, the first one too
    form.format(word)
    for word in ("purchases", "orders", "transactions")
    for form in ("{}", "n{}", "num{}", "numberof{}", "total{}")
)
TIME_NAMES = {
    "recency": ("recency", "recencycal", "tx", "txcal"),
    "T": ("t", "tcal", "tenure", "age", "customerage", "observationperiod"),
}
DAYS_PER_UNIT = {"days": 1, "weeks": 7, "months": 365.25 / 12}
TIME_NAMES_WITH_UNITS = {
    role: (*names, *(name + unit for name in names for unit in DAYS_PER_UNIT)) for role, names in TIME_NAMES.items()
}
SUMMARY_NAMES = {
    "frequency": ("frequency", "frequencycal", "x", "xcal", "repeatpurchases", "repeatorders", "repeattransactions",
                  *TOTAL_PURCHASE_COUNT_NAMES),
    **TIME_NAMES_WITH_UNITS,
    "monetary_value": ("monetaryvalue", "monetaryvaluecal", "monetary", "mx", "zbar", "spending", "averageordervalue",
                       "avgordervalue", "meanspend", "averagespend", "avgspend", "aov"),
}  # fmt: skip
REQUIRED = ("frequency", "recency", "T")
UNIT_SETTING = "data.rfm_unit"
MAX_WEEKS = 520  # ten years: a larger T counts days
DAY_TOLERANCE, MAX_TOLERANCE = 0.05, 0.3  # of a day, by which a time in weeks or months may be rounded
MAX_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class RfmSummary:
    """What is known of each customer at one cutoff.

    Attributes
    ----------
    name : str
        What the data config calls it.
    customers : pandas.DataFrame
        Index ``customer_id`` (sorted); ``frequency``, ``recency`` and ``T`` (days) and, where money is known,
        ``monetary_value``.
    notes : tuple of str
        What was guessed while reading, for the user to see.
    """

    name: str
    customers: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def has_amounts(self) -> bool:
        """Whether the table says what was paid."""
        return "monetary_value" in self.customers


Named = Mapping[str, object]


def _match_rfm_columns_unless_log(available: Sequence[str], named: Named) -> dict[str, str]:
    """Find the columns of a table of frequency, recency and T, by role; none where it has a date as a log has."""
    by_name = {_normalise_column_name(column): column for column in reversed(available)}
    by_role = {
        role: by_name[name] for role, names in SUMMARY_NAMES.items() for name in reversed(names) if name in by_name
    }
    is_log = bool(named.get("date")) or any(rank_name("date", column) is not None for column in available)
    return {} if is_log else by_role


def refuse_rfm_summary(raw: RawTable, named: Named, log: str) -> None:
    """Refuse a table of frequency, recency and T where a log is needed.

    Raises
    ------
    ClvError
        Says what can be done with it, and with what.
    """
    columns = _match_rfm_columns_unless_log(raw.table.columns, named)
    if {"frequency", "recency"} <= set(columns) and "T" not in columns:
        raise ClvError(
            f"'{log}' has {columns['frequency']} and {columns['recency']} of each customer, and neither dates nor T, "
            "the time from the first purchase to the day of the table, without which no purchase can be predicted: add "
            "a column T, or give the log it was made from"
        )
    if set(REQUIRED) <= set(columns):
        raise ClvError(
            f"'{log}' is a table of frequency, recency and T, one row a customer, and no log of purchases: "
            f"{command('score')} with model=mbg_nbd scores its customers, and whatever compares a forecast with what "
            "came (a run, a leaderboard, a sweep, a report) needs the log it was made from"
        )


def read_rfm_summary(
    raw: RawTable, named: Named, name: str, *, unit: str | None = None, decimal: str | None = None
) -> RfmSummary | None:
    """Read a table of frequency, recency and T.

    Parameters
    ----------
    raw : RawTable
    named : mapping of role to column
        What the user typed; of these only ``customer_id`` and ``date`` matter.
    name : str
        Of the table, for messages.
    unit : {"days", "weeks", "months"}, optional
        Of recency and T; by default inferred.
    decimal : {".", ","}, optional
        Decimal mark of text; by default a point.

    Returns
    -------
    RfmSummary or None
        None where the table is none of this kind.

    Raises
    ------
    ClvError
        If the unit is unknown or cannot be inferred, or the table holds what cannot be so.
    """
    columns = _match_rfm_columns_unless_log(raw.table.columns, named)
    if not set(REQUIRED) <= set(columns):
        return None
    if unit not in (None, *DAYS_PER_UNIT):
        raise ClvError(f"{UNIT_SETTING} must be days, weeks or months, got '{unit}'")
    table, notes = _fetch_rows(raw, columns, named.get("customer_id"), decimal, name)
    notes += _deduct_first_purchase(table, columns["frequency"])
    _check_rfm_values(table, name)
    if unit is None:
        unit, why = _infer_time_unit(table, columns, name)
        notes.append(f"recency and T are taken as {unit}, since {why} ({UNIT_SETTING} says otherwise)")
    times = table[["recency", "T"]]
    days = times * DAYS_PER_UNIT[unit]
    is_whole = _are_whole_days(times.to_numpy(), DAYS_PER_UNIT[unit])
    return RfmSummary(name, table.assign(**(days.round() if is_whole else days)), (*raw.notes, *notes))


def _fetch_rows(
    raw: RawTable, columns: Mapping[str, str], customer: object, decimal: str | None, name: str
) -> tuple[pd.DataFrame, list[str]]:
    table, notes = raw.table, []
    column = str(customer) if customer else _guess_customer_column(table.columns, columns)
    if column is not None and column not in table.columns:
        raise ClvError(
            f"'{name}' has no column '{column}' (data.columns.customer_id); it has {', '.join(table.columns)}"
        )
    if column is not None:
        table = add_identifier_column(table, column, "typed: customer")
        columns = {"customer_id": "typed: customer", **columns}
    unused = [name for name in raw.table.columns if name not in (column, *columns.values())]
    if unused:
        notes.append(f"not used: {', '.join(unused[:MAX_LISTED])}")
    frame = table.select(**{role: table[source] for role, source in columns.items()}).to_pyarrow().to_pandas()
    if column is None:
        frame["customer_id"] = [str(row) for row in range(1, len(frame) + 1)]
        notes.append("no column names the customers: they are numbered by row")
    elif column != "customer_id":
        notes.append(f"customer_id={column} (data.columns says otherwise)")
    if frame.empty:
        raise ClvError(f"'{name}' has a header but no row")
    if frame["customer_id"].isna().any():
        raise ClvError(f"'{name}' has {frame['customer_id'].isna().sum():,} row(s) without customer_id; fill them in")
    frame = frame.set_index("customer_id")
    repeated = frame.index[frame.index.duplicated()]
    if len(repeated):
        raise ClvError(
            f"customer '{repeated[0]}' has several rows in '{name}'; a table of frequency and recency has one"
        )
    numbers = {role: _parse_numbers(frame[role], columns[role], decimal, name) for role in frame}
    return pd.DataFrame(numbers).rename_axis("customer_id").sort_index(), notes


def _guess_customer_column(available: Sequence[str], columns: Mapping[str, str]) -> str | None:
    rest = [column for column in available if column not in columns.values()]
    usual = [
        c for c in rest if rank_name("customer_id", c) is not None or _normalise_column_name(c) in ("id", "index", "")
    ]
    return usual[0] if usual else rest[0] if len(rest) == 1 else None


def _parse_numbers(cells: pd.Series, column: str, decimal: str | None, name: str) -> pd.Series:
    texts = cells.where(cells.isna(), cells.astype(str).str.strip())
    if decimal == ",":
        texts = texts.str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(texts, errors="coerce").astype(float)
    unreadable = texts[numbers.isna() & texts.notna() & ~texts.isin(EMPTY_CELLS)]
    if len(unreadable):
        raise ClvError(
            f"column '{column}' of '{name}' has {len(unreadable):,} row(s) that cannot be read as numbers, "
            f"such as '{unreadable.iloc[0]}'; correct them, or type \"data.decimal=','\" for 1234,5"
        )
    return numbers


def _check_rfm_values(table: pd.DataFrame, name: str) -> None:
    """Refuse what no history of purchases can give."""
    if "monetary_value" in table:
        table["monetary_value"] = table["monetary_value"].mask(
            table["monetary_value"].isna() & (table["frequency"] == 0), 0.0
        )
    x, recency, T = (table[role] for role in REQUIRED)
    checks = {
        "without a number in each column": table.isna().any(axis=1),
        "with a value below 0": (table[list(REQUIRED)] < 0).any(axis=1),
        "whose frequency is no whole number of repeat purchases": x != np.floor(x),
        "whose recency (first to last purchase) is later than T (first purchase to the cutoff)": recency > T,
        "whose frequency is 0 while recency is not: recency is the time from the first to the last purchase, not the "
        "time since the last": (x == 0) & (recency > 0),
        "whose recency is 0 while frequency is not: frequency counts the purchases after the first": (x > 0)
        & (recency == 0),
    }
    if "monetary_value" in table:
        checks["who repeated a purchase and whose monetary_value is not above 0"] = (x > 0) & ~(
            table["monetary_value"] > 0
        )
    for problem, wrong in checks.items():
        if wrong.any():
            first = ", ".join(f"{role} {value:g}" for role, value in table[wrong].iloc[0].items())
            raise ClvError(
                f"'{name}' has {wrong.sum():,} customer(s) {problem}, first '{table.index[wrong][0]}' ({first})"
            )


def _deduct_first_purchase(table: pd.DataFrame, column: str) -> list[str]:
    """Deduct the first purchase from the frequency where that counts it, and say so."""
    frequency, is_count = table["frequency"], _normalise_column_name(column) in TOTAL_PURCHASE_COUNT_NAMES
    once = frequency == 1
    are_told = bool(once.any() and (once == (table["recency"] == 0)).all())
    if not ((frequency >= 1).all() and (are_told or (is_count and not once.any()))):
        return []
    table["frequency"] = frequency - 1
    why = "as those show whose recency is 0" if are_told else "by its name"
    return [f"{column} counts the first purchase too, {why}: the frequency of repeat purchases is one less"]


def _infer_time_unit(table: pd.DataFrame, columns: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return the unit of recency and T that fits, and why.

    Raises
    ------
    ClvError
        If several do.
    """
    written = {
        unit for role in TIME_NAMES for unit in DAYS_PER_UNIT if _normalise_column_name(columns[role]).endswith(unit)
    }
    if len(written) == 1:
        return written.pop(), "their columns say so"
    times = table[["recency", "T"]].to_numpy()
    is_whole, longest = bool((times == times.round()).all()), times.max()
    are_days_possible = (table["frequency"] <= table["recency"]).all()
    if not is_whole:
        fitting = [unit for unit in ("weeks", "months") if _are_whole_days(times, DAYS_PER_UNIT[unit])]
        if len(fitting) == 1:
            return fitting[0], f"as {fitting[0]} they are whole days"
    elif not are_days_possible:
        return "weeks", "a customer bought more often than once a day otherwise"
    elif longest > MAX_WEEKS:
        return "days", f"{longest:,.0f} weeks would be {longest / 52:.0f} years"
    possible = [unit for unit in DAYS_PER_UNIT if are_days_possible or unit != "days"]
    raise ClvError(
        f"recency and T of '{name}', up to {longest:g}, may be {' or '.join(possible)}; type "
        f"{' or '.join(f'{UNIT_SETTING}={unit}' for unit in possible)}"
    )


def _are_whole_days(times: np.ndarray, days: float) -> bool:
    decimals = next(
        (n for n in range(MAX_DECIMALS) if np.allclose(times, times.round(n), rtol=0, atol=1e-9)), MAX_DECIMALS
    )
    tolerance = min(max(DAY_TOLERANCE, 0.51 * days * 10.0**-decimals), MAX_TOLERANCE)
    return bool((np.abs(times * days - (times * days).round()) < tolerance).all())


def _normalise_column_name(column: str) -> str:
    return re.sub(r"[\W_]", "", column.lower())
