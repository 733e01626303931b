"""A slide: one chart under one sentence, 16 by 9, legible from the last row."""

from __future__ import annotations

import io
import math
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vl_convert
from PIL import Image

from ftte_lab._common import require, write_atomic, writing_to
from ftte_lab.charts.figure import Figure, small_png

LONGEST_SENTENCE = 180
"""So many characters may stand above the chart of a slide."""

_SIZE = (1280, 720)
_EDGE = 30
_LINE = 62  # characters of the sentence in a row
_COLOURS = 128
_LETTERS = 20.0  # pixels of the smallest letters: 30 where the slide is 1920 wide
_ROUNDS = 4  # larger letters make the picture larger, and then they are scaled down
_SIZES = ("fontSize", "labelFontSize", "titleFontSize", "subtitleFontSize")
_LARGE: dict[str, dict[str, Any]] = {
    "axis": {"labelFontSize": 12, "titleFontSize": 12},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "labelLimit": 400},
    "header": {"labelFontSize": 12},
    "text": {"fontSize": 11},
    "title": {"fontSize": 22, "subtitleFontSize": 12, "offset": 16, "anchor": "start"},
}


@dataclass(frozen=True, eq=False)
class Slide:
    """Hold a figure to project or to paste; its sentence is the title."""

    figure: Figure
    sentence: str

    def png(self) -> bytes:
        """Return the slide as PNG, 1280 by 720 pixels."""
        spec, scale = self.drawing()
        # Drawn at its final size: resampling would blend the colours of thin lines.
        drawn = _render(spec, scale)
        page = Image.new("RGB", _SIZE, "white")
        page.paste(drawn, ((_SIZE[0] - drawn.width) // 2, (_SIZE[1] - drawn.height) // 2))
        return small_png(page, _COLOURS, spec)

    def drawing(self) -> tuple[dict[str, Any], float]:
        """Return the spec with large letters, and the scale at which it fits the slide."""
        spec = _large(self.figure)
        title = spec["title"] if isinstance(spec.get("title"), dict) else {}
        spec["title"] = {**title, "text": textwrap.wrap(self.sentence, _LINE)}
        return spec, _legible(spec, (_SIZE[0] - 2 * _EDGE, _SIZE[1] - 2 * _EDGE))

    def save(self, path: str | Path) -> Path:
        """Write the slide as a PNG file, completely or not at all.

        Raises:
            ValueError: a folder that does not exist, may not be written or is full, or a name that
                does not end in `.png`.
        """
        path = Path(path)
        require(path.suffix == ".png", f"file name {path.name!r}", "a name that ends in .png")
        require(
            path.parent.is_dir(),
            f"folder {str(path.parent)!r} does not exist",
            "an existing folder",
        )
        content = self.png()
        with writing_to(path.parent, "Choose another folder"):
            write_atomic(path, content)
        return path

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"image/png": self.png(), "text/plain": f"{self.sentence} {self.figure.alt_text}"}


def projected(figure: Figure, width: float, height: float, sharpness: float = 2.0) -> bytes:
    """Return a chart without its title as PNG, with large letters, for a place on a slide.

    A chart that has one width is made as wide as the place.

    Args:
        figure: any chart of this package.
        width: of the place, in pixels of a slide that is 1280 wide.
        height: of the place, in the same pixels.
        sharpness: pixels of the picture per pixel of the slide.
    """
    spec = _large(figure)
    spec.pop("title", None)
    spec["config"]["axis"]["labelLimit"] = width / 3
    drawn = _render(spec, 1.0)
    wider = width / height * drawn.height - drawn.width
    if isinstance(spec.get("width"), int | float) and wider > 0:
        spec["width"] += wider
    scale = sharpness * _legible(spec, (width, height))
    return small_png(_render(spec, scale), _COLOURS, spec)


def _large(figure: Figure) -> dict[str, Any]:
    """Return the spec of a figure with the settings for large letters."""
    spec = figure.spec()
    config = spec.setdefault("config", {})
    for part, larger in _LARGE.items():
        config[part] = {**config.get(part, {}), **larger}
    return spec


def _legible(spec: dict[str, Any], room: tuple[float, float]) -> float:
    """Enlarge what is too small to read in a spec, and return the scale at which it fits."""
    scale = 1.0
    for turn in range(_ROUNDS):
        drawn = _render(spec, 1.0)
        scale = min(room[0] / drawn.width, room[1] / drawn.height)
        if turn == _ROUNDS - 1 or not _enlarge(spec, math.ceil(_LETTERS / scale)):
            break
    return scale


def _enlarge(part: Any, least: int) -> bool:
    """Raise every size of letters to at least so many pixels; return whether any was smaller."""
    if isinstance(part, list):
        return sum(_enlarge(one, least) for one in part) > 0
    if not isinstance(part, dict):
        return False
    changed = False
    for key, value in part.items():
        if key in ("data", "datasets", "params"):
            continue
        if key in _SIZES and isinstance(value, int | float):
            changed |= value < least
            part[key] = max(value, least)
        elif key in _SIZES and isinstance(value, dict) and "expr" in value:
            own = re.sub(r"^max\(\d+, (.*)\)$", r"\1", value["expr"])
            part[key] = {"expr": f"max({least}, {own})"}
        else:
            changed |= _enlarge(value, least)
    return changed


def _render(spec: dict[str, Any], scale: float) -> Image.Image:
    return Image.open(io.BytesIO(vl_convert.vegalite_to_png(spec, scale=scale)))


def slide(figure: Figure, sentence: str) -> Slide:
    """Put a figure under a sentence, for a slide.

    Args:
        figure: any chart of this package.
        sentence: what to remember, in at most `LONGEST_SENTENCE` characters.

    Raises:
        ValueError: no sentence, or one too long to be read from the last row.
    """
    fits = 0 < len(sentence) <= LONGEST_SENTENCE
    allowed = f"1 to {LONGEST_SENTENCE}"
    require(fits, f"a sentence of {len(sentence)} characters", allowed, "Shorten it")
    return Slide(figure, sentence)
