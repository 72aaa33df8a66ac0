"""A scored customer list from a table of frequency, recency and T, which is all that is left of a log."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.model_reference import ModelReference
from clv_experiments.commands.score_files import CSV, PARQUET, open_score_files
from clv_experiments.config.settings import build_experiment_name, parse_day
from clv_experiments.config.shop import build_shop
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.rfm_summary import RfmSummary
from clv_experiments.decisions.display.scores import summary_readme, tier_table
from clv_experiments.decisions.score_totals import ScoreTotalsByGroup
from clv_experiments.decisions.summary_scores import count_horizon_days, fit_btyd_to_summary, score_summary
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.run_records import estimator_warnings
from clv_experiments.reporting.record_files import build_output_folder_path, write_folder
from clv_experiments.reporting.records import File, Metric, Record, Table, Tag, Text
from clv_experiments.tracking.code_version import code_version
from clv_experiments.tracking.stored_run import Run


def fit_and_score_rfm_summary(
    cfg: DictConfig, summary: RfmSummary, request: ModelReference, run: Run, terminal: Terminal
) -> Path:
    """Fit a BTYD model to a table of frequency, recency and T, and score its customers.

    Returns
    -------
    Path
        Of the folder with the files.

    Raises
    ------
    ClvError
        If the model is kept, or no BTYD model, or one that reads more than a summary has.
    """
    model, cutoff = request.model, parse_day(cfg.window.cutoff, "window.cutoff")
    needs_first_spend = getattr(model.estimator, "include_first_spend", False)
    if request.stored or needs_first_spend or not hasattr(model.estimator, "discounted_purchases"):
        raise ClvError(
            f"{model.name} needs the log, and '{summary.name}' is a table of frequency, recency and T: type "
            "model=bg_nbd, mbg_nbd or pareto_nbd, which are fitted on it"
        )
    for note in summary.notes:
        terminal.print_line(f"note: {note}")
    shop = build_shop(cfg.decisions, (cfg.data.currency or "") if summary.has_amounts else "")
    horizon = Horizon.parse(cfg.window.horizon)
    with terminal.show_step(f"fitting {model.name} to {len(summary.customers):,} customers", "fit"):
        btyd = fit_btyd_to_summary(model, summary, count_horizon_days(horizon, cutoff))
    scores, totals = score_summary(summary, btyd, model.name, shop, cutoff), ScoreTotalsByGroup()
    totals.add(scores)

    title = f"{build_experiment_name(cfg)} {cutoff or ''} {model.name}"
    folder = build_output_folder_path(cfg.output, title)
    with terminal.show_step("writing the scores", "writing"), open_score_files(folder) as writer:
        writer.write(scores)
    notes = [*summary.notes, *(f"{model.name}: {warning}." for warning in estimator_warnings(btyd))]
    text = summary_readme(request.description, notes, shop, horizon, cutoff, [str(column) for column in scores])
    about: list[Record] = [Text("readme.txt", text), Table("summary.csv", totals.table())]
    write_folder(cfg.output, folder.name, about, "the scores")
    tags = {
        "model": model.name,
        "window": horizon.label,
        "scores": str(folder.resolve()),
        "code_version": code_version(),
    }
    run.log([*(Tag(name, value) for name, value in tags.items()), *about, File(folder / CSV), File(folder / PARQUET)])
    run.log([Metric(name, value) for name, value in totals.totals().items()])

    terminal.print_table(f"the next {horizon}", tier_table(totals, shop.currency))
    for note in estimator_warnings(btyd):
        terminal.print_line(f"note: {note}")
    terminal.print_timings()
    terminal.print_line(f"one row a customer: {folder / CSV}\n{run.location}")
    return folder
