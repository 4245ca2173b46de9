"""A contact sheet of a capture: a few of its moments, each drawn as a skeleton. Bytes in, bytes out."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from contracts.layout import LAYOUT, Part, PartLayout
from contracts.skeleton import CONNECTIONS
from gateway.preview.artifact import Recorded

__all__ = ["COLUMNS", "MOMENTS", "contact_sheet", "moments"]

MOMENTS = 6
COLUMNS = 3

_TILE_LONG_SIDE = 320
_GAP = 16
_CAPTION = 28
_FINER = 2
"""Drawn so many times larger and then reduced, which makes lines smooth."""

_GROUND, _TILE, _INK = "#0e1615", "#1b2927", "#eaf1ef"
_COLOURS: dict[Part, str] = {"pose": "#ffd166", "left_hand": "#4cc9f0", "right_hand": "#f78fb3", "face": "#b8f2c8"}
_LINE_WIDTH: dict[Part, int] = {"pose": 3, "left_hand": 2, "right_hand": 2, "face": 1}
_DRAWN_FIRST = sorted(LAYOUT, key=lambda part: ("face", "pose", "left_hand", "right_hand").index(part.name))

_SURE = 0.5
"""The visibility from which on a landmark of the pose is drawn; below it MediaPipe guesses, outside the picture too."""

_HEAD = 11
"""So many landmarks of the pose, the first, are of the face; the face's own show it better."""

Box = tuple[int, int]
Spot = tuple[float, float] | None


def moments(found: Sequence[bool], count: int = MOMENTS) -> list[int]:
    """Which frames to show, counted from 0: spread evenly over those in which something was found; over all
    if nothing was."""
    frames = [frame for frame, something in enumerate(found) if something] or list(range(len(found)))
    shown = min(count, len(frames))
    return [frames[(2 * place + 1) * len(frames) // (2 * shown)] for place in range(shown)]


def contact_sheet(recorded: Recorded) -> bytes:
    """The sheet as a PNG."""
    frames = moments([recorded.found(frame) for frame in range(len(recorded))])
    tile = _tile_size(recorded.width, recorded.height)
    columns = min(COLUMNS, len(frames)) or 1
    rows = -(-len(frames) // columns) or 1
    step = tile[0] + _GAP, tile[1] + _CAPTION + _GAP
    sheet = Image.new("RGB", (columns * step[0] + _GAP, rows * step[1] + _GAP), _GROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(16)
    for place, frame in enumerate(frames):
        x, y = _GAP + place % columns * step[0], _GAP + place // columns * step[1]
        sheet.paste(_moment(recorded, frame, tile), (x, y))
        nothing = "" if recorded.found(frame) else ", nothing found"
        caption = f"{recorded.timestamps_ms[frame] / 1000:.1f} s{nothing}"
        draw.text((x, y + tile[1] + 5), caption, _INK, font)
    png = io.BytesIO()
    sheet.save(png, "PNG")
    return png.getvalue()


def _tile_size(width: int, height: int) -> Box:
    scale = _TILE_LONG_SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _moment(recorded: Recorded, frame: int, tile: Box) -> Image.Image:
    size = tile[0] * _FINER, tile[1] * _FINER
    image = Image.new("RGB", size, _TILE)
    draw = ImageDraw.Draw(image)
    face_found = False
    for part in _DRAWN_FIRST:
        spots = [_spot(landmark, part, size) for landmark in recorded.landmarks(frame, part)]
        if part.name == "pose" and face_found:
            spots[:_HEAD] = [None] * len(spots[:_HEAD])
        if spots:
            _draw_part(draw, part.name, spots)
            face_found = face_found or part.name == "face"
    return image.reduce(_FINER)


def _spot(landmark: tuple[float, ...], part: PartLayout, size: Box) -> Spot:
    """Where a landmark is drawn; None if it is not."""
    x, y = landmark[:2]
    unsure = part.name == "pose" and landmark[3] < _SURE
    if unsure or not (-1 < x < 2 and -1 < y < 2):
        return None
    return x * size[0], y * size[1]


def _draw_part(draw: ImageDraw.ImageDraw, name: Part, spots: Sequence[Spot]) -> None:
    colour, width = _COLOURS[name], _LINE_WIDTH[name] * _FINER
    for start, end in CONNECTIONS[name]:
        first, second = spots[start], spots[end]
        if first and second:
            draw.line([first, second], colour, width)
    if name != "face":
        for spot in spots:
            if spot:
                draw.circle(spot, width, colour)
