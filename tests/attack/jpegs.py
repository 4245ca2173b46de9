"""JPEGs that no camera makes."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image

SOI, EOI, SOS = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"


@cache
def picture(
    width: int = 640,
    height: int = 480,
    *,
    mode: str = "RGB",
    progressive: bool = False,
    size_bytes: int = 0,
    subsampling: int = -1,
) -> bytes:
    """An honest picture; a comment fills it up to ``size_bytes`` if that is given."""
    ramp = np.linspace(0, 255, width * height, dtype=np.uint8).reshape(height, width)
    buffer = io.BytesIO()
    Image.fromarray(ramp).convert(mode).save(
        buffer, "JPEG", progressive=progressive, quality=50, subsampling=subsampling
    )
    jpeg = buffer.getvalue()
    if size_bytes:
        missing = size_bytes - len(jpeg)
        assert missing >= 4, f"the picture has {len(jpeg)} bytes already"
        jpeg = jpeg[:2] + segment(0xFE, bytes(missing - 4)) + jpeg[2:]
    return jpeg


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def frame_header_at(jpeg: bytes) -> int:
    """Where SOF0 or SOF2 begins."""
    return max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2"))


def before_header(jpeg: bytes, inserted: bytes) -> bytes:
    return jpeg[:2] + inserted + jpeg[2:]


def before_scan(jpeg: bytes, inserted: bytes) -> bytes:
    at = jpeg.index(SOS)
    return jpeg[:at] + inserted + jpeg[at:]


def patched_header(jpeg: bytes, at: int, new: bytes) -> bytes:
    """The picture with ``new`` written ``at`` bytes after the start of the frame header."""
    at += frame_header_at(jpeg)
    return jpeg[:at] + new + jpeg[at + len(new) :]


def with_scans(jpeg: bytes, scans: int, which: Callable[..., bytes] = min) -> bytes:
    """A picture of several scans, of which the shortest of those with the fewest components (``min``), or with the most
    (``max``), is there again and again."""
    pieces = jpeg[jpeg.index(SOS) : -2].split(SOS)[1:]
    most = which(piece[2] for piece in pieces)
    again = min((piece for piece in pieces if piece[2] == most), key=len)
    return jpeg[:-2] + (SOS + again) * (scans - len(pieces)) + EOI


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return before_header(jpeg, segment(0xE1, exif.tobytes()))


def with_thumbnail(jpeg: bytes, thumbnail: bytes) -> bytes:
    """Another whole JPEG in an APP1 segment."""
    return before_header(jpeg, segment(0xE1, b"Exif\0\0" + thumbnail))
