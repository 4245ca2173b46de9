"""Decode JPEG bytes to an RGB image. The bytes may be hostile: any client can send them."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import simplejpeg

from contracts.rules.jpeg import check_scans, jpeg_header
from contracts.rules.limits import LIVE_MAX_SIDE
from workers.vision.pipelines.base import Image

__all__ = ["decode_jpeg", "decode_scaled"]

SCALED_WIDTH, SCALED_HEIGHT = 640, 480


def decode_jpeg(jpeg: bytes, width: int, height: int) -> Image | None:
    """Decode one frame; None if it is not a JPEG of exactly the declared size, or is damaged.

    Work and memory are bounded by the declared size. The pixels are those of ``simplejpeg.decode_jpeg(jpeg)``.
    """
    return _decode(jpeg, lambda found: found == (width, height))


def decode_scaled(jpeg: bytes) -> Image | None:
    """Decode one frame with no side over ``LIVE_MAX_SIDE``; None if it is not such a JPEG, or is damaged.

    One whose half is 640 × 480 or more is halved, maybe more than once: the decoder does that on its way, and no
    pipeline looks closer. Any smaller one has the pixels of ``simplejpeg.decode_jpeg(jpeg)``.
    """
    return _decode(
        jpeg,
        lambda found: max(found) <= LIVE_MAX_SIDE,
        min_width=SCALED_WIDTH,
        min_height=SCALED_HEIGHT,
        min_factor=2,  # any factor between 1 and 2 takes longer than the whole picture
    )


def _decode(jpeg: bytes, is_wanted: Callable[[tuple[int, int]], bool], **scaling: int) -> Image | None:
    """Decode a picture of a size (width, height) that is wanted, if `contracts.rules.jpeg` allows its scans."""
    try:
        check_scans(jpeg, jpeg_header(jpeg))
        height, width, *_ = simplejpeg.decode_jpeg_header(jpeg)
        return cast(Image, simplejpeg.decode_jpeg(jpeg, **scaling)) if is_wanted((width, height)) else None
    except Exception:  # every error of a decoder means that the bytes are damaged
        return None
