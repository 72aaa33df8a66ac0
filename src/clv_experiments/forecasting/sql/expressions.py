"""The formulas of the BTYD models as Ibis expressions over a table of frequency, recency and T.

They keep to what every engine computes alike: exp, ln and arithmetic of doubles, without overflow or underflow, which
PostgreSQL and BigQuery refuse. Quadratures are sums over a small table of nodes, once for each distinct history.
"""

from __future__ import annotations

from functools import singledispatch

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import FloatingValue, Table

from clv_experiments.models import pareto_nbd
from clv_experiments.models.array_input import FIRST_SPEND, MONEY
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.btyd import BtydRegressor
from clv_experiments.models.btyd_likelihood import DAYS_A_WEEK
from clv_experiments.models.gamma_gamma import GammaGamma
from clv_experiments.models.pareto_nbd import LONGEST_DECAY, ParetoNbd

SMALL = 1e-4  # below it a Taylor series is exact where 1 + v, or exp(v) - 1, would lose digits
LOWEST_EXPONENT, HIGHEST_EXPONENT = -600.0, 600.0  # what is beyond shows in no digit
DECAY_BEYOND_DOUBLE_PRECISION = 36.0  # exp(-36) is the last digit of a double
MAX_STANDARD_DEVIATIONS = 9.0  # standard deviations beyond which nothing of a normal distribution shows
PARETO_NODES_AND_WEIGHTS = pa.table({"node": pareto_nbd.NODES, "weight": pareto_nbd.WEIGHTS})


def build_forecast_expression(model: BtydRegressor, customers: Table, spacing: float) -> Table:
    """Forecast each customer over the model's horizon.

    Parameters
    ----------
    model : BtydRegressor
        Fitted.
    customers : ibis.Table
        ``customer_id`` (distinct), ``frequency``, ``recency``, ``T`` (days) and, of a model that was fitted with it,
        ``monetary_value`` and ``first_spend`` (currency): all float64.
    spacing : float
        Of the nodes of the BG/NBD's quadrature, such as 0.1; half of it has twice as many nodes.

    Returns
    -------
    ibis.Table
        ``customer_id``, ``p_alive``, ``expected_purchases`` and, of a model with spend, ``expected_spend``: what
        ``probability_alive``, ``expected_purchases`` and ``predict`` return.
    """
    forecasts = _add_p_alive_and_expected_purchases(model, customers, spacing)
    columns = ["customer_id", "p_alive", "expected_purchases"]
    if not model.spend_:
        return forecasts.select(columns)
    spend = forecasts.expected_purchases * _spend_per_purchase(model.spend_, *_known_spends(model, forecasts))
    return forecasts.select(*columns, expected_spend=spend)


@singledispatch
def _add_p_alive_and_expected_purchases(model: BtydRegressor, customers: Table, spacing: float) -> Table:
    """Add ``p_alive`` and ``expected_purchases`` to the customers."""
    raise NotImplementedError(type(model).__name__)


@_add_p_alive_and_expected_purchases.register
def _add_bg_nbd_forecast(model: BgNbd, customers: Table, spacing: float) -> Table:
    """Follow ``BgNbd._dropout`` and ``expected_purchases_if_alive``: the mean of (1 - (1 + p u)^-(r + x)) / p."""
    r, alpha, a, b = model.r_, model.alpha_, model.a_, model.b_ + model._initial_tosses
    c = customers.select("frequency", "T").distinct()
    c = c.mutate(
        shape=c.frequency + r,
        relative_horizon=model.horizon_days / DAYS_A_WEEK / (c["T"] / DAYS_A_WEEK + alpha),
        stays=c.frequency + b,
    )
    c = c.mutate(centre=-(c.stays / a).ln(), width=ibis.least(1.0, (1 / c.stays + 1 / a).sqrt()))
    mean = _purchases_if_alive_by_history(c.cross_join(ibis.memtable(_build_beta_nodes(a, b, spacing))), a)
    c = _join_by_history(customers, mean, ["frequency", "T"])
    growth = (c["T"] - c.recency) / (c.recency + alpha * DAYS_A_WEEK)
    c = c.mutate(growth=growth, tosses=c.frequency + model._initial_tosses)
    log_odds = ibis.ifelse(
        c.tosses > 0,
        (c.frequency + r) * (c.growth + 1).ln() - ((ibis.greatest(c.tosses, 1.0) - 1 + model.b_) / a).ln(),
        LOWEST_EXPONENT,
    )
    c = c.mutate(p_alive=1 / (1 + _exp(log_odds)))
    return c.mutate(expected_purchases=c.p_alive * c.purchases_if_alive)


