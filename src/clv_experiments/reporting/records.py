"""What an evaluation hands to tracking: small typed records, so that what is logged can be tested without a server.

No record of words holds a password or a key, wherever it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import pandas as pd

from clv_experiments.errors import ClvError, mask_secrets, mask_settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Param:
    """One setting a run was started with."""

    name: str
    value: str | int | float | bool | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", mask_settings(self.value, self.name))


@dataclass(frozen=True)
class Tag:
    """One word to find a run by."""

    name: str
    value: str

    def __post_init__(self) -> None:
        _mask_secrets_in_place(self, "value")


@dataclass(frozen=True)
class Metric:
    """One number a run is judged by; `step` is the origin."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True, eq=False)
class Table:
    """One frame, stored under the file name `name`, whose ending is its format."""

    name: str
    frame: pd.DataFrame

    def __post_init__(self) -> None:
        if self.format not in ("csv", "parquet", "xlsx"):
            raise ClvError(f"table {self.name!r} has no known format; expected .csv, .parquet or .xlsx at its end")

    @property
    def format(self) -> str:
        """Return the file format, `csv`, `parquet` or `xlsx`."""
        return PurePath(self.name).suffix.removeprefix(".")


@dataclass(frozen=True, eq=False)
class FigureRecord:
    """One figure, stored under the file name `name`; a page shows its title, and one sentence on what to look for."""

    name: str
    figure: Figure
    title: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Text:
    """One text, stored under the file name `name`."""

    name: str
    text: str

    def __post_init__(self) -> None:
        _mask_secrets_in_place(self, "text")


@dataclass(frozen=True)
class File:
    """One file that is there already, copied under its own name without being read into memory."""

    path: Path


@dataclass(frozen=True)
class Description:
    """What a person reads first when opening the run, in Markdown."""

    text: str

    def __post_init__(self) -> None:
        _mask_secrets_in_place(self, "text")


@dataclass(frozen=True, eq=False)
class FittedModel:
    """The fitted estimator, a few feature rows that show what it takes, and names of what it predicts and of itself."""

    estimator: Any
    example: pd.DataFrame
    output: str = "expected_spend"
    name: str = "model"


@dataclass(frozen=True)
class LogIdentity:
    """The transaction log a run read: its name and the fingerprint of its content.

    Attributes
    ----------
    name, fingerprint : str
    columns : mapping of column to type
        Of a row a customer and purchase day; types are MLflow's: ``string``, ``datetime``, ``double``, ``long``.
    profile : mapping
        Its size, its days, its currency.
    """

    name: str
    fingerprint: str
    columns: Mapping[str, str] = field(default_factory=dict)
    profile: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class PrimaryMetric:
    """The metric by which runs of the experiment are judged first; higher is better."""

    name: str


@dataclass(frozen=True)
class RegistrationRequest:
    """Makes the run's fitted model the newest version of a registered model, and then the one that the alias names.

    Attributes
    ----------
    name, alias : str
    tags : tuple of Tag
        Of the version.
    text : str
        What a person reads first of the version, in Markdown.
    about : str
        What a person reads first of the registered model.
    """

    name: str
    alias: str
    tags: tuple[Tag, ...]
    text: str
    about: str = ""

    def __post_init__(self) -> None:
        _mask_secrets_in_place(self, "text", "about")


def _mask_secrets_in_place(record: object, *names: str) -> None:
    for name in names:
        object.__setattr__(record, name, mask_secrets(getattr(record, name)))


Record = (
    Param
    | Tag
    | Metric
    | PrimaryMetric
    | Table
    | FigureRecord
    | Text
    | File
    | Description
    | FittedModel
    | LogIdentity
    | RegistrationRequest
)
