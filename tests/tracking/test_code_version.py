"""Which commit a run is said to be of: that of this package's repository, of no other."""

import subprocess

import pytest

from clv_experiments import __version__
from clv_experiments.tracking.code_version import code_version


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit and a package in it."""

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text("")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    return tmp_path


def test_a_package_of_the_repository_has_its_commit(repository):
    version = code_version(repository / "package" / "module.py")
    commit = version.removeprefix(f"{__version__}+")
    assert len(commit) == 12
    assert int(commit, 16)
    (repository / "package" / "module.py").write_text("changed = True")
    code_version.cache_clear()
    assert code_version(repository / "package" / "module.py") == f"{version}.dirty"


def test_a_package_installed_below_another_repository_has_none(repository):
    installed = repository / ".venv" / "clv_experiments"
    installed.mkdir(parents=True)
    (installed / "code_version.py").write_text("")
    assert code_version(installed / "code_version.py") == __version__


def test_outside_a_repository_there_is_none(tmp_path):
    (tmp_path / "code_version.py").write_text("")
    assert code_version(tmp_path / "code_version.py") == __version__
