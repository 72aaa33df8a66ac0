"""Scores of forecasts as records: metrics by origin, plots, and the comparison with the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from clv_experiments.evaluation import forecast_plots
from clv_experiments.evaluation.calibration import decile_table
from clv_experiments.evaluation.estimator_plots import plot_estimates
from clv_experiments.evaluation.metrics import compute_scores, drop_counts_and_totals
from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.records import Description, FigureRecord, Metric, Record, Table, Tag

HEADLINE = {
    "aggregate_bias": ("bias", "{:+.1%}"),
    "normalised_gini": ("Gini", "{:.3f}"),
    "spearman": ("Spearman", "{:.3f}"),
    "d2_tweedie": ("D2", "{:.3f}"),
    "mae": ("MAE", "{:.2f}"),
}
# Scores on which a baseline that does better is worth a warning; MAE is not among them, since all-zeros often wins it.
BASELINE_WARNING_METRICS = ("normalised_gini", "spearman", "d2_tweedie")


def score_predictions(table: pd.DataFrame, floor: float, *, has_losses: bool = False) -> dict[str, float]:
    """Score predictions (``y_true``, ``y_pred``, ``purchase_days``, perhaps ``p_purchase``) by what applies."""
    bought = table["purchase_days"] > 0
    return compute_scores(
        table["y_true"], table["y_pred"], floor, bought, table.get("p_purchase"), has_losses=has_losses
    )


def score_metrics(period: str, scores: Mapping[int, Mapping[str, float]]) -> list[Metric]:
    """Name the scores of each origin ``<period>_<metric>``; over several origins add their mean and range.

    What is the same for every model is no metric: ``origins.csv`` has it.

    Examples
    --------
    >>> [m.name for m in score_metrics("holdout", {0: {"mae": 2.0}, 1: {"mae": 4.0}})]
    ['holdout_mae', 'holdout_mae', 'holdout_mae_mean', 'holdout_mae_spread']
    """
    reported = {step: drop_counts_and_totals(values) for step, values in scores.items()}
    metrics = [
        Metric(f"{period}_{name}", value, step) for step, values in reported.items() for name, value in values.items()
    ]
    if len(scores) > 1:
        frame = pd.DataFrame(list(reported.values()))
        metrics += [Metric(f"{period}_{name}_mean", float(frame[name].mean())) for name in frame]
        metrics += [Metric(f"{period}_{name}_spread", float(frame[name].max() - frame[name].min())) for name in frame]
    return metrics


def holdout_records(table: pd.DataFrame, labels: FigureLabels, *, has_losses: bool = False) -> list[Record]:
    """Plot one holdout forecast and tabulate its calibration; of losses there is no share that could be captured."""
    y_true, y_pred = table["y_true"], table["y_pred"]
    plots = {
        "predicted_against_actual.png": forecast_plots.plot_predicted_against_actual,
        "decile_calibration.png": forecast_plots.plot_decile_calibration,
        "residuals.png": forecast_plots.plot_residuals,
    }
    if not has_losses:
        plots["value_capture.png"] = forecast_plots.plot_value_capture
    figures = {name: plot(y_true, y_pred, labels) for name, plot in plots.items()}
    if "p_purchase" in table:
        bought = table["purchase_days"] > 0
        figures["reliability.png"] = forecast_plots.plot_reliability(bought, table["p_purchase"], labels)
    records = [FigureRecord(name, figure) for name, figure in figures.items()]
    return [*records, Table("decile_calibration.csv", decile_table(y_true, y_pred))]


def coefficient_records(table: pd.DataFrame, labels: FigureLabels) -> list[Record]:
    """Store what the model learned, and draw it where there is something to draw."""
    records: list[Record] = [Table("coefficients.csv", table)]
    if len(table):
        records.append(FigureRecord("coefficients.png", plot_estimates(table, labels)))
    return records


@dataclass(frozen=True)
class BetterBaselines:
    """The scores of those baselines that do better than the model on one metric."""

    heading: str
    score: float
    baselines: Mapping[str, float]


@dataclass(frozen=True)
class BaselineComparison:
    """A model compared with the baselines, all scored on the same customers and periods.

    Attributes
    ----------
    scores : mapping of model name to its scores (means over origins)
    model : str
        The model under test.
    baselines : sequence of str
        Which of them are baselines.
    objective : str
        The metric, higher is better, by which the best baseline is chosen.
    headings : mapping of metric to its heading and format
        What a reader sees first, as far as the models have such a score.
    """

    scores: Mapping[str, Mapping[str, float]]
    model: str
    baselines: Sequence[str]
    objective: str
    headings: Mapping[str, tuple[str, str]] = field(default_factory=lambda: HEADLINE)

    @property
    def headline_metrics(self) -> dict[str, tuple[str, str]]:
        """The heading and format of each score that a reader sees first."""
        return {metric: heading for metric, heading in self.headings.items() if metric in self.scores[self.model]}

    @property
    def table(self) -> pd.DataFrame:
        """One row a model, best first by the objective: column ``model`` and one column a metric."""
        frame = pd.DataFrame.from_dict(dict(self.scores), orient="index").rename_axis("model").reset_index()
        return frame.sort_values(self.objective, ascending=False, kind="stable", ignore_index=True)

    @property
    def best_baseline(self) -> str | None:
        """The best baseline other than the model itself."""
        candidates = [name for name in self.baselines if name != self.model]
        return max(candidates, key=lambda name: self.scores[name][self.objective], default=None)

    @property
    def better_baselines(self) -> list[BetterBaselines]:
        """One for each primary metric on which any baseline does better."""
        comparisons, own = [], self.scores[self.model]
        for metric in (metric for metric in BASELINE_WARNING_METRICS if metric in own):
            scores = {name: self.scores[name][metric] for name in self.baselines}
            if better := {name: score for name, score in scores.items() if score > own[metric]}:
                comparisons.append(BetterBaselines(HEADLINE[metric][0], own[metric], better))
        return comparisons

    @property
    def warnings(self) -> list[str]:
        """A sentence for each of ``better_baselines``."""
        return render_paragraphs("run/baselines.jinja", "beaten_by", self.model, self.better_baselines)


def format_headline_scores(baselines: BaselineComparison) -> dict[str, list[str]]:
    """Format the headline scores of this model, the best baseline and all-zeros: a row of cells by its name."""
    rows = {}
    for name in dict.fromkeys((baselines.model, baselines.best_baseline, "zeros")):
        if name is not None and name in baselines.scores:
            role = f"{name} (best baseline)" if name == baselines.best_baseline else name
            rows[role] = [
                _format_score(baselines.scores[name][metric], form)
                for metric, (_, form) in baselines.headline_metrics.items()
            ]
    return rows


def _format_score(score: float, number_format: str) -> str:
    return "–" if np.isnan(score) else number_format.format(score)


def baseline_comparison_records(baselines: BaselineComparison, title: str) -> list[Record]:
    """Store the baselines, the best baseline, whether the model is beaten, and a summary to read."""
    headings = ["model", *(heading for heading, _ in baselines.headline_metrics.values())]
    rows = [
        headings,
        ["---"] * len(headings),
        *([name, *cells] for name, cells in format_headline_scores(baselines).items()),
    ]
    lines = [title, "", *(f"| {' | '.join(row)} |" for row in rows)]
    lines += ["", f"best baseline by {baselines.objective}", "", *(f"- {sentence}" for sentence in baselines.warnings)]
    return [
        Description("\n".join(lines)),
        Table("baselines.csv", baselines.table),
        Tag("best_baseline", baselines.best_baseline or "none"),
        Tag("beaten_by_baseline", "; ".join(baselines.warnings) or "no"),
    ]
