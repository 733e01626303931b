"""What all charts share: a figure that shows itself as PNG with a sentence beside it, one colour per method."""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from PIL import Image

from ftte_lab._require import require

# Okabe and Ito's colours: told apart with any kind of colour vision, and in grey.
COLOURS = {"fedavg": "#0072B2", "fedbuff": "#E69F00", "ftte": "#D55E00", "fedasync": "#009E73"}
_SPARE = ("#CC79A7", "#56B4E9", "#F0E442", "#000000")
LABELS = {"fedavg": "FedAvg", "fedbuff": "FedBuff", "ftte": "FTTE", "fedasync": "FedAsync"}
_PALETTE = 128
INK, SOFT = "#333333", "#8A8A8A"


@dataclass(frozen=True, eq=False)
class Figure:
    """A chart and one sentence that says what it shows, for whoever cannot see it.

    A notebook shows it as PNG (with the sentence as its text), which needs no script and no network.
    """

    chart: alt.TopLevelMixin
    alt_text: str

    def png(self, scale: float = 1.5) -> bytes:
        """The chart as PNG, drawn by the Vega engine inside the `vl-convert` wheel.

        Raises:
            ValueError: a scale outside 0.1 to 10.
        """
        require(0.1 <= scale <= 10, f"scale = {scale!r}", "a number from 0.1 to 10")
        drawn = Image.open(io.BytesIO(vl_convert.vegalite_to_png(self.chart.to_json(), scale=scale)))
        small = io.BytesIO()  # a palette: a sixth of the bytes, and notebooks carry many pictures
        drawn.convert("RGB").quantize(_PALETTE, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        return small.getvalue()

    def save(self, path: str | Path, scale: float = 2.0) -> Path:
        """Write the PNG, whole or not at all.

        Raises:
            ValueError: a folder that does not exist, or a name that does not end in `.png`.
        """
        path = Path(path)
        require(path.suffix == ".png", f"file name {path.name!r}", "a name that ends in .png")
        require(path.parent.is_dir(), f"folder {str(path.parent)!r} does not exist", "an existing folder")
        handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self.png(scale))
            os.replace(unfinished, path)
        except BaseException:
            os.unlink(unfinished)
            raise
        return path

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"image/png": self.png(), "text/plain": self.alt_text}


def label(name: str) -> str:
    """A method's name as people write it."""
    return LABELS.get(name, name)


def colours(names: list[str]) -> alt.Scale:
    """A colour scale for labels: each method always in its own colour."""
    spare = iter(_SPARE * len(names))
    return alt.Scale(domain=[label(n) for n in names], range=[COLOURS.get(n) or next(spare) for n in names])


def finish(chart: alt.LayerChart | alt.Chart | alt.FacetChart, title: str, subtitle: str) -> alt.TopLevelMixin:
    """The look: a title that says what is seen, quiet axes, no frame."""
    return (
        chart.properties(title=alt.TitleParams(title, subtitle=subtitle, anchor="start", offset=12))
        .configure_view(stroke=None)
        .configure_axis(gridColor="#ECECEC", domainColor=SOFT, tickColor=SOFT, labelColor=INK, titleColor=INK,
                        titleFontWeight="normal", labelFontSize=12, titleFontSize=12)
        .configure_title(fontSize=16, subtitleFontSize=12, color=INK, subtitleColor="#666666")
        .configure_legend(orient="top", title=None, labelFontSize=12, labelColor=INK, symbolStrokeWidth=3)
    )  # fmt: skip


def seconds(value: float) -> str:
    """A duration as people say it."""
    if value < 120:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def size(value: float) -> str:
    """Bytes as people say them."""
    if value < 2**10:
        return f"{value:.0f} B"
    return f"{value / 2**10:.0f} KiB" if value < 2**20 else f"{value / 2**20:.1f} MiB"
