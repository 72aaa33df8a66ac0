"""``clv ui``: the MLflow UI on the runs of the working folder, or where that of a tracking server is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from clv_experiments.errors import ClvError
from clv_experiments.tracking.addresses import URI_VARIABLE, check_folder_path, check_server_uri

USAGE = """Usage: clv ui [folder=mlruns] [port=5000]
       clv ui uri=http://host:5000

Opens the MLflow UI on the runs kept in a folder, at its "Model training". Ctrl-C ends it. Where runs are on a tracking
server, as uri or MLFLOW_TRACKING_URI says, it names the page.
"""
PAGE = "#/experiments?workflowType=machine_learning"


def open_ui(typed: Sequence[str]) -> int:
    """Serve the MLflow UI until it is interrupted. Gives the exit status."""
    if set(typed) & {"-h", "--help"}:
        sys.stdout.write(USAGE)
        return 0
    settings = {"folder": "", "port": "5000", "uri": ""}
    for word in typed:
        key, equal, value = word.partition("=")
        key = key.removeprefix("tracking.")
        if not equal or key not in settings:
            sys.stderr.write(
                f"error: clv ui knows no '{word}'; type folder=mlruns, port=5000 or uri=http://host:5000\n"
            )
            return 1
        settings[key] = value
    server = settings["uri"] or ("" if settings["folder"] else os.environ.get(URI_VARIABLE, ""))
    try:
        if server:
            sys.stdout.write(f"open {check_server_uri(server)}/{PAGE}: the runs are on that server\n")
            return 0
        return _serve_ui(check_folder_path(settings["folder"] or "mlruns") / "mlflow.db", settings["port"])
    except ClvError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _serve_ui(store: Path, port: str) -> int:
    if not store.is_file():
        raise ClvError(f"there are no runs in {store.parent}; make one with clv train, or type folder=...")
    sys.stdout.write(f"open http://127.0.0.1:{port}/{PAGE}; Ctrl-C ends it\n")
    sys.stdout.flush()
    command = ["ui", "--backend-store-uri", f"sqlite:///{store}", "--port", port, "--workers", "1"]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    try:
        return subprocess.call([sys.executable, "-m", "mlflow", *command], env=environment)
    except KeyboardInterrupt:
        return 130
