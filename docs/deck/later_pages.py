"""Charts of the deck for the pages 06 to 13, from the same scenarios as the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from benchmarks.study.results import read
from docs.deck.drawn import FTTE, QUIET, STRONG, Drawn, Row, bars
from ftte_lab import charts, prepare, run, simulate
from ftte_lab.charts import method_styles
from ftte_lab.course import LIMITS, lesson, likeness, read_inputs
from ftte_lab.deployment import stored_run
from ftte_lab.experiments import personalise
from ftte_lab.models import from_rows
from ftte_lab.training import FineTuning, train_cohort


def _noise(history: Any) -> float:
    """Return how far points lie from a line through the second half, in points of accuracy."""
    late = history.points["accuracy"].to_numpy()[len(history.points) // 2 :]
    line = np.polyval(np.polyfit(range(len(late)), late, 1), range(len(late)))
    return float(100 * np.std(late - line))


def page_06() -> dict[str, Drawn]:
    """Draw what a buffer removes, and why a small one needs a smaller server rate."""
    chosen = lesson("06")
    base: Any = chosen.run("ftte")
    ready = {f"K = {k}": prepare(base.replace(buffer=k)) for k in (3, base.buffer, 30)}
    runs = {name: run(one) for name, one in ready.items()}
    calm = run(base.replace(buffer=3, server_rate=base.server_rate * 3 / base.buffer))
    two = {name: runs[name] for name in ("K = 3", "K = 30")}
    rates = {"K = 3, same rate": runs["K = 3"], "K = 3, smaller rate": calm}
    waiting = {"FedAvg waits": run(chosen.run("fedavg")), "buffer of 10": runs["K = 10"]}
    ages = {name: one.timeline.staleness.mean() for name, one in ready.items()}
    noise = {"small": _noise(runs["K = 3"]), "large": _noise(runs["K = 30"]), "calm": _noise(calm)}
    return {
        "staleness": Drawn(
            charts.staleness({name: one.timeline for name, one in ready.items()}),
            {"small": ages["K = 3"], "large": ages["K = 30"]},
        ),
        "noisy": Drawn(charts.accuracy(two), noise),
        "calmer": Drawn(charts.accuracy(rates), noise),
        "no_wait": Drawn(charts.accuracy(waiting)),
    }


def page_07() -> dict[str, Drawn]:
    """Draw weights by age at three server rates, and who loses by them."""
    base = lesson("07").run("fedbuff")
    ends = {
        (a, rate): 100 * run(base.replace(age_exponent=a, server_rate=rate)).final()
        for a in (0.0, 0.5)
        for rate in (0.5, 1.0, 2.0)
    }
    panels = {
        title: [
            (f"server rate {rate:g}", ends[a, rate], f"{ends[a, rate]:.0f} %",
             STRONG if rate == 2.0 else QUIET)
            for rate in (0.5, 1.0, 2.0)
        ]
        for a, title in ((0.0, "without weights by age"), (0.5, "with weights by age"))
    }  # fmt: skip
    best = {a: max(ends[a, rate] for rate in (0.5, 1.0, 2.0)) for a in (0.0, 0.5)}
    facts = {"at_two": ends[0.5, 2.0] - ends[0.0, 2.0], "at_best": best[0.5] - best[0.0]}
    skewed = {
        a: run(base.replace(age_exponent=a, server_rate=1.0, slow_class=0)) for a in (0.0, 3.0)
    }
    tenth = {a: 100 * one.final("straggler_accuracy") for a, one in skewed.items()}
    everyone = {a: 100 * one.final() for a, one in skewed.items()}
    names = {0.0: "age does not count", 3.0: "age counts much"}
    losing = {
        "accuracy on all data": [(names[a], v, f"{v:.0f} %", QUIET) for a, v in everyone.items()],
        "on the slowest tenth's data": [
            (names[a], v, f"{v:.0f} %", STRONG) for a, v in tenth.items()
        ],
    }
    return {
        "rates": Drawn(bars(panels, "Bars of accuracy by server rate and weight by age."), facts),
        "losing": Drawn(
            bars(losing, "Bars of accuracy with and without weights by age."),
            {"lost": tenth[0.0] - tenth[3.0], "all": everyone[0.0] - everyone[3.0]},
        ),
    }


def page_08() -> dict[str, Drawn]:
    """Draw the prices of four methods, and what the study found about close rivals."""
    chosen = lesson("08")
    names = list(chosen.methods)
    styles = method_styles(names)
    ready = {name: prepare(scenario) for name, scenario in chosen.runs(seed=0).items()}
    upload = {name: one.traffic.upload / 1024 for name, one in ready.items()}
    peak = {name: one.bill.peak_bytes / 1024 for name, one in ready.items()}

    def rows(kib: Mapping[str, float]) -> list[Row]:
        return [(charts.label(n), v, f"{v:.0f} KiB", styles[n].light) for n, v in kib.items()]

    prices = bars(
        {"peak memory": rows(peak), "one update": rows(upload)},
        "Bars of peak memory and bytes of an update.",
    )
    facts = {
        "payload": 100 * (1 - upload["ftte"] / upload["fedavg"]),
        "too_small": (~ready["fedavg"].holds).sum(),
    }
    return {"costs": Drawn(prices, facts), "paired": _rivals(styles["fedbuff_average"].light)}


def _rivals(colour: str) -> Drawn:
    """Draw close rivals seed by seed in the study's central cell; the facts are of all cells."""
    table = read()
    table = table[(table["part"] == "matrix") & (table["stragglers"] == 0.9)]
    ours = table[table["arm"] == "ftte"]
    cell = table[(table["alpha"] == "0.5") & (table["clients"] == 100)]
    by = ["task", "seed"]
    ends = {arm: rows.set_index(by)["final_accuracy"] for arm, rows in cell.groupby("arm")}
    gaps = 100 * (ends["ftte"] - ends["fedbuff + average"])
    panels = {
        f"{task}: points of FTTE above FedBuff + average": [
            (f"seed {k + 1}", gap, f"{gap:+.1f}", FTTE if gap > 0 else colour)
            for k, gap in enumerate(gaps[task])
        ]
        for task in ("digits", "motion")
    }
    facts = {
        "wins": (gaps > 0).sum(),
        "seeds": len(gaps),
        "runs": len(ours),
        "time": 100 * (1 - ours["time_share"].median()),
        "memory": 100 * (1 - ours["micro_overhead_share"].median()),
        "bytes": 100 * (1 - ours["upload_of_fedavg"].max()),
    }
    text = "Bars of the difference of two methods, seed by seed, for two tasks of the study."
    return Drawn(bars(panels, text), facts)


