"""Draw a contact sheet of a capture: some of its frames, each as a skeleton. No I/O: a capture in, bytes out."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

from gateway.preview.artifact import Recorded
from gateway.preview.tile import (
    FAULT,
    GROUND,
    INK,
    LINE_HEIGHT,
    caption,
    draw_legend,
    draw_moment,
    small_font,
    tile_size,
)

__all__ = ["COLUMNS", "MOMENTS", "contact_sheet", "moments"]

MOMENTS = 6
COLUMNS = 3

_GAP = 16


def moments(found: Sequence[bool]) -> list[int]:
    """Choose up to `MOMENTS` frames, counted from 0, spread evenly over those in which a part was found; over all
    frames if there are none."""
    frames = [frame for frame, something in enumerate(found) if something] or list(range(len(found)))
    shown = min(MOMENTS, len(frames))
    return [frames[(2 * place + 1) * len(frames) // (2 * shown)] for place in range(shown)]  # the middles of the parts


def contact_sheet(recorded: Recorded, *, check: Callable[[], None] = lambda: None) -> bytes:
    """Draw the sheet as a PNG. The same capture gives the same bytes. Calls ``check`` before each moment; if it raises,
    the drawing ends with that error."""
    frames = moments([recorded.found(frame) for frame in range(len(recorded))])
    tile = tile_size(recorded)
    columns = min(COLUMNS, len(frames)) or 1
    rows = -(-len(frames) // columns) or 1
    step = tile[0] + _GAP, tile[1] + LINE_HEIGHT + _GAP
    foot = rows * step[1] + _GAP // 2
    sheet = Image.new("RGB", (columns * step[0] + _GAP, foot + 2 * LINE_HEIGHT), GROUND)
    draw = ImageDraw.Draw(sheet)
    for place, frame in enumerate(frames):
        check()
        x, y = _GAP + place % columns * step[0], _GAP + place // columns * step[1]
        sheet.paste(draw_moment(recorded, frame, tile), (x, y))
        draw.text((x, y + tile[1] + 5), caption(recorded, frame), INK, small_font())
    draw_legend(draw, _GAP, foot)
    _draw_facts(draw, recorded, foot + LINE_HEIGHT)
    png = io.BytesIO()
    sheet.save(png, "PNG")
    return png.getvalue()


def _draw_facts(draw: ImageDraw.ImageDraw, recorded: Recorded, y: int) -> None:
    unreadable = sum(not decoded for decoded in recorded.decoded)
    restarts = len(recorded.tracker_restarts)
    facts = [f"{len(recorded)} frames"]
    facts += [f"{unreadable} unreadable"] * (unreadable > 0)
    facts += [f"tracking restarted: {restarts}"] * (restarts > 0)
    draw.text((_GAP, y), ", ".join(facts), FAULT if unreadable else INK, small_font())
