"""The whole run on one screen: load, forecast (validation, holdout), score, record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from clv_experiments.cost import peak_memory_mb
from clv_experiments.data.log import TransactionLog, load_log
from clv_experiments.data.outcomes import repeat_spend_by_day
from clv_experiments.data.window import Horizon, Period, Window
from clv_experiments.errors import ClvError
from clv_experiments.evaluation import report
from clv_experiments.evaluation.coefficients import coefficients, fit_statistics
from clv_experiments.evaluation.metrics import d2_tweedie
from clv_experiments.evaluation.plot_fits import tracking
from clv_experiments.evaluation.plot_style import Labels
from clv_experiments.evaluation.records import (
    FittedModel,
    LogIdentity,
    Metric,
    Param,
    Picture,
    Record,
    Table,
    Tag,
    Text,
)
from clv_experiments.evaluation.weekly import weekly_repeat_spend
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecast import Forecast, Forecaster, Model, cell_fingerprint
from clv_experiments.terminal import Terminal
from clv_experiments.tracking.code_version import code_version

MODELS = Path(__file__).resolve().parents[2] / "conf" / "model"
NO_VALIDATION = "there is no validation period: the log does not reach back far enough; the run has no objective"
LEAST_PREDICTION = 0.01  # of the typical spend: what D2 takes a smaller prediction for


@dataclass(frozen=True)
class Scored:
    """A forecast and its scores."""

    forecast: Forecast
    scores: dict[str, float]


@dataclass(frozen=True)
class Result:
    """What a run answers with.

    Attributes
    ----------
    objective : float or None
        The validation period's score (mean over origins); None where the log leaves no validation period.
    holdout, validation : dict of int to Scored
        By the step of the origin, oldest first.
    """

    objective: float | None
    holdout: dict[int, Scored]
    validation: dict[int, Scored]


def run_experiment(cfg: DictConfig) -> Result:
    """Run one experiment and leave one tracked run behind.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/``.

    Raises
    ------
    ClvError
        If the input is bad, in one sentence; the run is then marked FAILED with that reason.
    """
    horizon, terminal = Horizon.parse(cfg.window.horizon), Terminal()
    terminal.say(f"{cfg.model.name} on {cfg.data.name}, next {horizon}")
    with terminal.step("opening the tracking store", "tracking"):
        tracker = instantiate(cfg.tracking)
    with tracker.run(f"{cfg.data.name}/{horizon.label}", cfg.model.name) as run:
        run.log(list(parameters(cfg)))
        with terminal.step(f"reading and cleaning {cfg.data.name}", "data"):
            log = read_log(cfg.data)
        terminal.say(f"{log.report}; {log.customers:,} customers, {log.start} to {log.end}")
        model = build_model(cfg.model)
        forecaster = Forecaster(log, read_window(cfg.window, log, horizon))
        origins = forecaster.window.backtest(supervised=model.supervised, source=log.name)
        run.log(list(identity(cfg, forecaster, model, origins[-1].holdout)))

        holdout, validation = {}, {}
        for origin in origins:
            with terminal.step(f"forecasting the holdout period {origin.holdout}"):
                holdout[origin.step] = judge(forecaster, origin.holdout, model)
            if origin.validation:
                with terminal.step(f"forecasting the validation period {origin.validation}"):
                    validation[origin.step] = judge(forecaster, origin.validation, model)
        latest = holdout[origins[-1].step].forecast
        with terminal.step("forecasting with the baselines", "baselines"):
            ladder = rank_against_baselines(cfg, forecaster, model, holdout)

        with terminal.step("measuring, explaining, drawing", "evaluation") as progress:
            records = [
                *report.score_metrics("holdout", {step: s.scores for step, s in holdout.items()}),
                *report.score_metrics("validation", {step: s.scores for step, s in validation.items()}),
                *costs(holdout),
                *predictions("predictions.parquet", holdout),
                *predictions("validation_predictions.parquet", validation),
                *report.ladder_records(ladder, str(latest.period)),
                *explain(cfg, forecaster, model, latest, progress),
            ]
        with terminal.step("writing the run", "tracking"):
            run.log(records)

        for scored in (*holdout.values(), *validation.values()):
            terminal.took(scored.forecast.seconds)
        terminal.summary(ladder, f"holdout {latest.period}", len(origins))
        for remark in [*remarks(latest.estimator), *([] if validation else [NO_VALIDATION])]:
            terminal.say(f"note: {remark}")
        terminal.timing()
        terminal.say(run.location)
    return Result(mean_score(validation, cfg.evaluation.objective), holdout, validation)


def judge(forecaster: Forecaster, period: Period, model: Model) -> Scored:
    """Forecast a period and score it."""
    made = forecaster.forecast(period, model)
    return Scored(made, report.scored(made.table, LEAST_PREDICTION * forecaster.typical_spend(period.cutoff)))


def mean_score(scored: dict[int, Scored], metric: str) -> float | None:
    """Return the mean of one metric over origins; None without any."""
    return float(np.mean([s.scores[metric] for s in scored.values()])) if scored else None


def rank_against_baselines(
    cfg: DictConfig, forecaster: Forecaster, model: Model, holdout: dict[int, Scored]
) -> report.Ladder:
    """Score every baseline that the log has history for on the same holdout periods; means over origins."""
    periods = [scored.forecast.period for scored in holdout.values()]
    labelled = all(forecaster.window.has_training(period) for period in periods)
    ladder = {option.name: option for option in baselines(cfg) if labelled or not option.supervised}
    scores = {name: [judge(forecaster, period, option).scores for period in periods] for name, option in ladder.items()}
    scores[model.name] = [scored.scores for scored in holdout.values()]
    means = {name: dict(pd.DataFrame(found).mean()) for name, found in scores.items()}
    return report.Ladder(means, model.name, list(ladder), cfg.evaluation.objective)


def explain(cfg: DictConfig, forecaster: Forecaster, model: Model, made: Forecast, progress: Any) -> Iterator[Record]:
    """Tables, pictures and the fitted model of the latest holdout forecast."""
    log, estimator = forecaster.log, made.estimator
    labels = Labels(model.name, f"{log.name}, {made.period}", f"next {forecaster.window.horizon}", log.currency)
    yield from report.holdout_records(made.table, labels)
    learned = coefficients(
        estimator,
        made.training.X,
        made.training.y,
        made.X,
        made.table["y_true"],
        scorer=lambda y, p: d2_tweedie(y, p, floor=LEAST_PREDICTION * forecaster.typical_spend(made.period.cutoff)),
        rng=np.random.default_rng(cfg.seed),
        replicates=cfg.evaluation.bootstrap_replicates,
        on_progress=progress,
    )
    yield from report.coefficient_records(learned, labels)
    yield from (Metric(name, value) for name, value in fit_statistics(estimator).items())
    if hasattr(estimator, "expected_cumulative_purchases"):
        weekly = weekly_repeat_spend(repeat_spend_by_day(log, made.period), estimator)
        yield Table("tracking.csv", weekly)
        yield Picture("tracking.png", tracking(weekly, pd.Timestamp(made.period.cutoff), labels))
        yield Tag("btyd_boundary", estimator.boundary_ or "interior")
        yield Metric("btyd_at_boundary", float(bool(estimator.boundary_)))
    yield Text("remarks.txt", "\n".join(remarks(estimator)))
    yield FittedModel(estimator, made.X.head())


def remarks(estimator: Any) -> list[str]:
    """Collect what the fitted estimator says of itself: an optimum at the boundary, a fallback."""
    return [*filter(None, [getattr(estimator, "boundary_", "")]), *getattr(estimator, "notes_", [])]


def predictions(name: str, scored: dict[int, Scored]) -> Iterator[Table]:
    """One row a customer and cutoff, where there is any forecast."""
    made = [s.forecast for s in scored.values()]
    if made:
        frames = [forecast.table.assign(cutoff=pd.Timestamp(forecast.period.cutoff)) for forecast in made]
        yield Table(name, pd.concat(frames).reset_index())


def costs(holdout: dict[int, Scored]) -> Iterator[Metric]:
    """Seconds of each part of the holdout forecasts, and the process's peak memory."""
    for step, scored in holdout.items():
        yield from (Metric(f"seconds_{part}", value, step) for part, value in scored.forecast.seconds.items())
    yield Metric("peak_memory_mb", peak_memory_mb())


