"""Whether bytes are a JPEG we take, from its markers and its header alone. No pixel is decoded."""

from __future__ import annotations

from contracts.errors import CaptureError, InvalidJpeg
from contracts.jpeg import JpegHeader, check_scans, jpeg_header
from contracts.limits import CaptureLimits

__all__ = ["check_jpeg", "checked_header"]

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_BASELINE, _PROGRESSIVE = 0xC0, 0xC2
_MAX_KNOWN_BYTES = 4096


def checked_header(payload: bytes) -> JpegHeader:
    """The header of a baseline or progressive JPEG of 8 bits a sample. What its scans cost is not looked at here.

    The work is bounded, whatever the bytes are and however many; libjpeg-turbo reads the header too.

    Raises:
        InvalidJpeg: it is not one.
    """
    if payload[:2] != _SOI:
        raise InvalidJpeg("it does not begin with SOI")
    if payload[-2:] != _EOI:
        raise InvalidJpeg("it does not end with EOI")
    header = jpeg_header(payload)
    if header.marker not in (_BASELINE, _PROGRESSIVE) or header.precision_bits != 8:
        raise InvalidJpeg("it is neither baseline nor progressive of 8 bits")
    import simplejpeg  # with numpy, for which no start waits: `gateway.__main__` loads it then

    try:
        simplejpeg.decode_jpeg_header(payload, strict=False)
    except (ValueError, KeyError):  # KeyError: a colour space or subsampling that libjpeg-turbo does not know
        raise InvalidJpeg("its header cannot be read") from None
    return header


def check_jpeg(payload: bytes, width: int, height: int, limits: CaptureLimits, known: bytes = b"") -> bytes:
    """Accept what `checked_header` takes, of exactly ``width`` × ``height`` pixels and with scans that cost little.

    Returns what is before its pixels; nothing if that is long, or if there are more scans than one.

    A camera's pictures begin alike, byte for byte: one that begins with ``known``, which this returned for another with
    the same arguments, is not read again. That was a thirtieth of what a frame costs.

    Raises:
        CaptureError: ``invalid_frame``, or ``limit_resolution_exceeded`` if the header's own size is over
            the limit, whatever was declared.
    """
    if known and payload.startswith(known) and payload.endswith(_EOI):
        return known
    try:
        header = checked_header(payload)
        own = f"the image is {header.width} × {header.height}"
        if not limits.fits(header.width, header.height):
            raise CaptureError("limit_resolution_exceeded", own)
        if (header.width, header.height) != (width, height):
            raise CaptureError("invalid_frame", f"{own}, declared was {width} × {height}")
        check_scans(payload, header)
    except InvalidJpeg as error:
        raise CaptureError("invalid_frame", str(error)) from None
    is_short = header.pixels_at <= min(len(payload), _MAX_KNOWN_BYTES)
    return payload[: header.pixels_at] if header.has_one_scan and is_short else b""
