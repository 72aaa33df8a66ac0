"""Pictures of a study survive nasty trials, keep their words on the page, and show the trials where they belong."""

import matplotlib as mpl
import numpy as np
import optuna
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.colors import to_hex
from matplotlib.text import Text
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from clv_experiments.reporting.figure_style import ACTUAL, Labels
from clv_experiments.sweep.metric_values import values_of
from clv_experiments.sweep.pictures import study_pictures
from clv_experiments.sweep.pictures.parameters import ABSENT, Scale

LABELS = Labels("two_part_xgboost", "cdnow, validation 3 months to 1998-03-31")
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
        ended = value if isinstance(value, TrialState) else TrialState.COMPLETE
        kept = {
            name: d
            for name, d in (FEW if space is None else space).items()
            if not name.startswith("power") or rng.random() < 0.5
        }
        params = {name: _drawn(distribution, rng) for name, distribution in kept.items()}
        found = None if isinstance(value, TrialState) else value if isinstance(value, tuple) else (value,)
        study.add_trial(create_trial(state=ended, values=found, params=params, distributions=kept))
    return study


def _drawn(distribution, rng):
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    if isinstance(distribution, IntDistribution):
        return int(rng.integers(distribution.low, distribution.high, endpoint=True))
    return float(rng.uniform(distribution.low, distribution.high))


def pictures(study, *metrics, shares=None, configured=0):
    metrics = metrics or ("d2_tweedie",)
    importances = dict.fromkeys(metrics, shares) if shares else {}
    return {p.name: p.figure for p in study_pictures(study, metrics, LABELS, importances, configured)}


def check_page(figure):
    """Lay out as a file would be (a warning is an error), and look for words that are cut, small or hidden."""
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()
    assert min(box.x0, box.y0) > -0.01
    assert box.x1 < width + 0.01
    assert box.y1 < height + 0.01
    said = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert min(text.get_fontsize() for text in said) >= 11
    assert not [text for text in said if "nan" in text.get_text()]
    (key,) = figure.legends or [None]
    boxes = [text.get_window_extent() for text in said if text.axes is not None]
    assert key is None or not [b for b in boxes if b.overlaps(key.get_window_extent())]


NASTY = {
    "many": (list(np.random.default_rng(1).normal(0.38, 0.01, 30)), "d2_tweedie"),
    "wild": ([0.38, -47.0, 0.37, TrialState.FAIL, 0.36, -1e9, TrialState.PRUNED, 0.385, 0.37, 0.37, 0.2], "spearman"),
    "one, late": ([TrialState.FAIL, TrialState.FAIL, 0.38], "d2_tweedie"),
    "equal, lower is better": ([0.0, 0.0, 0.0], "aggregate_bias"),
    "huge, no known format": ([1e9, 2.5e9, 1.1e9, 3.2e9], "mse"),
    "close": ([0.38100001, 0.38100002, 0.38100003], "d2_tweedie"),
}


@pytest.mark.parametrize(("values", "metric"), NASTY.values(), ids=NASTY)
def test_pictures_survive(values, metric):
    study = study_of(*values, space=SPACE, higher=metric in ("d2_tweedie", "spearman"))
    shares = {name: 2.0**-place for place, name in enumerate(SPACE, 1) if not name.startswith("power")}
    found = pictures(study, metric, shares=shares)
    assert list(found) == ["history.png", "importances.png", "slice.png", "parallel_coordinates.png"]
    for figure in found.values():
        check_page(figure)
        assert any("two_part_xgboost · cdnow, validation" in text.get_text() for text in figure.texts)


def test_what_cannot_be_drawn_is_left_out():
    space = {"alpha": SPACE["learning_rate"]}
    assert pictures(study_of(TrialState.FAIL, TrialState.PRUNED)) == {}
    assert list(pictures(study_of(0.1, 0.2))) == ["history.png", "slice.png", "parallel_coordinates.png"]
    assert list(pictures(study_of(0.1, 0.2, space=space))) == ["history.png", "slice.png"]
    assert list(pictures(study_of(0.1, space={}))) == ["history.png"]


