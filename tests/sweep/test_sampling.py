"""Proposals: each drawn from the study's seed and its own number, and tried again only where its trial was lost."""

import pytest
from optuna.trial import TrialState, create_trial

from clv_experiments.sweep.sampling import FAILURE, PROPOSAL, SAMPLERS, is_killed_trial, next_proposal_number
from clv_experiments.sweep.study import open_study

LOST, FAILED, DONE, UNDER_WAY, WAITING = "lost", "failed", "done", "under way", "waiting"


def trial(fate, proposal=None):
    """A trial of a proposal; without one it was killed before it had any, or waits."""
    states = {DONE: TrialState.COMPLETE, UNDER_WAY: TrialState.RUNNING, WAITING: TrialState.WAITING}
    attributes = {} if proposal is None else {PROPOSAL: proposal}
    return create_trial(
        state=states.get(fate, TrialState.FAIL),
        value=1.0 if fate == DONE else None,
        user_attrs=attributes | ({FAILURE: "why"} if fate == FAILED else {}),
    )


@pytest.mark.parametrize("fate", [LOST, FAILED, DONE, UNDER_WAY, WAITING])
def test_only_what_failed_without_a_reason_is_lost(fate):
    assert is_killed_trial(trial(fate)) is (fate == LOST)


@pytest.mark.parametrize(
    ("trials", "proposal"),
    [
        ([], 0),
        ([(DONE, 0), (FAILED, 1), (UNDER_WAY, 2)], 3),
        ([(DONE, 0), (LOST, 1)], 1),
        ([(DONE, 0), (LOST, 1), (DONE, 2)], 1),
        ([(DONE, 0), (LOST, 1), (DONE, 1)], 2),
        ([(DONE, 0), (LOST, 1), (LOST, 1)], 2),
        ([(LOST, 0), (LOST, 0), (LOST, 1), (LOST, 1), (LOST, 2)], 2),
        ([(LOST, None), (LOST, None), (LOST, None), (WAITING, None)], 0),
    ],
)
def test_the_first_proposal_that_is_neither_taken_nor_lost_twice_is_next(trials, proposal):
    assert next_proposal_number([trial(*arguments) for arguments in trials]) == proposal


def draws(sampler, seed, proposals):
    """What the proposals of these numbers are, each asked for by itself."""
    values = []
    for proposal in proposals:
        study = open_study(None, "toy", ["minimize"], {}, sampler=sampler, seed=seed)
        study.study.add_trials([trial(DONE, number) for number in range(proposal)])
        values.append(study.ask_trial(proposal).suggest_float("x", 0.0, 1.0))
    return values


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_proposal_follows_from_the_seed_and_its_number(sampler):
    first = draws(sampler, 1, range(4))
    assert draws(sampler, 1, [3, 1, 0, 2]) == [first[3], first[1], first[0], first[2]]
    assert len({*first, *draws(sampler, 2, range(4))}) == 8
