"""``clv ui``: the MLflow UI on the runs of the working folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

USAGE = """Usage: clv ui [folder=mlruns] [port=5000]

Opens the MLflow UI on the runs kept in a folder, at its "Model training". Ctrl-C ends it.
"""


def open_ui(typed: Sequence[str]) -> int:
    """Serve the MLflow UI until it is interrupted. Gives the exit status."""
    if set(typed) & {"-h", "--help"}:
        sys.stdout.write(USAGE)
        return 0
    settings = {"folder": "mlruns", "port": "5000"}
    for word in typed:
        key, equal, value = word.partition("=")
        key = key.removeprefix("tracking.")
        if not equal or key not in settings:
            sys.stderr.write(f"error: clv ui knows no '{word}'; type folder=mlruns or port=5000\n")
            return 1
        settings[key] = value
    store = Path(settings["folder"]) / "mlflow.db"
    if not store.is_file():
        sys.stderr.write(
            f"error: there are no runs in {settings['folder']}; make one with clv train, or type folder=...\n"
        )
        return 1
    sys.stdout.write(
        f"open http://127.0.0.1:{settings['port']}/#/experiments?workflowType=machine_learning; Ctrl-C ends it\n"
    )
    sys.stdout.flush()
    command = ["ui", "--backend-store-uri", f"sqlite:///{store}", "--port", settings["port"], "--workers", "1"]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    try:
        return subprocess.call([sys.executable, "-m", "mlflow", *command], env=environment)
    except KeyboardInterrupt:
        return 130
