"""What the report for a shop says: its answers, its sections and the files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from omegaconf import DictConfig

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.config.model_options import build_features, build_models
from clv_experiments.data.queries.attributes import spend_by_customer_and_product
from clv_experiments.decisions.actions import reconcile_actions
from clv_experiments.decisions.best_customers import AllCustomersTotalRange, rank_customers, sum_same_period_last_year
from clv_experiments.decisions.budget.outlook import estimate_outlook
from clv_experiments.decisions.budget.plan import plan_contacts
from clv_experiments.decisions.customer_scores import CustomerGroups, Scorer, ScoringModels
from clv_experiments.decisions.display.acquisition import acquisition_section
from clv_experiments.decisions.display.answers import answer_questions
from clv_experiments.decisions.display.best_customers import SCORES, best_customers_section
from clv_experiments.decisions.display.budget import CONTACTS, budget_section, list_contacts
from clv_experiments.decisions.display.drivers import drivers_section
from clv_experiments.decisions.display.missed import missed_and_at_risk_section
from clv_experiments.decisions.display.next_purchase import next_purchase_section
from clv_experiments.decisions.display.overview import overview_section
from clv_experiments.decisions.display.scores import (
    describe_model_caveats,
    describe_spend_intervals,
    describe_weak_ranking,
    render_readme,
)
from clv_experiments.decisions.display.segments import segments_section
from clv_experiments.decisions.drivers import estimate_drivers
from clv_experiments.decisions.missed import missed_customer_ids
from clv_experiments.decisions.next_purchase.outlook import next_purchase_outlook
from clv_experiments.decisions.overview.business import describe_business
from clv_experiments.decisions.past_predictions import IntervalAssessment, PastPeriodPredictions, assess_intervals
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.evaluation.ranking import RankingAssessment, compare_ranking_with_chance
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.exhibit import Answer, Section
from clv_experiments.reporting.formatting import format_dates
from clv_experiments.reporting.records import Record, Table, Text


@dataclass(frozen=True)
class Snapshots:
    """The coming period, and the periods that are over, latest first; at least one of these."""

    now: Snapshot
    past: Sequence[Snapshot]

    @property
    def previous(self) -> Snapshot:
        """The latest period that is over."""
        return self.past[0]

    @cached_property
    def ranking(self) -> RankingAssessment:
        """How well the model ordered customers by what they spent in that period."""
        return compare_ranking_with_chance(self.previous.table["y_true"], self.previous.table["expected_spend"])


def _score_customers(snapshots: Snapshots, shop: Shop, assessment: IntervalAssessment) -> pd.DataFrame:
    """Score every customer as scripts/score.py does."""
    now, past, cutoff = snapshots.now, snapshots.previous.table, snapshots.now.period.cutoff
    X = now.table.join(now.model.X[now.model.X.columns.difference(now.table.columns)])
    scorer = Scorer(ScoringModels.from_snapshot(now), assessment.intervals, shop, cutoff)
    groups = CustomerGroups.learn_thresholds(now.table, shop, missed_customer_ids(past, shop.likely), cutoff)
    return groups.assign_groups(scorer.score_customers(X), now.table.get("country"))


def describe_models(snapshots: Snapshots, *, with_clv: bool) -> list[str]:
    """Say what readers of a row must know of the models behind it; ``with_clv`` is whether a CLV stands in it."""
    now, previous = snapshots.now, snapshots.previous
    return [
        *describe_weak_ranking(snapshots.ranking, now.model_name, previous.period, "spend"),
        *describe_model_caveats(ScoringModels.from_snapshot(now), has_amounts=with_clv),
    ]


@dataclass(frozen=True)
class Report:
    """What the page shows, and the files beside it."""

    answers: Sequence[Answer]
    sections: Sequence[Section]
    files: Sequence[Record]


def build_report(
    cfg: DictConfig, forecaster: Forecaster, snapshots: Snapshots, shop: Shop, terminal: Terminal
) -> Report:
    """Answer the questions of the report, in the order of the page."""
    now, previous, window, bootstrap = snapshots.now, snapshots.previous, forecaster.window, (cfg.seed, cfg.replicates)
    with terminal.show_step("who is worth most", "customers"):
        earlier = snapshots.past[1].model.table if snapshots.past[1:] else None
        past = PastPeriodPredictions(previous.period, previous.model.table, earlier)
        assessment = assess_intervals(past, shop.interval)
        scored = _score_customers(snapshots, shop, assessment)
        segments = scored.set_index("customer_id")["segment"]
        plan = plan_contacts(now.table, shop.campaign, shop.margin, segments, now.table.get("country"))
        scored["recommended_action"] = reconcile_actions(scored, plan.contacted.index)
        year_before = sum_same_period_last_year(forecaster, now.period)
        best = rank_customers(scored, now, snapshots.past, shop.interval, year_before)
        evidence = describe_spend_intervals(assessment, shop.currency)
        customers = best_customers_section(best, [format_dates(sentence) for sentence in evidence], shop)
    with terminal.show_step("whom to contact", "budget"):
        outlook = estimate_outlook(plan, snapshots.past, cfg.replicates, cfg.seed)
        contacts = list_contacts(plan, scored.set_index("customer_id"), now.table)
        budget = budget_section(plan, outlook, contacts, now, previous, shop, *bootstrap)
    sections = [
        customers,
        budget,
        *_build_follow_up_sections(cfg, forecaster, snapshots, shop, best.total_range, terminal),
    ]
    notes = [*evidence, *describe_models(snapshots, with_clv=True)]
    described = render_readme(now.model_name, notes, shop, window.horizon, window.end, with_contacts=True)
    files: list[Record] = [Table(SCORES, best.by_spend), Table(CONTACTS, contacts), Text("readme.txt", described)]
    files += [
        record for section in sections for exhibit in section.exhibits_and_evidence for record in exhibit.records()
    ]
    if cfg.excel:
        files += [Table("contacts.xlsx", contacts), Table("scores.xlsx", best.by_spend)]
    return Report(answer_questions(best, plan, outlook, contacts, snapshots.ranking, shop), sections, files)


def _build_follow_up_sections(
    cfg: DictConfig,
    forecaster: Forecaster,
    snapshots: Snapshots,
    shop: Shop,
    total: AllCustomersTotalRange | None,
    terminal: Terminal,
) -> Iterator[Section]:
    """Answer what is asked after the first questions."""
    now, previous, bootstrap = snapshots.now, snapshots.previous, (cfg.seed, cfg.replicates)
    log, window = forecaster.log, forecaster.window
    with terminal.show_step("who was expected and did not come", "missed"):
        yield missed_and_at_risk_section(now, previous, shop, *bootstrap)
    with terminal.show_step("who comes next, and when", "next purchase") as progress:
        btyd_models = build_models(cfg, lambda option: option.family == "btyd")
        features = build_features(cfg.features)
        outlook = next_purchase_outlook(now, previous, forecaster, btyd_models, features, shop, *bootstrap, progress)
        yield next_purchase_section(outlook)
    with terminal.show_step("finding segments", "segments"):
        yield segments_section(now, previous, shop, spend_by_customer_and_product(log, window.end), *bootstrap)
    with terminal.show_step("what drives value", "drivers"):
        yield drivers_section(estimate_drivers(forecaster), window.horizon)
    with terminal.show_step("what a new customer may cost", "acquisition"):
        yield acquisition_section(forecaster, now, shop, *bootstrap)
    with terminal.show_step("looking at the business", "overview"):
        yield overview_section(describe_business(log, window.end), now.period, total)
