"""Every refusal of the server's functions to the letter: what was wrong, what is allowed, a fix."""

# Wrong types are given on purpose.
# mypy: disable-error-code="arg-type,list-item,dict-item,assignment,return-value"

from __future__ import annotations

import numpy as np
import pytest
import torch

from ftte_lab.devices import memory_model
from ftte_lab.models import Subset, build, full
from ftte_lab.server import (
    CORRECTIONS,
    MEASURES,
    SOLVERS,
    STALENESS,
    ClientCorrection,
    Contributions,
    ControlVariates,
    Intake,
    Masker,
    MovingQuantile,
    Neglect,
    Participants,
    Policy,
    Problem,
    Redraws,
    StepRule,
    WeightRule,
    choose,
    clip_rows,
    combine,
    decode,
    encode,
    epsilon,
    largest_entry,
    masked_message,
    masked_sum,
    measure,
    neglect_cap,
    noise_row,
    noise_to_clip,
    own_weights,
    rejections,
    require_finite,
    robust_mean,
    schedule,
    server_step,
    snapshot,
    split_noise,
    staleness_weight,
    sum_of_messages,
    variance_buffer,
    variance_entries,
    weights,
)
from tests.sentences import Refusals, check_refused
from tests.server.gains import made_up

NAN, INF = float("nan"), float("inf")
MODEL = build("mlp", (1, 8, 8), 10)
PARAMS = MODEL.init(seed=0)
TABLE = memory_model(MODEL, 8)
GAINS = made_up(MODEL, 0)
X, Y = torch.ones(4, 1, 8, 8), torch.arange(4)
ROWS = torch.ones(2, 3)
PAIR = Participants([1, 1], [2, 8], [1, 1])
VARIATES = ControlVariates(clients=2, entries=3)
TIMELINE = schedule(Policy.buffered(2, 1), PAIR, horizon_s=10.0, seed=0)


def pair(**change: object) -> Participants:
    times = {"download_s": [1, 1], "compute_s": [2, 8], "upload_s": [1, 1]}
    return Participants(**{**times, **change})


def run(**change: object) -> object:
    given = {"horizon_s": 10.0, "seed": 0}
    return schedule(Policy.buffered(2, 1), PAIR, **{**given, **change})


def redraws(**change: object) -> Redraws:
    index, later = np.zeros((2, 2)), {(0, 1): [1.0, 1.0]}
    given = {"at": (0.5,), "participants": [PAIR], "catch_up_s": later, "index_s": index}
    return Redraws(**{**given, **change})


def search(**change: object) -> object:
    given = {"budget_bytes": TABLE.peak_of(full(MODEL))}
    return choose(GAINS, TABLE, **{**given, **change})


def solved(returned: object, **change: object) -> object:
    SOLVERS["mine"] = lambda problem, seed: returned
    return search(solver="mine", **change)


def measured(returned: object) -> object:
    MEASURES["mine"] = lambda model, params, x, y: returned
    return measure(MODEL, PARAMS, X, Y, "mine")


def aged(returned: object) -> object:
    STALENESS["mine"] = lambda age, exponent, hinge_at: returned
    return staleness_weight([0, 2], "mine")


def moved(rows: object = ROWS, offsets: object = ROWS, **change: object) -> object:
    given = {"clients": [0, 1], "rows": rows, "offsets": offsets, "steps": 2, "rate": 0.1}
    VARIATES.update(**{**given, **change})
    return None


