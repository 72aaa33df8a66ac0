"""What a plan would have brought in the period before, beside perfect foresight, rules of thumb and chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_experiments.decisions.budget.plan import profit
from clv_experiments.decisions.segments.resampling import bounds, draws
from clv_experiments.decisions.segments.rfm import RfmScores
from clv_experiments.decisions.shop import Campaign
from clv_experiments.decisions.snapshot import days_since_last
from clv_experiments.evaluation.checks import Floats

ORACLE, MODEL, RANDOM = "perfect foresight", "model", "chance"
TOTAL, RECENT, SCORE = "total spend so far", "last purchase", "RFM score"
AS_MANY = "total spend so far, as many contacts as the model"


def orders(table: pd.DataFrame, campaign: Campaign, margin: float) -> dict[str, NDArray[np.int64]]:
    """Return whom each way of choosing contacts, first to last, as places in the table.

    Perfect foresight and the model stop where a contact would not pay; a rule of thumb knows no such end. Where the
    model stops before the budget does, total spend is also taken with the model's end, which leaves the choice alone
    to tell them apart.

    Parameters
    ----------
    table : pandas.DataFrame
        Of a snapshot whose period is over, sorted by customer_id; equal customers are taken in that order.
    """
    actual, predicted = _worth(table, campaign, margin)
    found = {name: _descending(value)[: (value > 0).sum()] for name, value in ((ORACLE, actual), (MODEL, predicted))}
    total, waited = table["total_spend"], days_since_last(table)
    score = RfmScores.of(waited, table["frequency"], total).scores(table).sum(axis=1)
    ranked = {TOTAL: [total], RECENT: [-waited, total], SCORE: [score, total]}
    found |= {name: _descending(*by) for name, by in ranked.items()}
    stop = len(found[MODEL])
    return found | ({AS_MANY: found[TOTAL][:stop]} if stop < min(campaign.contacts, len(table)) else {})


def _worth(table: pd.DataFrame, campaign: Campaign, margin: float) -> tuple[Floats, Floats]:
    """Return what contacting each customer brought, and what the model expected of it."""
    actual, predicted = (table[column].to_numpy(float) for column in ("y_true", "expected_spend"))
    return profit(actual, campaign, margin), profit(predicted, campaign, margin)


def _descending(*by: Floats | pd.Series) -> NDArray[np.int64]:
    """Return the places of the highest values first; later keys decide among equal ones."""
    return np.lexsort([-np.asarray(key, dtype=float) for key in reversed(by)])


def profits(
    table: pd.DataFrame, campaign: Campaign, margin: float, replicates: int, seed: int
) -> tuple[pd.Series, pd.DataFrame]:
    """Return what each way of choosing would have brought at the expected uplift, the budget and not a contact more.

    Returns
    -------
    profit : pandas.Series
        By way of choosing (currency).
    resampled : pandas.DataFrame, shape (replicates, ways)
        The same with customers drawn anew with replacement, the same ones for all (Efron 1979).
    """
    brought = profit(table["y_true"].to_numpy(float), campaign, margin)
    ways = orders(table, campaign, margin)
    once = np.ones(len(table))
    found = pd.Series(_brought(brought, ways, once, campaign.contacts))
    rows = [_brought(brought, ways, counts, campaign.contacts) for counts in draws(len(table), replicates, seed)]
    return found, pd.DataFrame(rows)


def _brought(brought: Floats, ways: dict[str, NDArray[np.int64]], counts: Floats, contacts: int) -> dict[str, float]:
    """Return the profit of each way where every customer is there as often as counted."""
    found = {}
    for name, order in ways.items():
        here = counts[order]
        taken = np.clip(contacts - (np.cumsum(here) - here), 0, here)
        found[name] = float((taken * brought[order]).sum())  # a product of matrices would wait for its threads
    found[RANDOM] = float((counts * brought).sum()) / counts.sum() * min(contacts, counts.sum())
    return found


def regret_table(found: pd.Series, resampled: pd.DataFrame, contacts: pd.Series) -> pd.DataFrame:
    """Set each way of choosing beside perfect foresight and beside the model.

    Parameters
    ----------
    found, resampled
        From ``profits``.
    contacts : pandas.Series
        Customers each way contacts.

    Returns
    -------
    pandas.DataFrame
        One row a way: ``plan``, ``contacts``, ``profit``, ``regret`` (what perfect foresight brings more), both in
        currency, ``share_lost`` (regret as a share of what perfect foresight brings; nan where that is nothing) and
        ``model_ahead`` (what the model brings more), with 95 % intervals ``_low`` and ``_high``.
    """
    regret, redrawn = found[ORACLE] - found, -resampled.sub(resampled[ORACLE], axis=0)
    best = resampled[ORACLE].where(resampled[ORACLE] > 0)
    columns = [
        pd.DataFrame({"contacts": contacts[found.index]}),
        _estimates("profit", found, resampled),
        _estimates("regret", regret, redrawn),
        _estimates("share_lost", regret / (found[ORACLE] if found[ORACLE] > 0 else np.nan), redrawn.div(best, axis=0)),
        _estimates("model_ahead", found[MODEL] - found, -resampled.sub(resampled[MODEL], axis=0)),
    ]
    return pd.concat(columns, axis=1).rename_axis("plan").reset_index()


def _estimates(name: str, values: pd.Series, drawn: pd.DataFrame) -> pd.DataFrame:
    low, high = bounds(drawn[values.index])
    return pd.DataFrame({name: values, f"{name}_low": low, f"{name}_high": high})


def contacts_of(table: pd.DataFrame, campaign: Campaign, margin: float) -> pd.Series:
    """Count the customers each way of choosing contacts within the budget."""
    counts = {name: min(len(order), campaign.contacts) for name, order in orders(table, campaign, margin).items()}
    return pd.Series(counts | {RANDOM: min(len(table), campaign.contacts)})


def curves(table: pd.DataFrame, campaign: Campaign, margin: float, contacts: NDArray[np.int64]) -> pd.DataFrame:
    """Return the profit of contacting so many customers, each way, had the whole budget been spent.

    Returns
    -------
    pandas.DataFrame
        ``budget``, ``contacts``, ``expected`` (by the predictions of then, in their order) and what contacting in the
        order of each way brought, in currency.
    """
    actual, predicted = _worth(table, campaign, margin)
    by_model = _descending(predicted)
    columns = {"expected": predicted[by_model], "model": actual[by_model]}
    columns["perfect_foresight"] = actual[_descending(actual)]
    columns["total_spend_so_far"] = actual[_descending(table["total_spend"])]
    columns["chance"] = np.full(len(table), actual.mean())
    summed = {name: np.concatenate([[0.0], np.cumsum(values)])[contacts] for name, values in columns.items()}
    return pd.DataFrame({"budget": contacts * campaign.cost, "contacts": contacts, **summed})
