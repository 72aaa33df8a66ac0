"""Do customers come back: the share of each monthly cohort that buys again in the months after."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from clv_experiments.decisions.display.overview_figures import retention_map
from clv_experiments.decisions.overview.months import SETTLING, YEAR, Months, name
from clv_experiments.reporting.exhibit import Exhibit
from clv_experiments.reporting.formatting import format_count, format_interval, format_share

EARLY = [1, 2, 3]  # months after the first by which cohorts are compared
LEAST_COHORTS = 3  # on either side of a comparison
DRAWN = 24  # cohorts


def retention_of(cohorts: pd.DataFrame, months: Months) -> pd.DataFrame:
    """Return the share of each cohort that bought in the months after its first.

    Parameters
    ----------
    cohorts : pandas.DataFrame
        From ``data.activity.cohort_activity``.
    months : Months

    Returns
    -------
    pandas.DataFrame
        Index ``cohort`` (monthly periods, without empty cohorts), column ``customers`` (count) and columns 1 to 12
        (months after the first; shares, nan where the log does not hold the whole month).
    """
    later = (cohorts["month"].dt.year - cohorts["cohort"].dt.year) * YEAR
    later += cohorts["month"].dt.month - cohorts["cohort"].dt.month
    bought = cohorts.assign(later=later).pivot_table(index="cohort", columns="later", values="customers", fill_value=0)
    bought = bought.reindex(columns=range(YEAR + 1), fill_value=0)
    held = set(months.whole.index)
    table = pd.DataFrame({"customers": bought[0].astype("int64")})
    for month in range(1, YEAR + 1):
        seen = np.array([cohort + month in held for cohort in bought.index])
        table[month] = (bought[month] / bought[0]).where(seen)
    return table


def trend_of(retention: pd.DataFrame) -> tuple[float, float, float] | None:
    """Set the later half of the cohorts against the earlier, by the mean share that buys in the first three months.

    Cohorts count alike, so that the interval tells of the ups and downs from cohort to cohort (Welch's t, 95 %).

    Parameters
    ----------
    retention : pandas.DataFrame
        From ``retention_of``, of cohorts that are to be compared, oldest first.

    Returns
    -------
    tuple of three floats, or None
        Difference, lower and upper bound, in shares; None with fewer than three cohorts on either side.
    """
    early = retention[EARLY].dropna().mean(axis=1).to_numpy()
    half = len(early) // 2
    if half < LEAST_COHORTS:
        return None
    before, after = early[:half], early[half:]
    parts = np.array([before.var(ddof=1) / len(before), after.var(ddof=1) / len(after)])
    difference, error = float(after.mean() - before.mean()), float(np.sqrt(parts.sum()))
    if error == 0:
        return difference, difference, difference
    freedom = parts.sum() ** 2 / (parts**2 / [len(before) - 1, len(after) - 1]).sum()
    reach = float(student.ppf(0.975, freedom)) * error
    return difference, difference - reach, difference + reach


def retention_sentences(retention: pd.DataFrame, settled: pd.Series) -> list[str]:
    """Say how many come back, and whether later cohorts do so more than earlier ones.

    Parameters
    ----------
    retention : pandas.DataFrame
        From ``retention_of``.
    settled : pandas.Series of bool
        By cohort, whether its customers are surely new.
    """
    known = retention[settled.to_numpy()]
    known = known if known[1].notna().any() else retention
    levels = []
    for later, when in ((1, "a month later"), (3, "3 months later"), (YEAR, "12 months later")):
        seen = known[known[later].notna()]
        if len(seen):
            level = float(np.average(seen[later], weights=seen["customers"]))
            of = format_count(int(seen["customers"].sum()), "customer")
            levels.append(f"{format_share(level)} bought again {when} (of {of})")
    if not levels:
        return ["No cohort is followed by a whole month in the log, so nothing is known of its return."]
    sentences = ["Of new customers, " + "; ".join(levels) + "."]
    if len(retention) == 1:
        only = f"All {format_count(int(retention['customers'].iloc[0]), 'customer')} first bought in one month"
        return [*sentences, f"{only}, so no cohorts can be compared."]
    trend = trend_of(retention[settled.to_numpy()])
    if trend is None:
        return [*sentences, "There are too few cohorts to say whether retention gets better or worse."]
    difference, low, high = (100 * value for value in trend)
    within = format_interval(f"{low:+.1f}".replace("-", "−"), f"{high:+.1f}".replace("-", "−"))
    if low <= 0 <= high:
        return [*sentences, f"Later cohorts come back about as often as earlier ones: the difference {within} in "
                "percentage points is within the usual ups and downs from cohort to cohort."]  # fmt: skip
    better, more = ("improving", "more") if difference > 0 else ("worsening", "fewer")
    return [
        *sentences,
        f"Retention is {better}: of the later half of the cohorts, {abs(difference):.1f} percentage points {more} "
        f"buy in a month of their first three than of the earlier half {within}.",
    ]


def retention_exhibit(cohorts: pd.DataFrame, months: Months) -> Exhibit:
    """Show retention by cohort as a heat map."""
    retention = retention_of(cohorts, months)
    settled = months.is_settled(pd.PeriodIndex(retention.index))
    known = {f"month_{later}": retention[later] for later in range(1, YEAR + 1) if retention[later].notna().any()}
    index = retention.index.astype(str)
    table = pd.DataFrame({"cohort": index, "customers": retention["customers"], **known}).reset_index(drop=True)
    unsure = settled.index[~settled]
    sentences = retention_sentences(retention, settled)
    if len(unsure) and settled.any():
        sentences.append(
            f"The cohorts up to {name(unsure[-1])} may hold customers from before the log's first {SETTLING} months; "
            "they are shown, and left out of these sentences."
        )
    return Exhibit(
        name="overview_retention",
        title="Who comes back, by month of the first purchase",
        sentences=sentences,
        table=table,
        headings={"customers": "new customers", **{column: f"+{column.removeprefix('month_')}" for column in known}},
        kinds={"customers": "count", **dict.fromkeys(known, "share")},
        figure=retention_map(retention.tail(DRAWN)) if known else None,
        shown=DRAWN,
    )
