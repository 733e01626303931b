"""Colours: legible on both pages, apart with any kind of colour vision, and kept in a PNG."""

import io
import re
from itertools import combinations

import numpy as np
import pytest
import vl_convert
from PIL import Image

from ftte_lab import charts
from ftte_lab.charts.style import THEMES, Theme
from ftte_lab.devices import CATALOGUE
from ftte_lab.simulation import METHODS, History

# Machado, Oliveira and Fernandes 2009: complete loss of a cone, on linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
# Ottosson 2020: linear RGB to the cones of Oklab, and their cube roots to Oklab.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
MAIN = ("fedavg", "fedbuff", "fedbuff_average", "ftte")
LIT = ["light", "dark"]


def linear(colour: str) -> np.ndarray:
    """Linear RGB of a hexadecimal colour."""
    share = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, as WCAG 2 defines it."""
    dark, light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (light + 0.05) / (dark + 0.05)


def distance(one: str, other: str, vision: str) -> float:
    """Distance of two colours in hundredths of Oklab, for one kind of vision; 2 is just seen."""
    seen = [np.clip(VISION[vision] @ linear(c), 0, 1) for c in (one, other)]
    a, b = (TO_LAB @ np.cbrt(TO_CONES @ rgb) for rgb in seen)
    return 100 * float(np.linalg.norm(a - b))


def hue(colour: str) -> float:
    """Hue in Oklab, degrees."""
    _, a, b = TO_LAB @ np.cbrt(TO_CONES @ linear(colour))
    return float(np.degrees(np.arctan2(b, a))) % 360


def test_measures_of_colour_agree_with_known_values() -> None:
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert contrast("#FFFFFF", "#777777") == pytest.approx(4.48, abs=0.01)
    assert distance("#FFFFFF", "#000000", "usual") == pytest.approx(100, abs=0.1)
    red, green = "#B05000", "#5F7200"
    assert distance(red, green, "deuteranopia") < 0.4 * distance(red, green, "usual")


@pytest.mark.parametrize("theme", [THEMES[name] for name in LIT], ids=LIT)
def test_names_of_methods_are_legible(theme: Theme) -> None:
    own = [f"mine {k}" for k in range(4)]
    for styles in (charts.method_styles([*METHODS, *own]), charts.method_styles(own)):
        for name, style in styles.items():
            assert contrast(style.colour(theme), theme.page) >= 4.5, name
    for words in (theme.ink, theme.soft, theme.line):
        assert contrast(words, theme.page) >= 4.5
    for mark in (theme.download, theme.compute, theme.upload):
        assert contrast(mark, theme.page) >= 3


def test_device_kinds_stand_out_from_both_pages() -> None:
    styles = charts.kind_styles([*CATALOGUE, "mine", "yours", "theirs", "nobody's"])
    for kind, style in styles.items():
        for theme in THEMES.values():
            assert contrast(style.colour, theme.page) >= 3, kind


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", [THEMES[name] for name in LIT], ids=LIT)
def test_methods_are_told_apart_with_any_colour_vision(theme: Theme, vision: str) -> None:
    styles = charts.method_styles(list(METHODS))
    for one, other in combinations(styles, 2):
        far = distance(styles[one].colour(theme), styles[other].colour(theme), vision)
        assert far >= (11 if one in MAIN and other in MAIN else 7), (one, other)
        assert styles[one].dash != styles[other].dash


@pytest.mark.parametrize("vision", VISION)
def test_kinds_of_the_default_fleet_are_told_apart(vision: str) -> None:
    styles = charts.kind_styles(list(CATALOGUE))
    for one, other in combinations(("sensor", "watch", "phone"), 2):
        assert distance(styles[one].colour, styles[other].colour, vision) >= 10
        assert styles[one].shape != styles[other].shape


def test_one_method_is_warm() -> None:
    styles = charts.method_styles([*METHODS, *(f"mine {k}" for k in range(4))])
    for theme in THEMES.values():
        warm = [name for name, style in styles.items() if 30 <= hue(style.colour(theme)) <= 85]
        vivid = [n for n in warm if len(set(styles[n].colour(theme)[1:])) > 3]  # greys have no hue
        assert vivid == ["ftte"]


def pixels(raw: bytes) -> set[str]:
    """All colours of a picture."""
    shades = np.unique(
        np.asarray(Image.open(io.BytesIO(raw)).convert("RGB")).reshape(-1, 3), axis=0
    )
    return {"#{:02X}{:02X}{:02X}".format(*shade) for shade in shades.tolist()}


def test_pictures_and_slides_keep_the_exact_colours(histories: dict[str, History]) -> None:
    names = list(METHODS)
    runs = dict(zip(names, [*histories.values()] * len(names), strict=False))
    for k, name in enumerate(names):  # no line hides another one
        points = runs[name].points
        points = points.assign(accuracy=0.8 + 0.02 * k + 0 * points["accuracy"])
        runs[name] = History(runs[name].scenario, points, runs[name].facts)
    figure = charts.accuracy(runs)
    for raw in (figure.png(), charts.slide(figure, "All methods on one slide.").png()):
        wanted = {style.light for style in charts.method_styles(names).values()}
        assert wanted <= pixels(raw)
        assert len(raw) < 100_000


def test_letters_of_a_slide_are_large_enough(histories: dict[str, History]) -> None:
    for figure in (charts.accuracy(histories), charts.bytes_sent(histories)):
        spec, scale = charts.slide(figure, "A sentence to remember.").drawing()
        svg = vl_convert.vegalite_to_svg(spec)
        sizes = [float(size) for size in re.findall(r'font-size="([0-9.]+)px"', svg)]
        assert sizes
        assert min(sizes) * scale * 1920 / 1280 >= 30


def test_the_key_of_a_stack_has_a_shade_per_part(histories: dict[str, History]) -> None:
    for theme in THEMES.values():
        layers = charts.bytes_sent(histories).spec(theme)["layer"]
        [scale] = [
            one["encoding"]["color"]["scale"] for one in layers if "color" in one["encoding"]
        ]
        assert len(set(scale["range"])) == len(scale["domain"]) == 4
        assert scale["range"][0] == theme.ink
