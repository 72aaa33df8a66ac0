"""How to read dates that could be read in two ways: the log's own rows decide, or the user is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import reduce
from itertools import combinations
from operator import and_, or_

from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.parsing.cells import aggregate_row, count_true, quote_cells
from clv_experiments.data.parsing.date_layouts import (
    BUDDHIST_DATE,
    BUDDHIST_YEAR_OFFSET,
    COMPACT_LAYOUTS,
    DATE_ORDERS,
    DAY_OF_YEAR_LAYOUTS,
    EITHER_COMPACT,
    FIRST_YEAR,
    LAST_YEAR,
    LATER_DAYS,
    LATER_WEEKS,
    NUMBER,
    NUMBER_FORMATS,
    PART_ORDER_BY_DATE_PATTERN,
    PERIOD_LAYOUTS,
    TIME_WITH_ZONE,
    UNMISTAKABLE,
    WEEK_LAYOUTS,
    WEEK_NUMBER_LAYOUTS,
    is_layout_compatible,
)
from clv_experiments.data.parsing.dates import (
    add_date_text_columns,
    add_day_column,
    add_integer_part_column,
    add_time_zone_column,
)
from clv_experiments.data.parsing.formats import ParseOptions, add_text_column
from clv_experiments.errors import ClvError

PREFIX = "parsed: "  # of the columns added here
TEXT, ZONE, NUMBER_VALUE = f"{PREFIX}text", f"{PREFIX}time zone", f"{PREFIX}number"
ISO, REST, HYPHEN = f"{PREFIX}iso", f"{PREFIX}rest", f"{PREFIX}hyphen"
FIRST_PART_BY_DATE_ORDER = {"dmy": "the day", "mdy": "the month", "ymd": "the year"}
ORDER_DEPENDENT_LAYOUTS = tuple(dict.fromkeys(layout for layouts in DATE_ORDERS.values() for layout in layouts))
YEARS = (1900, 2100)
MUCH_SHORTER = 4  # times: what dates span if their two-digit year is read in the right place
MIN_LATER_WEEK_SHARE = 0.1  # of rows: a few numbers above 12 are misprints of months


def infer_dates(raw: Table, column: str, options: ParseOptions, log: str) -> tuple[ParseOptions, list[str]]:
    """Decide from all rows how to read dates, and note what was decided.

    Raises
    ------
    ClvError
        If rows can be read in two ways and none decides, if they contradict each other, or if they carry different
        time zones.
    """
    kind = raw[column].type()
    if not (kind.is_string() or kind.is_numeric()):
        return options, []
    raw = add_date_text_columns(raw.select(column), column, TEXT, ISO, REST)
    raw = add_integer_part_column(raw, REST, NUMBER_VALUE)
    conditions = _classify_date_cells(raw)
    counts = aggregate_row(raw, **{name: count_true(condition) for name, condition in conditions.items()})
    notes: list[str] = []
    if options.date_format is None:
        date_format, reason = _infer_date_format(raw, column, conditions, counts, log)
        options = replace(options, date_format=date_format)
        notes += [f"{reason} (data.date_format says otherwise)"] if reason else []
    if options.time_zones != "written" and counts["zoned"]:
        notes += _check_time_zones(raw, column, log)
    if options.date_order is None:
        order = "dmy"
        if counts["either"] > (0 if is_layout_compatible(EITHER_COMPACT, options.date_format) else counts["compact"]):
            order, order_notes = _infer_date_order(raw, column, log)
            notes += order_notes
        options = replace(options, date_order=order)
    return options, notes


def _classify_date_cells(raw: Table) -> dict[str, BooleanValue]:
    """Tell apart what is no ISO date: rows that fit a layout, a period, a number or a count in its range."""
    text, number = raw[REST], raw[NUMBER_VALUE]

    def fits(layouts: Iterable[str]) -> BooleanValue:
        return text.re_search("|".join(layouts))

    week = fits(WEEK_LAYOUTS)
    full_date = (
        fits((*PART_ORDER_BY_DATE_PATTERN, *ORDER_DEPENDENT_LAYOUTS)) & ~week
    )  # week 13 2022 looks like March 13, 2022
    counted = text.re_search(NUMBER) & ~full_date
    conditions = {
        "iso": raw[ISO].notnull(),
        "rest": text.notnull(),
        "whole": full_date,
        "zoned": raw[TEXT].re_search(TIME_WITH_ZONE),
        "either": fits(ORDER_DEPENDENT_LAYOUTS),
        "compact": fits([EITHER_COMPACT]),
        "number": counted,
        "week": week,
        "week number": fits(WEEK_NUMBER_LAYOUTS) & ~full_date,
        "later week": fits(LATER_WEEKS) & ~full_date,
        "day of year": fits(DAY_OF_YEAR_LAYOUTS),
        "later day": fits(LATER_DAYS),
        "buddhist": raw[ISO].fill_null(text).re_search(BUDDHIST_DATE),
    }
    for name, layouts in (PERIOD_LAYOUTS | COMPACT_LAYOUTS).items():
        conditions[name] = fits(layouts) & ~full_date
    conditions["year"] = counted & number.between(*YEARS)
    for name in UNMISTAKABLE:
        bounds = (NUMBER_FORMATS[name].to_number(day) for day in (date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)))
        conditions[name] = counted & number.between(*bounds)
    return conditions


def _infer_date_format(
    raw: Table, column: str, conditions: dict[str, BooleanValue], counts: dict[str, int], log: str
) -> tuple[str | None, str]:
    filled = counts["iso"] + counts["rest"]
    later, numbered = counts["later week"], not counts["iso"] and counts["week number"] == counts["rest"]
    if numbered and later > MIN_LATER_WEEK_SHARE * counts["rest"]:
        return "week", f"dates are ISO weeks, as {later:,} row(s) above 12 show"
    if filled and counts["buddhist"] == filled:
        return "buddhist", f"years are those of Thailand, {BUDDHIST_YEAR_OFFSET} ahead"
    if filled and counts["day of year"] == filled:
        if counts["later day"] <= MIN_LATER_WEEK_SHARE * filled:
            raise ClvError(
                f"dates of log '{log}' such as {', '.join(quote_cells(raw, column))} (column '{column}') could be "
                "days of a year or months: type data.date_format=day_of_year or data.date_format=month"
            )
        return "day_of_year", f"dates are days of a year, as {counts['later day']:,} row(s) above 12 show"
    candidates = [name for name in (*UNMISTAKABLE, *PERIOD_LAYOUTS, "week") if counts[name]]
    if counts["yymmdd"] and counts["yymmdd"] == counts["rest"] and counts["month"] < counts["rest"]:
        candidates = ["yymmdd"]
    if not candidates:
        _check_numbers_can_be_dates(raw, column, conditions, counts, log)
        return None, ""
    name = candidates[0]
    # 202201 is a number too, and 12.2021 a month.
    other = counts["number"] - counts[name] if name in UNMISTAKABLE else 0
    if len(candidates) > 1 or other or counts["iso"] or counts["whole"]:
        others = conditions["iso"] | conditions["whole"] | conditions["number"] & ~conditions[name].fill_null(False)
        cells = quote_cells(raw, column, conditions[name], 1)
        cells += quote_cells(raw, column, conditions[candidates[1]] if len(candidates) > 1 else others, 1)
        settings = " or ".join(f"data.date_format={name}" for name in candidates)
        raise ClvError(
            f"column '{column}' of log '{log}' has dates of several kinds, such as {', '.join(cells)}: write them all "
            f"like 2020-12-31, or type {settings} if the others may be read like that"
        )
    if name in COMPACT_LAYOUTS:
        return name, "dates are written like 201231, the year first"
    if name not in NUMBER_FORMATS:
        return name, ""
    counted = NUMBER_FORMATS[name]
    number = aggregate_row(raw, first=raw[NUMBER_VALUE].min(where=conditions[name]))["first"]
    return name, f"dates are {counted.description}: {number} is {counted.to_day(number)}"


def _check_numbers_can_be_dates(
    raw: Table, column: str, conditions: dict[str, BooleanValue], counts: dict[str, int], log: str
) -> None:
    if counts["number"] and not (counts["iso"] or counts["whole"]):
        cells = quote_cells(raw, column, conditions["number"])
        if counts["year"] == counts["number"]:
            raise ClvError(
                f"column '{column}' of log '{log}' holds years, such as {cells[0]}, which tell no purchase days: name "
                "another column (data.columns.date), or those of its parts (data.columns.date=[year,month,day])"
            )
        raise ClvError(
            f"column '{column}' of log '{log}' counts something, such as {', '.join(cells)}, and no unit makes "
            f"that days after {FIRST_YEAR}: type data.date_format=<one of {', '.join(NUMBER_FORMATS)}>, name another "
            "column (data.columns.date), or write the dates like 2020-12-31"
        )


def _check_time_zones(raw: Table, column: str, log: str) -> list[str]:
    raw = add_time_zone_column(add_text_column(raw, column, TEXT), column, ZONE)
    zone, missing = raw[ZONE], raw[TEXT].notnull() & raw[ZONE].isnull()
    summary = aggregate_row(raw, least=zone.min(), most=zone.max(), missing=count_true(missing))
    if summary["least"] is None:
        return []
    if summary["missing"] or summary["least"] != summary["most"]:
        examples = quote_cells(raw, column, zone == summary["least"], 1)
        examples += quote_cells(raw, column, missing if summary["missing"] else zone == summary["most"], 1)
        raise ClvError(
            f"column '{column}' of log '{log}' mixes time zones, such as {', '.join(examples)}; give every row the "
            "shop's local time, or type data.time_zones=written if that is what they are (summer time changes the "
            "offset)"
        )
    return [f"dates end in the offset {summary['least']}, which was left out: the day written is the day"]


def _infer_date_order(raw: Table, column: str, log: str) -> tuple[str, list[str]]:
    raw = _parse_in_each_order(raw, column)
    days = {order: raw[PREFIX + order] for order in DATE_ORDERS}
    valid = {order: day.notnull() for order, day in days.items()}
    is_date = reduce(or_, valid.values())
    invalid = {order: is_date & ~valid[order] for order in DATE_ORDERS}
    summary = aggregate_row(
        raw,
        hyphens=count_true(valid["ymd"] & raw[HYPHEN]),
        **{order: count_true(condition) for order, condition in invalid.items()},
        **{f"{order} span": day.max().delta(day.min(), unit="day") for order, day in days.items()},
    )
    spans = {order: summary[f"{order} span"] or 0 for order in DATE_ORDERS}
    others = [order for order in DATE_ORDERS if order != "ymd" and not summary[order]]
    shortest = min((spans[order] for order in others), default=0)
    if others and not summary["ymd"] and MUCH_SHORTER * max(spans["ymd"], 1) <= shortest:
        return "ymd", [
            f"dates begin with the year, for so they lie within {spans['ymd']:,} days, and otherwise within "
            f"{shortest:,} (data.date_order says otherwise)"
        ]
    is_far_longer = others and spans["ymd"] >= MUCH_SHORTER * max(shortest, 1)
    candidates = [order for order in DATE_ORDERS if order != "ymd" or (summary["hyphens"] and not is_far_longer)]
    possible = [order for order in candidates if not summary[order]]
    if not possible:
        misfits = dict.fromkeys(
            cell for order in reversed(candidates) for cell in quote_cells(raw, column, invalid[order], 1)
        )
        raise ClvError(
            f"column '{column}' of log '{log}' has dates that no one order of day, month and year fits, such as "
            f"{', '.join(misfits)}; write them all like 2020-12-31"
        )
    first = possible[0]
    if len(possible) > 1:
        differ = reduce(or_, (days[one] != days[other] for one, other in combinations(possible, 2)))
        examples = quote_cells(raw, column, differ)
        if examples:
            raise ClvError(
                f"dates of log '{log}' such as {', '.join(examples)} (column '{column}') could begin with "
                f"{' or '.join(FIRST_PART_BY_DATE_ORDER[order] for order in possible)}, and no row tells: type "
                f"{' or '.join(f'data.date_order={order}' for order in possible)}"
            )
        return first, []  # any that are left, like 05/05/2020, are the same in either order
    decisive = is_date & ~reduce(and_, (valid[order] for order in candidates))
    rows = aggregate_row(raw, rows=count_true(decisive))["rows"]
    return first, [f"dates begin with {FIRST_PART_BY_DATE_ORDER[first]}, as {rows:,} row(s) show"]


def _parse_in_each_order(raw: Table, column: str) -> Table:
    raw = raw.filter(raw[REST].re_search("|".join(ORDER_DEPENDENT_LAYOUTS)))
    for order in DATE_ORDERS:
        raw = add_day_column(raw, column, order, PREFIX + order)
    raw = raw.mutate(**{HYPHEN: raw[REST].re_search("^[0-9]{2}-")})
    return raw.select(column, HYPHEN, *(PREFIX + order for order in DATE_ORDERS)).cache()  # aggregated several times
