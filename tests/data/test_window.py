"""Horizons, cutoffs and periods: calendar facts of DESIGN section 3, and that nothing ever reaches past a cutoff."""

import re
from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError, LogTooShort

modest = settings(max_examples=60, deadline=None)
DAY = timedelta(days=1)
START, END = date(1997, 1, 1), date(1998, 6, 30)  # CDNOW

days = st.dates(date(1990, 1, 1), date(2030, 12, 31))
month_ends = days.map(lambda day: day.replace(day=monthrange(day.year, day.month)[1]))
# Month ends clip (31 January, one month on, is 28 February): half of all days drawn are near one.
edges = st.one_of(days, st.tuples(month_ends, st.integers(-2, 1)).map(lambda pair: pair[0] + pair[1] * DAY))
horizons = st.one_of(
    st.builds(Horizon, st.integers(1, 120), st.just("days")),
    st.builds(Horizon, st.integers(1, 40), st.just("weeks")),
    st.builds(Horizon, st.integers(1, 12), st.just("months")),
)


@st.composite
def windows(draw):
    end = draw(edges)
    start = end - draw(st.integers(1, 1500)) * DAY
    horizon = draw(horizons)
    cutoff = end - draw(st.integers(0, (end - start).days)) * DAY if draw(st.booleans()) else None
    try:
        return Window(start, end, horizon, cutoff, draw(st.integers(1, 4)), draw(st.none() | st.integers(1, 5)))
    except ClvError:
        assume(False)


def window(horizon, start=START, end=END, **choices):
    return Window(start, end, Horizon.parse(horizon), **choices)


def span(period):
    """First and last day of a period, as ISO text."""
    return (period.cutoff + DAY).isoformat(), period.end.isoformat()


@pytest.mark.parametrize("horizon", ["99999 months", "999999999999 days"])
def test_a_horizon_beyond_the_calendar_is_refused(horizon):
    with pytest.raises(ClvError, match=r"leaves the calendar; type a shorter window\.horizon or fewer"):
        window(horizon).backtest_origins(supervised=True, source="cdnow")


def test_so_many_origins_that_they_leave_the_calendar_are_refused():
    with pytest.raises(ClvError, match="leaves the calendar"):
        window("3 months", origins=100_000).backtest_origins(supervised=True, source="cdnow")


def test_three_months_of_cdnow():
    holdout = window("3 months").period(0)
    assert holdout.cutoff == date(1998, 3, 31)
    assert span(holdout) == ("1998-04-01", "1998-06-30")
    assert str(holdout) == "1998-04-01 to 1998-06-30"
    assert holdout.days == 91


def test_months_are_counted_from_the_first_day_so_that_a_log_of_whole_months_falls_into_whole_months():
    whole = window("3 months", start=date(2022, 1, 1), end=date(2023, 5, 31))
    assert [span(whole.period(back)) for back in range(3)] == [
        ("2023-03-01", "2023-05-31"),
        ("2022-12-01", "2023-02-28"),
        ("2022-09-01", "2022-11-30"),
    ]


def test_thirty_nine_weeks_of_cdnow_are_the_papers():
    holdout = window("39 weeks").period(0)
    assert holdout.cutoff == date(1997, 9, 30)
    assert (holdout.cutoff - START).days == 272
    assert round((holdout.cutoff - START).days / 7, 3) == 38.857
    assert holdout.days == 39 * 7
    assert span(holdout) == ("1997-10-01", "1998-06-30")


def test_training_panel_of_three_months_of_cdnow():
    whole = window("3 months")
    before_holdout = [span(period) for period in whole.training_periods(whole.period(0))]
    assert before_holdout == [
        ("1998-01-01", "1998-03-31"),
        ("1997-10-01", "1997-12-31"),
        ("1997-07-01", "1997-09-30"),
        ("1997-04-01", "1997-06-30"),
    ]
    assert [span(period) for period in whole.training_periods(whole.period(1))] == before_holdout[1:]


def test_training_panel_can_be_cut_to_the_latest_origins():
    whole = window("3 months", training_origins=2)
    assert [span(period)[1] for period in whole.training_periods(whole.period(0))] == ["1998-03-31", "1997-12-31"]


def test_six_months_of_cdnow_leave_one_training_origin_and_no_validation_for_supervised_models():
    whole = window("6 months")
    (origin,) = whole.backtest_origins(supervised=True, source="cdnow")
    assert [span(period) for period in whole.training_periods(origin.holdout)] == [("1997-07-01", "1997-12-31")]
    assert origin.validation is None
    assert not whole.has_training_periods(whole.period(1))


