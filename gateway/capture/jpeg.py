"""Whether bytes are a JPEG we take, from its markers and its header alone. No pixel is decoded."""

from __future__ import annotations

from contracts.rules.errors import CaptureError, InvalidJpeg
from contracts.rules.jpeg import EOI, JpegHeader, check_scans, has_jpeg_end, taken_header
from contracts.rules.limits import CaptureLimits

__all__ = ["check_jpeg", "checked_header"]

_MAX_KNOWN_BYTES = 4096


def checked_header(payload: bytes) -> JpegHeader:
    """What `taken_header` takes, if libjpeg-turbo can read the header too.

    The work is bounded, whatever the bytes are and however many.

    Raises:
        InvalidJpeg: it is not one.
    """
    header = taken_header(payload)
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
    if known and payload.startswith(known) and (payload.endswith(EOI) or has_jpeg_end(payload)):  # padding is rare
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
