"""The chain of what led to an error."""

import pytest

from clv_experiments.errors import error_chain
from clv_experiments.reporting.disk_errors import is_disk_full


def raised_below_itself():
    first = ValueError("first")
    try:
        try:
            raise first
        except ValueError:
            raise RuntimeError("second") from None
    except RuntimeError as second:
        first.__cause__ = second
        return first


def test_an_error_below_itself_ends_the_chain():
    error = raised_below_itself()
    assert [str(one) for one in error_chain(error)] == ["first", "second"]
    assert not is_disk_full(error)


def test_causes_and_contexts_are_both_followed():
    try:
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise ValueError("middle") from error
    except ValueError:
        with pytest.raises(KeyError) as caught:
            raise KeyError("last")  # noqa: B904 - the context is what is followed here
    assert [type(one) for one in error_chain(caught.value)] == [KeyError, ValueError, OSError]
    assert is_disk_full(caught.value)
