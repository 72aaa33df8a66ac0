"""Discounted CLV: the margin on every purchase that is expected over a horizon, at its value on the cutoff."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from clv_experiments.decisions.shop import Shop
from clv_experiments.models.btyd import BtydRegressor


def discounted_clv(btyd: BtydRegressor, X: pd.DataFrame, shop: Shop, cutoff: date) -> np.ndarray:
    """Return margin x expected spend a purchase x discounted expected purchases over ``shop.clv_horizon``.

    Spend and the number of purchases are independent given the history (Fader, Hardie and Lee 2005, "RFM and CLV:
    Using Iso-Value Curves for Customer Base Analysis"), so that their expectations multiply. What was spent before the
    cutoff does not count.

    Parameters
    ----------
    btyd : BtydRegressor
        Fitted.
    X : pandas.DataFrame
        ``frequency``, ``recency``, ``T`` (days) and ``monetary_value`` at the cutoff.

    Returns
    -------
    array, shape (n,)
        In the log's currency, at the value that money has on the cutoff.
    """
    return clv_within(btyd, X, shop, float(shop.clv_horizon.after(cutoff).days))


def clv_within(btyd: BtydRegressor, X: pd.DataFrame, shop: Shop, days: float) -> np.ndarray:
    """Return the same as ``discounted_clv`` over a number of days."""
    purchases = btyd.discounted_purchases(X, shop.annual_discount_rate, days)
    return shop.margin * btyd.expected_spend_per_purchase(X) * purchases
