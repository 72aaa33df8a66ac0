"""Which code made a run."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from clv_experiments import __version__


@cache
def code_version(file: Path = Path(__file__)) -> str:
    """Return the package version with the git commit and a mark for uncommitted changes, where git tracks the package.

    Installed below the repository of another project, as in its environment, the package is none of its files.

    Parameters
    ----------
    file : Path
        Of the package.

    Examples
    --------
    ``0.1.0+1a2b3c4d5e6f`` or ``0.1.0+1a2b3c4d5e6f.dirty``; ``0.1.0`` outside the package's repository.
    """
    try:
        _run_git(file.parent, "ls-files", "--error-unmatch", file.name)
        described = _run_git(file.parent, "describe", "--always", "--dirty=.dirty", "--abbrev=12", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}+{described}"


def _run_git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()
