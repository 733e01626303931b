"""Compare what the simulation predicted with what real processes did, as plain tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ftte_lab.deployment.records import RealRun
from ftte_lab.server import Fate, Timeline
from ftte_lab.simulation import History

if TYPE_CHECKING:  # the functions import it: a node loads this file and needs none of it
    import pandas as pd

_ARRIVED = ("buffered", "stale")
_PHASES = ("download", "compute", "upload")
Row = tuple[str, str, float, float]


def comparison(run: RealRun) -> pd.DataFrame:
    """Compare a run with its prediction: `quantity`, `unit`, `predicted`, `measured`.

    Bytes and seconds are means over the jobs of the run. What is not predicted is nan: the bytes
    that a carrier puts around a message, its time, and the growth of a process.

    Args:
        run: what the real processes did.
    """
    import pandas as pd

    rows = [*_byte_rows(run), *_memory_rows(run), *_second_rows(run), *_run_rows(run)]
    return pd.DataFrame(rows, columns=["quantity", "unit", "predicted", "measured"])


def staleness_table(run: RealRun) -> pd.DataFrame:
    """Count the applied updates by staleness: `staleness`, `predicted`, `measured`, as shares.

    Args:
        run: what the real processes did.
    """
    import pandas as pd

    both = [part.timeline.staleness for part in (run.predicted, run.measured)]
    longest = max((int(ages.max()) for ages in both if len(ages)), default=0)
    counts = [np.bincount(ages, minlength=longest + 1) for ages in both]
    predicted, measured = (count / max(1, count.sum()) for count in counts)
    return pd.DataFrame(
        {"staleness": np.arange(longest + 1), "predicted": predicted, "measured": measured}
    )


def staleness_groups(run: RealRun, most: int = 12) -> pd.DataFrame:
    """Group `staleness_table` into few rows of equal width, for a picture or a page.

    Args:
        run: what the real processes did.
        most: rows at most.
    """
    table = staleness_table(run)
    width = max(1, math.ceil(len(table) / most))
    group = table["staleness"] // width
    shares = table.groupby(group)[["predicted", "measured"]].sum().reset_index(drop=True)
    firsts = [k * width for k in range(len(shares))]
    names = [f"{k}" if width == 1 else f"{k}–{k + width - 1}" for k in firsts]
    shares.insert(0, "staleness", names)
    return shares


def arrival_table(run: RealRun) -> pd.DataFrame:
    """List the arrivals in their order: who came when, as predicted and as measured.

    The columns are `place`, and then client and virtual seconds of both; the shorter list ends in
    nan.

    Args:
        run: what the real processes did.
    """
    import pandas as pd

    columns: dict[str, pd.Series] = {}
    for name, part in (("predicted", run.predicted), ("measured", run.measured)):
        timeline = part.timeline
        order = _arrivals(timeline)
        columns[f"{name}_client"] = pd.Series(timeline.client[order])
        columns[f"{name}_s"] = pd.Series(timeline.arrival_s[order])
    table = pd.DataFrame(columns)
    table.insert(0, "place", np.arange(len(table)))
    return table


def memory_table(run: RealRun) -> pd.DataFrame:
    """List what a training step holds on the node of each client that was measured.

    The columns are `client`, `node`, `micro_batch`, and in bytes `predicted` (the memory bill),
    `measured` (all tensors at the peak) and `process_growth` (the resident memory of the process,
    which keeps what it once had).

    Args:
        run: what the real processes did.
    """
    import pandas as pd

    jobs = run.jobs[run.jobs["tensor_peak_bytes"] > 0].drop_duplicates("client", keep="last")
    jobs, tiers = jobs.sort_values("client"), run.predicted.tiers
    of_client = jobs["client"].astype(int).to_numpy()
    return pd.DataFrame(
        {
            "client": of_client,
            "node": jobs["node"].to_numpy(),
            "micro_batch": jobs["micro_batch"].to_numpy(),
            "predicted": tiers.per_client([one.bill.peak_bytes for one in tiers.tiers])[of_client],
            "measured": jobs["tensor_peak_bytes"].to_numpy(),
            "process_growth": jobs["process_growth_bytes"].to_numpy(),
        }
    )


def accuracy_table(run: RealRun, simulated: History | None = None) -> pd.DataFrame:
    """List accuracy over time: `source`, `sim_seconds`, `real_s`, `updates`, `accuracy`.

    Args:
        run: what the real processes did.
        simulated: the record of the same scenario in the simulation, to stand beside it.
    """
    import pandas as pd

    tables = []
    for source, history in (("measured", run.history), ("simulated", simulated)):
        if history is not None:
            points = history.points[["sim_seconds", "updates", "accuracy"]].copy()
            points.insert(0, "source", source)
            points.insert(2, "real_s", points["sim_seconds"] * (run.scale or math.nan))
            tables.append(points)
    return pd.concat(tables, ignore_index=True)


def _byte_rows(run: RealRun) -> Iterator[Row]:
    """Yield the bytes of each sort of message: payload against prediction, and with framing."""
    jobs, tiers = run.jobs, run.predicted.tiers
    traffic = [tiers.tiers[k].traffic for k in tiers.tier_of_client[jobs["client"].astype(int)]]
    down = np.array([one.download for one in traffic], float)
    first = np.array([(one.once or one.download) + one.index for one in traffic], float)
    up = np.array([one.upload for one in traffic], float)
    whole = jobs["whole"].to_numpy(bool)
    came = jobs["outcome"].isin(_ARRIVED).to_numpy()
    for name, expected, way, chosen in (
        ("first download", first, "down", whole),
        ("download", down, "down", ~whole),
        ("upload", up, "up", came),
    ):
        predicted = _mean(expected[chosen])
        yield name, "bytes", predicted, _mean(jobs[f"payload_{way}_bytes"][chosen])
        yield f"{name}, framed", "bytes", math.nan, _mean(jobs[f"framed_{way}_bytes"][chosen])


def _memory_rows(run: RealRun) -> Iterator[Row]:
    """Yield the memory of a training step: the bill against all tensors, and the process."""
    table = memory_table(run)
    yield "tensor peak", "bytes", _mean(table["predicted"]), _mean(table["measured"])
    yield "process growth", "bytes", math.nan, _mean(table["process_growth"])


def _second_rows(run: RealRun) -> Iterator[Row]:
    """Yield the real seconds of each phase, and what the carrier took besides."""
    jobs = run.jobs[run.jobs["outcome"].isin(_ARRIVED)]
    for phase in _PHASES:
        pace = _mean(jobs[f"pace_{phase}_s"])
        yield f"{phase} time", "s", pace or math.nan, _mean(jobs[f"{phase}_s"])
    inside = jobs[[f"{phase}_s" for phase in _PHASES]].sum(axis=1)
    yield "carrier time", "s", math.nan, _mean(jobs["arrived_s"] - jobs["sent_s"] - inside)
    yield "wait for the next job", "s", math.nan, _mean(_waits_s(run.jobs))
    yield "time per update", "s", math.nan, run.real_s / max(1, len(jobs))


def _waits_s(jobs: pd.DataFrame) -> pd.Series:
    """Return how long each client was idle between its updates and the next job (s)."""
    ordered = jobs.sort_values("sent_s")
    waits = ordered.groupby("client")["sent_s"].shift(-1) - ordered["arrived_s"]
    return waits.dropna()


def _run_rows(run: RealRun) -> Iterator[Row]:
    """Yield what follows from the timelines."""
    predicted, measured = run.predicted.timeline, run.measured.timeline
    yield "server steps", "steps", float(len(predicted.step_s)), float(len(measured.step_s))
    yield "updates", "updates", float(len(predicted.applied)), float(len(measured.applied))
    yield "mean staleness", "steps", _mean(predicted.staleness), _mean(measured.staleness)
    yield "arrivals in the predicted order", "share", 1.0, order_agreement(predicted, measured)


def order_agreement(predicted: Timeline, measured: Timeline) -> float:
    """Return the share of pairs of arrivals that came in the predicted order.

    An arrival is known by its client and its visit; those that only one timeline has are left out.
    Half of the pairs agree by chance. It is (1 + Kendall's tau) / 2.

    Args:
        predicted: one timeline.
        measured: the other one.
    """
    from scipy.stats import kendalltau  # a second of importing, which no node needs

    places = []
    for timeline in (predicted, measured):
        order = _arrivals(timeline)
        who = zip(timeline.client[order].tolist(), timeline.visit[order].tolist(), strict=True)
        places.append({one: k for k, one in enumerate(who)})
    common = [one for one in places[0] if one in places[1]]
    if len(common) < 2:
        return math.nan
    tau = kendalltau(np.arange(len(common)), [places[1][one] for one in common]).statistic
    return (1 + float(tau)) / 2


def _arrivals(timeline: Timeline) -> np.ndarray:
    """Return the participations that arrived, in the order of arrival."""
    came = np.flatnonzero(np.isin(timeline.fate, (Fate.APPLIED, Fate.BUFFERED)))
    return came[np.argsort(timeline.arrival_s[came], kind="stable")]


def _mean(values: np.ndarray | pd.Series) -> float:
    return float(np.mean(values)) if len(values) else math.nan
