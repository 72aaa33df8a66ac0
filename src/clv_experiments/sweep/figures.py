"""Figures of a study, drawn by Optuna: the search, what the score depends on, which choices did well, trade-offs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import optuna
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.importance import BaseImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState, create_trial
from optuna.visualization import matplotlib as plots

from clv_experiments.reporting.chart_style import INK, TEXT_SIZE, FigureLabels, make_printable
from clv_experiments.reporting.exhibit import WIDE
from clv_experiments.reporting.formatting import format_count, join_names
from clv_experiments.reporting.records import FigureRecord
from clv_experiments.sweep.metric_values import MetricValues, metric_values
from clv_experiments.sweep.space import format_value

DIMENSIONS = (2, 3)  # numbers of metrics between which Optuna draws a front
NAME_LENGTH = 24  # letters of a parameter's name or choice that are shown
HEIGHT = 5.4  # inches
MIN_TEXT_SIZE = 11


def study_figures(
    study: Study,
    metrics: Sequence[str],
    labels: FigureLabels,
    importances: Mapping[str, Mapping[str, float]],
    configured: int | None = None,
) -> Iterator[FigureRecord]:
    """Draw what a study found; what cannot be drawn of few trials or parameters is left out.

    Trials that lie far behind nearly all others stand at the edge of the scale, and the title says so.

    Parameters
    ----------
    study : optuna.Study
    metrics : sequence of str
        What it searched by, in the order of the trials' values.
    labels : FigureLabels
    importances : mapping of metric to mapping of parameter to share
    configured : int, optional
        Number of the trial that took the configured settings.

    Yields
    ------
    FigureRecord
        ``history.png``, ``importances.png``, ``slice.png`` and ``parallel_coordinates.png``; of several metrics one for
        each, such as ``history_mae.png``, and of two or three ``pareto_front.png``.
    """
    columns = metric_values(study, metrics)
    for values in columns:
        suffix = f"_{values.metric}.png" if metrics[1:] else ".png"
        drawing = _StudyPlotter(study, [values], labels)
        yield FigureRecord(f"history{suffix}", drawing.plot_history(configured))
        if values.metric in importances:
            yield FigureRecord(f"importances{suffix}", drawing.plot_importances(importances[values.metric]))
        if drawing.parameters:
            yield FigureRecord(f"slice{suffix}", drawing.plot_slices())
        if len(drawing.parameters) > 1:
            yield FigureRecord(f"parallel_coordinates{suffix}", drawing.plot_parallel_coordinates())
    if len(columns) in DIMENSIONS:
        yield FigureRecord("pareto_front.png", _StudyPlotter(study, columns, labels).plot_pareto_front())


class _StudyPlotter:
    """Draws a copy of a study that fits a page: values within their limits, names and choices as texts of one line."""

    def __init__(self, study: Study, columns: Sequence[MetricValues], labels: FigureLabels) -> None:
        self.columns, self.labels = columns, labels
        self.headings = [values.format.heading for values in columns]
        directions = ["maximize" if values.higher_is_better else "minimize" for values in columns]
        self.study = optuna.create_study(directions=directions)  # type: ignore[arg-type]
        self.parameters = _shorten_names(name for trial in columns[0].trials for name in trial.params)
        for trial in study.get_trials(deepcopy=False):
            self.study.add_trial(_copy_for_drawing(trial, columns, self.parameters))

    def plot_history(self, configured: int | None) -> Figure:
        """Draw each trial's value in the order of the trials, with the best so far."""
        values = self.columns[0].clipped_values

        def draw() -> Axes:
            axes = plots.plot_optimization_history(self.study, target_name=self.headings[0])
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            if configured in values:
                axes.axhline(values[configured], color=INK, linestyle="--", label="As configured")
            axes.legend(loc="best")
            return axes

        return self._create_figure("Search history", draw)

    def plot_importances(self, shares: Mapping[str, float]) -> Figure:
        """Draw how much of the metric each parameter explains."""
        evaluator = _PrecomputedImportances({self.parameters[name]: share for name, share in shares.items()})
        return self._create_figure(
            "Importance of the parameters",
            lambda: plots.plot_param_importances(self.study, evaluator=evaluator, target_name=self.headings[0]),
        )

    def plot_slices(self) -> Figure:
        """Draw the metric against each parameter; later trials are darker."""

        def draw() -> Any:
            panels: Any = plots.plot_slice(self.study, target_name=self.headings[0])
            for panel in np.ravel(panels):
                panel.tick_params(axis="x", which="both", rotation=40)
            return panels

        return self._create_figure("Score by parameter", draw, width=max(WIDE, 1.0 + 3.0 * len(self.parameters)))

    def plot_parallel_coordinates(self) -> Figure:
        """Draw a line a trial, from its score through what it chose."""
        width = max(WIDE, 2.0 + 1.6 * len(self.parameters))
        return self._create_figure(
            "Choices of the trials",
            lambda: plots.plot_parallel_coordinate(self.study, target_name=self.headings[0]),
            width,
        )

    def plot_pareto_front(self) -> Figure:
        """Draw the metrics against each other, with the trials that no other beats in all of them."""
        title = f"Trade-offs between {join_names(self.headings)}"
        return self._create_figure(title, lambda: plots.plot_pareto_front(self.study, target_names=self.headings))

    def _create_figure(self, title: str, draw: Callable[[], Any], width: float = WIDE) -> Figure:
        with _headless_pyplot():
            figure = np.ravel(draw())[0].figure
        figure.set_size_inches(width, HEIGHT)
        figure.set_layout_engine("constrained")
        for axes in figure.axes:
            axes.set_title("")
            axes.set_title("", loc="left")
            axes.tick_params(labelsize=MIN_TEXT_SIZE)
        for text in figure.findobj(Text):
            text.set_fontsize(max(text.get_fontsize(), MIN_TEXT_SIZE))
        heading = f"{self.labels.model} · {self.labels.subtitle}".strip(" ·")
        lines = [f"{title}: {self.headings[0]}" if len(self.headings) == 1 else title, make_printable(heading, 84)]
        figure.suptitle("\n".join([*lines, *self._outlier_notes()]), x=0.01, ha="left", fontsize=TEXT_SIZE)
        return figure

    def _outlier_notes(self) -> Iterator[str]:
        """Say how many trials stand at the edge though they lie beyond it."""
        for values in self.columns:
            if values.n_clipped:
                side = "below" if values.higher_is_better else "above"
                limit = values.format.number_format.format(values.limit)
                yield f"{format_count(values.n_clipped, 'trial')} {side} {values.format.heading} {limit} at the edge"


