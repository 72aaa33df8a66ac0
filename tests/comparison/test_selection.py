"""Which runs are shown, under which names, and what is said of all others."""

from contextlib import nullcontext
from typing import get_args

import pandas as pd
import pytest

from clv_experiments.comparison import selection
from clv_experiments.comparison.exclusions import TEMPLATE, Exclusion, ExclusionKind
from clv_experiments.comparison.selection import find_run_not_to_repeat, select_runs
from clv_experiments.errors import ClvError, LogTooShort, LogWithoutAmounts
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.records import Metric, Param, Table, Tag
from clv_experiments.tracking.memory_tracker import MemoryTracker
from clv_experiments.tracking.stored_run import LONGEST_PARAM

EXPERIMENT = "shop 3m"
SETTINGS = {
    "data.name": "shop",
    "window.horizon": "3 months",
    "window.cutoff": None,
    "window.origins": 1,
    "evaluation.protocol": "forecast",
}
HOLDOUTS = ("1998-01-01 to 1998-03-31", "1998-04-01 to 1998-06-30")


def started(model, **changed):
    """Records of a run that has only begun; keywords change parameters, with __ for the dot."""
    params = SETTINGS | {"model.name": model, "seed": 42, "data.engine": "duckdb"}
    params |= {name.replace("__", "."): value for name, value in changed.items()}
    return [Param(name, value) for name, value in params.items()]


def finished(model, *, cell="a" * 16, origins=1, tags=(), **changed):
    """Records of a whole run."""
    told = {
        "model": model, "family": "ml", "features": "full", "cell": cell, "code_version": "0.1", "currency": "$",
        "protocol": "forecast", "holdouts": "; ".join(HOLDOUTS[-origins:]), **dict(tags),
    }  # fmt: skip
    customers = {"customer_id": ["a", "b"], "y_true": [0.0, 9.0], "y_pred": 5.0, "purchase_days": [0, 1]}
    cutoffs = pd.to_datetime(["1997-12-31", "1998-03-31"][-origins:])
    per_origin = {"d2_floor": 0.5, "validation_d2_tweedie": 0.3, "seconds_fit": 2.0, "seconds_predict": 0.25}
    return [
        *started(model, **changed),
        *(Tag(name, value) for name, value in told.items()),
        *(Metric(name, value + step, step) for name, value in per_origin.items() for step in range(origins)),
        Metric("peak_memory_mb", 300.0),
        Table("predictions.parquet", pd.concat([pd.DataFrame(customers).assign(cutoff=cutoff) for cutoff in cutoffs])),
    ]


def without(records, name):
    return [record for record in records if getattr(record, "name", "") != name]


@pytest.fixture
def tracker():
    return MemoryTracker()


def leave(tracker, records, error=None, experiment=EXPERIMENT):
    """Keep a run, which ends with an error if there is one; give its id."""
    with nullcontext() if error is None else pytest.raises(type(error)), tracker.run(experiment, "run") as run:
        run.log(records)
        if error is not None:
            raise error
    return run.run_id


def chosen(tracker, settings=SETTINGS, models=("zeros", "xgboost"), every=False, **options):
    return select_runs(tracker.reader(), EXPERIMENT, settings, models, all_runs=every, metric="d2_tweedie", **options)


def left_out(exclusion, *run_ids):
    """Render what a cell says of the runs that one reason leaves out."""
    return " ".join(render_paragraphs(TEMPLATE, "left_out", [run_id[:8] for run_id in run_ids], exclusion.reason))


def test_every_reason_reads_differently_and_names_its_detail():
    kinds = get_args(ExclusionKind)
    reasons = {Exclusion(kind, "zeros").reason for kind in kinds}
    assert "" not in reasons
    assert len(reasons | {Exclusion("lost_predictions", "zeros", replaced=True).reason}) == len(kinds) + 1
    for kind in ("failed", "other_cell", "lost_predictions"):
        assert "zeros" in Exclusion(kind, "zeros").reason
    text = left_out(Exclusion("foreign"), "a" * 32, "b" * 32)
    assert text.startswith("2 runs")
    assert f"{'a' * 8} and {'b' * 8}" in text


def test_the_newest_finished_run_of_each_model_is_shown(tracker):
    old = leave(tracker, finished("xgboost"))
    new = leave(tracker, finished("xgboost", seed=7))
    zeros = leave(tracker, finished("zeros", data__engine="spark"))
    further = leave(tracker, finished("mine"))
    leave(tracker, finished("zeros"), experiment="shop 6m")
    found = chosen(tracker)
    assert [(entry.label, entry.run_id) for entry in found.cell.entries] == [
        ("zeros", zeros), ("xgboost", new), ("mine", further),
    ]  # fmt: skip
    assert (found.missing, found.impossible, found.other_cells) == ({}, {}, [])
    assert found.cell.excluded_runs == (left_out(Exclusion("superseded"), old),)


