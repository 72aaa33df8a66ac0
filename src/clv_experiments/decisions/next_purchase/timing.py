"""Who tells P(alive), P(buys) and dates: the BTYD model, or one that knows of rhythms where customers keep them."""

from __future__ import annotations

from dataclasses import replace

from scipy.stats import ttest_rel

from clv_experiments.data.horizon import Period
from clv_experiments.data.queries.activity import count_last_two_gaps
from clv_experiments.decisions.next_purchase.backtest import Candidate, run_backtest
from clv_experiments.decisions.snapshot import RHYTHM_MODEL_NAME, Snapshot, TimingChoice
from clv_experiments.evaluation.regularity import measure_regularity
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.features.rhythm import log_gap_sum
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.mbg_cnbd_k import MbgCnbdK

GAPS = FeatureSet("gaps", [rfm, log_gap_sum])
SIGNIFICANCE = 0.025  # of the difference, one-sided


def choose_timing_model(forecaster: Forecaster, period: Period, btyd_model: Model) -> TimingChoice:
    """Choose the model that predicts P(alive), P(buys) and dates of a period, by what was known at its cutoff.

    Where the gaps up to it are too regular for BTYD, the MBG/CNBD-k and the BTYD model are set before the period
    before, which is over at the cutoff. The MBG/CNBD-k is taken if its integrated Brier score is lower there, beyond
    chance. ``period`` is one of the window's, or the future period.
    """
    regularity = measure_regularity(count_last_two_gaps(forecaster.log, period.cutoff))
    earlier = next(replace(forecaster.window, training_origins=None).training_periods(period), None)
    if regularity.is_high and earlier and _predicts_better_than_btyd(forecaster, earlier, btyd_model):
        return TimingChoice(regularity, fit_timing_model(forecaster, period))
    return TimingChoice(regularity, None)


def fit_timing_model(forecaster: Forecaster, period: Period) -> MbgCnbdK:
    """Fit the MBG/CNBD-k to what was known at a period's cutoff."""
    return MbgCnbdK(horizon_days=float(period.days)).fit(forecaster.features(period.cutoff, GAPS))


def build_mbg_cnbd_k_candidate(forecaster: Forecaster, period: Period) -> Candidate:
    """Fit the MBG/CNBD-k at a period's cutoff and return it as a candidate."""
    return Candidate(
        RHYTHM_MODEL_NAME, "btyd", fit_timing_model(forecaster, period), forecaster.features(period.cutoff, GAPS)
    )


def _predicts_better_than_btyd(forecaster: Forecaster, period: Period, btyd_model: Model) -> bool:
    """Whether the MBG/CNBD-k predicted a period that is over better than a BTYD model, beyond chance."""
    btyd = Candidate.from_forecast(btyd_model, forecaster.forecast(period, btyd_model))
    waits = forecaster.observed_days_to_purchase(period)
    backtest = run_backtest([btyd, build_mbg_cnbd_k_candidate(forecaster, period)], waits, period.days, level=0.8)
    errors = [backtest.squared_errors(prediction) for prediction in backtest.predictions]
    return bool(ttest_rel(*errors, alternative="greater").pvalue < SIGNIFICANCE)


def add_timing_model(snapshot: Snapshot, forecaster: Forecaster, btyd_model: Model) -> Snapshot:
    """Choose the model that predicts P(alive) and P(buys) of a snapshot's customers, and add it to the snapshot."""
    timing, table = choose_timing_model(forecaster, snapshot.period, btyd_model), snapshot.table
    if model := timing.timing_model:
        table = table.assign(p_alive=model.probability_alive(table), p_purchase=model.probability_purchase(table))
    return replace(snapshot, table=table, timing=timing)
