"""The errors a user can cause: one clear sentence each, shown without a traceback."""


class ClvError(ValueError):
    """Bad input, said in the user's words: what was found, where, what was expected, what to type instead."""
