"""Draw prediction beside measurement in one picture: durations, staleness, arrivals, accuracy.

The drawing is plain Vega-Lite, because `charts` stands above this package.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftte_lab._common import require, write_atomic, writing_to
from ftte_lab.deployment.records import RealRun
from ftte_lab.deployment.report import (
    accuracy_table,
    arrival_table,
    comparison,
    staleness_groups,
)
from ftte_lab.simulation import History

if TYPE_CHECKING:
    import pandas as pd

_COLOURS = {"predicted": "#949494", "measured": "#C44A00"}
_WIDTH, _HEIGHT = 330, 210
_SCALE = 1.5
_PHASES = ("download", "compute", "upload")
Spec = dict[str, Any]


def picture_spec(run: RealRun, simulated: History | None = None) -> Spec:
    """Return the picture of a free run as Vega-Lite, with its data inside.

    Args:
        run: what the real processes did.
        simulated: the record of the same scenario in the simulation.
    """
    rows = [[_durations(run), _staleness(run)], [_arrivals(run), _accuracy(run, simulated)]]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": "white",
        "title": {
            "text": "Is the clock true? Predicted in grey, measured in orange",
            "subtitle": f"{run.predicted.scenario.clients} real processes, {run.real_s:.0f} s",
            "anchor": "start",
            "fontSize": 16,
        },
        "vconcat": [{"hconcat": row, "spacing": 40, "resolve": _OWN} for row in rows],
        "resolve": _OWN,
        "spacing": 30,
        "config": {
            "view": {"stroke": None},
            "axis": {"gridColor": "#ECECEC", "labelFontSize": 11, "titleFontWeight": "normal"},
            "title": {"fontSize": 13, "anchor": "start"},
            "legend": {"disable": True},
        },
    }


def save_picture(run: RealRun, path: str | Path, simulated: History | None = None) -> Path:
    """Write the picture of a free run as a PNG file, completely or not at all.

    Args:
        run: what the real processes did.
        path: of the file; its folder must exist.
        simulated: the record of the same scenario in the simulation.

    Raises:
        ValueError: a folder that does not exist or cannot be written, another ending, or the
            library that draws is not installed.
    """
    path = Path(path)
    require(path.suffix == ".png", f"file name {path.name!r}", "a name that ends in .png")
    there = path.parent.is_dir()
    require(there, f"folder {str(path.parent)!r} does not exist", "an existing folder")
    try:
        import vl_convert  # part of the extra `lab`: a server without a page may lack it
    except ImportError as error:
        raise ValueError(
            "vl-convert is not installed; allowed: a machine with it. "
            "Run `pip install 'ftte_lab[lab]'`."
        ) from error
    content = vl_convert.vegalite_to_png(picture_spec(run, simulated), scale=_SCALE)
    with writing_to(path.parent, "Choose another folder"):
        write_atomic(path, content)
    return path


def _durations(run: RealRun) -> Spec:
    table = comparison(run).set_index("quantity")
    values = [
        {"phase": phase, "source": source, "seconds": float(table.loc[f"{phase} time", source])}
        for phase in _PHASES
        for source in _COLOURS
    ]
    values.append(
        {
            "phase": "carrier",
            "source": "measured",
            "seconds": float(table.loc["carrier time", "measured"]),
        }
    )
    values = [value for value in values if value["seconds"] == value["seconds"]]
    order = [*_PHASES, "carrier"]
    x = {"field": "phase", "type": "nominal", "sort": order, "title": None, "axis": _FLAT}
    y = {"field": "seconds", "type": "quantitative", "title": "mean duration (s)"}
    return _panel("Time by phase", values, {"type": "bar"}, _beside(x, y))


def _staleness(run: RealRun) -> Spec:
    values = _long(staleness_groups(run), "staleness", "share")
    x = {
        "field": "staleness",
        "type": "nominal",
        "sort": None,
        "title": "staleness (server steps)",
    }
    y = {
        "field": "share",
        "type": "quantitative",
        "title": "share of the updates",
        "axis": {"format": "%"},
    }
    return _panel("How old the updates were", values, {"type": "bar"}, _beside(x | _AXIS, y))


def _arrivals(run: RealRun) -> Spec:
    table, scale = arrival_table(run), run.scale or 1.0
    values = [
        {"client": int(client), "seconds": float(seconds) * scale, "source": source}
        for source in _COLOURS
        for client, seconds in table[[f"{source}_client", f"{source}_s"]].dropna().to_numpy()
    ]
    x = {"field": "seconds", "type": "quantitative", "title": "arrival (real s)"}
    y = {"field": "client", "type": "ordinal", "title": "client"}
    shift = {"field": "source", "scale": {"domain": list(_COLOURS)}}
    mark = {"type": "tick", "thickness": 1.5}
    return _panel("Who arrived when", values, mark, {"x": x, "y": y, "yOffset": shift})


def _accuracy(run: RealRun, simulated: History | None) -> Spec:
    table = accuracy_table(run, simulated)
    values = [
        {
            "seconds": float(row["real_s"]),
            "accuracy": float(row["accuracy"]),
            "source": "measured" if row["source"] == "measured" else "predicted",
        }
        for row in table.to_dict("records")
    ]
    x = {"field": "seconds", "type": "quantitative", "title": "real time (s)"}
    y = {
        "field": "accuracy",
        "type": "quantitative",
        "title": "accuracy",
        "axis": {"format": "%"},
        "scale": {"zero": False},
    }
    mark = {"type": "line", "interpolate": "step-after"}
    return _panel("Accuracy over real time", values, mark, {"x": x, "y": y})


_FLAT: Spec = {"labelAngle": 0}
_AXIS: Spec = {"axis": _FLAT}
_OWN: Spec = {"scale": {"xOffset": "independent", "yOffset": "independent"}}


def _beside(x: Spec, y: Spec) -> Spec:
    """Return the encoding of bars of both sources, side by side."""
    shift = {"field": "source", "scale": {"domain": list(_COLOURS)}}
    return {"x": x, "xOffset": shift, "y": y}


def _panel(title: str, values: list[Spec], mark: Spec, encoding: Spec) -> Spec:
    scale = {"domain": list(_COLOURS), "range": list(_COLOURS.values())}
    return {
        "title": title,
        "width": _WIDTH,
        "height": _HEIGHT,
        "data": {"values": values},
        "mark": mark,
        "encoding": encoding | {"color": {"field": "source", "scale": scale, "type": "nominal"}},
    }


def _long(table: pd.DataFrame, key: str, value: str) -> list[Spec]:
    return [
        {key: row[key], value: float(row[source]), "source": source}
        for row in table.to_dict("records")
        for source in _COLOURS
    ]
