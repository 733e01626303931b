"""A figure: a drawing without numbers, the numbers, and one sentence for whoever cannot see it.

The drawing is made once and kept: while a run goes on only the numbers change, and a page that shows it live replaces
the numbers in place. The same figure becomes PNG or SVG by the Vega engine inside the `vl-convert` wheel.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import vl_convert
from PIL import Image

from ftte_lab._common import choice, require, write_atomic
from ftte_lab.charts.style import THEMES, Theme

Columns = Mapping[str, Any]  # equally long columns of numbers or words
_PALETTE = 128


@dataclass(frozen=True, eq=False)
class Template:
    """A Vega-Lite spec with named, empty data sets, for a light and for a dark page."""

    light: Mapping[str, Any]
    dark: Mapping[str, Any]


@lru_cache(maxsize=256)
def template(draw: Callable[..., dict[str, Any]], *options: Any) -> Template:
    """`draw(theme, *options)` for both themes; kept, because making it costs a thousand times more than filling it."""
    return Template(draw(THEMES["light"], *options), draw(THEMES["dark"], *options))


@dataclass(frozen=True, eq=False)
class Figure:
    """A chart and one sentence that says what it shows.

    A notebook shows it as PNG (with the sentence as its text), which needs no script and no network.

    Attributes:
        template: the drawing.
        data: its data sets by name, each with columns of equal length.
        alt_text: the sentence.
        signals: values of the drawing's named parameters, such as the end of an axis.
    """

    template: Template
    data: Mapping[str, Columns]
    alt_text: str
    signals: Mapping[str, float] | None = None

    def rows(self, name: str) -> list[dict[str, Any]]:
        """One data set as a row per mark.

        Raises:
            ValueError: an unknown data set.
        """
        choice("data set", name, self.data)
        columns = {key: np.asarray(values).tolist() for key, values in self.data[name].items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def spec(self, theme: Theme = THEMES["light"]) -> dict[str, Any]:
        """The whole Vega-Lite spec, data included."""
        spec = copy.deepcopy(dict(getattr(self.template, theme.name)))
        spec["datasets"] = {name: self.rows(name) for name in self.data}
        spec["background"] = "white" if theme.name == "light" else "#111111"
        for parameter in spec.get("params", []):
            if parameter["name"] in (self.signals or {}):
                parameter["value"] = (self.signals or {})[parameter["name"]]
        return spec

    def png(self, scale: float = 1.5) -> bytes:
        """The chart as PNG on white.

        Raises:
            ValueError: a scale outside 0.1 to 10.
        """
        require(0.1 <= scale <= 10, f"scale = {scale!r}", "a number from 0.1 to 10")
        drawn = Image.open(io.BytesIO(vl_convert.vegalite_to_png(self.spec(), scale=scale)))
        small = io.BytesIO()  # a palette: a sixth of the bytes, and notebooks carry many pictures
        drawn.convert("RGB").quantize(_PALETTE, dither=Image.Dither.NONE).save(
            small, "PNG", optimize=True
        )
        return small.getvalue()

    def svg(self) -> str:
        """The chart as SVG on white."""
        return vl_convert.vegalite_to_svg(self.spec())

    def save(self, path: str | Path, scale: float = 2.0) -> Path:
        """Write a PNG or SVG, whole or not at all.

        Raises:
            ValueError: a folder that does not exist, or a name that ends in neither `.png` nor `.svg`.
        """
        path = Path(path)
        require(
            path.suffix in (".png", ".svg"),
            f"file name {path.name!r}",
            "a name that ends in .png or .svg",
        )
        require(
            path.parent.is_dir(),
            f"folder {str(path.parent)!r} does not exist",
            "an existing folder",
        )
        write_atomic(path, self.png(scale) if path.suffix == ".png" else self.svg().encode())
        return path

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"image/png": self.png(), "text/plain": self.alt_text}
