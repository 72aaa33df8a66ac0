"""What drives value: links between a customer's history and spend, in words, with the picture behind them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.decisions.display.drivers_figures import picture_of_links
from clv_experiments.decisions.drivers import DRIVERS, LARGEST, LEAST_BUYERS, features_of, links, without_largest
from clv_experiments.decisions.snapshot import HISTORY
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.exhibit import Exhibit, Section
from clv_experiments.reporting.formatting import format_count, format_interval, format_percent, join_names

TITLE = "What drives value?"
STEPS = {driver.name: driver.step for driver in DRIVERS}
METHOD = (
    "The spend of each customer in the period after earlier cutoffs is explained by the history up to the cutoff: a "
    "Poisson regression with log link, a level of its own for each cutoff, errors from the residuals with all rows of "
    "a customer taken together, and the wider the fewer customers they rest on. An effect is a factor on expected "
    "spend, the other features being equal.",
    "A link is claimed only where its 95% interval excludes zero both with all customers and without the top 1% by "
    f"spend so far, and nothing is claimed where fewer than {LEAST_BUYERS} customers bought.",
    "These are associations, not causes: that frequent buyers spend more does not say what an extra purchase would do.",
)

NOTHING_TO_SAY = (
    f"Fewer than {LEAST_BUYERS} customers bought, or all are alike, so nothing can be said of what goes with spend."
)


def drivers_section(forecaster: Forecaster) -> Section:
    """Say what in a customer's history goes with spend in the period that follows.

    Parameters
    ----------
    forecaster : Forecaster
        Links are fitted on the training panel of its period to come.
    """
    window = forecaster.window
    horizon = str(window.horizon).removeprefix("1 ")
    if not window.has_training(window.future_period):
        short = f"The log is too short to see what goes with spend: it holds no {horizon} after as long a history."
        return Section("drivers", TITLE, [short], [])
    panel = forecaster.training_panel(window.future_period, HISTORY)
    assert panel.y is not None
    sizes = [len(forecaster.features(period.cutoff, HISTORY)) for period in panel.periods]
    origin = np.repeat(np.arange(len(sizes)), sizes)
    rest = without_largest(panel.X)
    X = features_of(panel.X)
    table = compared(links(X, panel.y, origin), links(X[rest], panel.y[rest], origin[rest]))
    sentences = link_sentences(table, horizon)
    customers = format_count(panel.X.index.nunique(), "customer")
    rows = (
        f"{customers} over {format_count(len(sizes), 'cutoff')}, {panel.periods[-1].cutoff} to "
        f"{panel.periods[0].cutoff}"
    )
    drawn = table[table["effect"].notna()]
    exhibit = Exhibit(
        name="drivers",
        title=f"What goes with spend in the following {horizon}",
        sentences=sentences,
        table=table.drop(columns="name").rename(columns={"step": "customers_with"}),
        headings=HEADINGS,
        kinds={column: "share" for column in HEADINGS if column not in ("customers_with", "claim")},
        figure=picture_of_links(drawn, rows) if len(drawn) else None,
    )
    return Section("drivers", TITLE, [summary_of(table, horizon)], [exhibit], METHOD)


HEADINGS = {
    "customers_with": "customers with ...",
    "effect": "spend",
    "lower_95": "95% from",
    "upper_95": "95% to",
    "effect_rest": f"without the top {LARGEST:.0%}",
    "lower_95_rest": "95% from, without them",
    "upper_95_rest": "95% to, without them",
    "per_deviation": "a typical difference",
    "deviation_lower": "95% from, typical",
    "deviation_upper": "95% to, typical",
    "claim": "link",
}


def compared(all_customers: pd.DataFrame, rest: pd.DataFrame) -> pd.DataFrame:
    """Set links beside those without the largest customers and judge each, the strongest first.

    Returns
    -------
    pandas.DataFrame
        Columns ``name``, ``step``, those of ``links``, ``effect_rest``, ``lower_95_rest``, ``upper_95_rest`` and
        ``claim``: ``more``, ``less``, ``no clear link``, ``rests on the largest`` or ``not told apart``.
    """
    columns = ["name", "effect", "lower_95", "upper_95"]
    table = all_customers.drop(columns="steps_in_deviation").merge(rest[columns], on="name", suffixes=("", "_rest"))
    table.insert(1, "step", [STEPS.get(name, name) for name in table["name"]])
    direction = _direction(table["lower_95"], table["upper_95"])
    same = direction == _direction(table["lower_95_rest"], table["upper_95_rest"])
    table["claim"] = np.select(
        [table[["effect", "effect_rest"]].isna().any(axis=1), direction == 0, ~same, direction > 0],
        ["not told apart", "no clear link", "rests on the largest", "more"],
        "less",
    )
    strength = np.log1p(table["per_deviation"]).abs()
    claimed = table["claim"].isin(["more", "less"])
    order = pd.DataFrame({"claimed": ~claimed, "strength": -strength}).sort_values(
        ["claimed", "strength"], kind="stable"
    )
    return table.loc[order.index].reset_index(drop=True)


def link_sentences(table: pd.DataFrame, horizon: str) -> list[str]:
    """Say each link in words; none is claimed where an interval covers zero.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``compared``.
    horizon : str
        Length of the period whose spend was explained, as it follows "the following": ``"3 months"``, ``"month"``.
    """
    if (table["claim"] == "not told apart").all():
        return [NOTHING_TO_SAY]
    sentences = [_claimed(row, horizon) for row in table.to_dict("records") if row["claim"] in ("more", "less")]
    sentences += [
        f"No claim for {row['step']}: the link ({format_percent(row['effect'], sign=True)} spend) does not hold "
        "without the "
        f"top {LARGEST:.0%} of customers {_bounds(row, '_rest')}."
        for row in table[table["claim"] == "rests on the largest"].to_dict("records")
    ]
    sentences += [
        f"No clear link with spend for {row['step']} {_bounds(row)}, all else equal."
        for row in table[table["claim"] == "no clear link"].to_dict("records")
    ]
    lost = list(table.loc[table["claim"] == "not told apart", "step"])
    if lost:
        sentences.append(
            f"Left out, as all customers are alike in it or other features tell it already: {join_names(lost)}."
        )
    return sentences


def summary_of(table: pd.DataFrame, horizon: str) -> str:
    """Say in one sentence what goes with spend most."""
    if (table["claim"] == "not told apart").all():
        return NOTHING_TO_SAY
    claims = table[table["claim"].isin(["more", "less"])].to_dict("records")
    if not claims:
        return "Nothing in the customers' history is clearly linked with what they spend next."
    return (
        f"Most closely linked with spend: {_claimed(claims[0], horizon)[0].lower()}{_claimed(claims[0], horizon)[1:]}"
    )


def _claimed(row: Mapping[Hashable, Any], horizon: str) -> str:
    size = format_percent(abs(row["effect"]))
    return (
        f"Customers with {row['step']} spent {size} {row['claim']} in the following {horizon} {_bounds(row)}, all "
        f"else equal; without the top {LARGEST:.0%} of customers {format_percent(row['effect_rest'], sign=True)}."
    )


def _bounds(row: Mapping[Hashable, Any], which: str = "") -> str:
    low, high = (format_percent(row[f"{bound}_95{which}"], sign=True) for bound in ("lower", "upper"))
    return format_interval(low, high)


def _direction(lower: pd.Series, upper: pd.Series) -> np.ndarray:
    """Return 1 where an interval lies above zero, -1 below, else 0."""
    return np.where(lower > 0, 1, np.where(upper < 0, -1, 0))