def _build_beta_nodes(a: float, b: float, spacing: float) -> pa.Table:
    """Lay nodes for the mean over Beta(a, b + x) at any x: logit p = centre + width * node, with ``node = sinh(k h)``.

    The trapezoidal rule after such a substitution converges exponentially (Takahasi and Mori 1974, "Double Exponential
    Formulas for Numerical Integration"), whatever the singularities of the density at 0 and 1.
    """
    ends = [
        np.arcsinh(max(DECAY_BEYOND_DOUBLE_PRECISION / min(shape, shape**0.5), MAX_STANDARD_DEVIATIONS))
        for shape in (a, b)
    ]
    steps = spacing * np.arange(-np.ceil(ends[0] / spacing), np.ceil(ends[1] / spacing) + 1)
    return pa.table({"node": np.sinh(steps), "weight": np.cosh(steps)})


def _purchases_if_alive_by_history(c: Table, a: float) -> Table:
    """Average (1 - (1 + p u)^-shape) / p over p ~ Beta(a, stays) at the nodes, for each frequency and T."""
    c = c.mutate(z=c.centre + c.width * c.node)
    c = c.mutate(
        log_density=(c.z - c.centre) * a - (c.stays + a) * (_log_one_plus_exp(c.z) - _log_one_plus_exp(c.centre)),
        p=1 / (1 + _exp(-c.z)),
    )
    c = c.mutate(weight=_exp(c.log_density) * c.weight, v=c.p * c.relative_horizon)
    c = c.mutate(v=-c.shape * _log1p(c.v))
    c = c.mutate(value=-_expm1(c.v) / c.p)
    return c.group_by("frequency", "T").agg(purchases_if_alive=(c.weight * c.value).sum() / c.weight.sum())


@_add_p_alive_and_expected_purchases.register
def _add_pareto_nbd_forecast(model: ParetoNbd, customers: Table, spacing: float) -> Table:
    """Follow ``ParetoNbd``: the race of dropout against the next purchase, with the same nodes."""
    r, alpha, s, beta = model.r_, model.alpha_ * DAYS_A_WEEK, model.s_, model.beta_ * DAYS_A_WEEK
    keys = ["frequency", "recency", "T"]
    c = customers.select(keys).distinct()
    c = c.mutate(shape=c.frequency + r, silence=c["T"] - c.recency)
    c = c.mutate(by_alpha=c.recency + alpha, by_beta=c.recency + beta)
    c = c.mutate(by_alpha_growth=c.silence / c.by_alpha, by_beta_growth=c.silence / c.by_beta)
    c = c.mutate(decay=c.shape * _log1p(c.by_alpha_growth) + _log1p(c.by_beta_growth) * s)
    dropout = _integrate_dropout_by_history(c, s, purchases_near=alpha <= beta)
    c = _join_by_history(customers, dropout, keys)
    c = c.mutate(p_alive=1 / (1 + _exp(c.decay) * c.dropout), stretch=model.horizon_days / (c["T"] + beta))
    c = c.mutate(stretch=_log1p(c.stretch))
    c = c.mutate(v=c.stretch * (1 - s))
    expected = c.p_alive * (c.frequency + r) * (c["T"] + beta) / (c["T"] + alpha) * c.stretch * _exprel(c.v)
    return c.mutate(expected_purchases=expected)