def test_models_without_labels_reach_further_back():
    (six,) = window("6 months").backtest_origins(supervised=False, source="cdnow")
    assert span(six.validation) == ("1997-07-01", "1997-12-31")
    (twelve,) = window("12 months").backtest_origins(supervised=False, source="cdnow")
    assert span(twelve.holdout) == ("1997-07-01", "1998-06-30")
    assert twelve.validation is None


def test_rolling_origins_are_listed_oldest_first_one_horizon_apart():
    origins = window("3 months", origins=3).backtest_origins(supervised=True, source="cdnow")
    assert [origin.step for origin in origins] == [0, 1, 2]
    assert [origin.holdout.cutoff for origin in origins] == [date(1997, 9, 30), date(1997, 12, 31), date(1998, 3, 31)]
    assert [origin.validation.end for origin in origins] == [origin.holdout.cutoff for origin in origins]


def test_a_fourth_origin_leaves_the_oldest_without_validation():
    oldest, *later = window("3 months", origins=4).backtest_origins(supervised=True, source="cdnow")
    assert (span(oldest.holdout), oldest.validation) == (("1997-07-01", "1997-09-30"), None)
    assert all(origin.validation for origin in later)
    with pytest.raises(ClvError, match=r"the log is too short .* 5 origin"):
        window("3 months", origins=5).backtest_origins(supervised=True, source="cdnow")


def test_a_given_cutoff_moves_everything():
    whole = window("3 months", cutoff=date(1997, 12, 31))
    (origin,) = whole.backtest_origins(supervised=True, source="cdnow")
    assert span(origin.holdout) == ("1998-01-01", "1998-03-31")
    assert span(origin.validation) == ("1997-10-01", "1997-12-31")
    assert [span(period)[0] for period in whole.training_periods(origin.holdout)] == [
        "1997-10-01",
        "1997-07-01",
        "1997-04-01",
    ]


def test_the_latest_cutoff_is_accepted_and_the_day_after_it_is_not():
    assert window("3 months", cutoff=date(1998, 3, 31)).period(0) == window("3 months").period(0)
    message = (
        "cutoff 1998-04-01 leaves no whole 3 months before the log ends on 1998-06-30; "
        "the latest cutoff is 1998-03-31 (window.cutoff)"
    )
    with pytest.raises(ClvError, match=f"^{re.escape(message)}$"):
        window("3 months", cutoff=date(1998, 4, 1))


def test_a_cutoff_before_the_log_is_refused():
    with pytest.raises(ClvError, match=r"^cutoff 1996-12-31 lies before the log, which starts on 1997-01-01"):
        window("3 months", cutoff=date(1996, 12, 31))


@pytest.mark.parametrize(
    ("choice", "message"),
    [({"origins": 0}, "at least one origin"), ({"training_origins": 0}, "at least one training origin")],
)
def test_no_origins_at_all_are_refused(choice, message):
    with pytest.raises(ClvError, match=message):
        window("3 months", **choice)


@modest
@given(end=edges, horizon=horizons)
def test_default_cutoff_is_the_latest_that_leaves_a_whole_horizon(end, horizon):
    holdout = Window(end - 2000 * DAY, end, horizon).period(0)
    assert holdout.end <= end
    # One day later the same horizon would end after the log, unless it is clipped: 31 March to 29 April.
    later = holdout.cutoff + 2 * DAY
    clipped = horizon.unit == "months" and horizon.shift_day(later, 1).day != later.day
    assert clipped or horizon.shift_day(later, 1) - DAY > end


@modest
@given(whole=windows(), back=st.integers(0, 5))
def test_periods_are_contiguous_and_one_horizon_long(whole, back):
    period, before = whole.period(back), whole.period(back + 1)
    assert before.end == period.cutoff
    assert period.end <= whole.end
    if whole.horizon.unit == "months":
        # A clipped month end takes at most three days from one period and gives them to the next.
        calendar = (whole.horizon.shift_day(period.cutoff + DAY, 1) - period.cutoff - DAY).days
        assert abs(period.days - calendar) <= 3
    else:
        assert period.days == whole.horizon.count * {"days": 1, "weeks": 7}[whole.horizon.unit]


