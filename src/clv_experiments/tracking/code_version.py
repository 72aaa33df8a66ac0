"""Which code made a run."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from clv_experiments import __version__


@cache
def code_version() -> str:
    """Return the package version with the git commit and a mark for uncommitted changes, where there is a repository.

    Examples
    --------
    ``0.1.0+1a2b3c4d5e6f`` or ``0.1.0+1a2b3c4d5e6f.dirty``; ``0.1.0`` outside a repository.
    """
    command = ["git", "describe", "--always", "--dirty=.dirty", "--abbrev=12", "--exclude=*"]
    try:
        described = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return __version__
    return f"{__version__}+{described.stdout.strip()}" if described.returncode == 0 else __version__
