"""The errors a user can cause: one clear sentence each, shown without a traceback."""

import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

from clv_experiments.errors.masking import mask_secrets

SCRIPTS = {"train": "python train.py"} | {
    name: f"python scripts/{name}.py" for name in ("leaderboard", "sweep", "score", "insights")
}


class ClvError(ValueError):
    """Bad input, said in the user's words: what was found, where, what was expected, what to type instead.

    No password that the sentence may quote is part of it.
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(mask_secrets(sentence))


class StoreFailure(ClvError):  # noqa: N818 - it says what is so, not that something broke
    """The store of runs does not answer, which says nothing of what it holds."""


class UnsuitableLog(ClvError):  # noqa: N818 - it says what is so, not that something broke
    """A model cannot be judged on a log, whatever its settings."""


class LogTooShort(UnsuitableLog):
    """A model cannot be judged under a window, since the log does not reach back far enough."""


class LogWithoutAmounts(UnsuitableLog):
    """A model of spend cannot be judged, since the log says nothing of money."""


class LogWithLosses(UnsuitableLog):
    """A model that learns from spend of 0 or more cannot be judged, since some of the log's lies below."""


def error_chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and what led to it, each once: an error that was raised anew may stand below itself."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def suggest(word: str, choices: Iterable[str]) -> str:
    """Ask whether one of the known words was meant, or name them all where none is near.

    Examples
    --------
    >>> suggest("rigde", ["ridge", "linear"])
    'did you mean ridge?'
    >>> suggest("forest", ["ridge", "linear"])
    'there are ridge, linear'
    """
    choices = list(choices)
    matches = get_close_matches(word, choices, n=3)
    return f"did you mean {' or '.join(matches)}?" if matches else f"there are {', '.join(choices) or 'none here'}"


def command(name: str) -> str:
    """Return how a command is typed: as ``clv score``, or as a script where a script was started.

    Examples
    --------
    >>> command("score")
    'clv score'
    """
    script = Path(sys.argv[0])
    by_script = script.name == "train.py" or (script.suffix == ".py" and script.parent.name == "scripts")
    if by_script and name in SCRIPTS:
        return SCRIPTS[name]
    return f"clv {name}"
