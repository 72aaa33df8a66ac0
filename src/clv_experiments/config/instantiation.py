"""Objects from what their settings describe; whatever a library says against it becomes one sentence."""

from __future__ import annotations

import re
from typing import Any

from hydra.utils import instantiate

from clv_experiments.config.setting_kinds import format_shortened
from clv_experiments.errors import ClvError

UNKNOWN_ARGUMENT = re.compile(r"got an unexpected keyword argument ('[^']*')")


def instantiate_setting(cfg: Any, setting: str, **options: Any) -> Any:
    """Build what stands below a setting.

    Parameters
    ----------
    cfg : DictConfig
        With a ``_target_``.
    setting : str
        Its full name, for messages.
    **options
        Of ``hydra.utils.instantiate``.

    Raises
    ------
    ClvError
        If it cannot be built: what was built refuses its settings, or there is no such class or function.
    """
    try:
        built = instantiate(cfg, **options)
    except Exception as error:
        raise ClvError(f"{setting} cannot be built as it is set: {_reraise_or_find_error_reason(error)}") from error
    if built is None or built is cfg or isinstance(built, str | int | float | dict | list):
        raise ClvError(f"{setting} must have a _target_ that builds it, got '{format_shortened(built)}'")
    return built


def _reraise_or_find_error_reason(error: BaseException) -> str:
    """Take the reason nearest to what went wrong; an error of our own says all by itself."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    for cause in causes:
        if isinstance(cause, ClvError):
            raise cause
    if unknown := UNKNOWN_ARGUMENT.search(str(causes[-1])):
        return f"it takes no {unknown[1]}"
    return format_shortened(" ".join(str(causes[-1]).split()), 300)
