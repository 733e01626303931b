"""Write the deck as PowerPoint, with speaker notes."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Emu, Inches, Pt

from docs.deck.layout import HIGH, WIDE, Box

_TITLE_ONLY = 5  # the layout with a title and nothing else


def write_powerpoint(slides: Sequence[tuple[str, list[Box], str]], title: str) -> bytes:
    """Return a PowerPoint file.

    Args:
        slides: of each slide the title, the boxes, and the notes.
        title: of the deck.
    """
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(WIDE), Inches(HIGH)
    deck.core_properties.title = title
    deck.core_properties.author = "ftte_lab"
    for heading, boxes, notes in slides:
        page = deck.slides.add_slide(deck.slide_layouts[_TITLE_ONLY])
        for box in boxes:
            if box.picture:
                _picture(page, box)
            elif box.lines == (heading,):
                _text(page.shapes.title, box)  # an outline and a screen reader find it there
            else:
                _text(_shape(page, box), box)
        page.notes_slide.notes_text_frame.text = notes
    content = io.BytesIO()
    deck.save(content)
    return content.getvalue()


def _shape(page: object, box: Box) -> object:
    place = [Inches(value) for value in (box.x, box.y, box.width, box.height)]
    shapes = page.shapes  # type: ignore[attr-defined]
    if not box.fill:
        return shapes.add_textbox(*place)
    shape = shapes.add_shape(MSO_SHAPE.RECTANGLE, *place)
    shape.fill.solid()
    shape.fill.fore_color.rgb = _colour(box.fill)
    shape.line.fill.background()
    shape.shadow.inherit = False
    return shape


def _text(shape: object, box: Box) -> None:
    """Write the lines of a box into a shape."""
    shape.left, shape.top = Inches(box.x), Inches(box.y)  # type: ignore[attr-defined]
    shape.width, shape.height = Inches(box.width), Inches(box.height)  # type: ignore[attr-defined]
    frame = shape.text_frame  # type: ignore[attr-defined]
    frame.word_wrap = True
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = Emu(0)
    frame.vertical_anchor = MSO_ANCHOR.MIDDLE if box.middle else MSO_ANCHOR.TOP
    for k, line in enumerate(box.lines):
        paragraph = frame.paragraphs[0] if k == 0 else frame.add_paragraph()
        paragraph.alignment = PP_ALIGN.CENTER if box.centred else PP_ALIGN.LEFT
        run = paragraph.add_run()
        run.text = line
        run.font.size, run.font.bold, run.font.name = Pt(box.size), box.bold, box.font
        run.font.color.rgb = _colour(box.colour)


def _picture(page: object, box: Box) -> None:
    """Place a picture in the middle of its box, as large as it fits."""
    with Image.open(io.BytesIO(box.picture)) as picture:
        wide, high = picture.size
    scale = min(box.width / wide, box.height / high)
    x = box.x + (box.width - wide * scale) / 2
    y = box.y + (box.height - high * scale) / 2
    place = [Inches(value) for value in (x, y, wide * scale, high * scale)]
    shown = page.shapes.add_picture(io.BytesIO(box.picture), *place)  # type: ignore[attr-defined]
    shown.element.nvPicPr.cNvPr.set("descr", box.alt_text)


def _colour(text: str) -> RGBColor:
    return RGBColor.from_string(text.lstrip("#"))
