"""Logs that ship inside a Python package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from clv_experiments.errors import ClvError


def package_file(package: str, path: str, *, title: str, install: str) -> Path:
    """Return the path of a file inside an installed package, which is not imported.

    Parameters
    ----------
    package : str
        Import name.
    path : str
        Below the package's folder.
    title : str
        Of the log, for the error.
    install : str
        What pip installs it by.

    Raises
    ------
    ClvError
        If the package, or the file inside it, is missing.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        name = install.split("==")[0]
        raise ClvError(f"{title} comes with the package '{name}', which is not installed: type pip install '{install}'")
    file = Path(spec.origin).parent / path
    if not file.is_file():
        raise ClvError(f"{title} is not at {file}; reinstall it: type pip install --force-reinstall '{install}'")
    return file
