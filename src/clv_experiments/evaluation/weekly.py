"""Weekly repeat spend, actual and as a BTYD model expects it: the data behind a tracking plot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def weekly_repeat_spend(daily: pd.DataFrame, estimator: Any) -> pd.DataFrame:
    """Sum actual repeat spend by week and set beside it what the fitted model expects of new customers as they age.

    The expectation is unconditional, as in Fader, Hardie and Lee (2005, figure 4): customers who first bought on day b
    have made E[X(t - b)] repeat purchases by day t, each worth the Gamma-Gamma population mean.

    Parameters
    ----------
    daily : pandas.DataFrame
        Index every day from the log's start to the end of the holdout; ``new_customers``, ``repeat_spend`` (currency).
    estimator : fitted BTYD estimator
        With ``expected_cumulative_purchases(days)`` and ``spend_.mean_spend_``.

    Returns
    -------
    pandas.DataFrame
        ``week_end`` (last day of each whole week from the log's start), ``actual``, ``expected`` (currency that week).
    """
    purchases = estimator.expected_cumulative_purchases(np.arange(len(daily), dtype=float))
    expected = np.convolve(daily["new_customers"].to_numpy(dtype=float), purchases)[: len(daily)]
    cumulative = pd.DataFrame(
        {"actual": daily["repeat_spend"].cumsum(), "expected": expected * estimator.spend_.mean_spend_},
        index=daily.index,
    )
    weeks = cumulative.iloc[6::7].diff().fillna(cumulative.iloc[6::7])
    return weeks.rename_axis("week_end").reset_index()
