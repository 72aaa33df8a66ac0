"""Pictures of a study: how the search went, what the score depends on, which choices did well, what is traded off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from clv_experiments.reporting.chart_style import QUIET, TEXT_STYLE, create_chart, name_rows, printable
from clv_experiments.reporting.figure_style import ACTUAL, PREDICTED, REFERENCE, TEXT_SIZE, Labels
from clv_experiments.reporting.formatting import join_names
from clv_experiments.reporting.records import FigureRecord
from clv_experiments.sweep.metric_values import Values, values_of
from clv_experiments.sweep.pictures.parameters import parallel_coordinates, slices
from clv_experiments.sweep.pictures.style import CONFIGURED, above, heading_of, span_values

TRADED = (2, 3)  # numbers of metrics between which a front can be drawn


def study_pictures(
    study: Study,
    metrics: Sequence[str],
    labels: Labels,
    importances: Mapping[str, Mapping[str, float]],
    configured: int | None = None,
) -> Iterator[FigureRecord]:
    """Draw what a study found; what cannot be drawn of few trials is left out.

    Trials that lie far behind nearly all others stand at the edge of the scale, and the picture says so.

    Parameters
    ----------
    study : optuna.Study
    metrics : sequence of str
        What it searched by, in the order of the trials' values.
    labels : Labels
    importances : mapping of metric to mapping of parameter to share
        Most important first; parameters stand in this order in the other pictures too.
    configured : int, optional
        Number of the trial that took the configured settings.

    Yields
    ------
    Picture
        ``history.png``, ``importances.png``, ``slice.png`` and ``parallel_coordinates.png``; of several metrics one for
        each, such as ``history_mae.png``, and of two or three ``pareto_front.png``.
    """
    found = values_of(study, metrics)
    for values in found:
        ending = f"_{values.metric}.png" if metrics[1:] else ".png"
        shares = importances.get(values.metric, {})
        names = list(dict.fromkeys([*shares, *(name for trial in values.trials for name in trial.params)]))
        yield FigureRecord(f"history{ending}", history(study, values, labels, configured))
        if shares:
            left_out = [name for name in names if name not in shares]
            yield FigureRecord(f"importances{ending}", importance_bars(values, shares, left_out, labels))
        if names:
            yield FigureRecord(f"slice{ending}", slices(values, names, labels, configured))
        if names[1:]:
            yield FigureRecord(f"parallel_coordinates{ending}", parallel_coordinates(values, names, labels, configured))
    if found and len(found) in TRADED:
        front = {trial.number for trial in study.best_trials}
        yield FigureRecord("pareto_front.png", pareto_front(found, front, labels, configured))


def history(study: Study, values: Values, labels: Labels, configured: int | None) -> Figure:
    """Draw each trial's value in the order of the trials, the best so far, and which trials failed."""
    figure, (panel,) = create_chart(f"Search history: {values.heading}", heading_of(labels), 5.0)
    trials = study.get_trials(deepcopy=False)
    last = max(trial.number for trial in trials)
    numbers = np.array([trial.number for trial in values.trials])
    ends = span_values(panel, "y", values)
    inside = ~values.beyond
    panel.plot(numbers[inside], values.drawn[inside], "o", color=PREDICTED, alpha=0.75, markersize=7, label="trial")
    if not inside.all():
        marker = "v" if values.higher else "^"
        panel.plot(numbers[~inside], values.drawn[~inside], marker, color=REFERENCE, markersize=8, label=values.remark)
    so_far = (np.maximum if values.higher else np.minimum).accumulate(values.drawn)
    steps = [*numbers, last + 0.5], [*so_far, so_far[-1]]
    panel.step(*steps, where="post", color=ACTUAL, linewidth=2.2, label="best so far")
    if configured in numbers:
        panel.axhline(values.drawn[numbers == configured][0], label="as configured", **CONFIGURED)
    _mark_ended(panel, trials, 0.98 * ends[0] + 0.02 * ends[1] if values.higher else 0.02 * ends[0] + 0.98 * ends[1])
    panel.set_xlim(-0.7, last + 0.7)
    panel.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    panel.set_xlabel("trial", **TEXT_STYLE)
    above(figure)
    return figure


def _mark_ended(panel: Axes, trials: Sequence[FrozenTrial], height: float) -> None:
    """Mark the trials that ended without a value, on the worse edge."""
    for state, text, marker in ((TrialState.FAIL, "failed", "x"), (TrialState.PRUNED, "pruned", "|")):
        ended = [trial.number for trial in trials if trial.state is state]
        if ended:
            look: dict[str, Any] = {"color": QUIET, "markersize": 7, "markeredgewidth": 1.8}
            panel.plot(ended, [height] * len(ended), marker, label=f"{text} ({len(ended)})", **look)


def importance_bars(values: Values, shares: Mapping[str, float], left_out: Sequence[str], labels: Labels) -> Figure:
    """Draw the share of each parameter in what the parameters explain of the metric."""
    height = 1.7 + 0.32 * len(shares)
    figure, (panel,) = create_chart(f"What {values.heading} depends on", heading_of(labels), height)
    rows, lengths = np.arange(len(shares))[::-1], np.array(list(shares.values()))
    panel.barh(rows, lengths, height=0.66, color=PREDICTED)
    for row, length in zip(rows, lengths, strict=True):
        panel.text(length, row, f" {length:.0%}", va="center", **TEXT_STYLE)
    name_rows(panel, [printable(name, 34) for name in shares])
    panel.set_xlim(0, 1.12 * lengths.max())
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    said = f"share of the variation over {len(values.trials)} trials that single parameters explain"
    if left_out:
        said += "\n" + printable(f"not chosen in every trial, so without a share: {', '.join(left_out)}", 92)
    panel.set_xlabel(said, loc="right", **TEXT_STYLE)
    return figure


def pareto_front(found: Sequence[Values], front: set[int], labels: Labels, configured: int | None) -> Figure:
    """Draw the first metric against each other one, with the trials that no other beats in all metrics."""
    first, *others = found
    names = join_names([values.heading for values in found])
    figure, panels = create_chart(f"Trade-offs between {names}", heading_of(labels), 5.4, 1, len(others), share_x=False)
    numbers = np.array([trial.number for trial in first.trials])
    best = np.isin(numbers, list(front))
    kinds: list[tuple[str, np.ndarray, dict[str, Any]]] = [
        ("trial", ~best, {"color": PREDICTED, "alpha": 0.6, "markersize": 7}),
        ("no other is better in all", best, {"color": ACTUAL, "markersize": 9}),
    ]
    for panel, other in zip(panels, others, strict=True):
        span_values(panel, "x", other)
        span_values(panel, "y", first)
        for label, which, look in kinds:
            panel.plot(other.drawn[which], first.drawn[which], "o", label=label, **look)
        _mark_configured(panel, numbers == configured, other, first)
        panel.xaxis.set_major_locator(MaxNLocator(4))
    for panel in panels[1:]:
        panel.set_ylabel("")
    beyond = int(np.any([values.beyond for values in found], axis=0).sum())
    above(figure, [f"{beyond} trial{'s' * (beyond > 1)} beyond the edge"] if beyond else [])
    return figure


def _mark_configured(panel: Axes, which: np.ndarray, across: Values, up: Values) -> None:
    if which.any():
        panel.plot(
            across.drawn[which], up.drawn[which], "D", markerfacecolor="none", markeredgecolor=CONFIGURED["color"],
            markersize=TEXT_SIZE, markeredgewidth=2, label="as configured",
        )  # fmt: skip