def test_of_very_many_runs_a_board_shows_the_newest_and_one_of_each_model(tracker, monkeypatch):
    monkeypatch.setattr(selection, "MAX_RUNS", 2)
    zeros = leave(tracker, finished("zeros"))
    first, second, third = (leave(tracker, finished("xgboost", seed=seed)) for seed in range(3))
    found = chosen(tracker, every=True)
    assert {entry.run_id for entry in found.cell.entries} == {zeros, second, third}
    assert found.cell.excluded_runs == (left_out(Exclusion("beyond_limit", "2"), first),)


def test_what_somebody_typed_is_in_the_label(tracker):
    depth, usual = "model__estimator__max_depth", {"xgboost": {"model.estimator.max_depth": "4", "seed": "42"}}
    leave(tracker, finished("xgboost", **{depth: 4}))
    assert chosen(tracker, configured=usual).cell.labels == ["xgboost"]
    leave(tracker, finished("xgboost", **{depth: 1}, model__estimator__gamma=500, model__features__name="rfm"))
    assert chosen(tracker, configured=usual).cell.labels == ["xgboost (gamma=500, max_depth=1, features=rfm)"]
    assert chosen(tracker, configured=usual, every=True).cell.labels[1:] == ["xgboost"]


def test_a_log_setting_that_only_the_run_or_only_the_question_has_makes_another_cell(tracker):
    leave(tracker, finished("zeros", data__cleaning__outliers__policy="winsorise"))
    assert chosen(tracker).cell is None
    plain = SETTINGS | {"data.cleaning.outliers": None}
    assert chosen(tracker, plain).cell is None
    leave(tracker, finished("zeros", cell="b" * 16, data__cleaning__outliers=None))
    assert chosen(tracker, plain).cell.identity == "b" * 16


def test_a_log_that_was_too_short_may_have_grown(tracker):
    leave(tracker, [*started("xgboost"), Tag("log_fingerprint", "old")], LogTooShort("912 days are needed"))
    leave(tracker, finished("zeros", tags={"log_fingerprint": "new"}))
    assert chosen(tracker).missing == {"xgboost": "912 days are needed"}
    leave(tracker, [*started("xgboost"), Tag("log_fingerprint", "new")], LogTooShort("912 days are needed"))
    assert chosen(tracker).impossible == {"xgboost": "912 days are needed"}


def test_models_of_spend_are_no_gap_where_the_log_has_no_amounts(tracker):
    leave(tracker, started("xgboost"), LogWithoutAmounts("the log has no amounts; type model=mbg_nbd"))
    leave(tracker, finished("zeros", tags={"currency": "purchases"}))
    found = chosen(tracker)
    assert (list(found.missing), list(found.impossible)) == ([], ["xgboost"])
    assert found.cell.measure == "purchases"


def test_an_ambiguous_beginning_of_a_cell_is_refused(tracker):
    leave(tracker, finished("zeros", cell="ab" + "0" * 14))
    leave(tracker, finished("zeros", cell="ac" + "0" * 14))
    assert chosen(tracker, cell="ac").cell.identity.startswith("ac")
    with pytest.raises(ClvError, match="2 cells begin with 'a'"):
        chosen(tracker, cell="a")


def test_an_entry_holds_what_its_run_recorded(tracker):
    leave(tracker, finished("xgboost", origins=2, window__origins=2, tags={"at_edge": "max_depth 9 of 1 to 9"}))
    cell = chosen(tracker, SETTINGS | {"window.origins": 2}).cell
    assert (cell.title, cell.protocol, cell.identity, cell.currency) == (EXPERIMENT, "forecast", "a" * 16, "$")
    assert cell.holdouts == HOLDOUTS
    (entry,) = cell.entries
    assert entry.d2_floors == (0.5, 1.5)
    assert entry.validation == {0: {"d2_tweedie": 0.3}, 1: {"d2_tweedie": 1.3}}
    assert entry.seconds == {"fit": 5.0, "predict": 1.5}
    assert entry.label_margin_days == {}
    assert entry.at_edge == "max_depth 9 of 1 to 9"
    assert len(cell.origins) == 2


def test_runs_that_say_less_or_more_agree_where_both_speak(tracker):
    leave(tracker, without(finished("zeros"), "window.cutoff"))
    leave(tracker, finished("xgboost", window__training_origins=3))
    assert chosen(tracker).cell.labels == ["zeros", "xgboost"]
    assert chosen(tracker, SETTINGS | {"data.engine": "spark", "data.spark_master": "local[2]"}).missing == {}


