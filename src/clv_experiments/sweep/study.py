"""A study that can be taken up again: an Optuna study with its address, refused where its settings were others."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import optuna
from optuna import Study, Trial
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, RDBStorage, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from clv_experiments.errors import ClvError
from clv_experiments.sweep.sampling import FAILURE, PROPOSAL, PRUNERS, create_proposal_sampler, is_killed_trial
from clv_experiments.sweep.storage import hold_task_lock, open_storage, record_heartbeats, translate_storage_errors

SETTINGS = "settings"  # attribute of a study: what decides its trials
IDENTITY = "identity"  # attribute of a study: its own, whatever its name
AS_CONFIGURED = "as_configured"  # attribute of the trial that takes the configured settings


@dataclass(frozen=True, eq=False)
class TrackedStudy:
    """An Optuna study and where it is kept.

    Attributes
    ----------
    study : optuna.Study
    url : str or None
        An SQLAlchemy address; None in memory.
    storage : optuna.storages.BaseStorage
    sampler : str
        A key of ``SAMPLERS``.
    seed : int
        Of the proposals.
    """

    study: Study
    url: str | None
    storage: BaseStorage
    sampler: str = "tpe"
    seed: int = 0

    @property
    def name(self) -> str:
        """Its name, by which it is taken up again."""
        return self.study.study_name

    @property
    def identity(self) -> str:
        """What tells it from every other study, also from one of the same name elsewhere."""
        return str(self.study.user_attrs[IDENTITY])

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials by number, to be read only."""
        return self.study.get_trials(deepcopy=False)

    @property
    def ended_trials(self) -> list[FrozenTrial]:
        """Trials that came to an end of their own: finished, pruned or failed, and not killed."""
        return [trial for trial in self.trials if trial.state.is_finished() and not is_killed_trial(trial)]

    @property
    def failures(self) -> list[str]:
        """Why trials failed, oldest first."""
        return [trial.user_attrs[FAILURE] for trial in self.trials if FAILURE in trial.user_attrs]

    @property
    def best_trial(self) -> FrozenTrial | None:
        """The best trial by the first metric, ties by the others, so that none beats it in all; None without any."""
        signs = [1.0 if direction.name == "MINIMIZE" else -1.0 for direction in self.study.directions]

        def losses(trial: FrozenTrial) -> tuple[list[float], int]:
            return [sign * value for sign, value in zip(signs, trial.values, strict=True)], trial.number

        complete = (trial for trial in self.trials if trial.state is TrialState.COMPLETE)
        return min(complete, key=losses, default=None)

    def fail_killed_and_list_trials(self) -> list[FrozenTrial]:
        """Fail trials whose process is gone: without a heartbeat, or killed before the first; return all trials."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            fail_stale_trials(self.study)
        trials = self.trials
        killed = [trial for trial in trials if trial.state is TrialState.RUNNING and PROPOSAL not in trial.user_attrs]
        for trial in killed:
            self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
        return self.trials if killed else trials

    def ask_trial(self, proposal: int) -> Trial:
        """Begin the trial of a proposal; its first heartbeat is recorded at once, or it would never count as killed."""
        self.study.sampler = create_proposal_sampler(self.sampler, self.seed, proposal)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Heartbeat of storage")  # which is taken care of here
            trial = self.study.ask()
        if isinstance(self.storage, RDBStorage):
            self.storage.record_heartbeat(self._storage_trial_id(trial))
        trial.set_user_attr(PROPOSAL, proposal)
        return trial

    def record_heartbeats(self, trial: Trial) -> AbstractContextManager[None]:
        """Record heartbeats of a trial as long as the context lasts."""
        if isinstance(self.storage, RDBStorage):
            return record_heartbeats(self.storage, self._storage_trial_id(trial))
        return nullcontext()

    def _storage_trial_id(self, trial: Trial) -> int:
        study_id = self.storage.get_study_id_from_name(self.name)
        return self.storage.get_trial_id_from_study_id_trial_number(study_id, trial.number)


def open_study(
    url: str | None,
    name: str,
    directions: Sequence[str],
    settings: Mapping[str, Any],
    *,
    sampler: str,
    pruner: str = "none",
    seed: int = 0,
) -> TrackedStudy:
    """Open the study of this name, or create it.

    Parameters
    ----------
    url : str or None
        An SQLAlchemy address; None keeps the study in memory.
    name : str
    directions : sequence of str
        ``maximize`` or ``minimize`` of each metric.
    settings : mapping
        All that decides the trials' scores; a study of other settings is refused.
    sampler, pruner : str
        Keys of ``SAMPLERS`` and ``PRUNERS``.
    seed : int
        Of the proposals.

    Raises
    ------
    ClvError
        If the storage cannot be used, or holds a study of that name which was begun with other settings.
    """
    with translate_storage_errors(url), hold_task_lock(url):
        storage = open_storage(url)
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=list(directions),  # type: ignore[arg-type]
            pruner=PRUNERS[pruner](),
            load_if_exists=True,
        )
        if SETTINGS not in study.user_attrs and not study.get_trials(deepcopy=False):
            study.set_user_attr(IDENTITY, uuid4().hex)
            study.set_user_attr(SETTINGS, json.dumps(dict(settings)))
    _check_same_settings(study, settings)
    return TrackedStudy(study, url, storage, sampler, seed)


def _check_same_settings(study: Study, settings: Mapping[str, Any]) -> None:
    if SETTINGS not in study.user_attrs:
        raise ClvError(f"study '{study.study_name}' was made by another program; type another sweep.name")
    before, now = json.loads(study.user_attrs[SETTINGS]), json.loads(json.dumps(dict(settings)))
    differing = [name for name in sorted({*before, *now}) if before.get(name, "unset") != now.get(name, "unset")]
    if differing:
        changes = [f"{name} was {before.get(name, 'unset')} and is {now.get(name, 'unset')}" for name in differing[:3]]
        raise ClvError(
            f"study '{study.study_name}' was begun with other settings: {'; '.join(changes)}; type another "
            "sweep.name, or the settings it was begun with"
        )
