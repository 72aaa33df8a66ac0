"""How a study proposes settings: samplers and pruners by name, seeded so that a study goes on as if never stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import Any

import numpy as np
from optuna import Study, pruners, samplers
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

SAMPLERS: dict[str, Callable[[int], samplers.BaseSampler]] = {
    "tpe": lambda seed: samplers.TPESampler(seed=seed),
    "random": lambda seed: samplers.RandomSampler(seed=seed),
    "nsgaii": lambda seed: samplers.NSGAIISampler(seed=seed),
}
PRUNERS: dict[str, Callable[[], pruners.BasePruner]] = {
    "none": pruners.NopPruner,
    "median": pruners.MedianPruner,
}
FAILURE, PROPOSAL = "failure", "proposal"  # attributes of a trial: why it failed by itself, and which proposal it tries
MAX_ATTEMPTS = 2  # times that a proposal is tried whose trial is killed or interrupted


def is_killed_trial(trial: FrozenTrial) -> bool:
    """Whether a trial was killed or interrupted: it failed, and there is no reason."""
    return trial.state is TrialState.FAIL and FAILURE not in trial.user_attrs


def next_proposal_number(trials: Collection[FrozenTrial]) -> int:
    """Return the first proposal that no trial tries and that was not lost as often as ``MAX_ATTEMPTS``."""
    proposal_trials = [trial for trial in trials if PROPOSAL in trial.user_attrs]
    proposals = {trial.user_attrs[PROPOSAL] for trial in proposal_trials if not is_killed_trial(trial)}
    losses = Counter(trial.user_attrs[PROPOSAL] for trial in proposal_trials if is_killed_trial(trial))
    return next(number for number in count() if number not in proposals and losses[number] < MAX_ATTEMPTS)


class ProposalSeededSampler(samplers.BaseSampler):
    """Draws each proposal of a study from the study's seed and the proposal's number.

    A study that was interrupted then goes on with what it would have proposed, and several processes that work on one
    study propose different things. A proposal whose trial was lost is tried once more, and not a third time.

    Parameters
    ----------
    create_sampler : callable
        Creates the sampler of one proposal from a seed; it reads from the study what it must know of other trials.
    seed : int
    """

    def __init__(self, create_sampler: Callable[[int], samplers.BaseSampler], seed: int) -> None:
        self.create_sampler = create_sampler
        self.seed = seed
        self.sampler = self._create_proposal_sampler(0)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Create the sampler of the proposal that this trial tries."""
        self.sampler = self._create_proposal_sampler(next_proposal_number(study.get_trials(deepcopy=False)))
        self.sampler.before_trial(study, trial)

    def _create_proposal_sampler(self, proposal: int) -> samplers.BaseSampler:
        return self.create_sampler(int(np.random.SeedSequence([self.seed, proposal]).generate_state(1)[0]))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Ask the trial's sampler."""
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Ask the trial's sampler."""
        return self.sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Ask the trial's sampler."""
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell the trial's sampler."""
        self.sampler.after_trial(study, trial, state, values)
