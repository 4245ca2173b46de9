"""Draw a capture as a GIF that plays at its recorded speed. No I/O: a capture in, bytes out.

A GIF, because every browser and slide program plays it as a picture, and Pillow can write it; an MP4 would need a
codec. GIF compresses lines on a plain ground well: a frame takes 1 to 3 kB.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from PIL import Image, ImageColor, ImageDraw

from contracts.rules.errors import ArtifactError
from gateway.preview.artifact import Recorded
from gateway.preview.tile import (
    COLOURS,
    FAULT,
    GROUND,
    INK,
    LINE_HEIGHT,
    TILE,
    Box,
    caption,
    draw_moment,
    small_font,
    tile_size,
)

__all__ = ["LAST_CS", "MAX_FRAMES", "animation", "schedule"]

MAX_FRAMES = 300
"""The most frames that the gateway draws: 20 s at 15 frames a second. From a longer capture it draws every second (or
third …) frame, which limits time (20 ms a frame) and memory and keeps the speed."""

LAST_CS = 100
"""How long the last frame is shown before the animation starts again, in hundredths of a second, GIF's unit of time."""

_SHORTEST_CS, _LONGEST_CS = 2, 65_535
"""The shortest and the longest time of a frame, in hundredths of a second. Browsers show a shorter one for 10; GIF
stores the time in 16 bits."""

_BAR = 3
_SHADES = 12


def schedule(timestamps_ms: Sequence[int], most: int | None = MAX_FRAMES) -> list[tuple[int, int]]:
    """Choose the frames to show. Returns pairs of a frame, counted from 0, and its time in hundredths of a second.

    At most ``most`` frames, spread evenly; None means all. Each is shown until the recorded time of the next one, so
    rounding errors do not add up. A frame that would be shown for less than browsers can show is left out.
    """
    step = -(-len(timestamps_ms) // most) if most else 1
    shown: list[tuple[int, int]] = []
    for frame in range(0, len(timestamps_ms), step or 1):
        at_cs = round(timestamps_ms[frame] / 10)
        if not shown or at_cs - shown[-1][1] >= _SHORTEST_CS:
            shown.append((frame, at_cs))
    stands = [min(after - before, _LONGEST_CS) for (_, before), (_, after) in pairwise(shown)]
    return [(frame, stand) for (frame, _), stand in zip(shown, [*stands, LAST_CS], strict=True)] if shown else []


def animation(recorded: Recorded, most: int | None = MAX_FRAMES, *, check: Callable[[], None] = lambda: None) -> bytes:
    """Draw a GIF that repeats forever. The same capture gives the same bytes. Calls ``check`` before each frame; if it
    raises, the drawing ends with that error.

    Raises:
        ArtifactError: the capture has no frames.
    """
    shown = schedule(recorded.timestamps_ms, most)
    if not shown:
        raise ArtifactError("the artifact has no frames")
    images = _images(recorded, [frame for frame, _ in shown], check)
    gif = io.BytesIO()
    next(images).save(
        gif,
        "GIF",
        save_all=True,
        append_images=images,
        duration=[10 * stand for _, stand in shown],
        loop=0,
        palette=_shades(),
        optimize=False,
    )
    return gif.getvalue()


def _images(recorded: Recorded, frames: Sequence[int], check: Callable[[], None]) -> Iterator[Image.Image]:
    palette = Image.new("P", (1, 1))
    palette.putpalette(_shades())
    tile = tile_size(recorded)
    for frame in frames:
        check()
        yield _image(recorded, frame, tile).quantize(palette=palette, dither=Image.Dither.NONE)


def _image(recorded: Recorded, frame: int, tile: Box) -> Image.Image:
    """Draw one frame with a progress bar and a caption below it."""
    image = Image.new("RGB", (tile[0], tile[1] + _BAR + LINE_HEIGHT), GROUND)
    image.paste(draw_moment(recorded, frame, tile), (0, 0))
    draw = ImageDraw.Draw(image)
    whole = max(1, recorded.timestamps_ms[-1])
    done = round(tile[0] * recorded.timestamps_ms[frame] / whole)
    draw.rectangle([0, tile[1], done, tile[1] + _BAR - 1], INK)
    colour = INK if recorded.decoded[frame] else FAULT
    draw.text((6, tile[1] + _BAR + 4), caption(recorded, frame), colour, small_font())
    return image


def _shades() -> bytes:
    """The palette of all frames, as bytes of red, green and blue: every colour that occurs, and steps between it and
    its background for the smooth edges of lines and letters. Without it Pillow computes a palette for each frame."""
    blends = [(TILE, colour) for colour in (*COLOURS.values(), FAULT, INK)] + [(GROUND, INK), (GROUND, FAULT)]
    pairs = [(ImageColor.getrgb(ground), ImageColor.getrgb(colour)) for ground, colour in blends]
    return bytes(
        round(below + (above - below) * shade / (_SHADES - 1))
        for ground, colour in pairs
        for shade in range(_SHADES)
        for below, above in zip(ground, colour, strict=True)
    )
