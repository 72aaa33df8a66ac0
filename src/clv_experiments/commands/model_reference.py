"""Which model was asked for: a champion, a run's model, or an option that is fitted now. Imports little until then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from clv_experiments.config.setting_kinds import format_shortened
from clv_experiments.config.targets import read_logged_settings
from clv_experiments.errors import ClvError, command

if TYPE_CHECKING:
    from clv_experiments.forecasting.model import Model
    from clv_experiments.tracking.stored_run import Reader, StoredModel

CHAMPION = "champion"
ADDRESSES = ("runs:/", "models:/")


@dataclass(frozen=True, eq=False)
class ModelReference:
    """A model, and how to fit it again.

    Attributes
    ----------
    model : Model
        Its configuration, with which it can be fitted at any cutoff.
    stored : StoredModel, optional
        The fitted model where one was asked for that is kept.
    description : str
        Names the model to whoever predicts with it as it is stored, or fits an option once.
    settings_description : str
        Names it to whoever fits its settings again at cutoffs of their own.
    trained_until : date, optional
        The last day that a kept model has seen, and so the choice of its settings; None of an option.
    """

    model: Model
    stored: StoredModel | None
    description: str
    settings_description: str
    trained_until: date | None


def pop_model_override(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Take out of a command line what ``model=`` names, unless it is an option of ``conf/model``.

    Returns
    -------
    tuple of (str or None, list of str)
        What was asked for, None for nothing, and the arguments that Hydra is to see.

    Examples
    --------
    >>> pop_model_override(["data=cdnow", "model=models:/cdnow-3m@champion"])
    ('models:/cdnow-3m@champion', ['data=cdnow'])
    >>> pop_model_override(["model=bg_nbd"])
    ('bg_nbd', ['model=bg_nbd'])

    Raises
    ------
    ClvError
        If a setting of an option was typed without the option.
    """
    model_argument, remaining = None, []
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key.lstrip("+") == "model":
            model_argument = value.strip("'\"")
        if key.lstrip("+") != "model" or not _is_stored(model_argument):
            remaining.append(argument)
    prefixes = ("model.", "features=", "features.")
    changed = [argument for argument in remaining if argument.lstrip("+~").startswith(prefixes)]
    if changed and (model_argument is None or _is_stored(model_argument)):
        raise ClvError(f"a model that is kept brings its own settings; type model=<option> beside {changed[0]}")
    return model_argument, remaining


def resolve_model(cfg: DictConfig, model_argument: str | None) -> ModelReference:
    """Find the model that was asked for.

    Parameters
    ----------
    cfg : DictConfig
        Composed; its data and window name the champion, its ``model`` is the option that was typed, or the default.
    model_argument : str or None
        ``champion``, ``runs:/<id>``, ``models:/<name>@<alias>``, ``models:/<name>/<version>`` or an option. None takes
        the champion, and the default option where there is no champion yet.

    Raises
    ------
    ClvError
        If there is no such model, it predicts another horizon, or what it was made from cannot be built any more.
    """
    from hydra.utils import instantiate

    from clv_experiments.config.model_options import build_model
    from clv_experiments.config.settings import build_experiment_name
    from clv_experiments.tracking.experiment_name import champion_model_uri

    if model_argument and not _is_stored(model_argument):
        return reference_unfitted_model(build_model(cfg.model))
    reader = instantiate(cfg.tracking).reader()
    try:
        wants_champion = model_argument is None or model_argument == CHAMPION
        stored = reader.model(champion_model_uri(build_experiment_name(cfg)) if wants_champion else model_argument)
    except ClvError as error:
        if model_argument:
            raise
        return reference_unfitted_model(build_model(cfg.model), f", since {error}")
    return _reference_stored_model(cfg, stored, reader)


def build_btyd_model(cfg: DictConfig) -> Model:
    """Build the model that tells of purchases where the model of spend does not: ``decisions.btyd``.

    Raises
    ------
    ClvError
        If there is no such option, or it knows of spend only.
    """
    from clv_experiments.config.model_options import build_named_model

    model = build_named_model(cfg, cfg.decisions.btyd, "decisions.btyd")
    if not hasattr(model.estimator, "discounted_purchases"):
        raise ClvError(f"decisions.btyd must be a model of purchases, such as mbg_nbd, and {model.name} is none")
    return model


