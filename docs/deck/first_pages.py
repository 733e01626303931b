"""Charts of the deck for the pages 00 to 05, from the same scenarios as the pages."""

from __future__ import annotations

from typing import Any

import numpy as np

from docs.deck.drawn import FTTE, QUIET, STRONG, Drawn, bars
from ftte_lab import charts, headline, prepare, run, training_bill
from ftte_lab.charts import method_styles
from ftte_lab.course import lesson, one_round
from ftte_lab.devices import CATALOGUE
from ftte_lab.experiments import AUTHORS
from ftte_lab.models import full


def page_00() -> dict[str, Drawn]:
    """Draw what waits, what a buffer changes, and what three methods reach and cost."""
    methods = lesson("00").runs(seed=0)
    ready = {name: prepare(scenario) for name, scenario in methods.items()}
    fleet, waiting = ready["ftte"].federation.fleet, ready["fedavg"].timeline
    until = 1.2 * float(waiting.step_s[1])
    report = headline(methods, processes=1, target_share=1.0)
    seconds: dict[str, Any] = {
        name: one.time_to(report.target_accuracy) for name, one in report.histories.items()
    }
    facts = {
        "times": seconds["fedavg"] / seconds["ftte"],
        "target": 100 * report.target_accuracy,
        "saved": {name: 100 * share for name, share in AUTHORS.items()},
    }
    steps = {
        "full": ready["fedavg"].bill.peak_bytes / 1024,
        "ftte": ready["ftte"].bill.peak_bytes / 1024,
        "sensor": fleet.weakest()[2] / 1024,
        "too_small": report.histories["fedavg"].facts["devices_too_small"],
    }
    return {
        "waiting": Drawn(charts.gantt(waiting, fleet.kind, devices=12, until_s=until)),
        "buffered": Drawn(
            charts.gantt(ready["ftte"].timeline, fleet.kind, devices=12, until_s=until / 4)
        ),
        "reached": Drawn(charts.accuracy(report.histories, target=report.target_accuracy), facts),
        "prices": Drawn(_prices(report.histories, seconds), steps),
    }


def _prices(histories: Any, seconds: Any) -> Any:
    names = list(histories)
    styles = method_styles(names)

    def rows(values: dict[str, float], unit: str) -> list[tuple[str, float, str, str]]:
        return [
            (charts.label(n), values[n], f"{values[n]:,.0f} {unit}", styles[n].light) for n in names
        ]

    facts = {name: histories[name].facts for name in names}
    panels = {
        "time to the target": rows({n: seconds[n] / 60 for n in names}, "min"),
        "peak memory": rows({n: facts[n]["peak_memory_bytes"] / 1024 for n in names}, "KiB"),
        "one update": rows({n: facts[n]["upload_bytes_per_update"] / 1024 for n in names}, "KiB"),
    }
    return bars(panels, "Bars of time to the target, peak memory and bytes of an update.")


def page_01() -> dict[str, Drawn]:
    """Draw who holds which digits, and ten rounds of averaging."""
    ready = prepare(lesson("01").run("fedavg"))
    data, shards = ready.federation.dataset, ready.federation.shards
    model, alone, averaged = None, list[float](), list[float]()
    for number in range(10):
        done = one_round(ready, model, number=number)
        model = done.params
        alone.append(done.mean_client_accuracy)
        averaged.append(done.accuracy)
    shown = {
        name: [{"sim_seconds": range(3, 33, 3), "updates": range(3, 33, 3), "accuracy": values}]
        for name, values in (("mean of the three", alone), ("averaged model", averaged))
    }
    facts = {"alone": 100 * alone[-1], "averaged": 100 * averaged[-1]}
    return {
        "phones": Drawn(charts.label_map(shards.class_counts(data), data.classes)),
        "rounds": Drawn(charts.curves(shown, of="updates", width_s=0), facts),
    }


def page_02() -> dict[str, Drawn]:
    """Draw a label skew, and what long local work costs at equal computation."""
    chosen = lesson("02")
    federation = prepare(chosen.run("fedavg")).federation
    data = federation.dataset
    ends, runs = {}, {}
    for alpha, fleet in ((None, "IID"), (0.1, "non-IID")):
        for steps, last in ((4, 80), (64, 5)):
            history = run(chosen.set(alpha=alpha, local_steps=steps).run("fedavg"))
            runs[f"{fleet}, {steps} steps"] = history
            points = history.points[history.points["version"] <= last]
            ends[fleet, steps] = 100 * float(points["accuracy"].iloc[-1])
    panels = {
        f"{fleet} data": [
            (f"{rounds} rounds of {steps} steps", ends[fleet, steps], f"{ends[fleet, steps]:.0f} %",
             STRONG if steps == 64 else QUIET)
            for steps, rounds in ((4, 80), (64, 5))
        ]
        for fleet in ("IID", "non-IID")
    }  # fmt: skip
    facts = {f.replace("-", ""): ends[f, 4] - ends[f, 64] for f in ("IID", "non-IID")}
    text = "Bars of accuracy for short and long local work at equal computation."
    return {
        "skew": Drawn(charts.label_map(federation.shards.class_counts(data), data.classes)),
        "drift": Drawn(bars(panels, text), facts),
        "per_round": Drawn(charts.accuracy(runs, of="updates")),
    }


