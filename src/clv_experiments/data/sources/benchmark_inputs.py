"""Files of any size that benchmarks read: lines of orders, and customers as BTYD models take them."""

from __future__ import annotations

from datetime import date

import ibis
import numpy as np
import pandas as pd

LINES_A_CUSTOMER, LINES_AN_ORDER = 231, 20  # as of a shop with 43,298 customers and 500,000 orders of 10,000,000 lines
FIRST_DAY, DAYS = date(2022, 1, 1), 730
HASH_MULTIPLIER = 2_654_435_761  # an odd number that scatters consecutive ones over all remainders


def simulate_order_lines(number: int) -> ibis.Table:
    """Build lines of orders as a shop exports them: invoice, customer_id, invoice_date, quantity, unit_price."""
    line = ibis.range(0, number).unnest().name("line").as_table().line
    order = line // LINES_AN_ORDER
    scattered = order * HASH_MULTIPLIER % 2**31
    customers = max(number // LINES_A_CUSTOMER, 1)
    moment = ibis.literal(FIRST_DAY).cast("timestamp") + (scattered % (DAYS * 1440)).as_interval("m")
    return line.as_table().select(
        invoice=order,
        customer_id=scattered // 7 % customers,
        invoice_date=moment,
        quantity=(line * HASH_MULTIPLIER % 2**31 // 3 % 5 + 1).cast("int32"),
        unit_price=((line * HASH_MULTIPLIER % 2**31 // 11 % 5000 + 50) / 100).cast("decimal(10, 2)"),
    )


def simulate_rfm_summary(n_customers: int) -> pd.DataFrame:
    """Return frequency, recency, T (days) and monetary_value of customers of a BG/NBD who joined 26 to 78 weeks ago."""
    rng = np.random.default_rng(1)
    rate, chance = rng.gamma(0.6, 1 / 42, n_customers), rng.beta(0.8, 2.5, n_customers)
    T = rng.integers(182, 547, n_customers).astype(float)
    x, recency, moment = np.zeros((3, n_customers))
    alive = np.arange(n_customers)
    while len(alive):
        moment[alive] += rng.exponential(1 / rate[alive])
        alive = alive[moment[alive] <= T[alive]]
        day = np.minimum(np.ceil(moment[alive]), T[alive])
        x[alive] += day > recency[alive]
        recency[alive] = day
        alive = alive[rng.random(len(alive)) >= chance[alive]]
    days = np.maximum(x, 1.0)
    spend = np.where(x > 0, rng.gamma(6 * days) / days * 15 / rng.gamma(4.0, size=n_customers), 0.0)
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T, "monetary_value": spend})
