"""Draw one frame of a capture as a skeleton. Also the colours and sizes that all pictures share. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from contracts.rules.landmarks import CONNECTIONS, Part
from gateway.preview.artifact import Recorded
from gateway.preview.visible import Landmark, visible_landmarks

__all__ = [
    "COLOURS",
    "FAULT",
    "GROUND",
    "INK",
    "LINE_HEIGHT",
    "PART_TITLES",
    "TILE",
    "Box",
    "caption",
    "draw_legend",
    "draw_moment",
    "small_font",
    "tile_size",
]

GROUND, TILE, INK, FAULT = "#0e1615", "#1b2927", "#eaf1ef", "#ff8a70"
COLOURS: dict[Part, str] = {"pose": "#ffd166", "left_hand": "#4cc9f0", "right_hand": "#f78fb3", "face": "#b8f2c8"}
LINE_HEIGHT = 28

PART_TITLES: dict[Part, str] = {"pose": "body", "left_hand": "left hand", "right_hand": "right hand", "face": "face"}
_LONG_SIDE = 320
_FINER = 3
"""A frame is drawn so many times larger and then reduced, which smooths the lines."""

_LINE_WIDTH: dict[Part, int] = {"pose": 9, "left_hand": 5, "right_hand": 5, "face": 3}
"""The width of a line and the radius of a landmark's dot, in pixels of the larger drawing."""

_DRAWN_FIRST: tuple[Part, ...] = ("face", "pose", "left_hand", "right_hand")

Box = tuple[int, int]
Spot = tuple[float, float] | None


def tile_size(recorded: Recorded) -> Box:
    """The size of one drawn frame, in pixels. It has the proportions of the capture's pictures."""
    scale = _LONG_SIDE / max(recorded.width, recorded.height)
    return max(1, round(recorded.width * scale)), max(1, round(recorded.height * scale))


def draw_moment(recorded: Recorded, frame: int, size: Box) -> Image.Image:
    """Draw the landmarks of a frame, counted from 0. A frame whose picture could not be read is crossed out."""
    finer = size[0] * _FINER, size[1] * _FINER
    image = Image.new("RGB", finer, TILE)
    draw = ImageDraw.Draw(image)
    if not recorded.decoded[frame]:
        draw.line([(0, 0), finer], FAULT, _FINER)
        draw.line([(0, finer[1]), (finer[0], 0)], FAULT, _FINER)
    shown = visible_landmarks(recorded, frame)
    for part in _DRAWN_FIRST:
        if part in shown:
            _draw_part(draw, part, [_spot(landmark, finer) for landmark in shown[part]])
    return image.reduce(_FINER)


def caption(recorded: Recorded, frame: int) -> str:
    """The time of a frame, and whether it is unreadable or without landmarks."""
    when = f"{recorded.timestamps_ms[frame] / 1000:.1f} s"
    if not recorded.decoded[frame]:
        return f"{when}, picture unreadable"
    return when if recorded.found(frame) else f"{when}, nothing found"


def small_font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of all texts. Pillow includes it, so it is the same on every machine."""
    return ImageFont.load_default(16)


def draw_legend(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
    """The names of the parts from left to right, each in its colour."""
    font = small_font()
    for part, name in PART_TITLES.items():
        draw.text((x, y), name, COLOURS[part], font)
        x += draw.textlength(f"{name}   ", font)


def _spot(landmark: Landmark | None, size: Box) -> Spot:
    """The position of a landmark, in pixels; None if it is not drawn."""
    return (landmark[0] * size[0], landmark[1] * size[1]) if landmark else None


def _draw_part(draw: ImageDraw.ImageDraw, name: Part, spots: Sequence[Spot]) -> None:
    colour, width = COLOURS[name], _LINE_WIDTH[name]
    for start, end in CONNECTIONS[name]:
        first, second = spots[start], spots[end]
        if first and second:
            draw.line([first, second], colour, width)
    if name != "face":
        for spot in spots:
            if spot:
                draw.circle(spot, width, colour)