def page_03() -> dict[str, Drawn]:
    """Draw the bill of a training step, and the levers that lower it."""
    ready = prepare(lesson("03").run("fedavg"))
    model, batch = ready.federation.model, lesson("03").scenario.batch
    small = prepare(lesson("08").run("ftte")).plan.subset
    bills = {f"batch {size}": training_bill(model, full(model), size) for size in (1, 8, 16)}
    bill = bills["batch 8"]
    sensor = CATALOGUE["sensor"]
    budget = round(sensor.ram_bytes * sensor.app_memory_share)
    facts = {
        "kib": bill.peak_bytes / 1024,
        "weights": 4 * model.size / 1024,
        "stored": 100 * bill.parts()["stored activations"] / bill.peak_bytes,
        "inference": bill.inference_one_bytes / 1024,
    }
    return {
        "bill": Drawn(charts.memory(bills, budget_bytes=budget, device="a sensor"), facts),
        "levers": Drawn(charts.levers(model, small, batch, budget_bytes=budget, device="a sensor")),
    }


def page_04() -> dict[str, Drawn]:
    """Draw the searched part, what shrinks with it, and when the choice matters."""
    base = lesson("04").run("ftte")
    chosen = prepare(base)
    whole = prepare(base.replace(subset="full"))
    ends = {
        (state, solver): 100 * run(base.replace(warm_start_steps=steps, solver=solver)).final()
        for state, steps in (("untrained", 0), ("pre-trained", 1000))
        for solver in ("exact", "last")
    }
    panels = {
        f"{state} model": [
            ("searched", ends[state, "exact"], f"{ends[state, 'exact']:.0f} %", FTTE),
            ("last layers", ends[state, "last"], f"{ends[state, 'last']:.0f} %", QUIET),
        ]
        for state in ("untrained", "pre-trained")
    }
    worth = {
        state.replace("-", ""): ends[state, "exact"] - ends[state, "last"]
        for state in ("untrained", "pre-trained")
    }
    text = "Bars of accuracy of the searched part and the last layers, for two first models."
    return {
        "part": Drawn(charts.subset_map(chosen.federation.model, chosen.plan.subset)),
        "shrinks": Drawn(_shrinks(whole, chosen), {"budget": base.budget_kib}),
        "worth": Drawn(bars(panels, text), worth),
    }


def _shrinks(whole: Any, part: Any) -> Any:
    """Draw what a part needs of what the complete model needs."""
    both = {
        "peak memory": [one.bill.peak_bytes for one in (whole, part)],
        "bytes of an update": [one.traffic.upload for one in (whole, part)],
        "one participation": [
            float(np.median(one.timeline.arrival_s - one.timeline.start_s)) for one in (whole, part)
        ],
    }
    rows = [(name, 100 * b / a, f"{100 * b / a:.0f} %", FTTE) for name, (a, b) in both.items()]
    title = "the part, in percent of the complete model"
    return bars({title: rows}, "Bars of what a part of the model needs of memory, bytes and time.")


def page_05() -> dict[str, Drawn]:
    """Draw how long a round waits, and the same runs over updates and over time."""
    base = lesson("05").run("fedavg")
    shares = (0.0, 0.05, 0.1, 0.3, 0.9)
    ready = {share: prepare(base.replace(straggler_share=share)) for share in shares}
    lasts = {s: float(np.median(np.diff([0.0, *r.timeline.step_s]))) for s, r in ready.items()}
    times = {share: value / lasts[0.0] for share, value in lasts.items()}
    rows = [
        (f"{100 * s:.0f} % slow", t, f"{t:.1f} times", STRONG if s == 0.1 else QUIET)
        for s, t in times.items()
    ]
    runs = {f"{100 * share:.0f} % slow": run(ready[share]) for share in (0.0, 0.1)}
    title = "length of a round, against a fleet without slow devices"
    text = "Bars of the length of a round, over the share of slow devices."
    return {
        "rounds_last": Drawn(bars({title: rows}, text), {
            "times": times[0.1]
        }),
        "per_update": Drawn(charts.accuracy(runs, of="updates")),
        "per_minute": Drawn(charts.accuracy(runs)),
    }  # fmt: skip
