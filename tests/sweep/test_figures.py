"""Figures of a study survive nasty trials, keep their words on the page, and leave nothing in global state."""

import matplotlib as mpl
import numpy as np
import optuna
import pytest
from matplotlib import pyplot
from matplotlib.text import Text
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.record_files import write_record
from clv_experiments.reporting.records import FigureRecord
from clv_experiments.sweep.figures import study_figures
from clv_experiments.sweep.metric_values import metric_values

LABELS = FigureLabels("two_part_xgboost", "cdnow, validation 3 months to 1998-03-31")
CHOICES = ("reg:tweedie", "reg:squarederror_and_$words_that_never_end$", None, True, 2, "[red]x[/red]", "$y_1$")
SPACE = {
    "max_depth": IntDistribution(2, 8),
    "learning_rate": FloatDistribution(0.01, 0.2, log=True),
    "leaves": IntDistribution(2, 1024, log=True),
    "reg_lambda_with_a_name_longer_than_any_page_is_wide": FloatDistribution(0.0, 1e7),
    "objective": CategoricalDistribution(CHOICES),
    "$x_1$": CategoricalDistribution((False, True)),
    "power^{only}_$sometimes": FloatDistribution(1.1, 1.9),
}


FEW = {name: SPACE[name] for name in ("max_depth", "learning_rate")}


def study_of(*values, space=None, higher=True, seed=0):
    """A study whose trials have these values: numbers, or tuples, or a state of those that have none."""
    rng = np.random.default_rng(seed)
    several = max(len(value) if isinstance(value, tuple) else 1 for value in values)
    study = optuna.create_study(directions=["maximize" if higher else "minimize"] * several)
    for value in values:
        state = value if isinstance(value, TrialState) else TrialState.COMPLETE
        spaces = {
            name: d
            for name, d in (FEW if space is None else space).items()
            if not name.startswith("power") or rng.random() < 0.5
        }
        params = {name: _random_value(distribution, rng) for name, distribution in spaces.items()}
        trial_values = None if isinstance(value, TrialState) else value if isinstance(value, tuple) else (value,)
        study.add_trial(create_trial(state=state, values=trial_values, params=params, distributions=spaces))
    return study


def _random_value(distribution, rng):
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    if isinstance(distribution, IntDistribution):
        return int(rng.integers(distribution.low, distribution.high, endpoint=True))
    return float(rng.uniform(distribution.low, distribution.high))


def figures(study, *metrics, shares=None, configured=0):
    metrics = metrics or ("d2_tweedie",)
    importances = dict.fromkeys(metrics, shares) if shares else {}
    return {f.name: f.figure for f in study_figures(study, metrics, LABELS, importances, configured)}


def check_page(figure):
    """Lay out as a file would be (a warning is an error), and look for words that are cut or small."""
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()
    assert min(box.x0, box.y0) > -0.05
    assert box.x1 < width + 0.05
    assert box.y1 < height + 0.05
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts if not text.get_text().startswith("$\\mathdefault")) >= 10
    assert not [text for text in texts if "nan" in text.get_text()]


