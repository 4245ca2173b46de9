"""JPEG bytes to an RGB image. The bytes may be hostile: they were made by a browser, or by anyone."""

from __future__ import annotations

from typing import cast

import simplejpeg

from workers.pipelines.base import Image

__all__ = ["decode_jpeg"]

MAX_SCANS = 64
"""A progressive JPEG has about ten scans. Each costs a pass over the whole image, and 300,000 bytes could hold
thousands: minutes of work."""

_START_OF_SCAN = b"\xff\xda"


def decode_jpeg(jpeg: bytes, width: int, height: int) -> Image | None:
    """Decode one frame; None if it is not a JPEG of exactly the declared size, or is damaged.

    Work and memory are bounded by the declared size. The pixels are those of ``simplejpeg.decode_jpeg(jpeg)``.
    """
    # inside the compressed data FF is always followed by 00, so these two bytes are nowhere but at a scan's start
    if jpeg.count(_START_OF_SCAN) > MAX_SCANS:
        return None
    try:
        found_height, found_width, *_ = simplejpeg.decode_jpeg_header(jpeg)
        if (found_width, found_height) != (width, height):
            return None
        return cast(Image, simplejpeg.decode_jpeg(jpeg))
    except Exception:  # whatever a decoder says of hostile bytes means the same to us
        return None
