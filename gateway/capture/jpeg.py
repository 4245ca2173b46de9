"""Whether bytes are a JPEG we take, from its markers and its header alone. No pixel is decoded."""

from __future__ import annotations

import simplejpeg

from contracts.errors import CaptureError
from contracts.limits import CaptureLimits

__all__ = ["check_jpeg"]

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_BASELINE, _PROGRESSIVE = 0xC0, 0xC2
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

# A camera writes about ten segments before the frame header, and no fill bytes; a hostile file could hold
# hundreds of thousands of either.
_MAX_SEGMENTS = 256
_MAX_FILL_BYTES = 256


def check_jpeg(payload: bytes, width: int, height: int, limits: CaptureLimits) -> None:
    """Accept a baseline or progressive JPEG of exactly ``width`` × ``height`` pixels, 8 bits a sample.

    The work is bounded, whatever the bytes are: nothing behind the header is looked at. Source: ITU-T T.81,
    annex B, for the markers; libjpeg-turbo parses the header itself.

    Raises:
        CaptureError: ``invalid_frame``, or ``limit_resolution_exceeded`` if the header's own size is over
            the limit, whatever was declared.
    """
    if payload[:2] != _SOI:
        raise _invalid("it does not begin with SOI")
    if payload[-2:] != _EOI:
        raise _invalid("it does not end with EOI")
    marker, precision_bits = _frame_header(payload)
    if marker not in (_BASELINE, _PROGRESSIVE) or precision_bits != 8:
        raise _invalid("it is neither baseline nor progressive of 8 bits")
    try:
        own_height, own_width, _, _ = simplejpeg.decode_jpeg_header(payload, strict=False)
    except (ValueError, KeyError):  # KeyError: a colour space or subsampling that libjpeg-turbo does not know
        raise _invalid("its header cannot be read") from None
    if not limits.fits(own_width, own_height):
        raise CaptureError("limit_resolution_exceeded", f"the image is {own_width} × {own_height}")
    if (own_width, own_height) != (width, height):
        raise _invalid(f"it is {own_width} × {own_height}, declared was {width} × {height}")


def _invalid(why: str) -> CaptureError:
    return CaptureError("invalid_frame", f"not a JPEG we take: {why}")


_NONE = 0, 0


def _frame_header(payload: bytes) -> tuple[int, int]:
    """The marker code of the first frame header (SOFn) and its bits a sample; zeros if there is none where one
    must be."""
    at, end = 2, len(payload)
    for _ in range(_MAX_SEGMENTS):
        fill = payload[at : at + _MAX_FILL_BYTES]
        at += max(0, len(fill) - len(fill.lstrip(b"\xff")) - 1)
        if at + 5 > end or payload[at] != 0xFF:
            return _NONE
        marker = payload[at + 1]
        if marker in _FRAME_HEADERS:
            return marker, payload[at + 4]
        if marker in _STANDALONE:
            at += 2
            continue
        length = int.from_bytes(payload[at + 2 : at + 4], "big")
        if length < 2 or marker in (0x00, 0xD8, 0xD9, 0xDA, 0xFF):  # FF: more fill bytes than we take
            return _NONE
        at += 2 + length
    return _NONE