def _integrate_dropout_by_history(c: Table, s: float, *, purchases_near: bool) -> Table:
    """Integrate, as ``pareto_nbd._integrate_competing_risks`` does, P(dropout ends the silence) of each history."""
    sides = [(c.shape, c.by_alpha), (ibis.literal(s), c.by_beta)]
    (near, near_age), (far, far_age) = sides if purchases_near else sides[::-1]
    c = c.mutate(near=near, far=far, ratio=near_age / far_age, v=c.silence / near_age)
    c = c.mutate(longest=ibis.least(LONGEST_DECAY / c.far, HIGHEST_EXPONENT))
    c = c.mutate(longest=_expm1(c.longest) / c.ratio)
    c = c.mutate(length=ibis.least(_log1p(c.v), LONGEST_DECAY / c.near, _log1p(c.longest)))
    c = c.cross_join(ibis.memtable(PARETO_NODES_AND_WEIGHTS))
    c = c.mutate(y=c.length * c.node)
    c = c.mutate(excess=_expm1(c.y))
    c = c.mutate(far_excess=c.ratio * c.excess)
    silent = _exp(-c.near * c.y - c.far * _log1p(c.far_excess)) * c.length * c.weight
    hazard = c.far * c.ratio * (1 + c.excess) / (1 + c.far_excess) if purchases_near else c.near
    c = c.mutate(ends=silent * hazard)
    return c.group_by("frequency", "recency", "T").agg(decay=c.decay.max(), dropout=c.ends.sum())


def _known_spends(model: BtydRegressor, c: Table) -> tuple[FloatingValue, FloatingValue]:
    """Return on how many purchase days each customer's spend is known, and their mean.

    Follow ``summarise_known_spends`` where the model includes the first purchase day.
    """
    if not model.include_first_spend:
        return c.frequency, c[MONEY]
    repeats = ibis.ifelse(c[MONEY] > 0, c.frequency, 0.0)
    days = repeats + ibis.ifelse(c[FIRST_SPEND] > 0, 1.0, 0.0)
    total = repeats * c[MONEY] + ibis.greatest(c[FIRST_SPEND], 0.0)
    return days, total / ibis.greatest(days, 1.0)


def _spend_per_purchase(model: GammaGamma, x: FloatingValue, m: FloatingValue) -> FloatingValue:
    """Follow ``GammaGamma.expected_spend_per_purchase``: p (v + x m) / (p x + q - 1), times the trend in x."""
    if np.isnan(model.p_):
        return ibis.literal(model.mean_spend_)
    p, q, v = model.p_, model.q_, model.v_
    growth = _exp((x + 1).ln() * model.trend_.exponent) if model.trend_.exponent else 1.0
    expected = (x * (m / growth) + v) * p / (x * p + (q - 1))
    return ibis.ifelse((x > 0) & (m > 0), expected, model.mean_spend_) * growth


def _join_by_history(customers: Table, computed: Table, keys: list[str]) -> Table:
    """Add to each customer what was computed for its history."""
    added = {name: computed[name] for name in computed.columns if name not in keys}
    return customers.inner_join(computed, keys).select(customers, **added)


def _exp(v: FloatingValue) -> FloatingValue:
    return ibis.least(ibis.greatest(v, LOWEST_EXPONENT), HIGHEST_EXPONENT).exp()


def _log_one_plus_exp(v: FloatingValue) -> FloatingValue:
    return ibis.greatest(v, 0.0) + (_exp(-v.abs()) + 1).ln()


def _log1p(v: FloatingValue) -> FloatingValue:
    """Return log(1 + v) of a column v of 0 or more."""
    return ibis.ifelse(v < SMALL, v * (1 - v * (0.5 - v * (1 / 3 - v / 4))), (v + 1).ln())


def _expm1(v: FloatingValue) -> FloatingValue:
    """Return exp(v) - 1 of a column."""
    return ibis.ifelse(v.abs() < SMALL, v * _exprel_taylor(v), _exp(v) - 1)


def _exprel(v: FloatingValue) -> FloatingValue:
    """Return (exp(v) - 1) / v of a column, 1 where v is 0."""
    return ibis.ifelse(v.abs() < SMALL, _exprel_taylor(v), (_exp(v) - 1) / v)


def _exprel_taylor(v: FloatingValue) -> FloatingValue:
    return 1 + v / 2 * (1 + v / 3 * (1 + v / 4))
