"""Negative amounts that are no returns: profits and losses are the user's choice."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.cleaning import returns, status
from clv_experiments.errors import ClvError
from clv_experiments.models.gamma_gamma import GammaGamma

DAYS = pd.date_range("2020-01-01", periods=200)


def profits(products=None):
    """A row a day for 19 customers, of which every fourth is a loss that nothing was paid for before."""
    amounts = np.arange(200) / 7 + 1
    amounts[::4] *= -0.31
    frame = pd.DataFrame({"customer_id": [f"c{k % 19}" for k in range(200)], "date": DAYS, "amount": amounts.round(2)})
    return frame if products is None else frame.assign(product=products)


def test_losses_are_a_choice_of_the_user(log_of):
    with pytest.raises(
        ClvError, match=r"25% of the amounts are negative, and 0% of these 50 match .*policy=keep if.*model=linear"
    ):
        log_of(profits(), [returns()])
    assert len(log_of(profits(), [returns("drop")]).purchase_days.to_pyarrow()) == 150
    kept = log_of(profits(), [returns("keep")])
    assert kept.purchase_days.amount.sum().to_pyarrow().as_py() == Decimal(str(round(profits()["amount"].sum(), 2)))
    assert any(note.startswith("50 of 200 purchase days are losses, below 0: bias") for note in kept.notes)
    gains = log_of(profits().query("amount > 0"), [returns("keep")])
    assert (kept.has_losses, gains.has_losses) == (True, False)
    assert not any("losses" in note for note in gains.notes)


def test_losses_are_those_of_purchase_days(log_of):
    """What is lost on one line and earned on another of a day is no loss; what no step looks at is one all the same."""
    both = pd.concat([profits(), profits().assign(amount=100.0)])
    assert not log_of(both, [returns("keep")]).has_losses
    assert log_of(profits(), []).has_losses


def undone(frame):
    """The same rows, with a negative one for each fourth that undoes it the next day."""
    bought = frame.assign(amount=frame["amount"].abs())
    returned = bought.iloc[::4].assign(
        amount=lambda rows: -rows["amount"], date=lambda rows: rows["date"] + pd.Timedelta("1D")
    )
    return pd.concat([bought, returned])


@pytest.mark.parametrize(
    "rows",
    [
        undone(profits()),
        profits(products=[f"p{k % 19}" for k in range(200)]),  # losses of a product that the customer has bought
        profits().assign(quantity=lambda rows: np.sign(rows["amount"])),
        profits().iloc[:60],  # fifteen
    ],
)
def test_returns_are_known_by_what_they_undo(log_of, rows):
    assert len(log_of(rows, [returns()]).report.changes) == 1


def test_refunds_known_by_their_status_are_no_losses(log_of):
    rows = profits().assign(type=lambda rows: np.where(rows["amount"] < 0, "refund", "sale"))
    assert len(log_of(rows, [status(), returns()]).purchase_days.to_pyarrow()) == 150


def test_gamma_gamma_is_not_fitted_where_customers_lose():
    customers = pd.DataFrame({"frequency": [3.0] * 99 + [0.0], "monetary_value": [*np.linspace(5, 40, 98), -1.0, 0.0]})
    with pytest.raises(ClvError, match=r"the mean of 1 of 99 repeat customers is below, first of customer_id 98$"):
        GammaGamma().fit(customers)
