"""The whole run on one screen: load, forecast (validation, holdout), score, record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from clv_experiments.data.log import TransactionLog, load_log
from clv_experiments.data.window import Horizon, Window
from clv_experiments.errors import ClvError
from clv_experiments.evaluation import report
from clv_experiments.evaluation.metrics import OBJECTIVES
from clv_experiments.evaluation.records import Param, Tag, Text
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecast import Forecaster, Model
from clv_experiments.run_records import Scored, costs, explain, identity, judge, predictions, remarks
from clv_experiments.terminal import Terminal

MODELS = Path(__file__).resolve().parents[2] / "conf" / "model"
PROTOCOLS = ("forecast",)
NO_VALIDATION = "there is no validation period: the log does not reach back far enough; the run has no objective"


@dataclass(frozen=True)
class Result:
    """What a run answers with.

    Attributes
    ----------
    objective : float or None
        The score of the oldest origin's validation period, which is no origin's holdout; None where there is none.
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
    check_settings(cfg)
    horizon, cutoff = Horizon.parse(cfg.window.horizon), _day(cfg.window.cutoff, "window.cutoff")
    terminal = Terminal()
    terminal.say(f"{cfg.model.name} with features {cfg.model.features.name} on {cfg.data.name}, next {horizon}")
    with ExitStack() as stack:
        with terminal.step("opening the tracking store", "tracking"):
            opened = instantiate(cfg.tracking).run(f"{cfg.data.name}/{horizon.label}", cfg.model.name)
            run = stack.enter_context(opened)
        run.log([*parameters(cfg), Text("config.yaml", OmegaConf.to_yaml(cfg, resolve=True))])
        with terminal.step(f"reading and cleaning {cfg.data.name}", "data"):
            log = read_log(cfg.data)
        terminal.say(f"{log.report}; {log.customers:,} customers, {log.start} to {log.end}")
        model = build_model(cfg.model)
        window = Window(log.start, log.end, horizon, cutoff, cfg.window.origins, cfg.window.training_origins)
        origins = window.backtest(supervised=model.supervised, source=log.name)
        forecaster = Forecaster(log, window)
        run.log([*identity(forecaster, model, origins[-1].holdout), Tag("protocol", cfg.evaluation.protocol)])

        holdout, validation = {}, {}
        scored = cache(lambda period: judge(forecaster, period, model))  # one origin's validation is another's holdout
        for origin in origins:
            with terminal.step(f"forecasting the holdout period {origin.holdout}"):
                holdout[origin.step] = scored(origin.holdout)
            if origin.validation:
                with terminal.step(f"forecasting the validation period {origin.validation}"):
                    validation[origin.step] = scored(origin.validation)
        latest = holdout[origins[-1].step].forecast
        with terminal.step("forecasting with the baselines", "baselines"):
            ladder = rank_against_baselines(cfg, forecaster, model, holdout)

        title = f"holdout {latest.period}" + (f" and earlier, mean of {len(origins)} origins" if origins[1:] else "")
        with terminal.step("measuring, explaining, drawing", "evaluation") as progress:
            records = [
                *report.score_metrics("holdout", {step: s.scores for step, s in holdout.items()}),
                *report.score_metrics("validation", {step: s.scores for step, s in validation.items()}),
                *costs(holdout),
                *predictions("predictions.parquet", holdout),
                *predictions("validation_predictions.parquet", validation),
                *report.ladder_records(ladder, title),
                *explain(forecaster, model, latest, cfg.seed, cfg.evaluation.bootstrap_replicates, progress),
            ]
        with terminal.step("writing the run", "tracking"):
            run.log(records)

        made = {s.forecast.period: s.forecast for s in (*holdout.values(), *validation.values())}
        for forecast in made.values():
            terminal.took(forecast.seconds)
        terminal.summary(ladder, title)
        for remark in [*remarks(latest.estimator), *([] if 0 in validation else [NO_VALIDATION])]:
            terminal.say(f"note: {remark}")
        terminal.timing()
        terminal.say(run.location)
    # Later origins validate on what is holdout to earlier ones: only the oldest's validation is nobody's holdout.
    objective = validation[0].scores[cfg.evaluation.objective] if 0 in validation else None
    return Result(objective, holdout, validation)


def check_settings(cfg: DictConfig) -> None:
    """Refuse settings that could only fail, or mislead, later.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    least = {"seed": 0, "window.origins": 1, "window.training_origins": 1, "evaluation.bootstrap_replicates": 2}
    for name, bound in least.items():
        value = OmegaConf.select(cfg, name)
        optional = name == "window.training_origins"
        if not (type(value) is int and value >= bound) and not (optional and value is None):
            either = ", or null for all" if optional else ""
            raise ClvError(f"{name} must be a whole number of at least {bound}{either}, got '{value}'")
    choices = {"evaluation.objective": OBJECTIVES, "evaluation.protocol": PROTOCOLS}
    for name, known in choices.items():
        value = OmegaConf.select(cfg, name)
        if value not in known:
            raise ClvError(f"{name} must be one of {', '.join(known)}, got '{value}'")


def rank_against_baselines(
    cfg: DictConfig, forecaster: Forecaster, model: Model, holdout: dict[int, Scored]
) -> report.Ladder:
    """Score every baseline that the log has history for on the same holdout periods; means over origins."""
    periods = [scored.forecast.period for scored in holdout.values()]
    labelled = all(forecaster.window.has_training(period) for period in periods)
    ladder = {option.name: option for option in baselines(cfg) if labelled or not option.supervised}
    scores = {model.name: [scored.scores for scored in holdout.values()]}
    for name, option in ladder.items():
        if name not in scores:
            scores[name] = [judge(forecaster, period, option).scores for period in periods]
    means = {name: dict(pd.DataFrame(found).mean()) for name, found in scores.items()}
    return report.Ladder(means, model.name, list(ladder), cfg.evaluation.objective)


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


def build_model(cfg: DictConfig) -> Model:
    """Instantiate one option of ``conf/model``."""
    features = FeatureSet(cfg.features.name, [instantiate(block) for block in cfg.features.blocks])
    estimator = instantiate(cfg.estimator, _convert_="all")
    return Model(cfg.name, cfg.family, cfg.supervised, features, estimator)


def baselines(cfg: DictConfig) -> list[Model]:
    """Instantiate every option of ``conf/model`` whose family is baseline.

    Raises
    ------
    ClvError
        If there is none, as where the package was installed without its ``conf`` folder beside it.
    """
    options = [OmegaConf.to_container(OmegaConf.load(path)) for path in sorted(MODELS.glob("*.yaml"))]
    rest = OmegaConf.to_container(cfg)
    assert isinstance(rest, dict)
    # The option stands where the run's model stood, so that its interpolations, such as ${seed}, resolve.
    found = [OmegaConf.create({**rest, "model": option}).model for option in options]
    models = [build_model(option) for option in found if option.family == "baseline"]
    if not models:
        raise ClvError(f"there are no baselines in {MODELS}; install the project from its checkout: pip install -e .")
    return models


def _day(text: str | None, where: str) -> date | None:
    try:
        return date.fromisoformat(str(text)) if text is not None else None
    except ValueError as error:
        raise ClvError(f"'{text}' is not a date; it must read like 1998-03-31 ({where})") from error
