"""Which model was asked for: a champion, a run's model, or an option that is fitted now. Imports little until then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from clv_experiments.errors import ClvError

if TYPE_CHECKING:
    import pandas as pd

    from clv_experiments.forecast import Model
    from clv_experiments.tracking.stored_run import Reader, StoredModel

CHAMPION = "champion"
ADDRESSES = ("runs:/", "models:/")


@dataclass(frozen=True, eq=False)
class Requested:
    """A model, and how to fit it again.

    Attributes
    ----------
    model : Model
        Its configuration, with which it can be fitted at any cutoff.
    stored : StoredModel, optional
        The fitted model where one was asked for that is kept.
    said : str
        Which model that is, in words.
    """

    model: Model
    stored: StoredModel | None
    said: str


def take_model(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Take out of a command line what ``model=`` names, unless it is an option of ``conf/model``.

    Returns
    -------
    tuple of (str or None, list of str)
        What was asked for, None for nothing, and the arguments that Hydra is to see.

    Examples
    --------
    >>> take_model(["data=cdnow", "model=models:/cdnow-3m@champion"])
    ('models:/cdnow-3m@champion', ['data=cdnow'])
    >>> take_model(["model=bg_nbd"])
    ('bg_nbd', ['model=bg_nbd'])

    Raises
    ------
    ClvError
        If a setting of an option was typed without the option.
    """
    asked, rest = None, []
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key.lstrip("+") == "model":
            asked = value.strip("'\"")
        if key.lstrip("+") != "model" or not _is_kept(asked):
            rest.append(argument)
    changed = [argument for argument in rest if argument.lstrip("+~").startswith(("model.", "features=", "features."))]
    if changed and (asked is None or _is_kept(asked)):
        raise ClvError(f"a model that is kept brings its own settings; type model=<option> beside {changed[0]}")
    return asked, rest


def requested(cfg: DictConfig, asked: str | None) -> Requested:
    """Find the model that was asked for.

    Parameters
    ----------
    cfg : DictConfig
        Composed; its data and window name the champion, its ``model`` is the option that was typed, or the default.
    asked : str or None
        ``champion``, ``runs:/<id>``, ``models:/<name>@<alias>``, ``models:/<name>/<version>`` or an option. None takes
        the champion, and the default option where there is no champion yet.

    Raises
    ------
    ClvError
        If there is no such model, it predicts another horizon, or what it was made from cannot be built any more.
    """
    from hydra.utils import instantiate

    from clv_experiments.experiment import build_model, experiment_of
    from clv_experiments.tracking.stored_run import champion_address

    if asked and not _is_kept(asked):
        return Requested(build_model(cfg.model), None, f"{cfg.model.name}, fitted now")
    reader = instantiate(cfg.tracking).reader()
    try:
        stored = reader.model(champion_address(experiment_of(cfg)) if asked in (None, CHAMPION) else asked)
    except ClvError as error:
        if asked:
            raise
        return Requested(build_model(cfg.model), None, f"{cfg.model.name}, fitted now, since {error}")
    return _kept(cfg, stored, reader)


def _kept(cfg: DictConfig, stored: StoredModel, reader: Reader) -> Requested:
    from clv_experiments.data.window import Horizon
    from clv_experiments.experiment import build_model

    name = stored.run.tags.get("model", stored.run.name)
    horizon, asked = Horizon.parse(stored.run.params["window.horizon"]), Horizon.parse(cfg.window.horizon)
    if horizon != asked:
        raise ClvError(
            f"{stored.uri} ({name}) predicts the next {horizon}, and window.horizon is {asked}; type "
            f"window.horizon='{horizon}', or another model"
        )
    try:
        model = build_model(OmegaConf.create(reader.text(stored.run.run_id, "config.yaml")).model)
    except Exception as error:  # whatever becomes of classes that were moved or settings that were renamed since
        if isinstance(error, ClvError):
            raise
        raise ClvError(
            f"{stored.uri} ({name}) was made by settings that this version cannot build any more "
            f"({' '.join(str(error).split())[:200]}); run it again, or take another model"
        ) from error
    version = f" version {stored.version}" if stored.version else ""
    return Requested(model, stored, f"{name}, {stored.uri}{version}, fitted up to {stored.run.tags.get('cutoff', '?')}")


def same_columns(stored: StoredModel, model: Model, columns: Iterable[str]) -> None:
    """Refuse a kept model whose features are not those that its own settings give today.

    Raises
    ------
    ClvError
        Names the features, and how to fit the model again.
    """
    takes, given = set(stored.columns), set(columns) - {"customer_id"}
    again = f"fit it again, as with python train.py model={model.name}, or take another model"
    if lacking := sorted(takes - given):
        raise ClvError(
            f"{stored.uri} takes {', '.join(lacking[:5])}, which its feature set '{model.features.name}' does not "
            f"give: {again}"
        )
    if unknown := sorted(given - takes):
        raise ClvError(
            f"{stored.uri} was fitted without {', '.join(unknown[:5])}, which its feature set '{model.features.name}' "
            f"gives now: {again}"
        )


def strangeness(stored: StoredModel | None, log_fingerprint: str, cutoff: date) -> Iterator[str]:
    """Say where a kept model meets what it was not made for."""
    if stored is None:
        return
    tags = stored.run.tags
    if tags.get("log_fingerprint") != log_fingerprint:
        yield "This is not the log that the model was fitted on, nor the one that its intervals rest on."
    if tags.get("cutoff", "") > str(cutoff):
        yield (
            f"The model was fitted on what happened up to {tags['cutoff']}, after {cutoff}: as a look back these "
            "scores know too much; an option, such as model=mbg_nbd, is fitted on what was known then."
        )


def kept_errors(reader: Reader, stored: StoredModel) -> tuple[str, pd.DataFrame | None, pd.DataFrame | None]:
    """Read what the run that stands for a kept model predicted of its latest holdout and validation period.

    Returns
    -------
    tuple of (str, pandas.DataFrame or None, pandas.DataFrame or None)
        The holdout period in words; ``y_true`` and ``y_pred`` of it and of the period before. None where there are no
        such predictions, or where the customers were split at random, so that errors are not those of forecasts.
    """
    tables: list[pd.DataFrame | None] = []
    for name in ("predictions.parquet", "validation_predictions.parquet"):
        try:
            found = reader.table(stored.evidence, name)
        except ClvError:
            found = None
        tables.append(None if found is None else found[found["cutoff"] == found["cutoff"].max()])
    holdout, validation = tables
    if holdout is None or stored.run.tags.get("protocol") == "customer_split":
        return "", None, None
    return f"the period after {holdout['cutoff'].iloc[0]:%Y-%m-%d}", holdout, validation


def _is_kept(asked: str | None) -> bool:
    return asked == CHAMPION or (asked or "").startswith(ADDRESSES)
