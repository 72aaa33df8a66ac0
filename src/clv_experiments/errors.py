"""The errors a user can cause: one clear sentence each, shown without a traceback."""


class ClvError(ValueError):
    """Bad input, said in the user's words: what was found, where, what was expected, what to type instead."""


class LogTooShort(ClvError):  # noqa: N818 - it says what is so, not that something broke
    """A model cannot be judged under a window, since the log does not reach back far enough."""
