"""The transaction log of a run as MLflow's dataset: its columns, its size and its days, without its rows."""

from __future__ import annotations

import json
from typing import Any

from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.dataset import Dataset
from mlflow.types.schema import ColSpec, Schema

from clv_experiments.reporting.records import LogIdentity


class LogDataset(Dataset):
    """What ``mlflow.log_input`` takes; MLflow shows schema and profile beside the run.

    Parameters
    ----------
    record : LogIdentity
    """

    def __init__(self, record: LogIdentity) -> None:
        self.record = record
        super().__init__(CodeDatasetSource(tags={"log": record.name}), name=record.name, digest=record.fingerprint)

    def _compute_digest(self) -> str:
        return self.record.fingerprint

    @property
    def schema(self) -> Schema | None:
        """Columns of one row a customer and purchase day; None where they are not known."""
        columns: list[Any] = [ColSpec(type=kind, name=name) for name, kind in self.record.columns.items()]
        return Schema(columns) if columns else None

    @property
    def profile(self) -> dict[str, Any]:
        """How large the log is, which days it covers, in which currency."""
        return dict(self.record.profile)

    def to_dict(self) -> dict[str, str]:
        """Write what MLflow keeps of a dataset."""
        schema = json.dumps({"mlflow_colspec": self.schema.to_dict()}) if self.schema else ""
        return super().to_dict() | {"schema": schema, "profile": json.dumps(self.profile)}