NASTY = {
    "many": (list(np.random.default_rng(1).normal(0.38, 0.01, 30)), "d2_tweedie"),
    "wild": ([0.38, -47.0, 0.37, TrialState.FAIL, 0.36, -1e9, TrialState.PRUNED, 0.385, 0.37, 0.37, 0.2], "spearman"),
    "one, late": ([TrialState.FAIL, TrialState.FAIL, 0.38], "d2_tweedie"),
    "equal, lower is better": ([0.0, 0.0, 0.0], "aggregate_bias"),
    "huge, no known format": ([1e9, 2.5e9, 1.1e9, 3.2e9], "mse"),
    "close": ([0.38100001, 0.38100002, 0.38100003], "d2_tweedie"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("values", "metric"), NASTY.values(), ids=NASTY)
def test_figures_survive(values, metric):
    study = study_of(*values, space=SPACE, higher=metric in ("d2_tweedie", "spearman"))
    shares = {name: 2.0**-place for place, name in enumerate(SPACE, 1) if not name.startswith("power")}
    figures_by_name = figures(study, metric, shares=shares)
    assert list(figures_by_name) == ["history.png", "importances.png", "slice.png", "parallel_coordinates.png"]
    for figure in figures_by_name.values():
        check_page(figure)
        assert "two_part_xgboost · cdnow, validation" in figure.get_suptitle()


def test_what_cannot_be_drawn_is_left_out():
    space = {"alpha": SPACE["learning_rate"]}
    assert figures(study_of(TrialState.FAIL, TrialState.PRUNED)) == {}
    assert list(figures(study_of(0.1, 0.2))) == ["history.png", "slice.png", "parallel_coordinates.png"]
    assert list(figures(study_of(0.1, 0.2, space=space))) == ["history.png", "slice.png"]
    assert list(figures(study_of(0.1, space={}))) == ["history.png"]


@pytest.mark.parametrize("space", [{"alpha": SPACE["learning_rate"]}, {"flag": SPACE["$x_1$"]}, {"n": SPACE["leaves"]}])
def test_one_trial_of_one_parameter_is_drawn(space, tmp_path):
    for name, figure in figures(study_of(0.1, space=space)).items():
        check_page(figure)
        write_record(FigureRecord(name, figure), tmp_path / name)


@pytest.mark.parametrize("several", [2, 3, 4])
def test_several_metrics_have_figures_each_and_a_front(several):
    metrics = ("d2_tweedie", "normalised_gini", "r2", "spearman")[:several]
    values = [tuple(row) for row in np.random.default_rng(2).normal(0.3, 0.1, (9, several))]
    values[4] = (-50.0,) * several
    figures_by_name = figures(study_of(*values, space=FEW), *metrics)
    kinds = ("history", "slice", "parallel_coordinates")
    expected = [f"{kind}_{metric}.png" for metric in metrics for kind in kinds]
    assert list(figures_by_name) == expected + ["pareto_front.png"] * (several < 4)
    if several < 4:
        figures_by_name["pareto_front.png"].draw_without_rendering()
        assert figures_by_name["pareto_front.png"].get_suptitle().count("1 trial below") == several


def test_figures_leave_nothing_in_global_state():
    mine = pyplot.figure()
    before, backend = dict(mpl.rcParams), mpl.get_backend()
    study = study_of((0.1, 0.2), (0.2, 0.1))
    assert len(figures(study, "d2_tweedie", "r2", shares={"max_depth": 1.0})) == 9
    assert pyplot.get_fignums() == [mine.number]
    assert dict(mpl.rcParams) == before
    assert mpl.get_backend() == backend
    assert len(study.trials) == 2
    pyplot.close(mine)


# --- what the figures show --------------------------------------------------------------------------------------


def points(axes):
    return np.asarray(axes.collections[0].get_offsets(), dtype=float)


@pytest.mark.parametrize(("sign", "side"), [(1, "below"), (-1, "above")])
def test_a_trial_far_behind_stands_at_the_edge(sign, side):
    # Behind the best by 0, .01, .02, .03 and .2: three in four within .03, of which five times are .15.
    values = [sign * value for value in (0.38, 0.37, 0.18, 0.36, 0.35)]
    study = study_of(*values, higher=sign == 1)
    (column,) = metric_values(study, ["d2_tweedie"])
    assert (column.limit, column.n_clipped) == (sign * 0.35, 1)
    figure = figures(study)["history.png"]
    assert f"1 trial {side} D2 {sign * 0.35:.3f}" in figure.get_suptitle()
    np.testing.assert_allclose(points(figure.axes[0])[:, 1], [sign * v for v in (0.38, 0.37, 0.35, 0.36, 0.35)])


def test_a_scale_without_outliers_is_whole():
    (column,) = metric_values(study_of(*np.linspace(0.1, 0.9, 20)), ["d2_tweedie"])
    assert (column.limit, column.n_clipped) == (0.1, 0)
    assert column.ranked_trials[0].number == 19
    (near,) = metric_values(study_of(0.38, 0.37, 0.24, 0.36, 0.35), ["d2_tweedie"])
    assert near.limit == 0.24
    (ties,) = metric_values(study_of(1.0, 1.0, 1.0, 1.0, -9.0), ["d2_tweedie"])
    assert (ties.limit, ties.ranked_trials[0].number) == (-9.0, 0)


def test_history_shows_trials_the_best_so_far_and_the_configured():
    study = study_of(0.2, 0.1, TrialState.FAIL, 0.4, 0.3, TrialState.PRUNED, TrialState.FAIL)
    (axes,) = figures(study, configured=1)["history.png"].axes
    np.testing.assert_allclose(points(axes), [[0, 0.2], [1, 0.1], [3, 0.4], [4, 0.3]])
    best, configured = axes.lines
    assert list(best.get_ydata()) == [0.2, 0.2, 0.2, 0.4, 0.4, 0.4, 0.4]
    assert list(configured.get_ydata()) == [0.1, 0.1]
    (lower,) = figures(study_of(0.2, 0.3, 0.1, higher=False), configured=None)["history.png"].axes
    (best,) = lower.lines
    assert list(best.get_ydata()) == [0.2, 0.2, 0.1]


def test_importances_are_those_that_were_given():
    shares = {"max_depth": 0.75, "learning_rate": 0.25}
    (axes,) = figures(study_of(0.1, 0.2, 0.3), shares=shares)["importances.png"].axes
    assert sorted(patch.get_width() for patch in axes.patches) == [0.25, 0.75]


def test_the_front_is_what_no_other_trial_beats():
    study = study_of((0.3, 0.1), (0.2, 0.2), (0.1, 0.15), (0.1, 0.3))
    (axes,) = figures(study, "d2_tweedie", "normalised_gini")["pareto_front.png"].axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("D2", "Gini")
    dominated_trials, front = (np.asarray(c.get_offsets()) for c in axes.collections)
    np.testing.assert_allclose(dominated_trials, [[0.1, 0.15]])
    np.testing.assert_allclose(sorted(front.tolist()), [[0.1, 0.3], [0.2, 0.2], [0.3, 0.1]])


def test_choices_are_written_as_in_yaml():
    study = study_of(*np.linspace(0.1, 0.9, 20), space={"origins": CategoricalDistribution((1, None, False))})
    panel = figures(study)["slice.png"].axes[0]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["1", "null", "false"]


def test_long_names_that_begin_alike_stay_apart():
    names = [f"estimator_regressor_setting_{which}" for which in ("depth", "rate")]
    space = dict(zip(names, FEW.values(), strict=True))
    figures_by_name = figures(study_of(0.1, 0.2, 0.3, space=space), shares=dict.fromkeys(names, 0.5))
    labels = [label.get_text() for label in figures_by_name["importances.png"].axes[0].get_yticklabels()]
    assert len(labels) == len(set(labels)) == 2
    assert len(figures_by_name["slice.png"].axes) == 3  # two panels and the scale of the trials
