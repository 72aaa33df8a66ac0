"""The card of a promoted model: what it is, what it was fitted on, what speaks for it and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.champion import ChampionChoice
from clv_experiments.comparison.checks.protocol import CheckResult
from clv_experiments.comparison.display.tables import PAGE_METRICS
from clv_experiments.comparison.standings import Standings
from clv_experiments.reporting.prose import render_document


@dataclass(frozen=True)
class RefitSummary:
    """What a promoted model was fitted on.

    Attributes
    ----------
    experiment : str
        Such as ``cdnow 3m``.
    address : str
        Where the model is registered, such as ``models:/cdnow-3m@champion``.
    horizon : str
        Such as ``3 months``.
    window : str
        Its label, such as ``3m``.
    currency, log, fingerprint : str
    first, last : str
        Days of the log.
    future_period : str
        The first period that it can forecast.
    customers : int
        Of the whole log.
    learned_from : str
        The training panel, or the calibration period.
    columns : sequence of str
        The features that it takes, in order.
    estimator_warnings : sequence of str
        Of the fitted estimator.
    code : str
        Version of the code.
    """

    experiment: str
    address: str
    horizon: str
    window: str
    currency: str
    log: str
    fingerprint: str
    first: str
    last: str
    future_period: str
    customers: int
    learned_from: str
    columns: Sequence[str]
    estimator_warnings: Sequence[str]
    code: str


def render_card(
    choice: ChampionChoice, standings: Standings, checks: Sequence[CheckResult], refit: RefitSummary
) -> str:
    """Write the card in Markdown."""
    label = choice.entry.label
    metrics = standings.displayed_metrics(PAGE_METRICS)
    return render_document(
        "leaderboard/card.md.jinja",
        choice=choice,
        cell=standings.cell,
        confidence=standings.confidence,
        scores=[(METRICS[metric], standings.rows(metric).loc[label].to_dict()) for metric in metrics],
        findings=[
            (result.check.code, finding)
            for result in checks
            for finding in result.findings
            if finding.model in (label, None)
        ],
        refit=refit,
    )
