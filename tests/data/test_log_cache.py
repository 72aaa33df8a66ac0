"""The last log is remembered for the same question only: other settings or another day to learn until read anew."""

from datetime import date
from types import SimpleNamespace

import pytest

from clv_experiments.config.log_and_window import load_log_from_config
from clv_experiments.data.log_cache import LastLogCache

START, END = date(2023, 1, 1), date(2023, 12, 31)
MARCH, JUNE = date(2023, 3, 31), date(2023, 6, 30)


class Loads:
    """Counts what is loaded; ``learns`` says whether cleaning asks until which day."""

    def __init__(self, learns=True):
        self.last, self.learns, self.count = LastLogCache(), learns, 0

    def read(self, settings, until):
        def load(get_learning_end):
            self.count += 1
            return SimpleNamespace(settings=settings, until=get_learning_end(START, END) if self.learns else None)

        return self.last.get_or_load(settings, lambda start, end: until, load)


def test_the_same_question_is_answered_once():
    loads = Loads()
    assert loads.read("cdnow", MARCH) is loads.read("cdnow", MARCH)
    assert loads.count == 1


def test_another_day_to_learn_until_reads_anew_also_the_way_back():
    loads = Loads()
    assert [loads.read("cdnow", day).until for day in (MARCH, JUNE, MARCH)] == [MARCH, JUNE, MARCH]
    assert loads.count == 3


def test_where_cleaning_learns_nothing_the_day_does_not_matter():
    loads = Loads(learns=False)
    assert loads.read("cdnow", MARCH) is loads.read("cdnow", JUNE)


def test_other_settings_read_anew_and_one_log_is_kept():
    loads = Loads()
    assert [loads.read(name, MARCH).settings for name in ("a", "b", "a")] == ["a", "b", "a"]
    assert loads.count == 3


def test_what_could_not_be_read_leaves_nothing_to_remember():
    loads = Loads()
    loads.read("a", MARCH)
    with pytest.raises(ZeroDivisionError):
        loads.last.get_or_load("b", lambda start, end: MARCH, lambda get_learning_end: 1 / 0)
    loads.read("a", MARCH)
    assert loads.count == 2


def test_a_limit_learnt_until_later_is_not_taken_over(compose):
    winsorised = ["data=cdnow_sample", "data.cleaning.outliers.policy=winsorise", "data.cleaning.outliers.quantile=0.9"]
    cfg = compose(*winsorised).data
    spent = {
        day: load_log_from_config(cfg, lambda start, end, day=day: day).report.table["amount"].iloc[-1]
        for day in (date(1997, 3, 31), date(1998, 6, 30))
    }
    assert len(set(spent.values())) == 2
    again = load_log_from_config(cfg, lambda start, end: date(1997, 3, 31))
    assert again.report.table["amount"].iloc[-1] == spent[date(1997, 3, 31)]
    assert load_log_from_config(cfg, lambda start, end: date(1997, 3, 31)) is again
