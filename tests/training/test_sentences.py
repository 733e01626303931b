"""Every refusal of local training to the letter."""

# Wrong types are given on purpose.
# mypy: disable-error-code="arg-type,list-item,dict-item"

from __future__ import annotations

import numpy as np
import pytest
import torch

from ftte_lab.models import build, full, head, make_plan
from ftte_lab.training import (
    FineTuning,
    FrozenFeatures,
    accuracy_interval,
    choose_alpha,
    chunk_sizes,
    clients_at_once,
    draw_batches,
    draw_many,
    fine_tune,
    first_samples,
    gain_by,
    gain_summary,
    mixed_accuracies,
    own_accuracies,
    own_models,
    own_parts,
    personal_part,
    train_cohort,
)
from tests.sentences import Refusals, check_refused

NET = build("mlp", (1, 8, 8), 5)
START = NET.init(0)
PLAN, HEAD = make_plan(NET, full(NET)), make_plan(NET, head(NET))
X, Y = torch.zeros(6, 1, 8, 8), torch.arange(6) % 5
BATCHES = torch.zeros(2, 3, 2, dtype=torch.int64)
ENTRIES = HEAD.subset.entries(NET)


def batches(samples: object = 3, steps: object = 1, batch: object = 1, **change: object) -> object:
    return draw_batches(samples, steps, batch, **{"seed": 0, "client": 0, "visit": 0, **change})


def train(**change: object) -> object:
    given = {"x": X, "y": Y, "batches": BATCHES, "rate": 0.1, **change}
    return train_cohort(HEAD, START, **given)


