"""``read_log``: any table of purchases as a log that can be forecast from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from clv_experiments.commands.api.notebook_html import notebook_html
from clv_experiments.commands.api.settings import Settings, compose_settings
from clv_experiments.config.conf_folders import find_option_files
from clv_experiments.config.log_and_window import load_log_from_config, read_raw_table
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.sources.frame import frame
from clv_experiments.errors import ClvError
from clv_experiments.reporting.formatting import format_count


@dataclass(frozen=True, eq=False)
class Log:
    """A cleaned transaction log, ready for ``train``, ``leaderboard`` and ``score``.

    Attributes
    ----------
    transactions : TransactionLog
        What the models read: purchase days as an Ibis table, first and last day, fingerprint.
    settings : DictConfig
        How it was read.
    """

    transactions: TransactionLog
    settings: DictConfig

    @property
    def name(self) -> str:
        """What runs and boards call it."""
        return self.transactions.name

    @property
    def customers(self) -> int:
        """Number of distinct customers."""
        return self.transactions.customers

    @property
    def start(self) -> date:
        """First day."""
        return self.transactions.start

    @property
    def end(self) -> date:
        """Last complete day."""
        return self.transactions.end

    @property
    def report(self) -> pd.DataFrame:
        """The receipt: rows, customers and money that each cleaning step removed, from the raw table to the log."""
        return self.transactions.report.table

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed while reading."""
        return self.transactions.notes

    @property
    def purchase_days(self) -> pd.DataFrame:
        """One row a customer and purchase day: ``customer_id, date, amount, orders``."""
        return self.transactions.purchase_days.order_by(["customer_id", "date"]).to_pyarrow().to_pandas()

    def __repr__(self) -> str:
        return f"Log {self.name}: {format_count(self.customers, 'customer')}, {self.start} to {self.end}"

    def _repr_html_(self) -> str:
        return notebook_html(repr(self), self.report, self.notes, index=False)


def read_log(
    source: Any,
    *,
    name: str | None = None,
    columns: Settings | None = None,
    currency: str | None = None,
    log_start: date | str | None = None,
    log_end: date | str | None = None,
    where: str | None = None,
    settings: Settings | None = None,
) -> Log:
    """Read, check and clean a transaction log.

    Parameters
    ----------
    source : DataFrame of pandas, Polars or Arrow, Ibis table, path, or str
        One row an order or a line of one. A path of CSV, Excel, Parquet, JSON, Feather or a database file; the name of
        a log that comes along, such as ``"cdnow"``.
    name : str, optional
        What to call it; by default the file's stem, or ``log``.
    columns : mapping of role to column, optional
        ``{"customer_id": "CustomerID", "date": "InvoiceDate", "amount": "Sales"}``; by default guessed, and said in
        ``notes``.
    currency : str, optional
        Of the amounts, for labels.
    log_start, log_end : date or str, optional
        First and last complete day; by default those that are there.
    where : str, optional
        Which rows to read: ``"status == 'complete'"``.
    settings : mapping, optional
        Any other setting of ``data``, by its full name: ``{"data.cleaning.returns.policy": "net"}``.

    Returns
    -------
    Log

    Raises
    ------
    ClvError
        If it is no log, or can be read in several ways: says what to give.

    Examples
    --------
    >>> log = read_log("cdnow_sample")
    >>> log
    Log cdnow_sample: 2,357 customers, 1997-01-01 to 1998-06-30
    >>> log.report.columns[:3].tolist()
    ['rule', 'rows', 'customers']
    """
    chosen = {f"data.columns.{role}": column for role, column in (columns or {}).items()} | {
        "data.name": name,
        "data.currency": currency,
        "data.log_start": str(log_start) if log_start else None,
        "data.log_end": str(log_end) if log_end else None,
        "data.where": where,
    }
    raw = None
    if isinstance(source, str) and source in find_option_files("data"):
        chosen = {"data": source} | chosen
    elif isinstance(source, str | Path):
        chosen = {"data.path": str(source)} | chosen
    else:
        raw, chosen = (
            frame(source),
            {"data": "file", "data.path": name or "log"} | chosen | {"data.name": name or "log"},
        )
    cfg = compose_settings("log", chosen, settings).data
    if OmegaConf.select(cfg, "cleaning.outliers.policy") == "winsorise":
        raise ClvError("winsorising learns from a forecast's cutoff, which a log alone has not; use clv train for it")
    raw = raw or read_raw_table(cfg)
    return Log(load_log_from_config(cfg, lambda start, end: end, raw, cached=False), cfg)