def replace_spend_only_model(request: ModelReference, btyd_model: Model, reason: str, *, refit: bool) -> ModelReference:
    """Replace a spend-only model that nobody asked for with the BTYD model of purchases.

    With ``refit`` also in place of one that is kept, since there is no log to predict from.
    """
    suits = hasattr(request.model.estimator, "discounted_purchases") and not (refit and request.stored)
    return request if suits else reference_unfitted_model(btyd_model, f", since {reason} (decisions.btyd)")


def reference_unfitted_model(model: Model, reason: str = "") -> ModelReference:
    """Refer to an option that is fitted now; ``reason`` follows its name in messages."""
    return ModelReference(model, None, f"{model.name}, fitted now{reason}", f"{model.name} as configured{reason}", None)


def _reference_stored_model(cfg: DictConfig, stored: StoredModel, reader: Reader) -> ModelReference:
    from clv_experiments.config.model_options import build_model
    from clv_experiments.data.horizon import Horizon

    name = stored.run.tags.get("model", stored.run.name)
    horizon, requested_horizon = (
        Horizon.parse(stored.run.params.get("window.horizon", "")),
        Horizon.parse(cfg.window.horizon),
    )
    if horizon != requested_horizon:
        raise ClvError(
            f"{stored.uri} ({name}) predicts the next {horizon}, and window.horizon is {requested_horizon}; type "
            f"window.horizon='{horizon}', or another model"
        )
    settings = read_logged_settings(reader.text(stored.run.run_id, "config.yaml"), stored.run.run_id)
    try:
        model = build_model(settings.model)
    except Exception as error:  # whatever becomes of classes that were moved or settings that were renamed since
        raise ClvError(
            f"{stored.uri} ({name}) was made by settings that this version cannot build any more "
            f"({' '.join(str(error).split())[:200]}); run it again, or take another model"
        ) from error
    description = f"{name}, {stored.uri}" + (f" version {stored.version}" if stored.version else "")
    last_day = _last_training_day(stored)
    return ModelReference(
        model, stored, f"{description}, fitted up to {last_day}", f"settings of {description}", last_day
    )


def _last_training_day(stored: StoredModel) -> date:
    """Return the last day that a kept model has seen: the cutoff, or the holdout's end where customers were split."""
    tag = "holdouts" if stored.run.tags.get("protocol") == "customer_split" else "cutoff"
    written = stored.run.tags.get(tag, "")
    try:
        return date.fromisoformat(written[-10:])
    except ValueError as error:
        raise ClvError(
            f"{stored.uri} does not say what it has seen: the tag {tag} of its run must end with a day, got "
            f"{format_shortened(written)!r}; take another model"
        ) from error


def check_same_features(stored: StoredModel, model: Model, columns: Iterable[str]) -> None:
    """Refuse a kept model whose features are not those that its own settings give today.

    Raises
    ------
    ClvError
        Names the features, and how to fit the model again.
    """
    expected, available = set(stored.columns), set(columns) - {"customer_id"}
    refit_hint = f"fit it again, as with {command('train')} model={model.name}, or take another model"
    if missing := sorted(expected - available):
        raise ClvError(
            f"{stored.uri} takes {', '.join(missing[:5])}, which its feature set '{model.features.name}' does not "
            f"give: {refit_hint}"
        )
    if unknown := sorted(available - expected):
        raise ClvError(
            f"{stored.uri} was fitted without {', '.join(unknown[:5])}, which its feature set '{model.features.name}' "
            f"gives now: {refit_hint}"
        )


def collect_compatibility_warnings(
    request: ModelReference, log_fingerprint: str, currency: str, cutoff: date
) -> Iterator[str]:
    """Say where a kept model meets what it was not made for."""
    tags = request.stored.run.tags if request.stored else {}
    if request.stored and tags.get("log_fingerprint") != log_fingerprint:
        yield "This is not the log that the model was fitted on; errors that are kept with it are those of that log."
    if request.stored and tags.get("currency", currency) != currency:
        yield (
            f"The model was fitted on spend in {tags['currency'] or 'an unnamed currency'}, and this log is in "
            f"{currency or 'an unnamed one'}: what it predicts is not converted."
        )
    if request.trained_until and request.trained_until > cutoff:
        yield (
            f"The model was fitted on what happened up to {request.trained_until}, after {cutoff}: as a look back "
            "these scores know too much; an option, such as model=mbg_nbd, is fitted on what was known then."
        )


def _is_stored(model_argument: str | None) -> bool:
    return model_argument == CHAMPION or (model_argument or "").startswith(ADDRESSES)