class _PrecomputedImportances(BaseImportanceEvaluator):
    """Hands Optuna importances that were computed before, since its random forest takes seconds."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        self.shares = dict(shares)

    def evaluate(
        self,
        study: Study,
        params: list[str] | None = None,
        *,
        target: Callable[[FrozenTrial], float] | None = None,
    ) -> dict[str, float]:
        return self.shares


def _shorten_names(names: Iterable[str]) -> dict[str, str]:
    """Shorten names so that they fit a page, each to one of its own."""
    short_names: dict[str, str] = {}
    for name in dict.fromkeys(names):
        label = make_printable(name, NAME_LENGTH)
        short_names[name] = f"{label} ({len(short_names) + 1})" if label in short_names.values() else label
    return short_names


def _copy_for_drawing(trial: FrozenTrial, columns: Sequence[MetricValues], labels: Mapping[str, str]) -> FrozenTrial:
    """Copy a trial with its values within their limits, or as one that failed; choices become texts."""
    if trial.number not in columns[0].clipped_values:
        return create_trial(state=TrialState.FAIL)
    params: dict[str, Any] = {}
    distributions: dict[str, BaseDistribution] = {}
    for name, distribution in trial.distributions.items():
        label, value = labels[name], trial.params[name]
        if isinstance(distribution, CategoricalDistribution):
            texts = (make_printable(format_value(choice), NAME_LENGTH) for choice in distribution.choices)
            words = [_UnquotedString(text) for text in texts]
            value, distribution = words[int(distribution.to_internal_repr(value))], CategoricalDistribution(words)
        params[label], distributions[label] = value, distribution
    values = [column.clipped_values[trial.number] for column in columns]
    return create_trial(values=values, params=params, distributions=distributions)


class _UnquotedString(str):
    """A choice that Optuna writes without quotation marks."""

    def __repr__(self) -> str:
        return str(self)


@contextmanager
def _headless_pyplot() -> Iterator[None]:
    """Let pyplot, by which Optuna draws, open no window and leave nothing behind: no figure, style or backend."""
    backend, before = mpl.get_backend(), set(plt.get_fignums())
    with warnings.catch_warnings(), mpl.rc_context({"figure.constrained_layout.use": True, "figure.dpi": 120}):
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Attempting to set identical", UserWarning)  # all trials chose the same
        plt.switch_backend("agg")
        try:
            yield
        finally:
            for number in set(plt.get_fignums()) - before:
                plt.close(number)
            plt.switch_backend(backend)
