"""Whether bytes are a JPEG we take, from its markers and its header alone. No pixel is decoded."""

from __future__ import annotations

from contracts.errors import CaptureError, InvalidJpeg
from contracts.limits import CaptureLimits

__all__ = ["check_jpeg", "jpeg_size"]

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_BASELINE, _PROGRESSIVE = 0xC0, 0xC2
_SOS = 0xDA
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
_NEVER_HERE = frozenset({0x00, 0xD8, 0xD9, 0xFF})  # FF: more fill bytes than we take

# A camera writes about ten segments before its pixels, tables of a few hundred bytes, and no fill bytes; a hostile
# file could hold hundreds of thousands of each, and libjpeg-turbo reads all of them up to the first scan.
_MAX_SEGMENTS = 192
_MAX_FILL_BYTES = 256
_MAX_TABLE_BYTES = 65_536
_MAX_KNOWN_BYTES = 4096


def jpeg_size(payload: bytes) -> tuple[int, int]:
    """Width and height, in pixels, of a baseline or progressive JPEG of 8 bits a sample, as its header says.

    The work is bounded, whatever the bytes are and however many: nothing behind the header is looked at. Source: ITU-T
    T.81, annex B, for the markers; libjpeg-turbo parses the header itself.

    Raises:
        InvalidJpeg: it is not one.
    """
    if payload[:2] != _SOI:
        raise InvalidJpeg("it does not begin with SOI")
    if payload[-2:] != _EOI:
        raise InvalidJpeg("it does not end with EOI")
    marker, precision_bits, _ = _frame_header(payload)
    if marker not in (_BASELINE, _PROGRESSIVE) or precision_bits != 8:
        raise InvalidJpeg("it is neither baseline nor progressive of 8 bits")
    import simplejpeg  # with numpy, for which no start waits: `gateway.__main__` loads it then

    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(payload, strict=False)
    except (ValueError, KeyError):  # KeyError: a colour space or subsampling that libjpeg-turbo does not know
        raise InvalidJpeg("its header cannot be read") from None
    return width, height


def check_jpeg(payload: bytes, width: int, height: int, limits: CaptureLimits, known: bytes = b"") -> bytes:
    """Accept what `jpeg_size` takes, of exactly ``width`` × ``height`` pixels; returns what is before its pixels, or
    nothing if that is long.

    A camera's pictures begin alike, byte for byte: one that begins with ``known``, which this returned for another with
    the same arguments, is not read again. That was a thirtieth of what a frame costs.

    Raises:
        CaptureError: ``invalid_frame``, or ``limit_resolution_exceeded`` if the header's own size is over
            the limit, whatever was declared.
    """
    if known and payload.startswith(known) and payload.endswith(_EOI):
        return known
    try:
        own_width, own_height = jpeg_size(payload)
    except InvalidJpeg as error:
        raise CaptureError("invalid_frame", str(error)) from None
    if not limits.fits(own_width, own_height):
        raise CaptureError("limit_resolution_exceeded", f"the image is {own_width} × {own_height}")
    if (own_width, own_height) != (width, height):
        raise CaptureError("invalid_frame", f"the image is {own_width} × {own_height}, declared was {width} × {height}")
    _, _, pixels_at = _frame_header(payload)
    return payload[:pixels_at] if pixels_at <= min(len(payload), _MAX_KNOWN_BYTES) else b""


_NONE = 0, 0, 0


def _frame_header(payload: bytes) -> tuple[int, int, int]:
    """The marker code of the frame header (SOFn), its bits a sample, and where the first scan's header ends; zeros if
    there is none before the first scan, or if anything before that scan is more than we take."""
    at, end, found, table_bytes = 2, len(payload), (0, 0), 0
    for _ in range(_MAX_SEGMENTS):
        if payload[at : at + 2] == b"\xff\xff":
            fill = payload[at : at + _MAX_FILL_BYTES]
            at += len(fill) - len(fill.lstrip(b"\xff")) - 1
        if at + 5 > end or payload[at] != 0xFF:
            break
        marker = payload[at + 1]
        if marker in _STANDALONE:
            at += 2
            continue
        length = int.from_bytes(payload[at + 2 : at + 4], "big")
        if marker == _SOS:
            return *found, at + 2 + length
        if marker in _FRAME_HEADERS:
            found = marker, payload[at + 4]
        table_bytes += length if marker in _TABLES else 0
        if length < 2 or marker in _NEVER_HERE or table_bytes > _MAX_TABLE_BYTES:
            break
        at += 2 + length
    return _NONE