@modest
@given(whole=windows(), supervised=st.booleans())
def test_no_training_label_ends_after_its_targets_cutoff(whole, supervised):
    try:
        origins = whole.backtest_origins(supervised=supervised, source="toy")
    except ClvError:
        assume(False)
    targets = [origin.holdout for origin in origins] + [o.validation for o in origins if o.validation]
    for target in targets:
        panel = list(whole.training_periods(target))
        assert panel or not supervised
        assert len(panel) <= (whole.training_origins or len(panel))
        for period in panel:
            assert period.end <= target.cutoff
            # One whole horizon of history lies inside the log; a clipped month end may cost up to three days.
            assert whole.horizon.shift_day(period.cutoff + DAY, -1) >= whole.start - 3 * DAY
            assert period.cutoff >= whole.start
        assert [period.end for period in panel] == sorted({period.end for period in panel}, reverse=True)
    for origin in origins:
        assert origin.holdout.cutoff >= whole.start
        assert origin.validation is None or origin.validation.end == origin.holdout.cutoff


def test_too_short_a_log_says_what_is_needed_what_is_there_and_what_works():
    message = (
        "the log is too short for a horizon of 12 months and 1 origin(s): 1096 days are needed (history, training "
        "labels and holdout), 'cdnow' has 546 (1997-01-01 to 1998-06-30); the longest horizon that works is 6 months: "
        "type window.horizon='6 months', or choose a model that needs no labels, such as model=bg_nbd"
    )
    # 1995-07-01 to 1998-06-30 is three years, one of them a leap year.
    assert (END - date(1995, 7, 1)).days + 1 == 1096
    with pytest.raises(ClvError, match=f"^{re.escape(message)}$"):
        window("12 months").backtest_origins(supervised=True, source="cdnow")


def test_where_no_month_fits_the_longest_horizon_is_in_days():
    # June to August has 92 days; 91 hold three times 30 days, one each for history, training labels and holdout.
    with pytest.raises(ClvError, match="the longest horizon that works is 30 days: type"):
        window("1 month", date(2023, 6, 2), date(2023, 8, 31)).backtest_origins(supervised=True, source="toy")


def test_too_short_a_log_for_a_backtest_of_a_given_cutoff_names_both_settings():
    with pytest.raises(ClvError, match=r"take a later window\.cutoff, or take fewer window\.origins$"):
        window("3 months", cutoff=date(1997, 3, 31), origins=2).backtest_origins(supervised=False, source="cdnow")


@settings(modest, suppress_health_check=[HealthCheck.filter_too_much])  # most windows fit into their log
@given(whole=windows(), supervised=st.booleans())
def test_the_longest_horizon_named_works_and_the_next_one_does_not(whole, supervised):
    def works(horizon):
        try:
            other = Window(whole.start, whole.end, horizon, whole.cutoff, whole.origins)
            other.backtest_origins(supervised=supervised, source="toy")
        except ClvError:
            return False
        return True

    assume(not works(whole.horizon))
    with pytest.raises(ClvError, match="the log is too short") as raised:
        whole.backtest_origins(supervised=supervised, source="toy")
    named = re.search(r"type window\.horizon='([^']+)'", str(raised.value))
    if named is None:
        assert not works(Horizon(1, "days"))
        return
    longest = Horizon.parse(named[1])
    assert works(longest)
    if longest.unit == whole.horizon.unit:
        assert not works(Horizon(longest.count + 1, longest.unit))
    else:
        assert not works(Horizon(1, whole.horizon.unit))
        assert longest == Horizon(30, "days") or not works(Horizon(longest.count + 1, "days"))


@modest
@given(whole=windows(), supervised=st.booleans())
def test_the_days_needed_are_enough_and_one_fewer_is_not(whole, supervised):
    assume(whole.cutoff is None)

    def backtest(start):
        longer = Window(start, whole.end, whole.horizon, None, whole.origins)
        return longer.backtest_origins(supervised=supervised, source="toy")

    last = whole.period(0).end
    with pytest.raises(ClvError, match="the log is too short") as raised:
        backtest(last)
    needed, there = map(int, re.search(r": (\d+) days are needed .*? has (-?\d+) \(", str(raised.value)).groups())
    assert there == 1
    assert backtest(last - (needed - 1) * DAY)
    with pytest.raises(ClvError, match="the log is too short"):
        backtest(last - (needed - 2) * DAY)


@pytest.mark.parametrize(
    ("horizon", "choices", "origins"),
    [
        ("3 months", {}, 4),  # the oldest holds out July to September 1997 and learns from April to June
        ("6 months", {}, 1),
        ("12 months", {}, 1),  # for models without labels
        ("39 weeks", {}, 1),
        ("3 months", {"cutoff": date(1997, 12, 31)}, 3),
        ("3 months", {"start": date(1997, 1, 2)}, 3),  # one day short of four
        ("6 months", {"end": date(1997, 12, 31)}, 1),
        ("1 month", {}, 16),
        ("3 months", {"training_origins": 1}, 4),
    ],
)
def test_all_origins_are_as_many_as_leave_labels_to_the_oldest(horizon, choices, origins):
    assert window(horizon, **choices).maximise_origins().origins == origins