def test_settings_lead_to_the_cell_and_the_cell_to_its_runs(tracker):
    leave(tracker, finished("zeros"))
    leave(tracker, finished("xgboost", window__cutoff="1998-03-31"))
    assert chosen(tracker).cell.labels == ["zeros", "xgboost"]  # the same cell, typed in other words


def test_what_else_is_there_is_described(tracker):
    others = [
        leave(tracker, finished("zeros", cell="b" * 16, window__origins=2)),
        leave(tracker, finished("xgboost", cell="b" * 16, window__origins=2)),
        leave(tracker, finished("zeros", cell="c" * 16, evaluation__protocol="customer_split")),
    ]
    found = chosen(tracker)
    assert found.cell is None
    assert found.missing == {"zeros": "", "xgboost": ""}
    assert found.other_cells == [
        f"evaluation.protocol=customer_split: 1 run, cell {'c' * 16}",
        f"window.origins=2: 2 runs, cell {'b' * 16}",
    ]
    leave(tracker, finished("zeros"))
    assert len(chosen(tracker).other_cells) == 2
    assert chosen(tracker).cell.excluded_runs == (left_out(Exclusion("other_settings"), *reversed(others)),)


def test_an_experiment_without_runs_is_an_empty_answer(tracker):
    assert chosen(tracker).missing == {"zeros": "", "xgboost": ""}
    assert chosen(tracker).cell is None


def test_where_the_log_changed_the_newest_cell_is_shown(tracker):
    leave(tracker, finished("zeros"))
    old = leave(tracker, finished("xgboost"))
    new = leave(tracker, finished("zeros", cell="b" * 16))
    found = chosen(tracker)
    assert [entry.run_id for entry in found.cell.entries] == [new]
    assert found.missing == {"xgboost": Exclusion("other_cell", "a" * 8).reason}
    (other,) = found.other_cells
    assert f"2 runs, cell {'a' * 16}" in other
    assert old[:8] in found.cell.excluded_runs[0]


def test_a_cell_can_be_asked_for_by_the_beginning_of_its_name(tracker):
    old = leave(tracker, finished("zeros", evaluation__protocol="customer_split"))
    leave(tracker, finished("zeros", cell="b" * 16))
    assert [entry.run_id for entry in chosen(tracker, cell="aaa").cell.entries] == [old]
    assert chosen(tracker, cell="ccc").cell is None


def test_failed_runs_are_missing_with_their_reason(tracker):
    first = leave(tracker, started("xgboost"), ClvError("too few buyers"))
    last = leave(tracker, started("xgboost"), KeyboardInterrupt())
    leave(tracker, finished("zeros"))
    found = chosen(tracker)
    assert found.missing == {"xgboost": "interrupted"}
    assert found.cell.excluded_runs == (
        left_out(Exclusion("failed", "interrupted"), last),
        left_out(Exclusion("failed", "too few buyers"), first),
    )


def test_a_model_that_the_log_is_too_short_for_is_impossible_not_missing(tracker):
    leave(tracker, finished("zeros"))
    leave(tracker, started("xgboost"), LogTooShort("912 days are needed"))
    assert (chosen(tracker).missing, chosen(tracker).impossible) == ({}, {"xgboost": "912 days are needed"})
    leave(tracker, started("xgboost"), ClvError("disk full"))
    assert (chosen(tracker).missing, chosen(tracker).impossible) == ({"xgboost": "disk full"}, {})
    leave(tracker, finished("xgboost"))
    leave(tracker, started("xgboost"), LogTooShort("912 days are needed"))
    assert (chosen(tracker).missing, chosen(tracker).impossible) == ({}, {})
    assert chosen(tracker).cell.labels == ["zeros", "xgboost"]


def test_a_run_that_is_not_finished_is_never_a_result(tracker):
    leave(tracker, finished("zeros"))
    killed = leave(tracker, finished("xgboost"))
    tracker.runs[-1].status = "RUNNING"
    at_once = leave(tracker, [])
    tracker.runs[-1].status = "RUNNING"
    found = chosen(tracker)
    assert found.cell.labels == ["zeros"]
    unfinished = Exclusion("not_finished")
    assert found.missing == {"xgboost": unfinished.reason}
    assert found.cell.excluded_runs == (left_out(unfinished, at_once, killed),)


def test_a_run_that_is_not_finished_leads_to_no_cell(tracker):
    leave(tracker, finished("zeros"))
    leave(tracker, finished("zeros", cell="b" * 16))
    tracker.runs[-1].status = "RUNNING"
    assert chosen(tracker).cell.identity == "a" * 16


