"""MLflow's own pages as a person opens them, in the Chromium that is installed: for tests and pictures."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
LOG, HORIZON = "cdnow_sample", "3m"
SETTINGS = [f"data={LOG}", f"window={HORIZON}", "evaluation.bootstrap_replicates=20"]
COMMANDS = [
    ["train.py", "model=decision_tree", "model.estimator.regressor.max_depth=4"],
    ["train.py", "model=linear", "features=rfm", "evaluation=customer_split", "evaluation.splits=5"],
    ["scripts/leaderboard.py", "models=[mbg_nbd]", "replicates=100", "--fill", "--promote"],
    ["scripts/sweep.py", "model=decision_tree", "sweep.n_trials=3", "sweep.seeds=1", "sweep.name=study"],
]
# MLflow opens at its generative side, with an assistant over the page.
QUIET = (
    "localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');"
    "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');"
)
WIDTH, HEIGHT = 1600, 900
PATIENCE = 60_000  # milliseconds until a page shows what it should


@dataclass(frozen=True)
class Page:
    """One page of MLflow: its address, what to click once it is there, and what it must show then."""

    path: str
    shows: tuple[str, ...]
    click: str = ""


def make_runs(folder: Path) -> None:
    """Make the runs that the pages show, in the folder ``mlruns`` below a folder."""
    for script, *arguments in COMMANDS:
        command = [sys.executable, str(ROOT / script), *SETTINGS, *arguments]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def list_pages(store: Path) -> dict[str, Page]:
    """Name the pages of a store that ``make_runs`` made."""
    from clv_experiments.tracking.experiment_name import champion_model_name, format_experiment_name
    from clv_experiments.tracking.store import open_store

    client, experiment = open_store(store), format_experiment_name(LOG, HORIZON)
    number = client.get_experiment_by_name(experiment).experiment_id
    ids = {run.info.run_name: run.info.run_id for run in client.search_runs([number])}
    tree, split = "decision_tree max_depth=4", "linear features=rfm customer_split"
    of_experiment, run = f"experiments/{number}", f"experiments/{number}/runs/{ids[tree]}"
    compared = f"runs={quote(json.dumps([ids[tree], ids['mbg_nbd']]))}&experiments={quote(json.dumps([number]))}"
    only_runs = "searchFilter=" + quote("tags.kind = 'run'")
    return {
        "run_table": Page(f"{of_experiment}/runs?{only_runs}", (experiment, tree, split, "mbg_nbd")),
        "run": Page(run, (experiment, tree, "kind", "customers", "2357", "best_baseline")),
        "dataset": Page(run, ("customer_id", "amount", "6919"), click=f"{LOG} ("),
        "compare": Page(f"compare-runs?{compared}", (tree, "mbg_nbd", "holdout_d2_tweedie")),
        "models": Page(f"{of_experiment}/models", (experiment, "mbg_nbd", "decision_tree_tuned")),
        "registry": Page(f"models/{champion_model_name(experiment)}", ("The model to use for", "champion", "mbg_nbd")),
        "study": Page(f"{of_experiment}/runs/{ids['study']}", ("study", "Child runs", "best_d2_tweedie")),
    }


@contextmanager
def served(store: Path) -> Iterator[str]:
    """Serve MLflow on a free port, and end it afterwards; gives its address."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    arguments = ["--backend-store-uri", f"sqlite:///{store.resolve()}/mlflow.db", "--port", port, "--workers", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address)
            yield address
        finally:
            server.terminate()


def _wait_for(address: str) -> None:
    for _ in range(240):
        try:
            urlopen(f"{address}/health", timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.5)
        else:
            return
    raise SystemExit(f"mlflow ui does not answer on {address}")


@contextmanager
def opened_browser() -> Iterator[Any]:
    """Open a window of the Chromium that is installed; it reaches this machine only."""
    from playwright.sync_api import sync_playwright

    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        local_only = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", local_only])
        window = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        window.add_init_script(QUIET)
        yield window
        browser.close()


def visit(window: Any, address: str, page: Page) -> None:
    """Open a page and wait until it shows what it should.

    Raises
    ------
    playwright.sync_api.TimeoutError
        If it does not.
    """
    path, _, query = page.path.partition("?")
    window.goto("about:blank")
    window.goto(f"{address}/#/{path}?{query}&workflowType=machine_learning")
    if page.click:
        window.get_by_text(page.click).first.click(timeout=PATIENCE)
    for text in page.shows:
        window.get_by_text(text).locator("visible=true").first.wait_for(timeout=PATIENCE)
