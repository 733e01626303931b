"""A slide: one chart under one sentence, 16 by 9, large enough for the last row."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vl_convert
from PIL import Image

from ftte_lab._common import require, write_atomic
from ftte_lab.charts.figure import Figure

_SIZE = (1280, 720)
_EDGE = 30
_LINE = 62  # characters of the sentence in a row
_COLOURS = 96
_LARGE: dict[str, dict[str, Any]] = {
    "axis": {"labelFontSize": 15, "titleFontSize": 15},
    "legend": {"labelFontSize": 15, "titleFontSize": 15, "labelLimit": 400},
    "header": {"labelFontSize": 15},
    "title": {"fontSize": 22, "subtitleFontSize": 15, "offset": 16, "anchor": "start"},
}


@dataclass(frozen=True, eq=False)
class Slide:
    """A figure to project or to paste: the sentence is its title, and part of its text for whoever cannot see it."""

    figure: Figure
    says: str

    def png(self) -> bytes:
        """The slide as PNG, 1280 by 720."""
        spec = self.figure.spec()
        config = spec.setdefault("config", {})
        for part, larger in _LARGE.items():
            config[part] = {**config.get(part, {}), **larger}
        title = spec["title"] if isinstance(spec.get("title"), dict) else {}
        spec["title"] = {**title, "text": textwrap.wrap(self.says, _LINE)}
        drawn = Image.open(io.BytesIO(vl_convert.vegalite_to_png(spec, scale=2.0))).convert("RGB")
        most = (_SIZE[0] - 2 * _EDGE, _SIZE[1] - 2 * _EDGE)
        drawn.thumbnail(most, Image.Resampling.LANCZOS)
        page = Image.new("RGB", _SIZE, "white")
        page.paste(drawn, ((_SIZE[0] - drawn.width) // 2, (_SIZE[1] - drawn.height) // 2))
        small = io.BytesIO()
        page.quantize(_COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        return small.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write the slide as PNG, whole or not at all.

        Raises:
            ValueError: a folder that does not exist, or a name that does not end in `.png`.
        """
        path = Path(path)
        require(path.suffix == ".png", f"file name {path.name!r}", "a name that ends in .png")
        require(
            path.parent.is_dir(),
            f"folder {str(path.parent)!r} does not exist",
            "an existing folder",
        )
        write_atomic(path, self.png())
        return path

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"image/png": self.png(), "text/plain": f"{self.says} {self.figure.alt_text}"}


def slide(figure: Figure, says: str) -> Slide:
    """Put a figure under a sentence, for a slide.

    Args:
        figure: any chart of this package.
        says: what is to be remembered, a sentence of at most 180 characters.

    Raises:
        ValueError: no sentence, or one too long to be read from the last row.
    """
    require(
        0 < len(says) <= 180, f"a sentence of {len(says)} characters", "1 to 180", "Say it shorter"
    )
    return Slide(figure, says)
