"""CDNOW, the field's standard log (Fader and Hardie), which ships with the lifetimes package."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from clv_experiments.data.engine import Engine
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.package_data import package_file


def cdnow(engine: Engine, *, sample: bool = False) -> RawTable:
    """Read all purchases of the 23,570 customers who first bought at CDNOW in the first quarter of 1997.

    Parameters
    ----------
    engine : Engine
        Where the rows are registered.
    sample : bool
        Read the systematic 1/10 sample of 2,357 customers that the papers fit.

    Returns
    -------
    RawTable
        ``customer_id`` (string), ``date`` (day), ``amount`` (dollars): one row per purchase, 1997-01-01 to 1998-06-30.

    Raises
    ------
    ClvError
        If the lifetimes package, or the file inside it, is missing.
    """
    # Importing lifetimes.datasets needs pkg_resources, which new environments lack.
    name = "CDNOW_sample.txt" if sample else "CDNOW_master.txt"
    file = package_file("lifetimes", f"datasets/{name}", title="CDNOW", install="lifetimes==0.11.3")
    ids = ["master_id", "customer_id"] if sample else ["customer_id"]
    rows = pd.read_csv(
        file,
        sep=r"\s+",
        header=None,
        skiprows=0 if sample else 1,
        names=[*ids, "date", "cds", "amount"],
        dtype=dict.fromkeys(ids, str),
        parse_dates=["date"],
        date_format="%Y%m%d",
    )
    purchases = pa.Table.from_pandas(rows[["customer_id", "date", "amount"]], preserve_index=False)
    return RawTable(engine.register_arrow("cdnow", purchases))