def page_09() -> dict[str, Drawn]:
    """Draw what a server reads off one step on one digit, and off a mean of ten clients."""
    ready = prepare(lesson("09").run("fedavg"))
    data, shards = ready.federation.dataset, ready.federation.shards.train
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    flat = data.x_train.reshape(len(x), -1)
    rng = np.random.default_rng(0)

    def guesses(batches: Any, mean: bool = False) -> Any:
        at = torch.as_tensor(np.array(batches))
        rows = train_cohort(ready.plan, ready.federation.params, x, y, at, rate=0.1).rows
        row = rows.mean(0) if mean else rows[0]
        named = from_rows(ready.federation.model, ready.plan.subset, row)
        return read_inputs(named["hidden1.weight"].numpy(), named["hidden1.bias"].numpy())

    mine = shards[0][:7]
    one_step = np.stack([guesses([[[k]]])[0] for k in mine])
    batches = [[rng.choice(own, 8, replace=False) for _ in range(4)] for own in shards]
    pictures = {"on the phone": flat[mine], "one step on one digit": one_step}
    for name, mean in (("4 steps of 8, one phone", False), ("the same, mean of ten", True)):
        batches[0][0][:7] = mine
        found = guesses(batches, mean)
        pictures[name] = found[likeness(found, flat[mine])[1]]
    other = flat[shards[-1]]  # the yardstick: digits that this phone never had
    pictures["another phone's digits"] = other[likeness(other, flat[mine])[1]]
    square: dict[str, Any] = {}
    for name, rows in pictures.items():
        r = float(
            np.median([np.corrcoef(a, b)[0, 1] for a, b in zip(rows, flat[mine], strict=True)])
        )
        square[f"{name}, r = {r:.2f}" if square else name] = rows.reshape(len(rows), 8, 8)
    close = float(np.median(likeness(one_step, flat[mine])[0]))
    return {"read": Drawn(charts.images(square, title=""), {"r": close})}