REFUSED: Refusals = [
    # batches.py
    (
        lambda: batches(samples=0),
        "samples = [0]; allowed: at least 1 each, and at most 1,000,000,000. Every client needs "
        "data.",
    ),
    (
        lambda: batches(samples=2.5),
        "samples = [2.5]; allowed: at least 1 each, and at most 1,000,000,000. Every client needs"
        " data.",
    ),
    (
        lambda: batches(steps=0),
        "steps = 0; allowed: an integer from 1 to 1,000,000,000.",
    ),
    (
        lambda: batches(batch=0),
        "batch = 0; allowed: an integer from 1 to 1,000,000,000.",
    ),
    (
        lambda: batches(seed=-1),
        "seed = -1; allowed: an integer from 0 to 1.84467e+19.",
    ),
    (
        lambda: batches(seed=2**64),
        "seed = 18446744073709551616; allowed: an integer from 0 to 1.84467e+19.",
    ),
    (
        lambda: batches(client=-1),
        "numbers of clients or visits = [-1]; allowed: 1 integers from 0 to 9,007,199,254,740,992.",
    ),
    (
        lambda: batches(client=0.5),
        "numbers of clients or visits = [0.5]; allowed: 1 integers from 0 to "
        "9,007,199,254,740,992.",
    ),
    (
        lambda: batches(visit=-1),
        "numbers of clients or visits = [-1]; allowed: 1 integers from 0 to 9,007,199,254,740,992.",
    ),
    (
        lambda: draw_many([3, 0], 1, 1, seed=0, client=[0, 1], visit=[0, 0]),
        "samples = [3, 0]; allowed: at least 1 each, and at most 1,000,000,000. Every client "
        "needs data.",
    ),
    (
        lambda: draw_many([3, 3], 1, 1, seed=0, client=[0], visit=[0, 0]),
        "numbers of clients or visits = [0]; allowed: 2 integers from 0 to 9,007,199,254,740,992.",
    ),
    (
        lambda: draw_many([3, 3], 1, 1, seed=0, client=[0, 1], visit=[0, 2**70]),
        "numbers of clients or visits = [0, 1180591620717411303424]; allowed: 2 integers from 0 "
        "to 9,007,199,254,740,992.",
    ),
    # cohort.py and local_sgd.py
    (
        lambda: train(rate=-1),
        "rate = -1; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: train(rate=float("inf")),
        "rate = inf; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: train(momentum=-0.1),
        "momentum = -0.1; allowed: a number from 0 to 0.999.",
    ),
    (
        lambda: train(momentum=1),
        "momentum = 1; allowed: a number from 0 to 0.999.",
    ),
    (
        lambda: train(proximal=-1),
        "proximal = -1; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: train(track=("loss",)),
        "track = 'loss' is not known; allowed: losses, variance. Did you mean 'losses'?",
    ),
    (
        lambda: train(batches=BATCHES[0]),
        "batches of shape (3, 2); allowed: (clients, steps, batch).",
    ),
    (
        lambda: train(batches=BATCHES[:, :0]),
        "batches of shape (2, 0, 2); allowed: (clients, steps, batch).",
    ),
    (
        lambda: train(batches=BATCHES[:, :1], track=("variance",)),
        "step variance was asked for; allowed: at least 2 local steps and momentum 0.",
    ),
    (
        lambda: train(momentum=0.5, track=("variance",)),
        "step variance was asked for; allowed: at least 2 local steps and momentum 0.",
    ),
    (
        lambda: train(y=Y[:5]),
        "6 samples, 5 labels; allowed: equally many.",
    ),
    (
        lambda: train(x=X[:0], y=Y[:0]),
        "0 samples, 0 labels; allowed: equally many.",
    ),
    (
        lambda: train_cohort(PLAN, START, FrozenFeatures(NET, START, X, 4), Y, BATCHES, rate=0.1),
        "inputs of operation 4; allowed: 0 to 0, before anything that trains.",
    ),
    (
        lambda: train(offsets=torch.zeros(2, ENTRIES), proximal=0.5),
        "offsets with proximal = 0.5; allowed: one client correction at a time. Use proximal=0 "
        "with offsets.",
    ),
    (
        lambda: train(offsets=torch.zeros(2, ENTRIES + 1)),
        "offsets of shape (2, 166); allowed: (2, 165), one row of trained entries per client.",
    ),
    (
        lambda: train(offsets=torch.zeros(3, ENTRIES)),
        "offsets of shape (3, 165); allowed: (2, 165), one row of trained entries per client.",
    ),
    # sizing.py
    (
        lambda: clients_at_once(PLAN, 0),
        "batch = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: chunk_sizes(-1, 3),
        "clients = -1; allowed: an integer from 0 to 100,000,000.",
    ),
    (
        lambda: chunk_sizes(2, 0),
        "most = 0; allowed: an integer from 1 upwards.",
    ),
    # personal.py
    (
        lambda: FineTuning(steps=0),
        "steps = 0; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: FineTuning(steps=10**6 + 1),
        "steps = 1000001; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: FineTuning(batch=0),
        "batch = 0; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: FineTuning(batch=10**6 + 1),
        "batch = 1000001; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: FineTuning(seed=-1),
        "seed = -1; allowed: an integer from 0 to 9.22337e+18.",
    ),
    (
        lambda: FineTuning(seed=2**63 + 1),
        "seed = 9223372036854775809; allowed: an integer from 0 to 9.22337e+18.",
    ),
    (
        lambda: FineTuning(rate=0),
        "rate = 0; allowed: a number from 1e-12 to 1,000,000.",
    ),
    (
        lambda: FineTuning(rate=2e6),
        "rate = 2000000.0; allowed: a number from 1e-12 to 1,000,000.",
    ),
    (
        lambda: FineTuning(pull=-1),
        "pull = -1; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: FineTuning(pull=2e6),
        "pull = 2000000.0; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: personal_part(NET, "tail"),
        "part = 'tail' is not known; allowed: head, norms, head+norms. Choose one of these.",
    ),
    (
        lambda: own_parts([[0, 1]], share=1.5),
        "share = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: own_parts([[0, 1]], share=-0.5),
        "share = -0.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: own_parts([[0, 1]], seed=-1),
        "seed = -1; allowed: an integer from 0 to 9.22337e+18.",
    ),
    (
        lambda: own_parts([[0, 1], [2]]),
        "client 1 has 1 samples; allowed: at least 2.",
    ),
    (
        lambda: first_samples([[0, 1]], 0),
        "count = 0; allowed: an integer from 1 to 1,000,000,000.",
    ),
    (
        lambda: first_samples([[0, 1]], 1, seed=-1),
        "seed = -1; allowed: an integer from 0 to 9.22337e+18.",
    ),
    (
        lambda: own_models(HEAD, START, X[:0].numpy(), Y[:0].numpy(), [[0]]),
        "no samples; allowed: at least one.",
    ),
    (
        lambda: fine_tune(HEAD, START, X, Y, [], FineTuning()),
        "no client; allowed: at least one.",
    ),
    (
        lambda: fine_tune(HEAD, START, X, Y, [[0], []], FineTuning()),
        "client 1 has no samples; allowed: at least one.",
    ),
    (
        lambda: fine_tune(HEAD, START, X + torch.inf, Y, [[0]], FineTuning(steps=1)),
        "fine-tuning at rate 0.05 diverged; allowed: a rate at which it learns. Lower the rate or"
        " the pull.",
    ),
    (
        lambda: choose_alpha(HEAD, START, torch.zeros(2, ENTRIES), X, Y, [[0]]),
        "2 rows, 1 clients; allowed: equally many.",
    ),
    (
        lambda: choose_alpha(HEAD, START, torch.zeros(2, ENTRIES), X, Y, [[0], []]),
        "client 1 has no validation samples; allowed: at least one.",
    ),
    # personal_gain.py
    (
        lambda: gain_summary([0.5], [0.5, 0.5]),
        "1 before, 2 after; allowed: equally many.",
    ),
    (
        lambda: gain_summary([], []),
        "before of shape (0,); allowed: one accuracy per client.",
    ),
    (
        lambda: gain_summary([[0.5]], [0.5]),
        "before of shape (1, 1); allowed: one accuracy per client.",
    ),
    (
        lambda: gain_summary([0.5], [1.5]),
        "after = 1.5; allowed: a number from 0 to 1. An accuracy is a share, not a percentage.",
    ),
    (
        lambda: gain_summary([-0.5], [0.5]),
        "before = -0.5; allowed: a number from 0 to 1. An accuracy is a share, not a percentage.",
    ),
    (
        lambda: gain_summary([0.5], [0.5], seed=-1),
        "seed = -1; allowed: an integer from 0 to 9.22337e+18.",
    ),
    (
        lambda: gain_by([0.5], [0.5], []),
        "1 before, 1 after, 0 groups; allowed: equally many.",
    ),
    (
        lambda: own_accuracies(np.ones((2, 3), bool), [np.array([0])]),
        "marks of shape (2, 3) for 1 clients; allowed: a test sample each.",
    ),
    (
        lambda: own_accuracies(np.ones((1, 3), bool), [np.array([], int)]),
        "marks of shape (1, 3) for 1 clients; allowed: a test sample each.",
    ),
    (
        lambda: own_accuracies(np.ones(3, bool), [np.array([0])] * 3),
        "marks of shape (3,) for 3 clients; allowed: a test sample each.",
    ),
    (
        lambda: mixed_accuracies(np.ones((1, 3)), np.zeros(2), np.ones((1, 1))),
        "marks of shape (1, 3), mix of shape (1, 1); allowed: (clients, samples) and (clients, "
        "classes).",
    ),
    (
        lambda: mixed_accuracies(np.ones((1, 2)), np.zeros(2), np.full((1, 2), 0.6)),
        "a mix does not add up to 1; allowed: shares from 0 that sum to 1.",
    ),
    (
        lambda: mixed_accuracies(np.ones((1, 2)), np.zeros(2), np.array([[1.5, -0.5]])),
        "a mix does not add up to 1; allowed: shares from 0 that sum to 1.",
    ),
    (
        lambda: mixed_accuracies(np.ones((1, 2)), np.zeros(2), np.array([[0.5, 0.5]])),
        "no test sample of class 1; allowed: some.",
    ),
    (
        lambda: accuracy_interval(0, 0),
        "total = 0; allowed: an integer from 1 to 1e+15.",
    ),
    (
        lambda: accuracy_interval(-1, 1),
        "right = -1; allowed: an integer from 0 to 1.",
    ),
    (
        lambda: accuracy_interval(2, 1),
        "right = 2; allowed: an integer from 0 to 1.",
    ),
    (
        lambda: accuracy_interval(0, 10**15 + 1),
        "total = 1000000000000001; allowed: an integer from 1 to 1e+15.",
    ),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_training_refuses_in_its_own_words(number: int) -> None:
    check_refused(*REFUSED[number])
