"""How a study proposes settings: samplers and pruners by name, seeded so that a study goes on as if never stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from itertools import count

import numpy as np
from optuna import pruners, samplers
from optuna.trial import FrozenTrial, TrialState

SAMPLERS: dict[str, Callable[..., samplers.BaseSampler]] = {
    "tpe": samplers.TPESampler,
    "random": samplers.RandomSampler,
    "nsgaii": samplers.NSGAIISampler,
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


def create_proposal_sampler(name: str, seed: int, proposal: int) -> samplers.BaseSampler:
    """Create the sampler of one proposal, which draws from the study's seed and the proposal's number.

    A study that was interrupted then goes on with what it would have proposed, and several processes that work on one
    study propose different things. What the sampler must know of other trials it reads from the study.
    """
    return SAMPLERS[name](seed=int(np.random.SeedSequence([seed, proposal]).generate_state(1)[0]))
