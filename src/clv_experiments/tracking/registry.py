"""The model registry: a run's model as a numbered version, an alias on the one in use, and addresses read back."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mlflow.entities import LoggedModel, Run

from clv_experiments.errors import ClvError, command
from clv_experiments.reporting.records import RegistrationRequest
from clv_experiments.tracking.store import Result, Store
from clv_experiments.tracking.stored_run import CHAMPION

RUN_ADDRESS = re.compile(r"runs:/(?P<run>[^/]+)(?:/[^/]+)?")
VERSION_ADDRESS = re.compile(r"models:/(?P<name>[^/]+)/(?P<version>\d+)")
ALIAS_ADDRESS = re.compile(r"models:/(?P<name>[^/]+)@(?P<alias>[^/@]+)")
MISSING_CODES = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def register_model_version(store: Store, run_id: str, record: RegistrationRequest) -> None:
    """Make the model that a run logged the newest version of a registered model; the alias moves once it is whole.

    Raises
    ------
    ClvError
        If the store refuses; the alias then stays where it was.
    """
    logged = logged_model(store, store.call_mlflow(store.client.get_run, run_id))
    with suppress(ClvError):  # it is there already; what else is wrong, the next call says
        store.call_mlflow(store.client.create_registered_model, record.name)
    registered = store.call_mlflow(
        store.client.create_model_version,
        record.name,
        logged.artifact_location,
        run_id=run_id,
        tags={tag.name: tag.value for tag in record.tags},
        description=record.text,
        model_id=logged.model_id,
    )
    store.call_mlflow(store.client.set_registered_model_alias, record.name, record.alias, registered.version)
    store.call_mlflow(store.client.update_registered_model, record.name, record.about)


def resolve_model_uri(store: Store, uri: str) -> tuple[str, Run]:
    """Find the run behind ``models:/<name>@<alias>``, ``models:/<name>/<version>`` or ``runs:/<run id>``.

    Returns
    -------
    version : str
        Of a registered model; empty for a run's own.
    run : Run
        That logged it.

    Raises
    ------
    ClvError
        If the address is none of these, or nothing is there.
    """
    if match := RUN_ADDRESS.fullmatch(uri):
        return "", find_run(store, match["run"])
    if match := ALIAS_ADDRESS.fullmatch(uri):
        version = _get_if_exists(store, store.client.get_model_version_by_alias, match["name"], match["alias"])
    elif match := VERSION_ADDRESS.fullmatch(uri):
        version = _get_if_exists(store, store.client.get_model_version, match["name"], match["version"])
    else:
        raise ClvError(
            f"a model is addressed like models:/cdnow-3m@{CHAMPION}, models:/cdnow-3m/2 or runs:/<run id>, not '{uri}'"
        )
    if version is None:
        raise ClvError(_describe_missing_model(store, uri, match.groupdict()))
    if not version.run_id:
        raise ClvError(f"{uri} was registered without the run that made it; choose a version that --promote made")
    return str(version.version), find_run(store, version.run_id)


def find_run(store: Store, run_id: str) -> Run:
    """Return a run by its id.

    Raises
    ------
    ClvError
        If there is none.
    """
    run = _get_if_exists(store, store.client.get_run, run_id)
    if run is None:
        raise ClvError(f"there is no run '{run_id}'; mlflow ui lists the runs with their ids")
    return run


def logged_model(store: Store, run: Run) -> LoggedModel:
    """Return the model that a run logged.

    Raises
    ------
    ClvError
        If it logged none.
    """
    outputs = run.outputs.model_outputs if run.outputs else []
    if not outputs:
        raise ClvError(f"run {run.info.run_id} ({run.info.run_name}) holds no model; choose a finished run of a model")
    return store.call_mlflow(store.client.get_logged_model, outputs[-1].model_id)


def _describe_missing_model(store: Store, uri: str, address: dict[str, Any]) -> str:
    """Say what is not there, and what to type instead."""
    name = address["name"]
    advice = f"promote one with {command('leaderboard')} --promote for that log and window"
    if address.get("alias") == CHAMPION:
        return f"there is no champion {uri} yet; {advice}"
    versions = (
        _get_if_exists(store, store.client.search_model_versions, f"name = '{name}'") if "'" not in name else None
    )
    numbers = ", ".join(sorted((str(version.version) for version in versions or []), key=int))
    registered = f"'{name}' has version {numbers}" if numbers else f"nothing is registered as '{name}'; {advice}"
    return f"there is no {uri}: {registered}"


def _get_if_exists(store: Store, call: Callable[..., Result], *args: Any) -> Result | None:
    """Call a function that reads; None where the store says that there is no such thing."""
    try:
        return store.call_mlflow(call, *args)
    except ClvError as error:
        if getattr(error.__cause__, "error_code", None) in MISSING_CODES:
            return None
        raise
