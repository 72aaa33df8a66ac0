"""Inputs at random, each known by its number, and what a program may make of one: a value, or one sentence."""

import os
import random
import signal
import sys
from contextlib import contextmanager

import pytest

from clv_experiments.commands.cli.command_line import format_error

# CLV_FUZZ=10000 tries so many inputs of every kind, and CLV_FUZZ_SEED=1 others than usual.
COUNT, SEED = int(os.environ.get("CLV_FUZZ", "200")), os.environ.get("CLV_FUZZ_SEED", "0")
SECONDS = 120  # that one input may take, on a machine that does other things too
LONGEST = 3000  # characters of a sentence
TOKENS = (b'"', b'""', b"\r", b"\n", b"\r\n", b"\0", b",", b";", b"\t", b"|", b"\x1a", b"\xef\xbb\xbf", b"\xff\xfe",
          b"\xe9",
          b"sep=;\n", b"'", b"\\", b"=", b"<html>", b"NaN", b"-", b" ", b"\xc2\xa0", b"1e400", b"{", b"[")  # fmt: skip


def try_inputs(kind, check, capsys, count=COUNT):
    """Check inputs of a kind; ``check`` gets a random generator and returns whether the input was taken."""
    taken, faults = 0, []
    for number in range(count):
        try:
            with time_limit(SECONDS):
                taken += bool(check(random.Random(f"{kind} {number} {SEED}")))
        except (Exception, TookTooLong) as error:
            faults.append(f"{kind} {number}: {type(error).__name__}: {error}"[:1500])
    with capsys.disabled():
        sys.stdout.write(f"\n{kind}: {count:,} inputs, {taken:,} taken, {len(faults)} at fault\n")
    if faults:
        pytest.fail("\n".join(faults[:20]), pytrace=False)


def attempt(call):
    """Return what a call returns, or None where it refuses in one sentence, as the terminal would show it."""
    try:
        return call()
    except AssertionError:
        raise
    except Exception as error:
        check_sentence(format_error(error))
    return None


def check_sentence(sentence):
    """Assert that this is one sentence that a person can act on."""
    assert sentence, "nothing is said"
    assert "(unexpected: " not in sentence, sentence
    assert "Traceback" not in sentence, sentence
    assert "\n" not in sentence, sentence
    assert len(sentence) <= LONGEST, sentence


class TookTooLong(BaseException):
    """Time is over; what catches every Exception does not catch this."""


@contextmanager
def time_limit(seconds):
    """Raise TookTooLong in what takes longer, and again every so often if that is caught."""

    def stop(*_):
        raise TookTooLong(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds / 4)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def damage(rng, content):
    """Change bytes here and there, insert what means something to a parser, lose or repeat parts."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(content) + 1)
        end = min(len(content), at + rng.choice((1, 1, 2, 5, 20, 200)))
        content = rng.choice(
            (
                content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :],
                content[:at] + rng.choice(TOKENS) + content[at:],
                content[:at] + rng.choice(TOKENS) * rng.choice((1, 2, 50)) + content[at:],
                content[:at] + content[end:],
                content[:end] + content[at:end] + content[end:],
                content[:at] + rng.randbytes(end - at) + content[end:],
                content[end:] + content[at:end] + content[:at],
                content[:at] if rng.random() < 0.3 else content[:at] + content[at + 1 :],
            )
        )
    return content


needs_alarms = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="time limits are signals")