def page_10() -> dict[str, Drawn]:
    """Return the limits of the brief."""
    facts = {"kib": LIMITS.peak_kib, "mib": LIMITS.upload_mib, "gain": LIMITS.gain}
    bill = prepare(LIMITS.start().runs()["ftte"]).bill
    rows = [
        ("first proposal", bill.peak_bytes / 1024, f"{bill.peak_bytes / 1024:.0f} KiB", STRONG),
        ("the brief's limit", LIMITS.peak_kib, f"{LIMITS.peak_kib:.0f} KiB", QUIET),
    ]
    title = "peak memory of a training step"
    return {
        "limits": Drawn(bars({title: rows}, "Bars of a proposal's memory and its limit."), facts)
    }


def page_11() -> dict[str, Drawn]:
    """Draw how long the noise is beside the longest update."""
    base = lesson("11").run("fedbuff").replace(noise_multiplier=4.0)
    part = {"subset": "search", "payload_share": 0.25}
    length = {
        (k, what): prepare(base.replace(buffer=k, **fields)).noise_to_clip
        for k in (10, 20)
        for what, fields in (("all entries", {}), ("a quarter", part))
    }
    panels = {
        f"buffer of {k}": [
            (what, length[k, what], f"{length[k, what]:.0f} times", colour)
            for what, colour in (("all entries", QUIET), ("a quarter", FTTE))
        ]
        for k in (10, 20)
    }
    facts = {"times": length[10, "all entries"]}
    return {"noise": Drawn(bars(panels, "Bars of the length of the noise."), facts)}


def page_12() -> dict[str, Drawn]:
    """Draw whom an own last layer helps and hurts, over how much people differ."""
    base = lesson("12").run("fedbuff")
    how = FineTuning(steps=20, rate=0.05)
    gained, hurt, medians = list[Row](), list[Row](), {}
    for name, alpha in (("few classes each", 0.1), ("some skew", 1.0), ("the same mix", None)):
        ready = prepare(base.replace(alpha=alpha))
        last: Any = [*simulate(ready, processes=1)][-1]
        found = personalise(ready, last.params, how=how).summary()
        points = 100 * found.median
        gained.append((name, points, f"{points:+.1f} points", FTTE))
        hurt.append((name, 100 * found.share_hurt, f"{found.share_hurt:.0%}", STRONG))
        medians[alpha] = points
    panels = {"median gain": gained, "devices that it hurts": hurt}
    text = "Bars of the median gain of an own last layer, and of the devices that it hurts."
    facts = {"differ": medians[0.1], "same": medians[None]}
    return {"own": Drawn(bars(panels, text), facts)}


def page_13() -> dict[str, Drawn]:
    """Draw where the seconds of a job went, in the stored run on Flower."""
    rows = {row["quantity"]: row for row in stored_run("flower")["free"]["comparison"]}
    panels = dict[str, list[Row]]()
    for side, colour in (("predicted", QUIET), ("measured", STRONG)):
        names = ("download", "compute", "upload", "carrier")
        seconds = {name: float(np.nan_to_num(float(rows[f"{name} time"][side]))) for name in names}
        panels[f"{side}, seconds"] = [
            (name, s, f"{s:.1f} s" if s else "not simulated", FTTE if name == "carrier" else colour)
            for name, s in seconds.items()
        ]
    facts = {"carrier": seconds.pop("carrier"), "job": sum(seconds.values())}
    text = "Bars of the seconds of a job by phase, predicted and measured, and of the carrier."
    return {"clock": Drawn(bars(panels, text), facts)}
