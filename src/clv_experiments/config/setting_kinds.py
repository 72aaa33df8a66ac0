"""What kind of value each setting takes: for what quotes typed text, and for what refuses values of another kind."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from clv_experiments.errors import ClvError
from clv_experiments.tracking.addresses import EXAMPLE, is_address

MAX_NAME = 200  # characters of a name that folders and MLflow experiments are called by
MAX_VALUE_LENGTH = 80  # characters of a refused value that a message shows


@dataclass(frozen=True)
class SettingKind:
    """What a setting may be.

    Attributes
    ----------
    description : str
        Completes "data.path must be ...".
    accepts : callable
        Whether a value is of this kind.
    """

    description: str
    accepts: Callable[[Any], bool]

    def __or__(self, other: SettingKind) -> SettingKind:
        """Return the kind that takes either."""
        return SettingKind(
            f"{self.description} or {other.description}", lambda value: self.accepts(value) or other.accepts(value)
        )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


NULL = SettingKind("null", lambda value: value is None)
TEXT = SettingKind("text", lambda value: isinstance(value, str) and bool(value.strip()))
FOLDER = SettingKind(
    f"a folder, and a tracking server is typed as tracking=server tracking.uri={EXAMPLE}",
    lambda value: TEXT.accepts(value) and not is_address(value),
)
NAME = SettingKind(
    f"a name of at most {MAX_NAME} printable characters",
    lambda value: TEXT.accepts(value) and len(value) <= MAX_NAME and value.isprintable(),
)
EMPTY = SettingKind("empty", lambda value: value == "")
FLAG = SettingKind("true or false", lambda value: isinstance(value, bool))
FALSE = SettingKind("false", lambda value: value is False)
NUMBER = SettingKind("a number", _is_number)
LIST = SettingKind("a list", lambda value: isinstance(value, ListConfig))
TEXTS = SettingKind("a list of texts", lambda value: isinstance(value, ListConfig) and all(map(TEXT.accepts, value)))
DAY = SettingKind("a day like 1998-03-31", lambda value: isinstance(value, str))
MAPPING = SettingKind("settings of its own", lambda value: isinstance(value, DictConfig))

GROUPS = ("data", "window", "features", "model", "evaluation", "tracking", "decisions", "sweep")
# The first pattern that a setting matches counts; what matches none is checked by whoever reads it.
KINDS: dict[str, SettingKind] = {
    **dict.fromkeys(GROUPS, MAPPING),
    **dict.fromkeys(("resume", "excel"), FLAG),
    "data.name": NAME,
    **dict.fromkeys(("data.path", "data.table", "data.connection", "data.query"), TEXT | NULL),
    "data.push_down": FLAG,
    **dict.fromkeys(("data.source", "data.columns", "data.cleaning"), MAPPING),
    "data.source._target_": TEXT,
    "data.source._partial_": FLAG,
    **dict.fromkeys(("data.source.path", "data.source.table", "data.source.query"), TEXT | NULL),
    **dict.fromkeys(("data.source.connection", "data.source.separator", "data.source.encoding"), TEXT | NULL),
    "data.source.sheet": TEXT | NULL,
    "data.source.push_down": FLAG,
    "data.source.sample": FLAG,
    **dict.fromkeys(("data.date_order", "data.decimal", "data.time_zones"), TEXT | NULL),
    **dict.fromkeys(("data.where", "data.date_format", "data.amount_per", "data.discount_unit"), TEXT | NULL),
    "data.rfm_unit": TEXT | NULL,
    "data.columns.*": TEXT | TEXTS | FALSE | NULL,
    "data.cleaning.*.*": SettingKind("anything", lambda value: True),
    "data.cleaning.*": MAPPING | NULL,
    **dict.fromkeys(("data.log_start", "data.log_end", "window.cutoff"), DAY | NULL),
    "data.currency": NAME | EMPTY | NULL,
    **dict.fromkeys(("data.engine", "data.spark_master"), TEXT),
    "window.horizon": TEXT,
    "features.name": NAME,
    "model.name": NAME,
    **dict.fromkeys(("model.family", "model.level"), TEXT),
    "model.supervised": FLAG,
    **dict.fromkeys(("model.features", "model.estimator"), MAPPING),
    "model.features.name": NAME,
    **dict.fromkeys(("features.blocks", "model.features.blocks"), LIST),
    "tracking._target_": TEXT,
    "tracking.folder": FOLDER,
    "tracking.uri": TEXT | EMPTY,
    "tracking.trusted": FLAG,
    "evaluation.published": MAPPING,
    **dict.fromkeys(("output", "runs", "metric"), TEXT),
    **dict.fromkeys(("markdown", "cell", "predictions", "name", "provenance", "run", "storage"), TEXT | NULL),
    "fix": FLAG,
    "models": TEXTS | TEXT | NULL,
    "checks": LIST | TEXT | NULL,
    **dict.fromkeys(("decisions.tiers", "decisions.contact"), MAPPING),
    **dict.fromkeys(("decisions.contact.least", "decisions.contact.most"), MAPPING | NULL),
    **dict.fromkeys(("decisions.margin", "decisions.annual_discount_rate", "decisions.interval"), NUMBER),
    **dict.fromkeys(("decisions.tiers.high", "decisions.tiers.mid", "decisions.likely"), NUMBER),
    **dict.fromkeys(("decisions.contact.budget", "decisions.contact.cost"), NUMBER),
    **dict.fromkeys(("decisions.clv_horizon", "decisions.next_purchase_within", "decisions.btyd"), TEXT),
    **dict.fromkeys(("sweep.sampler", "sweep.pruner"), TEXT),
    **dict.fromkeys(("sweep.name", "sweep.storage"), TEXT | NULL),
}
INNER_MODEL = re.compile(r"^model[.](?:fallback|members[.][^.]+)[.]")
LISTS = ("decisions.contact.uplift", "sweep.metric")
UNCHECKED_SUBTREES = ("model.estimator", "sweep.space")
EXAMPLE_KEYS = {
    "data.source": "data.source._target_",
    "data.columns": "data.columns.date",
    "data.cleaning": "data.cleaning.returns.policy",
    "model.features": "model.features.name (features=rfm takes another set)",
}


def get_value_kind(key: str) -> SettingKind | None:
    """Return the kind of value that a setting takes; None where nothing general can be said.

    A model inside another, as its member or fallback, has the settings of any model.
    """
    key = INNER_MODEL.sub("model.", key)
    return next((kind for pattern, kind in KINDS.items() if _key_matches_pattern(key, pattern)), None)


def is_text_only(key: str) -> bool:
    """Whether what is typed for a setting can be text whatever it looks like: ``data.path=2024``."""
    kind = get_value_kind(key)
    return kind is not None and kind.accepts("text") and not kind.accepts(1)


def accepts_list(key: str) -> bool:
    """Whether a setting takes a list of texts."""
    kind = get_value_kind(key)
    return key in LISTS or (kind is not None and kind.accepts(OmegaConf.create(["text"])))


def check_setting_kinds(cfg: DictConfig) -> None:
    """Refuse values of another kind than a setting takes.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    for key, value in _iterate_settings_with_parents(cfg, ""):
        kind = get_value_kind(key)
        if kind is not None and not kind.accepts(value):
            raise ClvError(_describe_wrong_kind(key, kind, value))