def identity(cfg: DictConfig, forecaster: Forecaster, model: Model, latest: Period) -> Iterator[Record]:
    """Say what the run is comparable with, and what log and code it came from."""
    log = forecaster.log
    yield Tag("family", model.family)
    yield Tag("model", model.name)
    yield Tag("features", model.features.name)
    yield Tag("window", forecaster.window.horizon.label)
    yield Tag("protocol", cfg.evaluation.protocol)
    yield Tag("cutoff", str(latest.cutoff))
    yield Tag("log_fingerprint", log.fingerprint)
    yield Tag("cell", cell_fingerprint(forecaster, latest))
    yield Tag("code_version", code_version())
    yield LogIdentity(log.name, log.fingerprint)
    yield Table("cleaning_report.csv", log.report.table)
    yield Text("config.yaml", OmegaConf.to_yaml(cfg, resolve=True))


def parameters(cfg: DictConfig) -> Iterator[Param]:
    """Flatten the composed config; the features are those of the model."""
    values = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(values, dict)
    values.pop("features")
    yield from (Param(name, value) for name, value in _flat(values, ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _flat(below, f"{name}.{key}" if name else str(key))
    else:
        yield name, json.dumps(value) if isinstance(value, list) else value


def read_log(cfg: DictConfig) -> TransactionLog:
    """Read the log that the data config describes."""
    rules = [instantiate(rule) for rule in cfg.rules]
    return load_log(cfg.name, instantiate(cfg.source), rules, _day(cfg.log_end, "data.log_end"), cfg.currency)


def read_window(cfg: DictConfig, log: TransactionLog, horizon: Horizon) -> Window:
    """Lay the configured window over the log."""
    cutoff = _day(cfg.cutoff, "window.cutoff")
    return Window(log.start, log.end, horizon, cutoff, cfg.origins, cfg.training_origins)


def build_model(cfg: DictConfig) -> Model:
    """Instantiate one option of ``conf/model``."""
    features = FeatureSet(cfg.features.name, [instantiate(block) for block in cfg.features.blocks])
    estimator = instantiate(cfg.estimator, _convert_="all")
    return Model(cfg.name, cfg.family, cfg.supervised, features, estimator)


def baselines(cfg: DictConfig) -> list[Model]:
    """Instantiate every option of ``conf/model`` whose family is baseline."""
    options = [OmegaConf.to_container(OmegaConf.load(path)) for path in sorted(MODELS.glob("*.yaml"))]
    rest = OmegaConf.to_container(cfg)
    assert isinstance(rest, dict)
    # The option stands where the run's model stood, so that its interpolations, such as ${seed}, resolve.
    found = [OmegaConf.create({**rest, "model": option}).model for option in options]
    return [build_model(option) for option in found if option.family == "baseline"]


def _day(text: str | None, where: str) -> date | None:
    try:
        return date.fromisoformat(str(text)) if text is not None else None
    except ValueError as error:
        raise ClvError(f"'{text}' is not a date; it must read like 1998-03-31 ({where})") from error