def test_where_all_origins_are_one_models_without_labels_take_it_and_the_others_are_refused():
    year = window("6 months", end=date(1997, 12, 31)).maximise_origins()
    (origin,) = year.backtest_origins(supervised=False, source="cdnow")
    assert span(origin.holdout) == ("1997-07-01", "1997-12-31")
    with pytest.raises(LogTooShort, match=r"6 months and 1 origin\(s\).* choose a model that needs no labels"):
        year.backtest_origins(supervised=True, source="cdnow")


@modest
@given(whole=windows())
def test_all_origins_work_for_every_model_and_one_more_does_not(whole):
    every = replace(whole, origins=1).maximise_origins()

    def works(origins):
        try:
            return len(replace(every, origins=origins).backtest_origins(supervised=True, source="toy")) == origins
        except LogTooShort:
            return False

    assert works(every.origins) or every.origins == 1
    assert not works(every.origins + 1)


@modest
@given(whole=windows(), later=st.integers(0, 200))
def test_a_longer_log_never_allows_fewer_origins(whole, later):
    one = replace(whole, origins=1)
    longer = replace(one, start=one.start - later * DAY)
    assert longer.maximise_origins().origins >= one.maximise_origins().origins
    assert longer.maximise_origins().first_forecast_cutoff <= one.maximise_origins().first_forecast_cutoff


@pytest.mark.parametrize(
    ("horizon", "choices"), [("3 months", {}), ("45 days", {}), ("3 months", {"training_origins": 2})]
)
def test_without_the_latest_origin_the_others_stay_as_they_are(horizon, choices):
    every = window(horizon, **choices).maximise_origins()
    earlier = window(horizon, **choices).shift_back_one_origin().maximise_origins()
    *others, latest = every.backtest_origins(supervised=True, source="cdnow")
    kept = earlier.backtest_origins(supervised=True, source="cdnow")
    assert [(one.holdout, one.validation) for one in kept] == [(one.holdout, one.validation) for one in others]
    assert [[*earlier.training_periods(one.holdout)] for one in kept] == [
        [*every.training_periods(one.holdout)] for one in others
    ]
    assert max(one.holdout.end for one in kept) <= latest.holdout.cutoff


def test_without_an_origin_before_the_latest_there_is_none_to_leave():
    with pytest.raises(ClvError, match="lies before the log"):
        window("12 months").shift_back_one_origin()


def test_a_period_counts_its_days_without_the_cutoff():
    assert Period(date(2024, 2, 28), date(2024, 3, 1)).days == 2


@pytest.mark.parametrize(
    ("choices", "earliest"),
    [
        ({}, date(1997, 12, 31)),  # of the validation period
        ({"origins": 2}, date(1997, 9, 30)),
        ({"cutoff": date(1997, 12, 31)}, date(1997, 9, 30)),
        ({"start": date(1997, 12, 31)}, date(1997, 12, 31)),
        ({"start": date(1998, 1, 1)}, date(1998, 3, 31)),  # no validation period: no day comes before it
        ({"start": date(1998, 1, 1), "origins": 2}, date(1997, 12, 31)),  # too short, as the backtest will say
    ],
)
def test_the_earliest_cutoff_is_that_of_the_oldest_forecast(choices, earliest):
    assert window("3 months", **choices).first_forecast_cutoff == earliest


@modest
@given(whole=windows(), supervised=st.booleans())
def test_no_forecast_is_made_from_before_the_earliest_cutoff(whole, supervised):
    try:
        oldest = whole.backtest_origins(supervised=supervised, source="toy")[0]
    except ClvError:
        assume(False)
    cutoffs = [period.cutoff for period in (oldest.holdout, oldest.validation) if period]
    assert whole.start <= whole.first_forecast_cutoff <= min(cutoffs)


FIRST, SECOND, THIRD, FOURTH = [
    ("1998-01-01", "1998-03-31"),
    ("1997-10-01", "1997-12-31"),
    ("1997-07-01", "1997-09-30"),
    ("1997-04-01", "1997-06-30"),
]


def validated(whole, most, *, supervised=True):
    return [span(period) for period in whole.periods_before_all_holdouts(most, supervised=supervised, source="cdnow")]


