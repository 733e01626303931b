"""Where everything stands on a slide: boxes in inches, which both writers draw."""

from __future__ import annotations

from dataclasses import dataclass

from docs.deck.source import PREDICT, Slide, question_of

WIDE, HIGH = 13.333, 7.5
"""Size of a slide, in inches."""

INK, SOFT, ACCENT, PALE = "#222222", "#595959", "#C44A00", "#F3F1EC"
TEXT, CODE = "Arial", "Courier New"

LEFT, ROOM = 0.6, 12.13
TOP, BODY = 1.62, 5.2
_CAPTION = 0.8


@dataclass(frozen=True)
class Box:
    """Text, a picture, or a coloured rectangle at a place on a slide, in inches and points."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...] = ()
    size: float = 20.0
    bold: bool = False
    colour: str = INK
    font: str = TEXT
    centred: bool = False
    middle: bool = False
    fill: str = ""
    picture: bytes = b""
    alt_text: str = ""


def boxes(slide: Slide, footer: str, picture: bytes = b"", alt_text: str = "") -> list[Box]:
    """Return the boxes of a slide."""
    if not slide.section:
        return [*_cover(slide), _footer(footer)]
    found = [
        Box(LEFT, 0.32, 0.9, 0.07, fill=ACCENT),
        Box(
            LEFT, 0.46, ROOM, 1.08, (slide.title,), _title_size(slide.title), bold=True, middle=True
        ),
    ]
    if slide.chart.startswith(PREDICT):
        found += _question(slide)
    elif picture:
        height = BODY - (_CAPTION if slide.lines else 0)
        found.append(Box(LEFT, TOP, ROOM, height, picture=picture, alt_text=alt_text))
        if slide.lines:
            caption = tuple(slide.lines)
            found.append(Box(LEFT, TOP + height, ROOM, _CAPTION, caption, 20, colour=SOFT))
    elif slide.tiles:
        found += _tiles(slide)
    else:
        found += _points(slide)
    return [*found, _footer(footer)]


def _title_size(title: str) -> float:
    return 30 if len(title) <= 50 else 27


def _footer(footer: str) -> Box:
    return Box(LEFT, 6.98, ROOM, 0.32, (footer,), 12, colour=SOFT)


def _cover(slide: Slide) -> list[Box]:
    return [
        Box(0, 0, 0.35, HIGH, fill=ACCENT),
        Box(1.1, 1.7, 11.2, 1.9, (slide.title,), 48, bold=True, middle=True),
        Box(1.1, 3.8, 11.2, 2.2, tuple(slide.lines), 24, colour=SOFT),
    ]


def _question(slide: Slide) -> list[Box]:
    """Place what is given, the question of a page and its choices, for a show of hands."""
    asked, choices = question_of(slide.chart.removeprefix(PREDICT))
    found = [
        Box(LEFT, TOP, ROOM, 0.75, tuple(slide.lines), 20, colour=SOFT),
        Box(LEFT, TOP + 0.75, ROOM, 0.95, (asked,), 26, bold=True, middle=True),
    ]
    step = 0.86
    for k, choice in enumerate(choices):
        y = TOP + 1.8 + k * step
        found += [
            Box(LEFT, y, 0.75, step - 0.16, ("ABCD"[k],), 26, True, "#FFFFFF", centred=True,
                middle=True, fill=ACCENT),
            Box(LEFT + 0.75, y, ROOM - 0.75, step - 0.16, (f" {choice}",), 24, middle=True,
                fill=PALE),
        ]  # fmt: skip
    return found


def _tiles(slide: Slide) -> list[Box]:
    gap = 0.35
    width = (ROOM - gap * (len(slide.tiles) - 1)) / len(slide.tiles)
    height, top = 3.2, TOP + (0.2 if slide.lines else 0.7)
    found = []
    for k, (number, what) in enumerate(slide.tiles):
        x = LEFT + k * (width + gap)
        size = 60 if len(slide.tiles) <= 3 else 38
        found += [
            Box(x, top, width, height, fill=PALE),
            Box(
                x, top + 0.25, width, 1.4, (number,), size, True, ACCENT, centred=True, middle=True
            ),
            Box(x + 0.2, top + 1.75, width - 0.4, height - 1.85, (what,), 22, centred=True),
        ]
    if slide.lines:
        below = top + height + 0.25
        found.append(Box(LEFT, below, ROOM, 1.3, tuple(slide.lines), 22, colour=SOFT))
    return found


def _points(slide: Slide) -> list[Box]:
    found, y = [], TOP
    if slide.code:
        height = 0.42 * len(slide.code) + 0.4
        found.append(Box(LEFT, y, ROOM, height, fill=PALE))
        code = Box(LEFT + 0.2, y + 0.15, ROOM - 0.4, height - 0.3, tuple(slide.code), 20, font=CODE)
        found.append(code)
        y += height + 0.3
    step = min(1.15, (TOP + BODY - y) / max(1, len(slide.lines)))
    for line in slide.lines:
        found += [
            Box(LEFT, y + 0.14, 0.12, step - 0.34, fill=ACCENT),
            Box(LEFT + 0.3, y, ROOM - 0.3, step - 0.06, (line,), 24, middle=True),
        ]
        y += step
    return found