REFUSED: Refusals = [
    # aggregation.py
    (
        lambda: require_finite(torch.tensor([1.0, NAN])),
        "the server step is not finite; allowed: finite updates, and a step that float32 can "
        "hold. Reject these updates, or lower the server rate.",
    ),
    (
        lambda: WeightRule(staleness="polly"),
        "staleness = 'polly' is not known; allowed: poly, hinge, exponential, constant. Did you "
        "mean 'poly'?",
    ),
    (
        lambda: WeightRule(age_exponent=-0.5),
        "age_exponent = -0.5; allowed: a number from 0 upwards.",
    ),
    (
        lambda: WeightRule(hinge_at=-1.0),
        "hinge_at = -1.0; allowed: a number from 0 upwards.",
    ),
    (
        lambda: WeightRule(variance_exponent=NAN),
        "variance_exponent = nan; allowed: a number from 0 upwards.",
    ),
    (
        lambda: WeightRule(sample_exponent=-1),
        "sample_exponent = -1; allowed: a number from 0 upwards.",
    ),
    (
        lambda: WeightRule(normalise="mean"),
        "normalise = 'mean' is not known; allowed: sum, count. Choose one of these.",
    ),
    (
        lambda: weights([0], [0.0, 1.0], [1, 1, 1]),
        "(1,) ages, (2,) variances, (3,) sample counts; allowed: equally many, at least one.",
    ),
    (
        lambda: weights([], [], []),
        "(0,) ages, (0,) variances, (0,) sample counts; allowed: equally many, at least one.",
    ),
    (
        lambda: weights([0], [0.0], [1], variance_ref=-1),
        "variance_ref = -1; allowed: a number from 0 upwards. Take a median, reference > 0.",
    ),
    (
        lambda: weights([0], [0.0], [1], variance_ref=0),
        "a variance or its reference is negative or not finite; allowed: finite: variance >= 0, "
        "reference > 0. Reject such an update.",
    ),
    (
        lambda: weights([0, 0], [0.0, INF], [1, 1]),
        "a variance or its reference is negative or not finite; allowed: finite: variance >= 0, "
        "reference > 0. Reject such an update.",
    ),
    (
        lambda: weights([0, 0], [0.0, -1.0], [1, 1]),
        "a variance or its reference is negative or not finite; allowed: finite: variance >= 0, "
        "reference > 0. Reject such an update.",
    ),
    (
        lambda: weights([0, 0], [0.0, 1.0], [1, 0]),
        "a client has no samples; allowed: a finite number of at least 1 each.",
    ),
    (
        lambda: weights(
            [0] * 100, [0] * 100, [10**6] + [1] * 99, WeightRule(sample_exponent=400.0)
        ),
        "the weights add up to inf; allowed: a finite sum. Lower sample_exponent.",
    ),
    (
        lambda: variance_entries(torch.ones(2, 0)),
        "updates without entries; allowed: at least one entry each.",
    ),
    (
        lambda: variance_entries(torch.tensor([[1.0, INF]])),
        "an update is not finite; allowed: finite entries. Reject such an update.",
    ),
    (
        lambda: variance_buffer(ROWS, [1.0]),
        "2 updates with 1 weights by age, or a negative one; allowed: a finite weight from 0 "
        "upwards each.",
    ),
    (
        lambda: variance_buffer(ROWS, [1.0, -1.0]),
        "2 updates with 2 weights by age, or a negative one; allowed: a finite weight from 0 "
        "upwards each.",
    ),
    (
        lambda: variance_buffer(torch.tensor([[1.0], [INF], [2.0]]), [1.0, 1.0, 1.0]),
        "an update is not finite; allowed: finite entries. Reject such an update.",
    ),
    (
        lambda: combine(torch.ones(3), ROWS, [1.0, 1.0], 0),
        "server_rate = 0; allowed: a number from 1e-12 to 1e+12. Typical values lie between 0.1 "
        "and 3.",
    ),
    (
        lambda: combine(torch.ones(3), ROWS, [1.0, 1.0], 2e12),
        "server_rate = 2000000000000.0; allowed: a number from 1e-12 to 1e+12. Typical values lie"
        " between 0.1 and 3.",
    ),
    (
        lambda: combine(torch.ones(3), ROWS, [1.0], 1.0),
        "2 updates, 1 coefficients; allowed: equally many.",
    ),
    (
        lambda: combine(torch.ones(2), ROWS, [1.0, 1.0], 1.0),
        "updates of shape (2, 3) for 2 entries; allowed: (updates, entries).",
    ),
    (
        lambda: combine(torch.ones(3), ROWS, [1.0, 1.0], 1.0, torch.ones(2, 2)),
        "covered has another shape; allowed: that of the updates.",
    ),
    (
        lambda: combine(torch.ones(3), ROWS * INF, [1.0, 1.0], 1.0),
        "the server step is not finite; allowed: finite updates, and a step that float32 can "
        "hold. Reject these updates, or lower the server rate.",
    ),
    # corrections.py
    (
        lambda: ClientCorrection("mine", "ours", messages=0),
        "mine: messages = 0; allowed: an integer from 1 to 1,000.",
    ),
    (
        lambda: ClientCorrection("mine", "ours", messages=1001),
        "mine: messages = 1001; allowed: an integer from 1 to 1,000.",
    ),
    (
        lambda: ClientCorrection("mine", "ours", state_vectors=2),
        "mine: state_vectors = 2; allowed: an integer from 0 to 1.",
    ),
    (
        lambda: ClientCorrection("mine", "ours", state_vectors=-1),
        "mine: state_vectors = -1; allowed: an integer from 0 to 1.",
    ),
    (
        lambda: ControlVariates(0, 1),
        "clients = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: ControlVariates(1, 0),
        "entries = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: VARIATES.offsets([0], torch.ones(2)),
        "the downloaded variate has shape (2,); allowed: (3,), one number per trained entry.",
    ),
    (
        lambda: VARIATES.offsets([2]),
        "clients = [2]; allowed: a list of indices from 0 to 1.",
    ),
    (
        lambda: VARIATES.offsets([-1]),
        "clients = [-1]; allowed: a list of indices from 0 to 1.",
    ),
    (
        lambda: VARIATES.offsets([]),
        "clients = []; allowed: a list of indices from 0 to 1.",
    ),
    (
        lambda: VARIATES.offsets([[0]]),
        "clients = [[0]]; allowed: a list of indices from 0 to 1.",
    ),
    (
        lambda: moved(steps=0),
        "steps = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: moved(rate=-1),
        "rate = -1; allowed: a number from 0 upwards.",
    ),
    (
        lambda: moved(rate=0),
        "rate = 0; allowed: above 0. Without steps there is nothing to learn from.",
    ),
    (
        lambda: moved(rows=torch.ones(1, 3)),
        "rows of shape (1, 3); allowed: (2, 3), one row per client.",
    ),
    (
        lambda: moved(offsets=torch.ones(2, 2)),
        "offsets of shape (2, 2); allowed: (2, 3), one row per client.",
    ),
    (
        lambda: CORRECTIONS.__setitem__("mine", 3),
        "the client correction 'mine' is 3; allowed: a ClientCorrection.",
    ),
    (
        lambda: CORRECTIONS.__setitem__("mine", ClientCorrection("other", "ours")),
        "the client correction 'mine' is named 'other'; allowed: ClientCorrection(name='mine', "
        "...).",
    ),
    # intake.py
    (
        lambda: rejections(ROWS, 3, [0], 1),
        "2 updates with 1 numbers beside them; allowed: equally many.",
    ),
    (
        lambda: rejections(ROWS, 3, [0, 0], 1, [torch.ones(3)]),
        "2 updates with 3 numbers beside them; allowed: equally many.",
    ),
    (
        lambda: Intake(0),
        "entries = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: Intake(3).accepted([0], [0, 0], ROWS, [0, 0], 1),
        "2 updates of 1 clients with 2 visits; allowed: equally many.",
    ),
    (
        lambda: Intake(3).accepted([0, 1], [0], ROWS, [0, 0], 1),
        "2 updates of 2 clients with 1 visits; allowed: equally many.",
    ),
    # robust.py
    (
        lambda: robust_mean(ROWS, [1, 1], 0.5),
        "trim = 0.5; allowed: a number from 0 to 0.499999.",
    ),
    (
        lambda: robust_mean(ROWS, [1, 1], -0.1),
        "trim = -0.1; allowed: a number from 0 to 0.499999.",
    ),
    (
        lambda: robust_mean(ROWS, [1]),
        "2 updates, 1 coefficients; allowed: equally many.",
    ),
    (
        lambda: robust_mean(ROWS, [1, 1], covered=torch.ones(2, 2)),
        "covered has another shape; allowed: that of the updates.",
    ),
    (
        lambda: robust_mean(ROWS * INF, [1, 1]),
        "the server step is not finite; allowed: finite updates, and a step that float32 can "
        "hold. Reject these updates, or lower the server rate.",
    ),
    # server_step.py
    (
        lambda: StepRule(combine="models!"),
        "combine = 'models!' is not known; allowed: updates, models, mixing. Did you mean "
        "'models'?",
    ),
    (
        lambda: StepRule(mean="mode"),
        "mean = 'mode' is not known; allowed: weighted, median, trimmed. Choose one of these.",
    ),
    (
        lambda: StepRule(trim=0.46),
        "trim = 0.46; allowed: a number from 0 to 0.45.",
    ),
    (
        lambda: StepRule(trim=-0.1),
        "trim = -0.1; allowed: a number from 0 to 0.45.",
    ),
    (
        lambda: StepRule(server_rate=0),
        "server_rate = 0; allowed: a number from 1e-12 to 1e+12.",
    ),
    (
        lambda: StepRule(server_rate=2e12),
        "server_rate = 2000000000000.0; allowed: a number from 1e-12 to 1e+12.",
    ),
    (
        lambda: StepRule(combine="mixing", server_rate=1.5),
        "combine = 'mixing' with server_rate = 1.5; allowed: a server_rate of at most 1. It is "
        "the share of the new model, and 1 replaces the old one completely.",
    ),
    (
        lambda: server_step(torch.ones(3), ROWS, [1, 1], StepRule("models")),
        "starts = None; allowed: (2, 3), a start per update.",
    ),
    (
        lambda: server_step(
            torch.ones(3), ROWS, [1, 1], StepRule("models"), starts=torch.ones(2, 2)
        ),
        "starts = of shape (2, 2); allowed: (2, 3), a start per update.",
    ),
    (
        lambda: server_step(torch.ones(3), ROWS, [1, 1], StepRule("mixing"), starts=ROWS),
        "'mixing' without by_age; allowed: one weight per update.",
    ),
    (
        lambda: server_step(
            torch.ones(3), ROWS, [1, 1], StepRule("mixing"), starts=ROWS, by_age=[1.0]
        ),
        "'mixing' without by_age; allowed: one weight per update.",
    ),
    (
        lambda: server_step(
            torch.ones(3), ROWS * 3e38, [1, 1], StepRule(mean="median", server_rate=9)
        ),
        "the server step is not finite; allowed: finite updates, and a step that float32 can "
        "hold. Reject these updates, or lower the server rate.",
    ),
    # staleness.py
    (
        lambda: staleness_weight([0], "polly"),
        "staleness = 'polly' is not known; allowed: poly, hinge, exponential, constant. Did you "
        "mean 'poly'?",
    ),
    (
        lambda: staleness_weight([0], exponent=-1),
        "age_exponent = -1; allowed: a number from 0 upwards.",
    ),
    (
        lambda: staleness_weight([0], hinge_at=-1),
        "hinge_at = -1; allowed: a number from 0 upwards.",
    ),
    (
        lambda: staleness_weight([-1]),
        "an age is negative or not finite; allowed: staleness from 0 upwards. No update can come "
        "from the future.",
    ),
    (
        lambda: staleness_weight([INF]),
        "an age is negative or not finite; allowed: staleness from 0 upwards. No update can come "
        "from the future.",
    ),
    (
        lambda: aged("much"),
        "staleness function 'mine' returned str; allowed: finite numbers from 0 upwards of shape "
        "(2,), one per age.",
    ),
    (
        lambda: aged([1.0]),
        "staleness function 'mine' returned shape (1,); allowed: finite numbers from 0 upwards of"
        " shape (2,), one per age.",
    ),
    (
        lambda: aged([1.0, -2.0]),
        "staleness function 'mine' returned [-2.]; allowed: finite numbers from 0 upwards of "
        "shape (2,), one per age.",
    ),
    (
        lambda: aged([NAN, 1.0]),
        "staleness function 'mine' returned [nan]; allowed: finite numbers from 0 upwards of "
        "shape (2,), one per age.",
    ),
    # masks
    (
        lambda: masked_sum(np.ones(3)),
        "rows of shape (3,); allowed: (devices, entries).",
    ),
    (
        lambda: masked_sum(np.ones((3, 3)), [3]),
        "lost = 3; allowed: an integer from 0 to 2.",
    ),
    (
        lambda: masked_sum(np.ones((3, 3)), [-1]),
        "lost = -1; allowed: an integer from 0 to 2.",
    ),
    (
        lambda: masked_sum(np.ones((1, 3))),
        "1 of 1 devices are left; allowed: 2 to 100.",
    ),
    (
        lambda: masked_sum(np.ones((101, 1))),
        "101 of 101 devices are left; allowed: 2 to 100.",
    ),
    (
        lambda: masked_message(np.array([NAN]), Masker(), [b"1"]),
        "an entry has no code under a mask; allowed: finite, at most 32768 in size.",
    ),
    (
        lambda: sum_of_messages([]),
        "messages of [] bytes; allowed: one length, 4 bytes an entry.",
    ),
    (
        lambda: sum_of_messages([b"1234", b"12345678"]),
        "messages of [4, 8] bytes; allowed: one length, 4 bytes an entry.",
    ),
    (
        lambda: sum_of_messages([b"123"]),
        "messages of [3] bytes; allowed: one length, 4 bytes an entry.",
    ),
    (
        lambda: Masker(b"short"),
        "a private key of another length; allowed: 32 bytes.",
    ),
    (
        lambda: Masker("no bytes" * 4),
        "a private key of another length; allowed: 32 bytes.",
    ),
    (
        lambda: Masker().mask([bytes(32)], 1),
        "a group of other keys; allowed: different keys, this device's among them.",
    ),
    (
        lambda: Masker().mask([bytes(32)], -1),
        "entries = -1; allowed: an integer from 0 to 1,000,000,000.",
    ),
    (
        lambda: Masker().mask([bytes(32)], 10**9 + 1),
        "entries = 1000000001; allowed: an integer from 0 to 1,000,000,000.",
    ),
    (
        lambda: largest_entry(0),
        "group = 0; allowed: an integer from 1 to 100.",
    ),
    (
        lambda: largest_entry(101),
        "group = 101; allowed: an integer from 1 to 100.",
    ),
    (
        lambda: encode(np.array([3e4]), 2),
        "an entry has no code under a mask; allowed: finite, at most 16384 in size.",
    ),
    (
        lambda: decode(np.ones(2)),
        "codes of type float64; allowed: uint32.",
    ),
    # privacy
    (
        lambda: epsilon([1], 1.0, 1e-5, how="rdp"),
        "how = 'rdp' is not known; allowed: zcdp, exact, pld. Choose one of these.",
    ),
    (
        lambda: epsilon([-1], 1.0, 1e-5),
        "a number of participations is out of range; allowed: a row of numbers from 0 upwards.",
    ),
    (
        lambda: epsilon([[1]], 1.0, 1e-5),
        "a number of participations is out of range; allowed: a row of numbers from 0 upwards.",
    ),
    (
        lambda: epsilon([1], -1.0, 1e-5),
        "noise_multiplier = -1.0; allowed: a number from 0 upwards.",
    ),
    (
        lambda: epsilon([1], 1.0, 0),
        "delta = 0; allowed: a number from 1e-100 to 0.1.",
    ),
    (
        lambda: epsilon([1], 1.0, 0.2),
        "delta = 0.2; allowed: a number from 1e-100 to 0.1.",
    ),
    (
        lambda: clip_rows(ROWS, 0),
        "clip_norm = 0; allowed: a number from 1e-12 to 1e+12.",
    ),
    (
        lambda: clip_rows(ROWS, 2e12),
        "clip_norm = 2000000000000.0; allowed: a number from 1e-12 to 1e+12.",
    ),
    (
        lambda: clip_rows(ROWS * INF, 1.0),
        "an update is not finite; allowed: finite entries. Reject such an update.",
    ),
    (
        lambda: own_weights([0], [0, 0], [1], variance_ref=1, samples_ref=1),
        "(1,) ages, (2,) variances, (1,) sample counts; allowed: equally many.",
    ),
    (
        lambda: own_weights([0], [0], [1], variance_ref=0, samples_ref=1),
        "variance_ref = 0; allowed: a number from 1e-300 upwards.",
    ),
    (
        lambda: own_weights([0], [0], [1], variance_ref=1, samples_ref=0),
        "samples_ref = 0; allowed: a number from 1e-300 upwards.",
    ),
    (
        lambda: own_weights([0], [-1], [1], variance_ref=1, samples_ref=1),
        "a variance or a sample count is out of range; allowed: variance >= 0, samples > 0.",
    ),
    (
        lambda: own_weights([0], [0], [0], variance_ref=1, samples_ref=1),
        "a variance or a sample count is out of range; allowed: variance >= 0, samples > 0.",
    ),
    (
        lambda: noise_row(-1, 1.0, 1.0, seed=0, step=0),
        "entries = -1; allowed: an integer from 0 to 1,000,000,000.",
    ),
    (
        lambda: noise_row(10**9 + 1, 1.0, 1.0, seed=0, step=0),
        "entries = 1000000001; allowed: an integer from 0 to 1,000,000,000.",
    ),
    (
        lambda: noise_row(1, -1.0, 1.0, seed=0, step=0),
        "clip_norm = -1.0; allowed: a number from 0 to 1e+12.",
    ),
    (
        lambda: noise_row(1, 2e12, 1.0, seed=0, step=0),
        "clip_norm = 2000000000000.0; allowed: a number from 0 to 1e+12.",
    ),
    (
        lambda: noise_row(1, 1.0, -1.0, seed=0, step=0),
        "noise_multiplier = -1.0; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: noise_row(1, 1.0, 2e6, seed=0, step=0),
        "noise_multiplier = 2000000.0; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: noise_row(1, 1.0, 1.0, seed=-1, step=0),
        "seed = -1; allowed: an integer from 0 to 1.84467e+19.",
    ),
    (
        lambda: noise_row(1, 1.0, 1.0, seed=0, step=-1),
        "step = -1; allowed: an integer from 0 to 1.84467e+19.",
    ),
    (
        lambda: noise_to_clip(-1, 1, 1),
        "noise_multiplier = -1; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: noise_to_clip(2e6, 1, 1),
        "noise_multiplier = 2000000.0; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: noise_to_clip(1, -1, 1),
        "entries = -1; allowed: an integer from 0 to 1e+12.",
    ),
    (
        lambda: noise_to_clip(1, 10**12 + 1, 1),
        "entries = 1000000000001; allowed: an integer from 0 to 1e+12.",
    ),
    (
        lambda: noise_to_clip(1, 1, 0),
        "updates = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: split_noise(-1),
        "noise_multiplier = -1; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: split_noise(2e6),
        "noise_multiplier = 2000000.0; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: split_noise(1, 0),
        "share = 0; allowed: a number from 1e-09 to 1.",
    ),
    (
        lambda: split_noise(1, 1),
        "share = 1; allowed: a number from 1e-09 to 1.",
    ),
    (
        lambda: MovingQuantile(0),
        "value = 0; allowed: a number from 1e-12 to 1e+12.",
    ),
    (
        lambda: MovingQuantile(2e12),
        "value = 2000000000000.0; allowed: a number from 1e-12 to 1e+12.",
    ),
    (
        lambda: MovingQuantile(1, quantile=1.5),
        "quantile = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: MovingQuantile(1, quantile=-0.5),
        "quantile = -0.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: MovingQuantile(1, rate=-1),
        "rate = -1; allowed: a number from 0 to 10.",
    ),
    (
        lambda: MovingQuantile(1, rate=11),
        "rate = 11; allowed: a number from 0 to 10.",
    ),
    (
        lambda: MovingQuantile(1).move(NAN),
        "share_below = nan; allowed: a number from -1,000,000,000 to 1,000,000,000.",
    ),
    (
        lambda: MovingQuantile(1).move(2e9),
        "share_below = 2000000000.0; allowed: a number from -1,000,000,000 to 1,000,000,000.",
    ),
    (
        lambda: MovingQuantile(1).move(-2e9),
        "share_below = -2000000000.0; allowed: a number from -1,000,000,000 to 1,000,000,000.",
    ),
    # search
    (
        lambda: search(solver="exakt"),
        "solver = 'exakt' is not known; allowed: exact, dp, evolution, greedy, last, random, "
        "pure_random. Did you mean 'exact'?",
    ),
    (
        lambda: search(budget_bytes=0),
        "budget_bytes = 0; allowed: an integer from 1 to 1.15292e+18.",
    ),
    (
        lambda: search(seed=-1),
        "seed = -1; allowed: an integer from 0 upwards.",
    ),
    (
        lambda: search(budget_bytes=10),
        "no subset fits the weakest device: its floor is 30.7 KiB (training the classifier "
        "alone), the budget 0.0 KiB; allowed: a budget of at least the floor. Raise the budget, "
        "shrink the batch or the model, or leave the device out.",
    ),
    (
        lambda: search(budget_bytes=10, device="the watch"),
        "no subset fits the watch: its floor is 30.7 KiB (training the classifier alone), the "
        "budget 0.0 KiB; allowed: a budget of at least the floor. Raise the budget, shrink the "
        "batch or the model, or leave the device out.",
    ),
    (
        lambda: search(max_entries=3),
        "max_entries = 3; allowed: an integer from 330 to 1.15292e+18. The classifier is always "
        "trained.",
    ),
    (
        lambda: search(granularity="net"),
        "granularity = 'net' is not known; allowed: channel, layer. Choose one of these.",
    ),
    (
        lambda: choose(GAINS, memory_model(build("cnn", (1, 8, 8), 10), 8), 10**6),
        "contributions and memory model differ; allowed: both for the same model. Measure them "
        "again.",
    ),
    (
        lambda: Problem.build(
            measure(MODEL, PARAMS, X, Y, ratios=(0.5,)), TABLE, 10**6, None, "layer"
        ),
        "granularity = 'layer' without a gain for all channels of ['hidden1.weight']; allowed: "
        "gains for all channels of each tensor. Measure with ratio 1.",
    ),
    (
        lambda: Contributions("mine", {}, {"w": {1: NAN}}),
        "a gain = nan; allowed: a number from -1e+30 to 1e+30.",
    ),
    (
        lambda: Contributions("mine", {}, {"w": {1: 2e30}}),
        "a gain = 2e+30; allowed: a number from -1e+30 to 1e+30.",
    ),
    (
        lambda: Contributions("mine", {}, {"w": {1: 1.0}}, {"w": (-2e30,)}),
        "a gain = -2e+30; allowed: a number from -1e+30 to 1e+30.",
    ),
    (
        lambda: Contributions("mine", {}, {}, exponent=0.05),
        "exponent = 0.05; allowed: a number from 0.1 to 1.",
    ),
    (
        lambda: Contributions("mine", {}, {}, exponent=2),
        "exponent = 2; allowed: a number from 0.1 to 1.",
    ),
    (
        lambda: solved(None),
        "solver 'mine' returned NoneType; allowed: a dict: channels to train, by tensor; or a "
        "Subset.",
    ),
    (
        lambda: solved({}),
        "solver 'mine' returned a choice without ['head.weight']; allowed: one with the complete "
        "classifier. Start from dict(problem.required).",
    ),
    (
        lambda: solved({"head.bias": 1}),
        "solver 'mine' returned a choice without ['head.weight']; allowed: one with the complete "
        "classifier. Start from dict(problem.required).",
    ),
    (
        lambda: solved({"stem": 1}),
        "solver 'mine': tensor = 'stem' is not known; allowed: hidden1.weight, hidden1.bias, "
        "hidden2.weight, hidden2.bias, head.weight, head.bias. Choose one of these.",
    ),
    (
        lambda: solved({"hidden1.weight": 99}),
        "solver 'mine' returned 99 channels of 'hidden1.weight'; allowed: 0, 16, 32, 64.",
    ),
    (
        lambda: solved({"head.bias": 0}),
        "solver 'mine' returned 0 channels of 'head.bias'; allowed: 1.",
    ),
    (
        lambda: solved({t.name: t.channels for t in MODEL.tensors.values()}, budget_bytes=40_000),
        "solver 'mine' returned a choice of 56,724 bytes; allowed: at most 40,000 bytes. Ask "
        "problem.fits before you return.",
    ),
    (
        lambda: solved({t.name: t.channels for t in MODEL.tensors.values()}, max_entries=5_000),
        "solver 'mine' returned a choice of 56,724 bytes and 6,570 parameters; allowed: at most "
        "56,724 bytes and 5,000 parameters. Ask problem.fits before you return.",
    ),
    (
        lambda: solved(Subset({"head.weight": "x"})),
        "solver 'mine' returned a subset: invalid literal for int() with base 10: 'x'",
    ),
    (
        lambda: solved(Subset({"nothing": None})),
        "solver 'mine' returned a subset: tensor = 'nothing' is not known; allowed: "
        "hidden1.weight, hidden1.bias, hidden2.weight, hidden2.bias, head.weight, head.bias. "
        "Choose one of these.",
    ),
    (
        lambda: solved(
            {"head.weight": 64, "head.bias": 1, "hidden1.weight": 64}, granularity="layer"
        ),
        "solver 'mine' returned 64 channels of 'head.weight'; allowed: 32.",
    ),
    (
        lambda: measure(MODEL, PARAMS, X, Y, "fischer"),
        "contribution = 'fischer' is not known; allowed: gradient, fisher, finetune. Did you mean"
        " 'fisher'?",
    ),
    (
        lambda: measure(MODEL, PARAMS, X, Y, channels_by="size"),
        "channels_by = 'size' is not known; allowed: magnitude, gain. Choose one of these.",
    ),
    (
        lambda: measure(MODEL, PARAMS, X, Y[:3]),
        "4 public samples, 3 labels; allowed: equally many, at least 2.",
    ),
    (
        lambda: measure(MODEL, PARAMS, X[:1], Y[:1]),
        "1 public samples, 1 labels; allowed: equally many, at least 2.",
    ),
    (
        lambda: measure(MODEL, PARAMS, X, Y, ratios=(0.0,)),
        "ratio = 0.0; allowed: a number from 1e-09 to 1.",
    ),
    (
        lambda: measure(MODEL, PARAMS, X, Y, ratios=(1.5,)),
        "ratio = 1.5; allowed: a number from 1e-09 to 1.",
    ),
    (
        lambda: measure(MODEL, PARAMS, X, Y, exponent=0.05),
        "exponent = 0.05; allowed: a number from 0.1 to 1.",
    ),
    (
        lambda: measure(MODEL, PARAMS, X, Y, exponent=1.5),
        "exponent = 1.5; allowed: a number from 0.1 to 1.",
    ),
    (
        lambda: measured(None),
        "gain measure 'mine' returned NoneType; allowed: a dict: one finite gain per channel of "
        "every tensor (a vector has one).",
    ),
    (
        lambda: measured({}),
        "gain measure 'mine' returned nothing for ['hidden1.weight']; allowed: one finite gain "
        "per channel of every tensor (a vector has one).",
    ),
    (
        lambda: measured(dict.fromkeys(MODEL.tensors, "x")),
        "gain measure 'mine' returned 'x' for 'hidden1.weight'; allowed: one finite gain per "
        "channel of every tensor (a vector has one).",
    ),
    (
        lambda: measured({name: [1.0] for name in MODEL.tensors}),
        "gain measure 'mine' returned 1 gains for 'hidden1.weight'; allowed: one finite gain per "
        "channel of every tensor (a vector has one).",
    ),
    (
        lambda: measured({t.name: [NAN] * t.channels for t in MODEL.tensors.values()}),
        "gain measure 'mine' returned a gain for 'hidden1.weight' that is not finite; allowed: "
        "one finite gain per channel of every tensor (a vector has one).",
    ),
    (
        lambda: Neglect.none(MODEL).reweighted(GAINS, 0.5),
        "cap = 0.5; allowed: a number from 1 upwards. 0 would make what is trained overdue.",
    ),
    (
        lambda: neglect_cap(0, 0, 0),
        "entries = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: neglect_cap(1, -1, 0),
        "head = -1; allowed: an integer from 0 upwards.",
    ),
    (
        lambda: neglect_cap(1, 0, -1),
        "trained = -1; allowed: an integer from 0 upwards.",
    ),
    # timeline
    (
        lambda: pair(compute_s=[1.0]),
        "compute_s has shape (1,); allowed: 2 finite numbers from 0 upwards, one per client.",
    ),
    (
        lambda: pair(upload_s=[1.0, -2.0]),
        "upload_s holds [-2.] at [1]; allowed: 2 finite numbers from 0 upwards, one per client.",
    ),
    (
        lambda: pair(download_s=[NAN, 1.0]),
        "first_download_s holds [nan] at [0]; allowed: 2 finite numbers from 0 upwards, one per "
        "client.",
    ),
    (
        lambda: pair(first_download_s=[0.0, INF]),
        "first_download_s holds [inf] at [1]; allowed: 2 finite numbers from 0 upwards, one per "
        "client.",
    ),
    (
        lambda: pair(dropout=[0.0, 1.2]),
        "dropout holds [1.2] at [1]; allowed: 2 finite numbers from 0 to 1, one per client.",
    ),
    (
        lambda: pair(eligible=[1, 1]),
        "eligible has type int64; allowed: one bool per client. For all: np.ones(n, bool).",
    ),
    (
        lambda: pair(eligible=np.ones((2, 1), bool)),
        "eligible has type bool; allowed: one bool per client. For all: np.ones(n, bool).",
    ),
    (
        lambda: pair(eligible=[False, False]),
        "0 of 2 clients are eligible; allowed: at least 1. Give the devices more memory, or "
        "choose a smaller model or subset.",
    ),
    (
        lambda: pair(download_s=[1, 0], compute_s=[1.0, 0.0], upload_s=[1, 0]),
        "a participation takes 0 s; allowed: durations above 0. Count its computing time.",
    ),
    (
        lambda: pair(energy_j=[1.0]).need_j,
        "energy_j has shape (1,); allowed: 2 finite numbers from 0 upwards, one per client.",
    ),
    (
        lambda: Policy(0, 1),
        "concurrency = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: Policy(1, 0),
        "buffer = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: Policy(1, 1, "never"),
        "refill = 'never' is not known; allowed: arrival, step. Choose one of these.",
    ),
    (
        lambda: Policy(1, 1, max_staleness=-1),
        "max_staleness = -1; allowed: an integer from 0 upwards. None keeps updates of any age.",
    ),
    (
        lambda: Policy(1, 1, max_participations=0),
        "max_participations = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: Policy(1, 2, "step"),
        "buffer = 2; allowed: 1 to 1, the concurrency. A larger buffer never fills: raise the "
        "concurrency or refill on arrival.",
    ),
    (
        lambda: Policy(1, 1, discard_late=True),
        "discard_late with refill = 'arrival'; allowed: refill = 'step'. Use Policy.synchronous.",
    ),
    (
        lambda: Policy.synchronous(0),
        "cohort = 0; allowed: an integer from 1 to 100,000,000.",
    ),
    (
        lambda: Policy.synchronous(10**8 + 1),
        "cohort = 100000001; allowed: an integer from 1 to 100,000,000.",
    ),
    (
        lambda: Policy.synchronous(1, -0.1),
        "over_select = -0.1; allowed: a number from 0 to 100,000,000.",
    ),
    (
        lambda: Policy.synchronous(1, 1e9),
        "over_select = 1000000000.0; allowed: a number from 0 to 100,000,000.",
    ),
    (
        lambda: Policy.buffered(0, 1),
        "concurrency = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: Policy.buffered(1, 0),
        "buffer = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: Policy.buffered(1, 1, -1),
        "max_staleness = -1; allowed: an integer from 0 upwards. None keeps updates of any age.",
    ),
    (
        lambda: redraws(at=(0.0,)),
        "at = (0.0,); allowed: rising shares between 0 and 1.",
    ),
    (
        lambda: redraws(at=(1.0,)),
        "at = (1.0,); allowed: rising shares between 0 and 1.",
    ),
    (
        lambda: redraws(at=(0.5, 0.5)),
        "at = (0.5, 0.5); allowed: rising shares between 0 and 1.",
    ),
    (
        lambda: redraws(at=tuple(k / 21 for k in range(1, 21))),
        "21 phases; allowed: at most 20.",
    ),
    (
        lambda: redraws(participants=[]),
        "0 later phases, 1 shares; allowed: equally many.",
    ),
    (
        lambda: redraws(index_s=np.zeros((1, 2))),
        "1 later phases, 1 shares; allowed: equally many.",
    ),
    (
        lambda: redraws(catch_up_s={}),
        "catch_up_s has 0 entries; allowed: 1, one per pair of phases.",
    ),
    (
        lambda: redraws(catch_up_s={(0, 1): [1.0]}),
        "seconds of shape (1,); allowed: finite, from 0 upwards, one per client.",
    ),
    (
        lambda: redraws(catch_up_s={(0, 1): [1.0, -1.0]}),
        "seconds of shape (2,); allowed: finite, from 0 upwards, one per client.",
    ),
    (
        lambda: redraws(index_s=np.full((2, 2), INF)),
        "seconds of shape (2,); allowed: finite, from 0 upwards, one per client.",
    ),
    (
        lambda: run(jitter_sigma=-1),
        "jitter_sigma = -1; allowed: a number from 0 to 3.",
    ),
    (
        lambda: run(jitter_sigma=4),
        "jitter_sigma = 4; allowed: a number from 0 to 3.",
    ),
    (
        lambda: run(horizon_s=-1),
        "horizon_s = -1; allowed: a number from 0 upwards.",
    ),
    (
        lambda: run(horizon_s=0),
        "horizon_s = 0; allowed: virtual seconds above 0. Take some participations' length.",
    ),
    (
        lambda: run(seed=-3),
        "seed = -3; allowed: an integer from 0 upwards.",
    ),
    (
        lambda: run(max_steps=0),
        "max_steps = 0; allowed: an integer from 1 upwards. None runs to the horizon.",
    ),
    (
        lambda: TIMELINE.buffer_of(-1),
        "step -1 of 3; allowed: 0 to 2. Lengthen the horizon.",
    ),
    (
        lambda: TIMELINE.buffer_of(3),
        "step 3 of 3; allowed: 0 to 2. Lengthen the horizon.",
    ),
    (
        lambda: TIMELINE.empty_at(1.0),
        "the timeline has no batteries; allowed: one with batteries. Pass batteries to schedule.",
    ),
    (
        lambda: snapshot(TIMELINE, 2, -1.0),
        "sim_seconds = -1.0; allowed: a number from 0 to 10.",
    ),
    (
        lambda: snapshot(TIMELINE, 2, 11.0),
        "sim_seconds = 11.0; allowed: a number from 0 to 10.",
    ),
    (
        lambda: snapshot(TIMELINE, 1, 5.0),
        "clients = 1; allowed: an integer from 2 to 10,000,000. Count idle clients too.",
    ),
    (
        lambda: snapshot(TIMELINE, 10**7 + 1, 5.0),
        "clients = 10000001; allowed: an integer from 2 to 10,000,000. Count idle clients too.",
    ),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_server_refuses_in_its_own_words(number: int) -> None:
    check_refused(*REFUSED[number])
