"""A signal that arrives in the middle of something waits for its end."""

import signal
import sys
import time
from threading import Thread

import pytest

from clv_experiments.tracking.interrupts import deferred_interrupts, list_stop_signals, redelivered_interrupts

pytestmark = pytest.mark.usefixtures("interruptible")


@pytest.mark.parametrize("times", [1, 3])
def test_a_signal_waits_for_the_end_of_the_block_and_comes_once(times):
    received, ended = [], []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        with deferred_interrupts():
            for _ in range(times):
                signal.raise_signal(signal.SIGTERM)
            ended.append(list(received))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (ended, received) == ([[]], [signal.SIGTERM])


def test_blocks_inside_each_other_wait_for_the_outermost():
    steps = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        with deferred_interrupts():
            signal.raise_signal(signal.SIGINT)
            steps.append("inner")
        steps.append("outer")
    assert steps == ["inner", "outer"]


def test_handlers_are_as_they_were_and_an_error_goes_on_its_way():
    before = [signal.getsignal(number) for number in list_stop_signals()]
    with pytest.raises(KeyError), deferred_interrupts():
        raise KeyError
    assert [signal.getsignal(number) for number in list_stop_signals()] == before


def test_another_thread_defers_nothing():
    done = []

    def work():
        with deferred_interrupts():
            done.append(True)

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarms")
def test_where_patience_ends_a_signal_no_longer_waits():
    steps, before = [], signal.getsignal(signal.SIGALRM)
    with pytest.raises(KeyboardInterrupt), deferred_interrupts(max_delay=30):
        signal.raise_signal(signal.SIGINT)
        steps.append("short")
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), deferred_interrupts(max_delay=0.1):
        signal.raise_signal(signal.SIGINT)
        time.sleep(30)
        steps.append("long")
    assert time.monotonic() - started < 20
    assert steps == ["short"]
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_interrupt_in_a_finaliser_is_not_lost_and_prints_nothing(capsys):
    class Finalised:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), redelivered_interrupts():
        Finalised()
        time.sleep(60)
    assert sys.platform == "win32" or time.monotonic() - started < 30
    assert capsys.readouterr().err == ""


def test_another_error_in_a_finaliser_is_printed_as_ever(monkeypatch):
    class Finalised:
        def __del__(self):
            raise ValueError("of a finaliser")

    printed = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    with redelivered_interrupts():
        Finalised()
    assert [one.exc_type for one in printed] == [ValueError]
