"""Which disk is full, and what to do about it."""

import errno
import tempfile
from pathlib import Path

import pytest

from clv_experiments.reporting.disk_errors import (
    describe_full_disk,
    describe_write_failure,
    is_disk_full,
    remove_partial_copy,
)

FULL = OSError(errno.ENOSPC, "No space left on device")


def wrapped(cause):
    try:
        try:
            raise cause
        except Exception as error:
            raise ValueError("something of a library") from error
    except ValueError as error:
        return error


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (FULL, True),
        (wrapped(FULL), True),
        (ValueError("(sqlite3.OperationalError) database or disk is full"), True),
        (ValueError("Could not write all bytes: No space left on device"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (ValueError("no such table"), False),
    ],
)
def test_a_full_disk_is_told_from_other_errors(error, full):
    assert is_disk_full(error) is full


def test_a_copy_names_where_it_went_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    target = tmp_path / "runs" / "a.png"
    target.parent.mkdir()
    target.write_text("half")
    error = wrapped(
        OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "tmp" / "a.png"), None, str(target))
    )
    message = describe_full_disk(error, tmp_path / "runs", "tracking.folder")
    assert message == (
        f"the disk that holds '{tmp_path}/runs' is full; free space there and run again, or type "
        "tracking.folder=<a folder on another disk>"
    )
    remove_partial_copy(error)
    assert not target.exists()


def test_a_full_disk_of_temporary_files_is_named_with_the_variable(tmp_path, monkeypatch):
    temporary = tmp_path / "clv_experiments-1-x"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    error = OSError(errno.ENOSPC, "No space left on device", str(temporary / "rows.csv"))
    assert describe_full_disk(error, Path.cwd(), "output") == (
        f"the disk that holds '{tmp_path}' is full; free space there and run again, or set TMPDIR to a folder on "
        "another disk"
    )


def test_another_refusal_is_quoted(tmp_path):
    error = OSError(errno.EROFS, "Read-only file system", str(tmp_path))
    assert describe_write_failure(error, tmp_path, "output") == f"{error}; type output=<a folder>"