def test_a_model_that_finished_once_is_not_impossible(tracker):
    leave(tracker, without(finished("xgboost"), "predictions.parquet"))
    leave(tracker, started("xgboost"), LogTooShort("912 days are needed"))
    assert (chosen(tracker).missing["xgboost"], chosen(tracker).impossible) == ("912 days are needed", {})


def test_foreign_runs_are_left_out_and_leaderboards_not_mentioned(tracker):
    leave(tracker, finished("zeros"))
    foreign = leave(tracker, [Param("alpha", 1), Tag("model", "xgboost"), Metric("d2_floor", 1.0)])
    leave(tracker, [Tag("kind", "leaderboard"), *finished("xgboost")])
    found = chosen(tracker)
    assert found.cell.excluded_runs == (left_out(Exclusion("foreign"), foreign),)
    assert found.missing == {"xgboost": ""}


@pytest.mark.parametrize("lacking", ["holdouts", "d2_floor"])  # neither that metric nor the tag `customers`
def test_a_run_of_an_older_version_is_left_out(tracker, lacking):
    leave(tracker, finished("zeros"))
    old = leave(tracker, without(finished("xgboost"), lacking))
    found = chosen(tracker)
    assert found.cell.labels == ["zeros"]
    assert found.missing == {"xgboost": Exclusion("older_version").reason}
    assert found.cell.excluded_runs == (left_out(Exclusion("older_version"), old),)


@pytest.mark.parametrize("every", [False, True])
def test_where_predictions_are_gone_an_older_run_stands_in(tracker, every):
    older = leave(tracker, finished("xgboost"))
    newest = leave(tracker, without(finished("xgboost"), "predictions.parquet"))
    lost = leave(tracker, without(finished("zeros"), "predictions.parquet"))
    found = chosen(tracker, every=every)
    assert [entry.run_id for entry in found.cell.entries] == [older]
    gone = Exclusion("lost_predictions", "zeros")
    assert found.missing == {"zeros": gone.reason}
    assert set(found.cell.excluded_runs) == {
        left_out(Exclusion("lost_predictions", "xgboost", replaced=True), newest),
        left_out(gone, lost),
    }


def damaged(records, change):
    return [Table(r.name, change(r.frame)) if isinstance(r, Table) else r for r in records]


@pytest.mark.parametrize(
    "records",
    [
        damaged(finished("zeros"), lambda frame: frame.drop(columns="purchase_days")),
        damaged(finished("zeros", origins=2), lambda frame: frame[frame["cutoff"] == frame["cutoff"].max()]),
        [record for record in finished("zeros", origins=2) if not (record.name == "d2_floor" and record.step == 1)],
    ],
    ids=["column", "origin", "d2_floor"],
)
def test_damaged_predictions_are_not_shown(tracker, records):
    leave(tracker, records)
    assert chosen(tracker).missing["zeros"] == Exclusion("lost_predictions", "zeros").reason


def test_a_board_takes_the_floor_of_d2_from_the_table_of_origins_and_of_older_runs_from_the_metric(tracker):
    rows = {"step": [0, 1], "d2_floor": [0.1 + 0.2, 1.5], "label_margin_days": [0.0, float("nan")]}
    now = [*without(finished("xgboost", origins=2), "d2_floor"), Tag("customers", "2")]
    leave(tracker, [*now, Table("origins.csv", pd.DataFrame(rows))])
    leave(tracker, finished("zeros", origins=2))
    zeros, xgboost = chosen(tracker).cell.entries
    assert xgboost.d2_floors == (0.1 + 0.2, 1.5)
    assert xgboost.label_margin_days == {0: 0.0}
    assert zeros.d2_floors == (0.5, 1.5)
    leave(tracker, without(now, "origins.csv"))
    assert xgboost.run_id in {entry.run_id for entry in chosen(tracker).cell.entries}, "the newest cannot be read"


def test_every_run_is_labelled_by_what_tells_it_apart(tracker):
    depth = "model__estimator__regressor__max_depth"
    leave(tracker, finished("zeros"))
    leave(tracker, finished("xgboost", **{depth: 4}, model__estimator__random_state=42))
    leave(tracker, finished("xgboost", **{depth: 6}, model__estimator__random_state=42))
    other = {depth: 6, "seed": 7, "model__estimator__random_state": 7}
    leave(tracker, finished("xgboost", **other))
    assert chosen(tracker, every=True).cell.labels == [
        "zeros",
        "xgboost",  # the newest stands for the model where its settings are not known
        "xgboost (seed=42)",
        "xgboost (max_depth=4, seed=42)",
    ]
    assert chosen(tracker).cell.labels == ["zeros", "xgboost"]


