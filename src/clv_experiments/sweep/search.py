"""The loop of a study: trials until there are enough, whoever makes them, and whatever was killed made up for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from time import monotonic, sleep

from optuna import Study, Trial, TrialPruned
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages import fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from clv_experiments.errors import ClvError
from clv_experiments.sweep.sampling import FAILURE, PROPOSAL, TRIES, is_lost, next_proposal
from clv_experiments.sweep.space import Value
from clv_experiments.sweep.storage import alone, beat, beating, plainly, url_of
from clv_experiments.tracking.stored_run import failure_tags

AS_CONFIGURED = "as_configured"  # attribute of the trial that takes the configured settings
HOPELESS = 5  # trials, all failed, after which a study ends
WAIT = 0.5  # seconds between looks at what other processes do


def search(
    study: Study,
    objective: Callable[[Trial], Sequence[float]],
    *,
    n_trials: int | None,
    timeout: float | None,
    configured: Mapping[str, Value] | None,
    after: Callable[[Study, FrozenTrial], None],
    waiting: Callable[[], None],
) -> float:
    """Make trials until the study has ``n_trials``, those of other processes included, or ``timeout`` seconds passed.

    Trials that were killed or interrupted do not count. The last to end are waited for.

    Parameters
    ----------
    study : optuna.Study
    objective : callable
        An error that it raises becomes the trial's reason, and the study goes on.
    n_trials, timeout : int and float, optional
    configured : mapping, optional
        A choice to begin with.
    after : callable
        Is told of each trial that this process made.
    waiting : callable
        Is told once that other processes have trials under way.

    Returns
    -------
    float
        Seconds spent waiting for other processes.

    Raises
    ------
    ClvError
        If the first trials all failed, or the storage breaks off.
    """
    until = None if timeout is None else monotonic() + timeout
    waited, made = 0.0, 0
    while until is None or monotonic() < until:
        with plainly(url_of(study)), alone(url_of(study)):  # so that no two processes begin the same trial
            trials = _without_the_killed(study)
            if made:  # a study that was mended may go on
                _refuse_hopeless(trials)
            enough = n_trials is not None and sum(_counts(trial) for trial in trials) >= n_trials
            trial = None if enough else _begin(study, configured, trials)
        if trial is not None:
            with plainly(url_of(study)):
                ended = _end(study, trial, objective)
            made += 1
            if ended is not None:
                after(study, ended)
        elif all(trial.state is not TrialState.RUNNING for trial in trials):
            break
        else:
            if not waited:
                waiting()
            waited += WAIT
            sleep(WAIT)
    return waited


def _counts(trial: FrozenTrial) -> bool:
    return trial.state is not TrialState.WAITING and not is_lost(trial)


def _without_the_killed(study: Study) -> Sequence[FrozenTrial]:
    """Fail trials whose process is gone: their heartbeat stopped, or it was killed before it had any; list them all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        fail_stale_trials(study)
    trials = study.get_trials(deepcopy=False)
    killed = [trial for trial in trials if trial.state is TrialState.RUNNING and PROPOSAL not in trial.user_attrs]
    for trial in killed:
        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
    return study.get_trials(deepcopy=False) if killed else trials


def _begin(study: Study, configured: Mapping[str, Value] | None, trials: Sequence[FrozenTrial]) -> Trial:
    tried = [trial for trial in trials if AS_CONFIGURED in trial.user_attrs]
    if configured and len(tried) < TRIES and all(is_lost(trial) for trial in tried):
        study.enqueue_trial(dict(configured), user_attrs={AS_CONFIGURED: True})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Heartbeat of storage")  # which is taken care of here
        trial = study.ask()
    beat(trial)
    trial.set_user_attr(PROPOSAL, next_proposal(trials))
    return trial


def _end(study: Study, trial: Trial, objective: Callable[[Trial], Sequence[float]]) -> FrozenTrial | None:
    """Make a trial; None where it slept, as a laptop does, and another process gave it up and made up for it."""
    try:
        with beating(trial):
            values, state = _values(trial, objective)
        return study.tell(trial, values, state)
    except KeyboardInterrupt:
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        raise
    except (UpdateFinishedTrialError, ValueError):
        if is_lost(study.get_trials(deepcopy=False)[trial.number]):
            return None
        raise


def _values(trial: Trial, objective: Callable[[Trial], Sequence[float]]) -> tuple[Sequence[float] | None, TrialState]:
    try:
        return objective(trial), TrialState.COMPLETE
    except TrialPruned:
        return None, TrialState.PRUNED
    except Exception as error:
        trial.set_user_attr(FAILURE, failure_tags(error)["failure"])
        return None, TrialState.FAIL


def _refuse_hopeless(trials: Sequence[FrozenTrial]) -> None:
    ended = [trial for trial in trials if trial.state.is_finished() and not is_lost(trial)]
    if len(ended) >= HOPELESS and all(trial.state is TrialState.FAIL for trial in ended):
        raise ClvError(f"all of {len(ended)} trials failed, the last since: {ended[-1].user_attrs[FAILURE]}")