def format_shortened(value: Any, length: int = MAX_VALUE_LENGTH) -> str:
    """Show a value, or the beginning of a long one."""
    text = str(value)
    return text if len(text) <= length else f"{text[:length]}..."


def _describe_wrong_kind(key: str, kind: SettingKind, value: Any) -> str:
    if kind is MAPPING:
        example = f", such as {EXAMPLE_KEYS[key]}" if key in EXAMPLE_KEYS else ""
        return f"{key} holds settings of its own{example}; it cannot be '{format_shortened(value)}'"
    if key.startswith("data.cleaning."):
        return f"{key} must be null or have settings of its own, such as .policy={format_shortened(value)}"
    return f"{key} must be {kind.description}, got {'null' if value is None else repr(format_shortened(value))}"


def _iterate_settings_with_parents(cfg: DictConfig, prefix: str) -> Iterator[tuple[str, Any]]:
    """Give each setting with its value, parents before what stands below them; a model's own are its library's."""
    for name in map(str, cfg):
        key, value = f"{prefix}{name}", cfg[name]
        yield key, value
        if isinstance(value, DictConfig) and key not in UNCHECKED_SUBTREES:
            yield from _iterate_settings_with_parents(value, f"{key}.")


def _key_matches_pattern(key: str, pattern: str) -> bool:
    return key.count(".") == pattern.count(".") and fnmatchcase(key, pattern)
