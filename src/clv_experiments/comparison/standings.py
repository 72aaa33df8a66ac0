"""The result of a cell: scores with intervals, differences from the best and from the best baseline, ties."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clv_experiments.comparison.bootstrap import METRICS, bootstrap_scores, score_predictions_by_model
from clv_experiments.comparison.cell import Cell
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.metrics import OBJECTIVE_NAMES, require_applicable_scores

MIN_DEFINED = 0.95  # share of replicates that must have a value: with one buyer among many customers a third has none


@dataclass(frozen=True, eq=False)
class Standings:
    """The result of one cell.

    Attributes
    ----------
    cell : Cell
    metric : str
        The score that orders the board; one for which higher is better.
    table : pandas.DataFrame
        One row a metric and model (a RangeIndex), models of each metric best first. Columns: ``metric``, ``model``
        (the entry's label), ``family``, ``score`` (mean over origins), ``lower``, ``upper`` (its interval), ``spread``
        (largest less smallest origin; nan with one origin), ``rank`` (1 = best; equal scores share their mean rank),
        ``group`` (1 = tied with the best, 2 = tied with the best of the rest, ...), ``best`` and ``baseline`` (the
        labels that the differences are from), ``from_best``, ``from_best_lower``, ``from_best_upper``,
        ``from_baseline``, ``from_baseline_lower``, ``from_baseline_upper``: differences of oriented scores with
        simultaneous intervals, positive = better than that model.
    by_origin : pandas.DataFrame
        ``metric, model, step, holdout, score``.
    replicates : mapping of metric to array, shape (replicates, models)
        Oriented score (higher is better) of each bootstrap replicate, models in the order of ``cell.entries``.
    oriented_scores : mapping of metric to array, shape (models,)
        The same on the original customers.
    confidence : float
        Of all intervals, such as 0.95.
    half_widths : mapping of metric to array, shape (models, models)
        Half the width of the simultaneous interval of each pair's difference; nan where it is undefined.
    """

    cell: Cell
    metric: str
    table: pd.DataFrame
    by_origin: pd.DataFrame
    replicates: Mapping[str, Floats]
    oriented_scores: Mapping[str, Floats]
    confidence: float
    half_widths: Mapping[str, Floats]

    def rows(self, metric: str | None = None) -> pd.DataFrame:
        """Return the rows of one metric, by default the one that orders the board, indexed by model, best first."""
        return self.table[self.table["metric"] == (metric or self.metric)].set_index("model")

    def displayed_metrics(self, metrics: Iterable[str]) -> list[str]:
        """Return the metrics to display, the ordering one first; MAE only beside a model that predicts nothing.

        Predicting nothing for everybody often wins MAE, so that MAE alone would mislead.
        """
        nothing = np.all([(origin.y_pred == 0).all(axis=0) for origin in self.cell.origins], axis=0).any()
        names = dict.fromkeys(name for name in (self.metric, *metrics) if name in self.oriented_scores)
        return [name for name in names if name != "mae" or nothing]

    @property
    def ranking(self) -> list[str]:
        """The models' labels, best first by the metric that orders the board."""
        return list(self.rows().index)


def compute_standings(
    cell: Cell,
    metric: str,
    *,
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int = 42,
    progress: Callable[[int, int], None] | None = None,
) -> Standings:
    """Score the models of a cell, with intervals and ties.

    Intervals of scores are bootstrap percentiles. Those of differences are simultaneous over all pairs of models: the
    best model and the best baseline are chosen by looking at the scores, so every pair might have been the one that is
    displayed. Half widths are standard errors times the ``confidence`` quantile over replicates of the largest
    studentised deviation among all pairs (max-t; Romano and Wolf 2005, section 4).

    Parameters
    ----------
    cell : Cell
    metric : str
        One of ``metrics.OBJECTIVE_NAMES``; it orders the board.
    replicates, confidence, seed
        Of the bootstrap.
    progress : callable, optional
        Called with (done, replicates).

    Raises
    ------
    ClvError
        If the metric does not order models, or means nothing of the log, a setting is out of range, or the cell has no
        entry.
    """
    check_bootstrap_settings(metric, replicates, confidence)
    require_applicable_scores("metric", [metric], OBJECTIVE_NAMES, cell.data, has_losses=cell.has_losses)
    if not cell.entries:
        raise ClvError(f"cell {cell.title} holds no model")
    by_step = [score_predictions_by_model(origin, has_losses=cell.has_losses) for origin in cell.origins]
    bootstrap = bootstrap_scores(cell.origins, replicates, seed, progress, has_losses=cell.has_losses)
    metrics = list(bootstrap.scores)
    oriented = {
        name: np.mean([METRICS[name].orient(scores[name]) for scores in by_step if name in scores], axis=0)
        for name in metrics
    }
    families = [entry.family for entry in cell.entries]
    frames, origins, half_widths = [], [], {}
    for name in metrics:
        of_steps = {step: scores[name] for step, scores in enumerate(by_step) if name in scores}
        by_origin = pd.DataFrame.from_dict(of_steps, orient="index", columns=cell.labels).rename_axis(index="step")
        half_widths[name] = simultaneous_pairwise_half_widths(oriented[name], bootstrap.oriented[name], confidence)
        frame = compare_with_best_and_baseline(cell.labels, families, oriented[name], half_widths[name])
        frame.insert(2, "score", by_origin.mean(skipna=False).to_numpy())
        frame.insert(3, "lower", _quantile_by_model(bootstrap.scores[name], (1 - confidence) / 2))
        frame.insert(4, "upper", _quantile_by_model(bootstrap.scores[name], (1 + confidence) / 2))
        frame.insert(5, "spread", np.ptp(by_origin.to_numpy(), axis=0) if len(by_origin) > 1 else np.nan)
        frames.append(frame.sort_values("rank", kind="stable"))
        origins.append(by_origin.melt(var_name="model", value_name="score", ignore_index=False).reset_index())
    steps = pd.concat(origins, keys=metrics, names=["metric"]).reset_index("metric").reset_index(drop=True)
    steps.insert(3, "holdout", steps["step"].map(dict(enumerate(cell.holdouts))))
    table = pd.concat(frames, keys=metrics, names=["metric"]).reset_index("metric").reset_index(drop=True)
    return Standings(cell, metric, table, steps, bootstrap.oriented, oriented, confidence, half_widths)


def check_bootstrap_settings(metric: str, replicates: int, confidence: float) -> None:
    """Refuse a metric that cannot order models, and settings that give no interval.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    if metric not in OBJECTIVE_NAMES:
        raise ClvError(f"metric must be one of {', '.join(OBJECTIVE_NAMES)}, got '{metric}'")
    if type(replicates) is not int or not 100 <= replicates <= 100_000:
        raise ClvError(f"replicates must be a whole number from 100 to 100000, got '{replicates}'")
    if not (isinstance(confidence, float) and 0.5 <= confidence < 1):
        raise ClvError(f"confidence must be a share from 0.5 to below 1, such as 0.95, got '{confidence}'")


def _quantile_by_model(replicates: Floats, share: float) -> Floats:
    """Return the quantile of each column over the replicates, shape (models,); nan where too few have a value."""
    defined = _drop_undefined_replicates(replicates)
    return np.full(replicates.shape[1], np.nan) if defined is None else np.quantile(defined, share, axis=0)


def _drop_undefined_replicates(replicates: Floats) -> Floats | None:
    """Keep the replicates in which every model has a score; None where chance alone would leave out more than a few."""
    defined = replicates[~np.isnan(replicates).any(axis=1)]
    return defined if len(defined) >= MIN_DEFINED * len(replicates) else None


def simultaneous_pairwise_half_widths(oriented: Floats, replicates: Floats, confidence: float) -> Floats:
    """Return half the width of the interval of each pair's difference (max-t over all pairs).

    Parameters
    ----------
    oriented : array, shape (models,)
        Higher is better.
    replicates : array, shape (replicates, models)
        The same in each bootstrap replicate.
    confidence : float
        Of all intervals at once.

    Returns
    -------
    array, shape (models, models)
        Half the width of each pair's interval; nan where it is undefined.
    """
    defined, models = _drop_undefined_replicates(replicates), len(oriented)
    if defined is None or np.isnan(oriented).any():
        return np.full((models, models), np.nan)
    error, largest = np.zeros((models, models)), np.zeros(len(defined))
    for i in range(models):
        difference = defined[:, i, None] - defined[:, i + 1 :]
        spread = difference.std(axis=0, ddof=1)
        # Models that score the same on every replicate, such as a copy, differ by nothing and need no interval.
        spread[spread <= 1e-12 * np.abs(defined).max()] = 0.0
        error[i, i + 1 :] = error[i + 1 :, i] = spread
        has_spread = spread > 0
        if has_spread.any():
            centred = difference[:, has_spread] - (oriented[i] - oriented[i + 1 :][has_spread])
            largest = np.maximum(largest, np.abs(centred / spread[has_spread]).max(axis=1))
    return float(np.quantile(largest, confidence)) * error


def compare_with_best_and_baseline(
    labels: Sequence[str], families: Sequence[str], oriented: Floats, half_widths: Floats
) -> pd.DataFrame:
    """Rank the models, and set each beside the best of them and the best baseline.

    Parameters
    ----------
    labels, families : sequence of str
        Of the models; the family ``baseline`` marks the baselines.
    oriented : array, shape (models,)
        Higher is better.
    half_widths : array, shape (models, models)
        From ``simultaneous_pairwise_half_widths``.

    Returns
    -------
    pandas.DataFrame
        The columns of ``Standings.table`` from ``model`` on that need no score; one row a model, in their order.
    """
    frame = pd.DataFrame({"model": labels, "family": families}, dtype=object)
    frame["rank"] = pd.Series(-oriented).rank().to_numpy()
    frame["group"] = rank_groups(oriented, half_widths)
    references = {"best": np.arange(len(labels)), "baseline": np.flatnonzero(frame["family"] == "baseline")}
    for name, among in references.items():
        frame[name], difference, margin = None, np.nan, np.nan
        if len(among):
            reference = among[np.argmax(oriented[among])]
            frame[name], difference, margin = labels[reference], oriented - oriented[reference], half_widths[reference]
        frame[f"from_{name}"] = difference
        frame[f"from_{name}_lower"], frame[f"from_{name}_upper"] = difference - margin, difference + margin
    return frame


def rank_groups(oriented: Floats, half_widths: Floats) -> np.ndarray:
    """Form rank groups: 1 for those whose difference from the best covers zero, then the same among the rest.

    Parameters
    ----------
    oriented : array, shape (models,)
        Higher is better.
    half_widths : array, shape (models, models)
        Half the width of the interval of each pair's difference; nan where it is undefined, which makes a tie.

    Returns
    -------
    array of int, shape (models,)
    """
    group = np.zeros(len(oriented), dtype=int)
    while not group.all():
        ungrouped = np.flatnonzero(group == 0)
        leader = ungrouped[np.nanargmax(np.where(np.isnan(oriented[ungrouped]), -np.inf, oriented[ungrouped]))]
        is_separate = oriented[leader] - oriented[ungrouped] > half_widths[leader, ungrouped]
        group[ungrouped[~is_separate]] = group.max() + 1
    return group
