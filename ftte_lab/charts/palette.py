"""The palette: a colour and a dash per method, a colour and a shape per device kind.

Shipped methods and kinds are drawn the same way everywhere. Your own get what nobody else in the
picture has, as long as there is something left. Colour is never the only channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from ftte_lab.charts.altair_import import alt
from ftte_lab.charts.style import Theme
from ftte_lab.devices import CATALOGUE
from ftte_lab.simulation import METHODS


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn: its colour on a light and on a dark page, and the dash of its line."""

    light: str
    dark: str
    dash: tuple[int, ...]

    def colour(self, theme: Theme) -> str:
        """Return the colour for one theme."""
        return self.light if theme.name == "light" else self.dark


@dataclass(frozen=True)
class KindStyle:
    """How a device kind is drawn: its colour on both pages, and the name of its shape."""

    colour: str
    shape: str


# FTTE alone is warm. The others differ in lightness too, so that they stay apart with any kind of
# colour vision; names are legible on white and on #111 (see tests/charts/test_palette.py).
_SHIPPED = {
    "fedavg": MethodStyle("#0072B2", "#56B4E9", (9, 4)),
    "fedbuff": MethodStyle("#521078", "#9B6BFF", (3, 3)),
    "fedbuff_average": MethodStyle("#84476A", "#A57F9C", (3, 3, 9, 3)),
    "ftte": MethodStyle("#C44A00", "#FF8A3D", (1, 0)),
    "fedasync": MethodStyle("#17472F", "#8ADDB9", (9, 3, 2, 3)),
    "fedprox": MethodStyle("#1D4E94", "#BBD6F7", (5, 2)),
    "scaffold": MethodStyle("#737373", "#EDEDED", (12, 4)),
}
_FREE = (
    MethodStyle("#00788A", "#7FE0EA", (6, 2, 1, 2)),
    MethodStyle("#6A4FC0", "#C9BBFF", (2, 2)),
    MethodStyle("#4F6B00", "#C6E06B", (7, 2)),
    MethodStyle("#4A4A4A", "#A8A8A8", (4, 4)),
)
_STRONG = (  # in this order where a picture shows no method of the kit at all
    MethodStyle("#0072B2", "#56B4E9", (1, 0)),
    MethodStyle("#521078", "#9B6BFF", (9, 4)),
    MethodStyle("#17472F", "#8ADDB9", (3, 3)),
    MethodStyle("#84476A", "#A57F9C", (9, 3, 2, 3)),
)

# By position in the catalogue; the last four are for kinds of your own. Each stands out from white
# and from #111, and none is warm.
_KINDS = (
    KindStyle("#0FA58C", "circle"),
    KindStyle("#3C8DC6", "diamond"),
    KindStyle("#96409A", "square"),
    KindStyle("#6B5FB8", "cross"),
    KindStyle("#4E8A3A", "triangle-down"),
    KindStyle("#5F7D99", "triangle-left"),
    KindStyle("#8F9B4A", "triangle-right"),
    KindStyle("#7E7200", "triangle-up"),
    KindStyle("#3F6DB3", "bow"),
    KindStyle("#8484E6", "star"),
    KindStyle("#8D7F66", "hexagon"),
    KindStyle("#8A8A8A", "hourglass"),
    KindStyle("#B27CC4", "pentagon"),
)
_FIRST_FREE = 9  # place in `_KINDS` for a kind that is not in the catalogue
_DRAWN_SHAPES = {  # Vega has no name for these; paths in a box from -1 to 1
    "star": "M0,-1L.26,-.36L.95,-.31L.42,.14L.59,.81L0,.45L-.59,.81L-.42,.14L-.95,-.31L-.26,-.36Z",
    "hexagon": "M-.5,-.87L.5,-.87L1,0L.5,.87L-.5,.87L-1,0Z",
    "hourglass": "M-.85,-.9L.85,-.9L-.85,.9L.85,.9Z",
    "bow": "M-.95,-.8L.95,.8L.95,-.8L-.95,.8Z",
    "pentagon": "M0,-1L.95,-.31L.59,.81L-.59,.81L-.95,-.31Z",
}


def label(name: str) -> str:
    """Write a method's name as people do; what follows the name ("ftte 2") stays.

    Example:
        >>> label("ftte"), label("fedbuff 2"), label("mine")
        ('FTTE', 'FedBuff 2', 'mine')
    """
    first, space, rest = name.partition(" ")
    written = METHODS[first].label if first in METHODS else first
    return written + space + rest


def method_styles(names: Sequence[str]) -> dict[str, MethodStyle]:
    """Choose a style per method of one picture.

    Args:
        names: all methods of the picture, in its order.

    Example:
        >>> styles = method_styles(["ftte", "mine"])
        >>> styles["ftte"].light, styles["mine"].light
        ('#C44A00', '#00788A')
    """
    known = any(name in _SHIPPED for name in names)
    free = _free_styles(_FREE if known else _STRONG + _FREE)
    return {name: _SHIPPED.get(name) or next(free) for name in dict.fromkeys(names)}


def _free_styles(palette: Sequence[MethodStyle]) -> Iterator[MethodStyle]:
    """Yield the palette, then its colours again, each round with the dashes moved on by one."""
    for turn in count():
        for k, style in enumerate(palette):
            yield replace(style, dash=palette[(k + turn) % len(palette)].dash)


def kind_styles(kinds: Sequence[str]) -> dict[str, KindStyle]:
    """Choose a style per device kind of one picture.

    The position in the catalogue decides. A kind beyond the palette, or one that is not in the
    catalogue, takes the next style that is still free. A picture with more kinds than styles
    repeats them.

    Args:
        kinds: all kinds of the picture, in any order.

    Example:
        >>> kind_styles(["sensor", "mine"])["mine"]
        KindStyle(colour='#8484E6', shape='star')
    """
    catalogue = list(CATALOGUE)
    others = sorted(set(kinds) - set(catalogue))
    places = {kind: k for k, kind in enumerate([*catalogue, *others])}
    styles: dict[str, KindStyle] = {}
    for kind in sorted(set(kinds), key=lambda name: places[name]):
        first = places[kind] % len(_KINDS) if kind in CATALOGUE else _FIRST_FREE
        preferred = _KINDS[first:] + _KINDS[:first]
        unused = [style for style in preferred if style not in styles.values()]
        styles[kind] = (unused or preferred)[0]
    return {kind: styles[kind] for kind in kinds}


def method_scales(names: Sequence[str], theme: Theme) -> tuple[alt.Scale, alt.Scale]:
    """Return scales of colour and dash over the labels of methods."""
    styles = method_styles(names)
    domain = [label(name) for name in styles]
    colours = [style.colour(theme) for style in styles.values()]
    dashes = [list(style.dash) for style in styles.values()]
    return alt.Scale(domain=domain, range=colours), alt.Scale(domain=domain, range=dashes)


def kind_scales(kinds: Sequence[str]) -> tuple[alt.Scale, alt.Scale]:
    """Return scales of colour and shape over device kinds."""
    styles = kind_styles(kinds)
    domain = list(styles)
    colours = [style.colour for style in styles.values()]
    shapes = [_DRAWN_SHAPES.get(style.shape, style.shape) for style in styles.values()]
    return alt.Scale(domain=domain, range=colours), alt.Scale(domain=domain, range=shapes)
