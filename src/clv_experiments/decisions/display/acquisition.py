"""The report's section on acquisition: how much a new customer may cost, and what that rests on."""

from __future__ import annotations

from clv_experiments.decisions.budget.acquisition import Acquisition, analyse_acquisition
from clv_experiments.decisions.overview.months import SETTLING
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.prose import sentences

TEMPLATE = "report/acquisition.jinja"
MONEY = ["first_purchase", "repeat_purchases", "predicted", "corrected", "first_year_value", "low", "high", "realised"]
KINDS: dict[str, Kind] = dict.fromkeys(MONEY, "money")
KINDS |= {"customers": "count", "year_over": "share"}
COLUMNS = [  # on the page
    "cohort", "customers", "first_purchase", "repeat_purchases", "corrected", "first_year_value", "low", "high",
]  # fmt: skip
HEADINGS = {
    "first_year_value": "first-year value",
    "repeat_purchases": "repeat purchases so far",
    "predicted": "predicted for the rest of the year",
    "corrected": "rest of the year, predicted and corrected",
    "low": "from (95% interval)",
    "high": "to",
    "year_over": "customers whose year is over",
    "error": "predicted beyond realised",
}


def acquisition_section(forecaster: Forecaster, now: Snapshot, shop: Shop, seed: int, replicates: int) -> Section:
    """Show what a new customer is worth in the first year, and how good its prediction was a year ago.

    Parameters
    ----------
    forecaster : Forecaster
        Of the snapshot's log.
    now : Snapshot
        At the log's end.
    shop : Shop
    seed : int
    replicates : int
        Of every bootstrap.
    """
    acquisition = analyse_acquisition(forecaster, now, shop, replicates, seed)
    (question,), limit = sentences(TEMPLATE, "question"), sentences(TEMPLATE, "limit", acquisition, shop.currency)
    method = sentences(TEMPLATE, "method", shop.margin, shop.annual_discount_rate, now.btyd_name, SETTLING)
    exhibits = [_cohorts(acquisition, now, shop), _check(acquisition, now, shop)]
    return Section("acquisition", question, limit, exhibits, method)


def _cohorts(acquisition: Acquisition, now: Snapshot, shop: Shop) -> Exhibit:
    from clv_experiments.decisions.display.budget_figures import cohort_bars

    cohorts = acquisition.cohorts
    figure = cohort_bars(cohorts, shop.currency, f"mean margin by first purchase · up to {now.period.cutoff}")
    text = sentences(TEMPLATE, "cohorts", acquisition, shop.currency)
    title = "What a new customer leaves in the first year, by first purchase"
    return Exhibit("acquisition_cohorts", title, text, cohorts, HEADINGS, KINDS, figure, columns=COLUMNS)


def _check(acquisition: Acquisition, now: Snapshot, shop: Shop) -> Exhibit:
    """Show how the prediction of the rest of the year fared a year ago."""
    check = acquisition.check
    text = sentences(TEMPLATE, "check", check, now.btyd_name, shop.currency)
    title = "Was the predicted part of the first year right?"
    if check is None:
        return Exhibit("acquisition_check", title, text)
    kinds = KINDS | dict.fromkeys(["error", "low", "high"], "share")
    return Exhibit("acquisition_check", title, text, check.table, HEADINGS | {"predicted": "predicted"}, kinds)
