"""The card of a promoted model: what it is, what it was fitted on, what speaks for it and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.champion import Choice
from clv_experiments.leaderboard.checks import Finding
from clv_experiments.leaderboard.display.tables import SHOWN
from clv_experiments.leaderboard.standings import Standings
from clv_experiments.reporting.formatting import format_score, join_names


@dataclass(frozen=True)
class Refit:
    """What a promoted model was fitted on, in words and counts.

    Attributes
    ----------
    experiment : str
        ``<log>/<horizon>``, such as ``cdnow/3m``.
    address : str
        Where the model is found, such as ``models:/cdnow-3m@champion``.
    horizon : str
        Such as ``3 months``.
    currency, log, fingerprint : str
    first, last : str
        Days of the log.
    future_period : str
        The first period that it can forecast.
    customers : int
        Known at the log's end.
    learned_from : str
        The training panel, or the calibration period.
    columns : sequence of str
        The features that it takes, in order.
    remarks : sequence of str
        What the fitted estimator says of itself.
    code : str
        Version of the code.
    """

    experiment: str
    address: str
    horizon: str
    currency: str
    log: str
    fingerprint: str
    first: str
    last: str
    future_period: str
    customers: int
    learned_from: str
    columns: Sequence[str]
    remarks: Sequence[str]
    code: str


def card(choice: Choice, standings: Standings, findings: Sequence[Finding], refit: Refit) -> str:
    """Write the card in Markdown."""
    return "\n\n".join(
        "\n".join(part)
        for part in (
            [f"# {_safe(choice.entry.label)}, champion of {_safe(refit.experiment)}"],
            ["## What it predicts", "", _predicts(refit)],
            ["## What it was fitted on", "", *_fitted_on(choice, refit)],
            ["## What speaks for it", "", *_evidence(choice, standings, refit)],
            ["## What the checks found", "", *_found(choice, findings)],
            ["## What it is for, and what not", "", *_limits(refit)],
            ["## How to use it", "", *_usage(refit)],
        )
    )


def _predicts(refit: Refit) -> str:
    return (
        f"What each customer will spend ({_safe(refit.currency) or 'in the currency of the log'}) in the "
        f"{refit.horizon} after the day up to which the features are computed: one number of at least 0 a customer, "
        f"0 included for those who will not buy. Fitted up to {refit.last}, it speaks first of {refit.future_period}."
    )


def _fitted_on(choice: Choice, refit: Refit) -> list[str]:
    return [
        f"- the whole log `{_safe(refit.log)}`, {refit.first} to {refit.last}: {refit.customers:,} customers, "
        f"fingerprint `{refit.fingerprint}`",
        f"- {refit.learned_from}",
        f"- settings of run `{choice.entry.run_id}` (`config.yaml`), family {choice.entry.family}",
        f"- feature set {_safe(choice.entry.features)}, {len(refit.columns)} columns: "
        + ", ".join(f"`{_safe(column)}`" for column in refit.columns),
        f"- code {refit.code}",
        *(f"- {_safe(remark)}" for remark in refit.remarks),
    ]


def _evidence(choice: Choice, standings: Standings, refit: Refit) -> list[str]:
    cell = standings.cell
    tied = [f"First place is shared with {join_names(choice.tied)}."] if choice.tied else []
    return [
        _safe(" ".join([*choice.why, *tied])),
        "",
        f"The evidence is run `{choice.entry.run_id}` in cell `{cell.identity}`, holdout {'; '.join(cell.holdouts)}: "
        "the same settings, fitted on what was known before each holdout period.",
        "",
        f"| score | value | {100 * standings.confidence:g} % interval | place |",
        "| --- | ---: | ---: | ---: |",
        *_scores(choice.entry.label, standings),
        "",
        "**This fit itself was not evaluated**: it knows the log up to its end, and nothing after "
        f"{refit.last} is there to judge it by.",
    ]


def _scores(label: str, standings: Standings) -> list[str]:
    rows = []
    for metric in standings.displayed_metrics(SHOWN):
        how, of = METRICS[metric], standings.rows(metric)
        value, lower, upper = (format_score(of[name][label], how.form) for name in ("score", "lower", "upper"))
        rows.append(f"| {how.heading} | {value} | {lower} to {upper} | {of['rank'][label]:g} of {len(of)} |")
    return rows


def _found(choice: Choice, findings: Sequence[Finding]) -> list[str]:
    own = [found for found in findings if found.model in (choice.entry.label, None)]
    return [f"- M{found.number}: {_safe(found.sentence)}" for found in own] or ["- nothing that speaks of this model"]


def _limits(refit: Refit) -> list[str]:
    return [
        "- For ranking customers by what they will spend, and for totals over many of them. Of a single customer it "
        "says what is to be expected on average, not what will happen.",
        f"- For the {refit.horizon} after the features' day, not for longer, and not for customers without a purchase "
        "before it.",
        "- It foresees, it does not explain: that a customer will spend more does not mean that a contact makes it so.",
        "- It takes the coming period to be like those it was fitted on. Fit again when new months are there, and "
        "after a change of prices, assortment or market.",
        "- For another shop's log fit another model: amounts and habits are those of this one.",
    ]


def _usage(refit: Refit) -> list[str]:
    return [
        "```bash",
        f"python scripts/score.py data=... window.horizon={refit.experiment.rpartition('/')[2]} model={refit.address}",
        f"mlflow models serve -m {refit.address} --env-manager local --port 5001",
        "```",
        "",
        "The first computes the features from a log. The second takes feature rows, one a customer, with the columns "
        "above in any order.",
    ]


def _safe(text: str) -> str:
    """Keep a name from becoming markup, or from ending the line it stands in."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
