"""Check whether bytes are a JPEG that the gateway accepts, by its markers and its header. No pixel is decoded."""

from __future__ import annotations

from contracts.rules.errors import CaptureError, InvalidJpeg
from contracts.rules.jpeg import EOI, JpegHeader, check_scans, has_jpeg_end, taken_header
from contracts.rules.limits import CaptureLimits

__all__ = ["check_jpeg", "checked_header"]

_MAX_KNOWN_BYTES = 4096  # enough for the standard tables, about 600 bytes; every open capture keeps a copy


def checked_header(payload: bytes) -> JpegHeader:
    """Read a JPEG's header with `taken_header`, and require that libjpeg-turbo can read it too.

    The work is bounded for any input of any length.

    Raises:
        InvalidJpeg: the bytes are not a JPEG that the gateway accepts.
    """
    header = taken_header(payload)
    import simplejpeg  # it imports numpy, which would delay the start: `gateway.__main__` loads both after the start

    try:
        simplejpeg.decode_jpeg_header(payload, strict=False)
    except (ValueError, KeyError):  # KeyError: a colour space or subsampling that libjpeg-turbo does not know
        raise InvalidJpeg("its header cannot be read") from None
    return header


def check_jpeg(payload: bytes, width: int, height: int, limits: CaptureLimits, known: bytes = b"") -> bytes:
    """Check one frame: a JPEG of exactly ``width`` × ``height`` pixels with scans within their limits.

    Returns the bytes before the picture's first scan, to be passed as ``known`` with the capture's next frame; empty
    if they are long or if the picture has several scans. All pictures of a camera begin with the same bytes. A picture
    that begins with ``known`` is not parsed again, which saves a thirtieth of a frame's processing time.

    Raises:
        CaptureError: ``invalid_frame``, or ``limit_resolution_exceeded`` if the size in the JPEG's own header is over
            the limit, even if the declared size is not.
    """
    # most pictures end with EOI, without padding: endswith is the cheaper check
    if known and payload.startswith(known) and (payload.endswith(EOI) or has_jpeg_end(payload)):
        return known
    try:
        header = checked_header(payload)
        own = f"the image is {header.width} × {header.height}"
        if not limits.fits(header.width, header.height):
            raise CaptureError("limit_resolution_exceeded", own)
        if (header.width, header.height) != (width, height):
            raise CaptureError("invalid_frame", f"{own}, but capture.open declared {width} × {height}")
        check_scans(payload, header)
    except InvalidJpeg as error:
        raise CaptureError("invalid_frame", str(error)) from None
    is_short = header.pixels_at <= min(len(payload), _MAX_KNOWN_BYTES)
    return payload[: header.pixels_at] if header.has_one_scan and is_short else b""