def test_runs_that_nothing_tells_apart_are_labelled_by_their_ids(tracker):
    same = [leave(tracker, finished("zeros")) for _ in range(2)]
    other = leave(tracker, finished("zeros", window__training_origins=2))
    more = leave(tracker, finished("zeros", window__training_origins=2))
    assert chosen(tracker, every=True).cell.labels == [
        *(f"zeros ({run_id[:6]})" for run_id in (more, other)),
        *(f"zeros (training_origins=unset, {run_id[:6]})" for run_id in reversed(same)),
    ]


def test_long_lists_of_runs_are_cut(tracker):
    for _ in range(9):
        leave(tracker, finished("zeros"))
    (sentence,) = chosen(tracker).cell.excluded_runs
    assert sentence.startswith("8 runs left out")
    assert sentence.endswith(" and 3 others")


# --- resuming ---------------------------------------------------------------------------------------------------

ALL = SETTINGS | {"model.name": "xgboost", "seed": 42, "data.engine": "spark", "tracking.folder": "x", "resume": True}


def resumed(tracker, **changed):
    found = find_run_not_to_repeat(
        tracker.reader(), EXPERIMENT, ALL | {k.replace("__", "."): v for k, v in changed.items()}
    )
    return found.run_id if found else None


def test_a_finished_run_settles_its_own_settings_only(tracker):
    assert resumed(tracker) is None
    leave(tracker, finished("xgboost"))
    newest = leave(tracker, finished("xgboost", resume=False, tracking__folder="y"))
    assert resumed(tracker) == newest
    assert resumed(tracker, seed=7) is None
    assert resumed(tracker, model__name="zeros") is None
    leave(tracker, finished("xgboost", seed=7))
    assert resumed(tracker) == newest


def test_a_log_that_is_too_short_is_settled_and_other_failures_are_not(tracker):
    leave(tracker, started("xgboost"), ClvError("disk full"))
    assert resumed(tracker) is None
    short = leave(tracker, started("xgboost"), LogTooShort("912 days are needed"))
    assert resumed(tracker) == short


@pytest.mark.parametrize(
    "records",
    [
        [Param("alpha", 1)],
        without(finished("xgboost"), "holdouts"),
        without(finished("xgboost"), "predictions.parquet"),
    ],
    ids=["foreign", "older version", "lost"],
)
def test_what_no_leaderboard_could_show_settles_nothing(tracker, records):
    leave(tracker, records)
    assert resumed(tracker) is None


def test_a_killed_run_settles_nothing(tracker):
    leave(tracker, finished("xgboost"))
    tracker.runs[-1].status = "RUNNING"
    assert resumed(tracker) is None


def test_settings_are_compared_as_far_as_they_are_kept(tracker):
    there = leave(tracker, finished("xgboost", model__long="x" * (LONGEST_PARAM + 1)))
    assert resumed(tracker, model__long="x" * (LONGEST_PARAM + 5)) == there
    assert resumed(tracker, model__long="y" * (LONGEST_PARAM + 1)) is None


def test_runs_that_kept_what_is_unset_and_classes_under_their_keys_still_settle_and_are_compared(tracker):
    settings = {"data.where": None, "model.estimator._target_": "models.Ridge", "data.source._partial_": True}
    settings["model.features.blocks"] = '[{"_target_": "blocks.rfm", "_partial_": true}]'
    before = [*finished("xgboost"), *(Param(name, value) for name, value in settings.items())]
    now = [
        record
        for record in finished("xgboost", model__estimator="models.Ridge", model__features__blocks='["blocks.rfm"]')
        if record.name != "window.cutoff"
    ]
    runs = []
    for records in (before, now):
        runs.append(leave(tracker, records))
        for asked in (settings, {name: value for name, value in settings.items() if value is not None}):
            assert find_run_not_to_repeat(tracker.reader(), EXPERIMENT, ALL | asked).run_id == runs[-1]
        assert find_run_not_to_repeat(tracker.reader(), EXPERIMENT, ALL) is None, "another class"
        assert find_run_not_to_repeat(tracker.reader(), EXPERIMENT, ALL | settings | {"data.where": "x"}) is None
        assert find_run_not_to_repeat(tracker.reader(), EXPERIMENT, ALL | settings | {"window.cutoff": "x"}) is None
    labels = chosen(tracker, models=("xgboost",), every=True).cell.labels
    assert labels == [f"xgboost ({run_id[:6]})" for run_id in reversed(runs)]