@pytest.mark.parametrize("several", [2, 3, 4])
def test_several_metrics_have_pictures_each_and_a_front(several):
    metrics = ("d2_tweedie", "normalised_gini", "r2", "spearman")[:several]
    values = [tuple(row) for row in np.random.default_rng(2).normal(0.3, 0.1, (9, several))]
    values[4] = (-50.0,) * several
    found = pictures(study_of(*values, space=FEW), *metrics)
    kinds = ("history", "slice", "parallel_coordinates")
    expected = [f"{kind}_{metric}.png" for metric in metrics for kind in kinds]
    assert list(found) == expected + ["pareto_front.png"] * (several < 4)
    if several < 4:
        check_page(found["pareto_front.png"])
        assert len(found["pareto_front.png"].axes) == several - 1


def test_pictures_leave_nothing_in_global_state():
    before = dict(mpl.rcParams)
    assert len(pictures(study_of((0.1, 0.2), (0.2, 0.1)), "d2_tweedie", "r2", shares={"max_depth": 1.0})) == 9
    assert not Gcf.get_all_fig_managers()
    assert dict(mpl.rcParams) == before


# --- what the pictures show -------------------------------------------------------------------------------------


def line(panel, label):
    (found,) = [one for one in panel.lines if one.get_label() == label]
    return np.asarray(found.get_xdata(), dtype=float).tolist(), np.asarray(found.get_ydata(), dtype=float).tolist()


@pytest.mark.parametrize(("sign", "side"), [(1, "below"), (-1, "above")])
def test_a_trial_far_behind_stands_at_the_edge(sign, side):
    # Behind the best by 0, .01, .02, .03 and .2: three in four within .03, of which five times are .15.
    values = [sign * value for value in (0.38, 0.37, 0.18, 0.36, 0.35)]
    study = study_of(*values, higher=sign == 1)
    (found,) = values_of(study, ["d2_tweedie"])
    assert found.limit == sign * 0.35
    assert found.beyond.tolist() == [False, False, True, False, False]
    (panel,) = pictures(study)["history.png"].axes
    assert line(panel, f"1 trial {side} {sign * 0.35:.3f} at the edge") == ([2.0], [sign * 0.35])
    assert min(abs(end) for end in panel.get_ylim()) > 0.3
    steps = [sign * 0.35, sign * 0.36, sign * 0.37, sign * 0.38]
    assert set(line(panel, "trial")[1]) == set(steps)


def test_a_scale_without_outliers_is_whole():
    (found,) = values_of(study_of(*np.linspace(0.1, 0.9, 20)), ["d2_tweedie"])
    assert found.limit == 0.1
    assert found.remark == ""
    assert found.best == 19
    (near,) = values_of(study_of(0.38, 0.37, 0.24, 0.36, 0.35), ["d2_tweedie"])
    assert near.limit == 0.24
    (ties,) = values_of(study_of(1.0, 1.0, 1.0, 1.0, -9.0), ["d2_tweedie"])
    assert (ties.limit, ties.best) == (-9.0, 0)


def test_history_shows_the_best_so_far_the_configured_and_the_failed():
    study = study_of(0.2, 0.1, TrialState.FAIL, 0.4, 0.3, TrialState.PRUNED, TrialState.FAIL)
    (panel,) = pictures(study, configured=1)["history.png"].axes
    assert line(panel, "trial") == ([0, 1, 3, 4], [0.2, 0.1, 0.4, 0.3])
    assert line(panel, "best so far") == ([0, 1, 3, 4, 6.5], [0.2, 0.2, 0.4, 0.4, 0.4])
    assert line(panel, "as configured")[1] == [0.1, 0.1]
    assert line(panel, "failed (2)")[0] == [2, 6]
    assert line(panel, "pruned (1)")[0] == [5]
    lower = pictures(study_of(0.2, 0.3, 0.1, higher=False), configured=None)["history.png"].axes[0]
    assert line(lower, "best so far")[1] == [0.2, 0.2, 0.1, 0.1]
    assert "lower is better" in lower.get_ylabel()
    assert "as configured" not in [one.get_label() for one in lower.lines]


