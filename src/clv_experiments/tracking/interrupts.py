"""Signals that ask to stop, and what they must not cut in two."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Ctrl-C, a scheduler's stop, a terminal that closes
DELAY = 0.05  # seconds until a finaliser is over


def list_stop_signals() -> list[signal.Signals]:
    """List the signals that ask to stop, as far as the system has them."""
    return [getattr(signal, name) for name in STOP_SIGNALS if hasattr(signal, name)]


@contextmanager
def deferred_interrupts(max_delay: float | None = None) -> Iterator[None]:
    """Let the block come to its end before a signal that asks to stop is acted on.

    A database left in the middle of a transaction stays locked for everybody, this process included. However often it
    was asked meanwhile, the process is told once. Other threads than the main one receive no signals.

    Parameters
    ----------
    max_delay : float, optional
        Seconds after the signal for which the block may go on, where nothing of the kind is left behind; by default as
        long as it takes. Where the system has no alarms, it is not deferred at all.
    """
    has_alarm = hasattr(signal, "setitimer")
    if threading.current_thread() is not threading.main_thread() or not (max_delay is None or has_alarm):
        yield
        return
    numbers = [*list_stop_signals(), *([signal.SIGALRM] if max_delay is not None else [])]
    handlers = {number: signal.getsignal(number) for number in numbers}
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)
        if max_delay is not None and len(received) == 1:
            signal.setitimer(signal.ITIMER_REAL, max_delay)

    def restore() -> None:
        if max_delay is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in handlers.items():
            if handler is not None:
                signal.signal(number, handler)

    def give_up(*_: object) -> None:
        restore()
        number = received[0]
        received.clear()
        signal.raise_signal(number)

    try:
        for number, handler in handlers.items():
            if handler not in (None, signal.SIG_IGN):
                signal.signal(number, note)
        if max_delay is not None:
            signal.signal(signal.SIGALRM, give_up)
        yield
    finally:
        restore()
        if received:
            signal.raise_signal(received[0])


@contextmanager
def redelivered_interrupts() -> Iterator[None]:
    """Send an interrupt again that came in a finaliser or a callback, where Python prints it and goes on."""
    before = sys.unraisablehook

    def send_again(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        _thread.start_new_thread(_interrupt_soon, ())  # by itself: threading may hold its locks just now

    sys.unraisablehook = send_again
    try:
        yield
    finally:
        sys.unraisablehook = before


def _interrupt_soon() -> None:
    time.sleep(DELAY)
    number = next((number for number in list_stop_signals() if callable(signal.getsignal(number))), None)
    if number is None:
        return
    if sys.platform == "win32":
        _thread.interrupt_main(number)
    else:  # which ends what the main thread waits for, too
        signal.pthread_kill(threading.main_thread().ident or 0, number)
