"""The loop of a study: trials until there are enough, whoever runs them, and killed ones tried once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, perf_counter, sleep

from optuna import Trial, TrialPruned
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from clv_experiments.errors import ClvError
from clv_experiments.sweep.objective import SECONDS
from clv_experiments.sweep.sampling import FAILURE, MAX_ATTEMPTS, is_killed_trial, next_proposal_number
from clv_experiments.sweep.space import ParamValue
from clv_experiments.sweep.storage import hold_task_lock, translate_storage_errors
from clv_experiments.sweep.study import AS_CONFIGURED, TrackedStudy
from clv_experiments.tracking.stored_run import failure_tags

MAX_FAILURES_AT_START = 5  # trials, all failed, after which a study ends
POLL = 0.5  # seconds between looks at the trials of other processes


@dataclass
class WorkerStats:
    """What one process contributed to a study.

    Attributes
    ----------
    trials : list of FrozenTrial
        Those that it ran.
    seconds : float
        Wall time, without ``seconds_waiting`` for other processes.
    """

    trials: list[FrozenTrial] = field(default_factory=list)
    seconds: float = 0.0
    seconds_waiting: float = 0.0

    @property
    def seconds_fit_predict(self) -> float:
        """Time spent on fits and forecasts."""
        return float(sum(trial.user_attrs.get(SECONDS, 0.0) for trial in self.trials))

    @property
    def overhead(self) -> float:
        """Time spent on all else, as a share of that on fits and forecasts."""
        return self.seconds / self.seconds_fit_predict - 1.0


def run_trials(
    study: TrackedStudy,
    objective: Callable[[Trial], Sequence[float]],
    *,
    n_trials: int | None,
    timeout: float | None,
    configured: Mapping[str, ParamValue] | None,
    on_trial: Callable[[FrozenTrial], None],
    on_wait: Callable[[], None],
) -> WorkerStats:
    """Run trials until the study has ``n_trials``, those of other processes included, or ``timeout`` seconds passed.

    Trials that were killed or interrupted do not count. The last to end are waited for.

    Parameters
    ----------
    study : TrackedStudy
    objective : callable
        An error that it raises becomes the trial's reason, and the study goes on.
    n_trials, timeout : int and float, optional
    configured : mapping, optional
        A choice to begin with.
    on_trial : callable
        Called with each trial that this process ran.
    on_wait : callable
        Called once, where other processes have trials under way.

    Raises
    ------
    ClvError
        If the first trials all failed, or the storage breaks off.
    """
    result, started = WorkerStats(), perf_counter()
    deadline = None if timeout is None else monotonic() + timeout
    while deadline is None or monotonic() < deadline:
        # The lock keeps two processes from beginning the same trial.
        with translate_storage_errors(study.url), hold_task_lock(study.url):
            trials = study.fail_killed_and_list_trials()
            if result.trials:  # a study that was mended may go on
                _stop_if_all_failed(study)
            is_complete = n_trials is not None and sum(_counts_as_trial(trial) for trial in trials) >= n_trials
            trial = None if is_complete else _ask_next_trial(study, configured, trials)
        if trial is not None:
            with translate_storage_errors(study.url):
                finished_trial = _run_trial(study, trial, objective)
            if finished_trial is not None:
                result.trials.append(finished_trial)
                on_trial(finished_trial)
        elif all(trial.state is not TrialState.RUNNING for trial in trials):
            break
        else:
            if not result.seconds_waiting:
                on_wait()
            result.seconds_waiting += POLL
            sleep(POLL)
    result.seconds = perf_counter() - started - result.seconds_waiting
    return result


def _counts_as_trial(trial: FrozenTrial) -> bool:
    return trial.state is not TrialState.WAITING and not is_killed_trial(trial)


def _ask_next_trial(
    study: TrackedStudy, configured: Mapping[str, ParamValue] | None, trials: Sequence[FrozenTrial]
) -> Trial:
    attempts = [trial for trial in trials if AS_CONFIGURED in trial.user_attrs]
    if configured and len(attempts) < MAX_ATTEMPTS and all(is_killed_trial(trial) for trial in attempts):
        study.study.enqueue_trial(dict(configured), user_attrs={AS_CONFIGURED: True})
    return study.ask_trial(next_proposal_number(trials))


def _run_trial(study: TrackedStudy, trial: Trial, objective: Callable[[Trial], Sequence[float]]) -> FrozenTrial | None:
    """Run a trial; None where it slept, as a laptop does, and another process gave it up and tried it once more."""
    try:
        with study.record_heartbeats(trial):
            values, state = _evaluate(trial, objective)
        return study.study.tell(trial, values, state)
    except KeyboardInterrupt:
        study.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        raise
    except (UpdateFinishedTrialError, ValueError):
        if is_killed_trial(study.trials[trial.number]):
            return None
        raise


def _evaluate(trial: Trial, objective: Callable[[Trial], Sequence[float]]) -> tuple[Sequence[float] | None, TrialState]:
    try:
        return objective(trial), TrialState.COMPLETE
    except TrialPruned:
        return None, TrialState.PRUNED
    except Exception as error:
        trial.set_user_attr(FAILURE, failure_tags(error)["failure"])
        return None, TrialState.FAIL


def _stop_if_all_failed(study: TrackedStudy) -> None:
    trials = study.ended_trials
    if len(trials) >= MAX_FAILURES_AT_START and all(trial.state is TrialState.FAIL for trial in trials):
        raise ClvError(f"all of {len(trials)} trials failed, the last since: {trials[-1].user_attrs[FAILURE]}")