@pytest.mark.parametrize(
    ("origins", "most", "supervised", "periods"),
    [
        (1, 1, True, [FIRST]),
        (1, 2, True, [FIRST, SECOND]),
        (1, 3, True, [FIRST, SECOND, THIRD]),
        (1, None, True, [FIRST, SECOND, THIRD]),
        (1, None, False, [FIRST, SECOND, THIRD, FOURTH]),  # no label period is needed before the oldest
        (2, 1, True, [SECOND]),
        (2, None, True, [SECOND, THIRD]),
        (3, None, True, [THIRD]),
        (3, None, False, [THIRD, FOURTH]),
        (4, 1, False, [FOURTH]),
    ],
)
def test_a_search_validates_before_the_oldest_holdout_latest_first(origins, most, supervised, periods):
    assert validated(window("3 months", origins=origins), most, supervised=supervised) == periods


def test_a_search_validates_before_the_holdout_of_a_given_cutoff():
    assert validated(window("3 months", cutoff=date(1997, 12, 31)), None) == [SECOND, THIRD]


def test_over_all_origins_only_models_without_labels_have_a_period_left():
    every = window("3 months").maximise_origins()
    assert validated(every, None, supervised=False) == [FOURTH]
    with pytest.raises(LogTooShort, match=r"4 origin\(s\), 1 asked for; type .*, or window\.origins=3$"):
        validated(every, None)


@pytest.mark.parametrize(
    ("horizon", "origins", "most", "supervised", "there", "advice"),
    [
        ("3 months", 1, 4, True, 3, "type sweep.validation_origins=3"),
        ("3 months", 1, 5, False, 4, "type sweep.validation_origins=4"),
        ("3 months", 3, 2, True, 1, "type sweep.validation_origins=1, or window.origins=2"),
        ("6 months", 1, 1, True, 0, "type a shorter window.horizon"),
        ("12 months", 1, None, False, 0, "type a shorter window.horizon"),
    ],
)
def test_too_few_validation_periods_say_what_to_type(horizon, origins, most, supervised, there, advice):
    words = (
        f"log 'cdnow' holds {there} validation period(s) of {horizon} before the holdout of {origins} origin(s), "
        f"{most or 1} asked for; {advice}"
    )
    with pytest.raises(LogTooShort, match=f"^{re.escape(words)}$"):
        validated(window(horizon, origins=origins), most, supervised=supervised)


@modest
@given(whole=windows(), supervised=st.booleans())
def test_validation_periods_touch_no_holdout_and_reach_as_far_as_a_model_can_learn(whole, supervised):
    try:
        periods = whole.periods_before_all_holdouts(None, supervised=supervised, source="toy")
    except LogTooShort:
        assume(False)
    assert periods[0].end == whole.period(whole.origins - 1).cutoff
    assert all(before.end == after.cutoff for after, before in pairwise(periods))
    # The same as a backtest with the holdouts moved back: each period is forecast, and none before the last can be.
    longest = replace(whole, origins=whole.origins + len(periods))
    assert longest.backtest_origins(supervised=supervised, source="toy")[0].holdout == periods[-1]
    one = whole.periods_before_all_holdouts(1, supervised=supervised, source="toy")
    assert one == periods[:1] == [whole.backtest_origins(supervised=supervised, source="toy")[0].validation]
    with pytest.raises(LogTooShort, match=f"type sweep\\.validation_origins={len(periods)}"):
        whole.periods_before_all_holdouts(len(periods) + 1, supervised=supervised, source="toy")


@modest
@given(window=windows())
def test_the_coming_period_learns_from_all_that_is_over_and_nothing_else(window):
    known = window.truncate_at(window.cutoff)
    coming = known.future_period
    assert coming.cutoff == (window.cutoff or window.end)
    assert coming.end + DAY == known.horizon.shift_day(coming.cutoff + DAY, 1)
    panel = list(known.training_periods(coming))
    assert all(period.end <= coming.cutoff for period in panel)
    if known.has_full_horizon_before(0) and panel:
        assert panel[0] == known.period(0)
        assert panel[1:] == list(replace(known, training_origins=None).training_periods(panel[0]))[: len(panel) - 1]


def test_a_period_of_no_window_has_no_training_panel():
    window = Window(START, END, Horizon(3, "months"))
    with pytest.raises(ValueError, match="is no period of the window"):
        list(window.training_periods(Period(date(1998, 4, 2), END)))
    assert next(window.training_periods(window.period(3))) == window.period(4)  # however far back it is


def test_a_log_as_it_stood_is_refused_outside_the_log():
    window = Window(START, END, Horizon(3, "months"))
    assert window.truncate_at(date(1998, 3, 31)).future_period == window.period(0)
    for day in (START - DAY, END + DAY):
        with pytest.raises(ClvError, match=r"outside the log, 1997-01-01 to 1998-06-30 \(window.cutoff\)"):
            window.truncate_at(day)
