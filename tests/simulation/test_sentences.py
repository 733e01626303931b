"""Every refusal of a scenario, a history and a curve to the letter."""

# Wrong types are given on purpose.
# mypy: disable-error-code="arg-type,list-item,dict-item,assignment"

from __future__ import annotations

from dataclasses import fields

import pandas as pd
import pytest

from ftte_lab.simulation import (
    METHODS,
    History,
    Scenario,
    faster,
    first_reached,
    prepare,
    run,
    saved,
    setting,
    smooth,
    smoothing_width_s,
)
from tests.sentences import Refusals, check_refused
from tests.tiny import TINY

NAN, INF = float("nan"), float("inf")
POINTS = pd.DataFrame({"sim_seconds": [0.0, 40.0], "accuracy": [0.1, 0.9]})
HISTORY = History({"horizon_s": 40.0, "evaluations": 5}, POINTS, {})
OTHERS = len(fields(Scenario)) - 12  # twelve are named
MASKED = {"secure_aggregation": True}


def with_(**change: object) -> Scenario:
    return TINY.replace(**change)


def text(old: str, new: str) -> object:
    return History.from_json(HISTORY.to_json().replace(old, new))


REFUSED: Refusals = [
    # validation.py
    (
        lambda: with_(mix={"sensr": 1.0}),
        "mix: kind = 'sensr' is not known; allowed: sensor, esp32, watch, pi_zero, pi4, jetson, "
        "phone_low, phone, fitness_watch. Did you mean 'sensor'?",
    ),
    (
        lambda: with_(mix={"sensor": 0.5}),
        "mix sums to 0.5; allowed: a sum of 1. Divide each share by the sum.",
    ),
    (
        lambda: with_(mix=3),
        "mix = 3; allowed: shares that sum to 1, of sensor, esp32, watch, pi_zero, pi4, jetson, "
        "phone_low, phone, fitness_watch.",
    ),
    (
        lambda: with_(slow_class=1, alpha=None),
        "slow_class = 1 with alpha = None; allowed: None unless alpha is a number. Only a label "
        "skew makes clients differ in how much of a class they hold.",
    ),
    (
        lambda: with_(micro_batch=99),
        "micro_batch = 99 with batch = 8; allowed: 1 to 8, None or 'auto'. A micro-batch is a "
        "part of the batch.",
    ),
    (
        lambda: with_(concurrency=13),
        "concurrency = 13; allowed: 1 to 12, the number of clients. Lower the concurrency or add "
        "clients.",
    ),
    (
        lambda: with_(refill="step", buffer=7),
        "buffer = 7; allowed: 1 to 6, the concurrency. A buffer that is refilled only at the step"
        " can never hold more than the concurrency.",
    ),
    (
        lambda: with_(over_select=0.5),
        "over_select = 0.5; allowed: 0 unless refill = 'step'.",
    ),
    (
        lambda: with_(variance="buffer", variance_exponent=1.0, subset_per="kind"),
        "variance = 'buffer' with subset_per = 'kind'; allowed: 'entries' or 'steps'. Updates of "
        "different subsets have no distance from each other: use variance = 'entries'.",
    ),
    (
        lambda: with_(variance="steps", variance_exponent=1.0, local_steps=1),
        "variance = 'steps'; allowed: local_steps of at least 2, client_momentum 0 and no client "
        "correction. Or use variance = 'entries'.",
    ),
    (
        lambda: with_(variance="steps", variance_exponent=1.0, client_momentum=0.5),
        "variance = 'steps'; allowed: local_steps of at least 2, client_momentum 0 and no client "
        "correction. Or use variance = 'entries'.",
    ),
    (
        lambda: with_(variance="steps", variance_exponent=1.0, correction="proximal"),
        "variance = 'steps'; allowed: local_steps of at least 2, client_momentum 0 and no client "
        "correction. Or use variance = 'entries'.",
    ),
    (
        lambda: with_(correction="control_variates", client_momentum=0.5),
        "correction = 'control_variates' with client_momentum = 0.5; allowed: client_momentum 0. "
        "SCAFFOLD reads a client's mean gradient off its update, which momentum would distort.",
    ),
    (
        lambda: with_(correction="control_variates", subset_per="kind"),
        "correction = 'control_variates' with subset_per = 'kind'; allowed: subset_per = 'fleet'."
        " The server's variate is a mean over clients that train the same entries.",
    ),
    (
        lambda: with_(correction="control_variates", payload_bits=8),
        "correction = 'control_variates' with payload_bits = 8; allowed: payload_bits = 32. The "
        "server's variate is a mean of what the clients keep, which rounding would end.",
    ),
    (
        lambda: with_(combine="mixing", server_rate=2.0),
        "combine = 'mixing' with server_rate = 2; allowed: a server_rate of at most 1. It is the "
        "share of the new model, and 1 replaces the old one completely.",
    ),
    (
        lambda: with_(mean="median", correction="control_variates"),
        "mean = 'median' with correction = 'control_variates'; allowed: mean = 'weighted'. "
        "SCAFFOLD's variates stay a plain mean, which one faulty client moves as it likes.",
    ),
    (
        lambda: with_(mean="median", buffer=2),
        "mean = 'median' with 2 updates per server step; allowed: 3 or more. One or two updates "
        "have no median but their mean: raise the buffer.",
    ),
    (
        lambda: with_(mean="trimmed", buffer=None, refill="step", concurrency=2),
        "mean = 'trimmed' with 2 updates per server step; allowed: 3 or more. One or two updates "
        "have no median but their mean: raise the buffer.",
    ),
    (
        lambda: with_(phases=2, subset="full"),
        "phases = 2 with subset = 'full'; allowed: subset = 'search'. Where everything is trained"
        " there is nothing to redraw.",
    ),
    (
        lambda: with_(phases=2, subset_per="kind"),
        "phases = 2 with subset_per = 'kind'; allowed: subset_per = 'fleet'. Phases are one "
        "subset for the whole fleet at a moment.",
    ),
    (
        lambda: with_(phases=2, channels_by="magnitude"),
        "phases = 2 with channels_by = 'magnitude'; allowed: channels_by = 'gain'. A channel's "
        "gain grows while it is not trained.",
    ),
    (
        lambda: with_(phases=2, correction="control_variates"),
        "phases = 2 with correction = 'control_variates'; allowed: correction = 'none' or "
        "'proximal'. Variates belong to one set of entries.",
    ),
    (
        lambda: with_(phases=2, payload_bits=8),
        "phases = 2 with payload_bits = 8; allowed: payload_bits = 16 or 32. A tensor's scale "
        "would change with the phases missed.",
    ),
    (
        lambda: with_(phases=2, batteries=True),
        "phases = 2 with batteries = True; allowed: batteries = False. What a participation takes"
        " would change with the phase.",
    ),
    (
        lambda: with_(phases=2, server_momentum=0.5),
        "phases = 2 with server_momentum = 0.5; allowed: server_momentum = 0. It would go on "
        "moving entries that are no longer trained.",
    ),
    (
        lambda: with_(phases=2, variance="buffer", variance_exponent=1.0),
        "phases = 2 with variance = 'buffer'; allowed: 'entries' or 'steps'. Updates of different"
        " subsets have no distance from each other.",
    ),
    # privacy_checks.py
    (
        lambda: TINY.replace(clip_norm=1.0),
        "clip_norm = 1 with normalise = 'sum'; allowed: normalise = 'count'. Divided by the sum "
        "of the weights, one device would change the part of every other.",
    ),
    (
        lambda: with_(noise_multiplier=1.0),
        "noise_multiplier = 1 with clip_norm = None; allowed: clip_norm = a number. Noise is "
        "measured in clip norms.",
    ),
    (
        lambda: with_(adaptive_clip=True),
        "adaptive_clip with clip_norm = None; allowed: clip_norm = a number. It begins with that "
        "norm.",
    ),
    (
        lambda: with_(normalise="count", clip_norm=1.0, combine="models"),
        "clip_norm = 1 with combine = 'models'; allowed: combine = 'updates'. Models are divided "
        "by the sum of their weights, which one device changes for all.",
    ),
    (
        lambda: with_(normalise="count", clip_norm=1.0, mean="median"),
        "clip_norm = 1 with mean = 'median'; allowed: mean = 'weighted'. One device may move a "
        "median or a trimmed mean by more than its clipped part.",
    ),
    (
        lambda: with_(normalise="count", clip_norm=1.0, subset_per="kind"),
        "clip_norm = 1 with subset_per = 'kind'; allowed: subset_per = 'fleet'. Each entry would "
        "be divided by the weights of those who trained it.",
    ),
    (
        lambda: with_(**MASKED, combine="models"),
        "secure_aggregation with combine = 'models'; allowed: combine = 'updates'. The masked row"
        " of a device is its weighted update.",
    ),
    (
        lambda: with_(**MASKED, mean="median"),
        "secure_aggregation with mean = 'median'; allowed: mean = 'weighted'. A median or a "
        "trimmed mean needs every single update.",
    ),
    (
        lambda: with_(**MASKED, subset_per="kind"),
        "secure_aggregation with subset_per = 'kind'; allowed: subset_per = 'fleet'. The masks of"
        " a group cover the same entries.",
    ),
    (
        lambda: with_(**MASKED, phases=2),
        "secure_aggregation with phases = 2; allowed: phases = 1. Late updates of another phase "
        "have other entries than their group.",
    ),
    (
        lambda: with_(**MASKED, payload_bits=8),
        "secure_aggregation with payload_bits = 8; allowed: payload_bits = 32. Under a mask an "
        "entry takes 32 bits, whatever it was before.",
    ),
    (
        lambda: with_(**MASKED, buffer=1),
        "secure_aggregation with 1 updates per server step; allowed: 2 to 100. A sum of one "
        "update hides nothing, and the keys grow with the square of the group.",
    ),
    (
        lambda: with_(**MASKED, clients=200, concurrency=150, buffer=101),
        "secure_aggregation with 101 updates per server step; allowed: 2 to 100. A sum of one "
        "update hides nothing, and the keys grow with the square of the group.",
    ),
    (
        lambda: with_(normalise="count", clip_norm=1.0, variance="buffer", variance_exponent=1.0),
        "clip_norm with variance = 'buffer'; allowed: 'entries' or 'steps'. The distance of an "
        "update from the others cannot be known before they are added.",
    ),
    (
        lambda: with_(normalise="count", clip_norm=1.0, correction="control_variates"),
        "clip_norm with correction = 'control_variates'; allowed: 'none' or 'proximal'. The "
        "server's state would carry single updates on, neither clipped nor masked.",
    ),
    (
        lambda: with_(normalise="count", clip_norm=1.0, buffer=13),
        "clip_norm with 13 updates per server step; allowed: at most 12, the number of clients. A"
        " device may be in a buffer only once: lower the buffer.",
    ),
    (
        lambda: with_(**MASKED, buffer=13),
        "secure_aggregation with 13 updates per server step; allowed: at most 12, the number of "
        "clients. A device may be in a buffer only once: lower the buffer.",
    ),
    # setting.py, scenario.py and methods.py
    (
        lambda: with_(clients=0),
        "clients = 0; allowed: an integer from 2 to 1,000,000.",
    ),
    (
        lambda: with_(clients=2.5),
        "clients = 2.5; allowed: an integer from 2 to 1,000,000.",
    ),
    (
        lambda: with_(buffer=0),
        "buffer = 0; allowed: an integer from 1 to 1,000,000. None: as many as the concurrency.",
    ),
    (
        lambda: with_(payload_bits=4),
        "payload_bits = 4; allowed: an integer from 8 to 32.",
    ),
    (
        lambda: with_(payload_bits=12),
        "payload_bits = 12 is not known; allowed: 32, 16, 8. Choose one of these.",
    ),
    (
        lambda: with_(batteries="yes"),
        "batteries = 'yes'; allowed: True or False.",
    ),
    (
        lambda: with_(horizon_s=-1),
        "horizon_s = -1.0; allowed: a number from 0.001 to 1e+12.",
    ),
    (
        lambda: with_(server_rate=NAN),
        "server_rate = nan; allowed: a number from 1e-06 to 100.",
    ),
    (
        lambda: with_(model="cnm"),
        "model = 'cnm' is not known; allowed: mlp, cnn, cnn-maxpool, cnn-gap, mcunet-s, mcunet-m."
        " Did you mean 'cnn'?",
    ),
    (
        lambda: with_(colour="red"),
        "scenario field = 'colour' is not known; allowed: clip_norm, solver, concurrency, "
        "dropout, recompute, client_momentum, correction, accounting, model, client_rate, "
        f"contribution, buffer and {OTHERS} more. Choose one of these.",
    ),
    (
        lambda: with_(cleints=3),
        "scenario field = 'cleints' is not known; allowed: clients, client_rate, staleness, "
        "clip_quantile, clip_norm, client_momentum, combine, payload_bits, samples_per_client, "
        f"max_staleness, hinge_at, exclude_small and {OTHERS} more. Did you mean 'clients'?",
    ),
    (
        lambda: TINY.as_method("fedavgg"),
        "method = 'fedavgg' is not known; allowed: fedavg, fedprox, scaffold, fedasync, fedbuff, "
        "fedbuff_average, ftte. Did you mean 'fedavg'?",
    ),
    (
        lambda: Scenario.help("cleints"),
        "scenario field = 'cleints' is not known; allowed: clients, client_rate, staleness, "
        "clip_quantile, clip_norm, client_momentum, combine, payload_bits, samples_per_client, "
        f"max_staleness, hinge_at, exclude_small and {OTHERS} more. Did you mean 'clients'?",
    ),
    (
        lambda: setting(3, group="servr", label="x", doc="x", why="x"),
        "group = 'servr' is not known; allowed: data, devices, training, subset, server, privacy,"
        " run. Did you mean 'server'?",
    ),
    (
        lambda: METHODS.__setitem__("mine", 3),
        "the method 'mine' is 3; allowed: a Method whose name is 'mine'.",
    ),
    (
        lambda: Scenario.from_json(""),
        "the scenario is not JSON (…); allowed: the text that Scenario.to_json writes.",
    ),
    (
        lambda: Scenario.from_json("[]"),
        "the scenario is not a JSON object; allowed: the text that Scenario.to_json writes.",
    ),
    (
        lambda: run(TINY, processes=0),
        "processes = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: prepare(with_(budget_kib=1.0)),
        "no subset fits the budget you set: its floor is 30.7 KiB (training the classifier "
        "alone), the budget 1.0 KiB; allowed: a budget of at least the floor. Raise the budget, "
        "shrink the batch or the model, or leave the device out.",
    ),
    # history.py and history_text.py
    (
        lambda: HISTORY.smoothed("loss"),
        "column = 'loss' is not known; allowed: sim_seconds, accuracy. Choose one of these.",
    ),
    (
        lambda: HISTORY.smoothed(width_s=-1),
        "width_s = -1; allowed: a number from 0 to 1e+100.",
    ),
    (
        lambda: HISTORY.time_to(1.5),
        "target = 1.5; allowed: a number from 0 to 1. An accuracy is a share, not a percentage.",
    ),
    (
        lambda: HISTORY.time_to(-0.5),
        "target = -0.5; allowed: a number from 0 to 1. An accuracy is a share, not a percentage.",
    ),
    (
        lambda: HISTORY.time_to(0.5, of="bytes"),
        "of = 'bytes' is not known; allowed: sim_seconds, updates, upload_bytes, total_bytes, "
        "energy_j. Did you mean 'total_bytes'?",
    ),
    (
        lambda: History({}, POINTS, {}).time_to(0.5),
        "the scenario has no horizon_s; allowed: a scenario with one. Pass width_s.",
    ),
    (
        lambda: HISTORY.save("no/folder/at/all.json"),
        "folder 'no/folder/at' does not exist; allowed: an existing folder. Create it first.",
    ),
    (
        lambda: History.from_json("[]"),
        "the text is not a JSON object; allowed: what History.to_json writes.",
    ),
    (
        lambda: History.from_json("{}"),
        "the text is not a history; allowed: one of format 'ftte_lab history 1'. Save it again.",
    ),
    (
        lambda: text("ftte_lab", "other"),
        "the text is not a history; allowed: one of format 'ftte_lab history 1'. Save it again.",
    ),
    (
        lambda: text('"horizon_s": 40.0', '"horizon_s": -1'),
        "horizon_s = -1 in the history; allowed: a number above 0.",
    ),
    (
        lambda: text('"evaluations": 5', '"evaluations": 1'),
        "evaluations = 1 in the history; allowed: an integer from 2, or None.",
    ),
    (
        lambda: text("[0.0, 40.0]", '[0.0, "x"]'),
        "the column 'sim_seconds' holds other things; allowed: a list of numbers.",
    ),
    (
        lambda: text("[0.0, 40.0]", "3"),
        "the column 'sim_seconds' holds other things; allowed: a list of numbers.",
    ),
    (
        lambda: text("[0.0, 40.0]", "[0.0]"),
        "the history has no points; allowed: columns of one length, sim_seconds among them.",
    ),
    (
        lambda: text("[0.0, 40.0]", "[50.0, 40.0]"),
        "the times of the history are in disorder; allowed: sim_seconds that rise.",
    ),
    (
        lambda: faster(-1, 1),
        "baseline = -1; allowed: a number from 0 upwards.",
    ),
    (
        lambda: faster(1, NAN),
        "other = nan; allowed: a number from 0 upwards.",
    ),
    (
        lambda: saved(NAN, 1),
        "baseline = nan; allowed: a number from -1e+300 to 1e+300.",
    ),
    (
        lambda: saved(1, INF),
        "other = inf; allowed: a number from -1e+300 to 1e+300.",
    ),
    # smoothing.py
    (
        lambda: smoothing_width_s(-1, 3),
        "horizon_s = -1; allowed: a number from 0 to 1e+100.",
    ),
    (
        lambda: smoothing_width_s(1, 1),
        "evaluations = 1; allowed: an integer from 2 upwards.",
    ),
    (
        lambda: smooth([0.0], [0.0, 1.0], 1.0),
        "(1,) times, (2,) values; allowed: equally many.",
    ),
    (
        lambda: smooth([[0.0]], [[0.0]], 1.0),
        "(1, 1) times, (1, 1) values; allowed: equally many.",
    ),
    (
        lambda: smooth([1.0, 0.0], [0.0, 1.0], 1.0),
        "times that fall or are not finite; allowed: ascending virtual seconds.",
    ),
    (
        lambda: smooth([0.0, INF], [0.0, 1.0], 1.0),
        "times that fall or are not finite; allowed: ascending virtual seconds.",
    ),
    (
        lambda: smooth([0.0], [0.0], -1.0),
        "width_s = -1.0; allowed: a number from 0 to 1e+100.",
    ),
    (
        lambda: first_reached([0.0], [0.0], NAN, 1.0),
        "target = nan; allowed: a number from -1e+100 upwards.",
    ),
    (
        lambda: first_reached([0.0], [0.0], 1.0, -1.0),
        "width_s = -1.0; allowed: a number from 0 to 1e+100.",
    ),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_simulation_refuses_in_its_own_words(number: int) -> None:
    check_refused(*REFUSED[number])
