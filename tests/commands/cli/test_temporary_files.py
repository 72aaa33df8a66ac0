"""Temporary files are in one folder, which is gone with the process or at the next start."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from clv_experiments.commands.cli.temporary_files import LOCK, remove_stale_folders, use_temporary_folder
from clv_experiments.reporting.disk_errors import TEMPORARY_FOLDER_PREFIX

HOLD = (
    "import sys, tempfile\n"
    "from clv_experiments.commands.cli.temporary_files import use_temporary_folder\n"
    "with use_temporary_folder() as folder:\n"
    "    (folder / 'of a library').write_text('x')\n"
    "    print(folder, flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def system_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(start_process, system_folder):
    """A process with a folder of its own."""
    process = start_process([sys.executable, "-c", HOLD], stdin=-1)
    return process, Path(process.stdout.readline().strip())


def test_all_temporary_files_go_to_one_folder_that_is_gone_afterwards(system_folder):
    with use_temporary_folder() as folder:
        assert folder.parent == system_folder
        assert Path(tempfile.mkdtemp()).parent == folder
        assert os.environ["TMPDIR"] == str(folder)
    assert list(system_folder.iterdir()) == []
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(system_folder)


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_holds_stays(holder, system_folder):
    process, folder = holder
    with use_temporary_folder():
        assert (folder / "of a library").exists()
    process.kill()
    process.wait()
    with use_temporary_folder():
        assert not folder.exists()


def test_what_is_not_ours_stays(system_folder):
    names = [f"{TEMPORARY_FOLDER_PREFIX}without-a-lock", "somebody-elses", f"x{TEMPORARY_FOLDER_PREFIX}1"]
    for name in names:
        (system_folder / name).mkdir()
    (system_folder / "somebody-elses" / LOCK).touch()
    (system_folder / f"x{TEMPORARY_FOLDER_PREFIX}1" / LOCK).touch()
    elsewhere = system_folder / "elsewhere"
    elsewhere.touch()
    (system_folder / names[0] / LOCK).symlink_to(elsewhere)
    remove_stale_folders(system_folder)
    assert sorted(path.name for path in system_folder.iterdir()) == sorted([*names, "elsewhere"])


@pytest.mark.parametrize("home", ["a file", "nobody's"])
def test_matplotlib_keeps_its_files_there_where_there_is_no_home(home, system_folder, monkeypatch, run_process):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "~/nobody")
    if home == "a file":
        (system_folder / "file").touch()
        monkeypatch.delenv("XDG_CONFIG_HOME")
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(system_folder / "file"))
    with use_temporary_folder() as folder:
        assert os.environ["MPLCONFIGDIR"] == str(folder / "matplotlib")
        done = run_process([sys.executable, "-c", "import matplotlib; print(matplotlib.get_cachedir())"])
        assert (done.stdout.strip(), done.stderr) == (str(folder / "matplotlib"), "")
    assert "MPLCONFIGDIR" not in os.environ


def test_matplotlib_keeps_its_files_at_home_where_there_is_one(system_folder, monkeypatch):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(system_folder))
    with use_temporary_folder():
        assert "MPLCONFIGDIR" not in os.environ
