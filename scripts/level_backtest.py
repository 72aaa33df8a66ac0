"""Measure the level at every origin of a log: bias of BTYD's total, of the total a year ago, and of the forecast.

    python scripts/level_backtest.py data=cdnow window=3m
    python scripts/level_backtest.py data=online_retail_ii data.path=online_retail_ii.parquet window=1m

Takes the settings of train.py; all origins unless window.origins says otherwise. The latest origin is set apart: what
is chosen is chosen on the others. Columns named after a number are the forecast combined with BTYD's total by that
error of BTYD's instead of the one in use; of a simulated log the actual total is the expected one.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from clv_experiments.config.composition import compose_config
from clv_experiments.config.log_and_window import build_window, load_log_from_config
from clv_experiments.data.horizon import Period
from clv_experiments.forecasting.forecaster import Forecaster

BTYD_ERRORS = (0.1, 0.15, 0.2, 0.3, 0.5, 10.0)


def year_ago_total(forecaster: Forecaster, target: Period, btyd: float) -> float:
    """Return BTYD's total times what came of it a year ago, or as it is where that is unknown."""
    shifted = [(pd.Timestamp(day) - pd.DateOffset(years=1)).date() for day in (target.cutoff, target.end)]
    before = Period(*shifted)
    if before.cutoff <= forecaster.log.start or before.end > target.cutoff:
        return btyd
    then = forecaster.forecast_btyd_and_cohort_levels(before).btyd.total
    actual = forecaster.outcome(before)["spend"].sum()
    return btyd * actual / then if min(actual, then) > 0 else btyd


def backtest(overrides: list[str]) -> pd.DataFrame:
    """One row an origin, latest first, with biases (predicted / actual - 1)."""
    cfg = compose_config("config", ["window.origins=all", "tracking=memory", *overrides])
    log = load_log_from_config(cfg.data, lambda start, end: build_window(cfg.window, start, end).first_forecast_cutoff)
    forecaster = Forecaster(log, build_window(cfg.window, log.start, log.end))
    rows = []
    for target in map(forecaster.window.period, range(forecaster.window.origins)):
        outcome, level, both = (
            forecaster.outcome(target),
            forecaster.forecast_level(target),
            forecaster.forecast_btyd_and_cohort_levels(target),
        )
        actual = outcome["true_expected_spend" if log.truth else "spend"].sum()
        totals = {"btyd": both.btyd.total, "year_ago": year_ago_total(forecaster, target, both.btyd.total)}
        totals |= {"level": level.total} | {str(error): both.combine(error).total for error in BTYD_ERRORS}
        low, high = level.interval(0.8)
        widest_low, widest_high = level.interval(0.95)
        rows.append(
            {"cutoff": target.cutoff, "source": level.source, "actual": actual}
            | {name: total / actual - 1 for name, total in totals.items()}
            | {"error": both.combine().standard_error, "calibrated": level.standard_error}
            | {
                "in_80": low <= outcome["spend"].sum() <= high,
                "in_95": widest_low <= outcome["spend"].sum() <= widest_high,
            }
        )
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Average the absolute biases of all origins but the latest, by where the level comes from."""
    origins = table.iloc[1:].groupby("source")
    biases = ["btyd", "year_ago", "level", *map(str, BTYD_ERRORS)]
    summary = origins[biases].agg(lambda bias: bias.abs().mean())
    summary["btyd_rms_log"] = origins["btyd"].agg(lambda bias: np.sqrt(np.mean(np.log1p(bias) ** 2)))
    return summary.assign(in_80=origins["in_80"].mean(), in_95=origins["in_95"].mean(), origins=origins.size())


def main() -> None:
    """Print the origins of one log, and the means over the earlier ones."""
    table = backtest(sys.argv[1:])
    pd.set_option("display.width", 250, "display.max_columns", 30, "display.max_rows", 200)
    print(f"{table.round(3)}\n\nmean absolute bias of the earlier origins\n{summarise(table).round(3)}")  # noqa: T201


if __name__ == "__main__":
    main()
