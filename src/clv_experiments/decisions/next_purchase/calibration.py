"""Whether as many customers buy as their probabilities promise, by tenth of the probability."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clv_experiments.decisions.display.next_purchase_figures import reliability_picture
from clv_experiments.decisions.next_purchase.backtest import Trial
from clv_experiments.decisions.next_purchase.board import Board
from clv_experiments.decisions.next_purchase.sentences import accuracy, calibration
from clv_experiments.evaluation.binomial import wilson
from clv_experiments.reporting.exhibit import Exhibit

BINS = 10


def reliability(judged: Trial) -> pd.DataFrame:
    """Compare predicted with actual shares of buyers in tenths of the predicted probability.

    Customers with the same probability stay together, so that a contender may have fewer than ten groups.

    Returns
    -------
    pandas.DataFrame
        ``contender, within_days, tenth`` (1 = least probable), ``customers, predicted, actual, actual_lower,
        actual_upper``: mean probability, share who bought with its 95 % interval (Wilson 1927).
    """
    rows = []
    for told in judged.told:
        for mark in judged.marks:
            chance = judged.within(told, mark)
            edges = np.unique(np.quantile(chance, np.arange(1, BINS) / BINS, method="lower"))
            groups = pd.DataFrame({"chance": chance, "bought": judged.bought(mark)}).groupby(
                np.searchsorted(edges, chance, side="left")
            )
            table = groups.agg(customers=("chance", "size"), predicted=("chance", "mean"), actual=("bought", "mean"))
            table.insert(0, "tenth", np.arange(1, len(table) + 1))
            rows.append(table.assign(contender=told.name, within_days=mark))
    frame = pd.concat(rows, ignore_index=True)
    frame["actual_lower"], frame["actual_upper"] = wilson(frame["actual"].to_numpy(), frame["customers"].to_numpy())
    first = ["contender", "within_days"]
    return frame[[*first, *frame.columns.drop(first)]]


def calibration_exhibit(ranking: Board, teller: str, when: str) -> Exhibit:
    """Show promised against actual shares of buyers, of the teller and of the best of each other family.

    Parameters
    ----------
    ranking : Board
    teller : str
        The contender that the sentences are about.
    when : str
        The period, for the picture.
    """
    rows = ranking.of()
    families = {teller: str(rows["family"][teller])}
    for name, family in rows["family"].items():
        if family not in families.values():
            families[str(name)] = str(family)
    table = reliability(ranking.trial).sort_values("contender", key=lambda names: names != teller, kind="stable")
    figure = reliability_picture(
        table, families, f"{when}; tenths of the customers by probability, with 95 % intervals"
    )
    shares = ["predicted", "actual", "actual_lower", "actual_upper"]
    return Exhibit(
        "next_purchase_calibration",
        "Do as many buy as was promised?",
        [*calibration(ranking, teller), *accuracy(ranking, teller)],
        table,
        {"within_days": "within days", "actual_lower": "from", "actual_upper": "to"},
        dict.fromkeys(shares, "share"),
        figure,
        shown=10,
    )
