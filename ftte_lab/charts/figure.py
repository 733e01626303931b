"""A figure: a drawing without numbers, the numbers, and a sentence for readers who cannot see it.

The drawing is made once and kept. While a run goes on only the numbers change, and a live page
replaces them in place. The Vega engine inside the `vl-convert` wheel turns the same figure into PNG
or SVG.
"""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import vl_convert
from PIL import Image

from ftte_lab._common import choice, require, write_atomic, writing_to
from ftte_lab.charts.style import THEMES, Theme

Columns = Mapping[str, Any]  # equally long columns of numbers or words
_PALETTE = 128
_HEX = re.compile(r"#([0-9A-Fa-f]{6})\b")


def small_png(picture: Image.Image, colours: int, spec: Mapping[str, Any]) -> bytes:
    """Write a picture as PNG with few colours: a sixth of the bytes, and notebooks hold many.

    Colours that the drawing names stay as they are, so no two methods become one.

    Args:
        picture: what was drawn.
        colours: how many there may be.
        spec: what it was drawn from.
    """
    content = io.BytesIO()
    pixels = np.asarray(picture.convert("RGB"), np.uint8)
    shades, at, count = np.unique(_packed(pixels), return_inverse=True, return_counts=True)
    named = {int(code, 16) for code in _HEX.findall(str(spec))}
    kept = [k for k, shade in enumerate(shades.tolist()) if shade in named]
    kept = sorted(kept, key=lambda k: -count[k])[: colours // 2]
    blended = picture.convert("RGB").quantize(colours - len(kept), dither=Image.Dither.NONE)
    rest = np.array(blended.getpalette(), np.uint8).reshape(-1, 3)
    palette = np.concatenate([_unpacked(shades[kept]), rest])
    nearest = _nearest(_unpacked(shades), palette)
    nearest[kept] = np.arange(len(kept))
    few = Image.fromarray(nearest[at].reshape(pixels.shape[:2]), "P")
    few.putpalette(palette.tobytes())
    few.save(content, "PNG", optimize=True)
    return content.getvalue()


def _packed(pixels: np.ndarray) -> np.ndarray:
    """Return one number per pixel, as it is written in hexadecimal."""
    wide = pixels.reshape(-1, 3).astype(np.int64)
    return np.asarray(wide @ [1 << 16, 1 << 8, 1])


def _unpacked(shades: np.ndarray) -> np.ndarray:
    return np.stack([shades >> 16, shades >> 8 & 255, shades & 255], 1).astype(np.uint8)


def _nearest(shades: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Return for each shade the place of the most similar colour of a palette."""
    wide, out = palette.astype(np.int32), np.empty(len(shades), np.uint8)
    for part in range(0, len(shades), 4096):
        some = shades[part : part + 4096].astype(np.int32)
        out[part : part + 4096] = ((some[:, None] - wide) ** 2).sum(2).argmin(1)
    return out


def columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Columns:
    """Turn rows into named columns."""
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


@dataclass(frozen=True, eq=False)
class Template:
    """Hold a Vega-Lite spec with named, empty data sets, for a light and for a dark page."""

    light: Mapping[str, Any]
    dark: Mapping[str, Any]


@lru_cache(maxsize=256)
def template(draw: Callable[..., dict[str, Any]], *options: Any) -> Template:
    """Call `draw(theme, *options)` for both themes, and keep the result.

    To make a drawing costs a thousand times more than to fill it with numbers.
    """
    return Template(draw(THEMES["light"], *options), draw(THEMES["dark"], *options))


@dataclass(frozen=True, eq=False)
class Figure:
    """Hold a chart and one sentence that describes it.

    A notebook shows it as PNG, with the sentence as its text: no script and no network are needed.

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

    def __repr__(self) -> str:
        return self.alt_text

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return one data set, a row per mark.

        Raises:
            ValueError: an unknown data set.
        """
        choice("data set", name, self.data)
        table = {key: np.asarray(values).tolist() for key, values in self.data[name].items()}
        return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]

    def spec(self, theme: Theme = THEMES["light"]) -> dict[str, Any]:
        """Return the complete Vega-Lite spec, data included."""
        spec = copy.deepcopy(dict(getattr(self.template, theme.name)))
        spec["datasets"] = {name: self.rows(name) for name in self.data}
        spec["background"] = "white" if theme.name == "light" else "#111111"
        for parameter in spec.get("params", []):
            if parameter["name"] in (self.signals or {}):
                parameter["value"] = (self.signals or {})[parameter["name"]]
        return spec

    def png(self, scale: float = 1.5) -> bytes:
        """Return the chart as PNG on white.

        Raises:
            ValueError: a scale outside 0.1 to 10.
        """
        require(0.1 <= scale <= 10, f"scale = {scale!r}", "a number from 0.1 to 10")
        spec = self.spec()
        drawn = Image.open(io.BytesIO(vl_convert.vegalite_to_png(spec, scale=scale)))
        return small_png(drawn, _PALETTE, spec)

    def svg(self) -> str:
        """Return the chart as SVG on white."""
        return vl_convert.vegalite_to_svg(self.spec())

    def save(self, path: str | Path, scale: float = 2.0) -> Path:
        """Write a PNG or SVG file, completely or not at all.

        Raises:
            ValueError: a folder that does not exist, may not be written or is full, or a name
                without `.png` or `.svg` at its end.
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
        content = self.png(scale) if path.suffix == ".png" else self.svg().encode()
        with writing_to(path.parent, "Choose another folder"):
            write_atomic(path, content)
        return path

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"image/png": self.png(), "text/plain": self.alt_text}