@pytest.mark.parametrize(
    ("distribution", "value", "place", "marks"),
    [
        (FloatDistribution(0.01, 1.0, log=True), 0.1, 0.5, ["0.01", "0.1", "1"]),
        (FloatDistribution(0.0, 4.0), 1.0, 0.25, ["0", "2", "4"]),
        (IntDistribution(2, 6), 3, 0.25, ["2", "3", "4", "5", "6"]),
        (IntDistribution(0, 100), 30, 0.3, ["0", "50", "100"]),
        (IntDistribution(1, 256, log=True), 4, 0.25, ["1", "16", "256"]),
        (CategoricalDistribution(("a", None, 0.5)), None, 0.5, ["a", "null", "0.5"]),
        (CategoricalDistribution((False, True)), True, 1.0, ["false", "true"]),
    ],
)
def test_a_scale_lays_out_what_was_searched(distribution, value, place, marks):
    scale = Scale(distribution)
    assert scale.place(value) == pytest.approx(place)
    assert [text for _, text in scale.marks()] == marks
    places = [at for at, _ in scale.marks()]
    assert places[0] == 0.0
    assert places[-1] == 1.0
    assert places == sorted(places)


def two_depths():
    study = optuna.create_study(direction="maximize")
    depth, power = IntDistribution(2, 6), FloatDistribution(1.0, 2.0)
    for value, params in ((0.1, {"depth": 2, "power": 1.25}), (0.3, {"depth": 5}), (0.2, {"depth": 6})):
        distributions = {name: {"depth": depth, "power": power}[name] for name in params}
        study.add_trial(create_trial(value=value, params=params, distributions=distributions))
    return study


def test_slices_stand_where_trials_chose_most_important_first():
    power, depth = pictures(two_depths(), shares={"power": 0.7, "depth": 0.3})["slice.png"].axes
    assert depth.get_title(loc="left") == "depth"
    assert power.get_title(loc="left") == "power (1/3)"
    np.testing.assert_allclose(depth.collections[0].get_offsets(), [[0, 0.1], [0.75, 0.3], [1, 0.2]])
    np.testing.assert_allclose(power.collections[0].get_offsets(), [[0.25, 0.1]])
    np.testing.assert_allclose(depth.collections[1].get_offsets(), [[0.75, 0.3]])
    assert to_hex(depth.collections[1].get_facecolor()[0]).upper() == ACTUAL


def test_parallel_coordinates_lead_from_the_score_through_the_choices():
    (panel,) = pictures(two_depths(), configured=2)["parallel_coordinates.png"].axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["D2", "depth", "power"]
    drawn = {
        to_hex(c.get_color()[0]).upper(): c.get_segments() for c in panel.collections if len(c.get_segments()[0]) == 3
    }
    (best,) = drawn[ACTUAL]
    np.testing.assert_allclose(best, [[1, 2], [0.75, 1], [ABSENT, 0]])
    others = [line[:, 0].tolist() for line in drawn["#C3CCD6"]]
    np.testing.assert_allclose(others, [[0, 0, 0.25], [0.5, 1, ABSENT]])
    assert [text.get_text() for text in panel.texts].count("not chosen") == 1


def test_importances_name_what_has_no_share():
    (panel,) = pictures(two_depths(), shares={"depth": 1.0})["importances.png"].axes
    assert [patch.get_width() for patch in panel.patches] == [1.0]
    assert "over 3 trials" in panel.get_xlabel()
    assert panel.get_xlabel().endswith("without a share: power")


def test_the_front_is_what_no_other_trial_beats():
    study = study_of((0.3, 0.1), (0.2, 0.2), (0.1, 0.15), (0.1, 0.3))
    (panel,) = pictures(study, "d2_tweedie", "normalised_gini", configured=2)["pareto_front.png"].axes
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("Gini (higher is better)", "D2 (higher is better)")
    assert line(panel, "no other is better in all") == ([0.1, 0.2, 0.3], [0.3, 0.2, 0.1])
    assert line(panel, "trial") == ([0.15], [0.1])
    assert line(panel, "as configured") == ([0.15], [0.1])
