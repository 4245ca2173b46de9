"""Whether a message is a frame that a live worker may get. No I/O; no pixel is decoded."""

from __future__ import annotations

from contracts.errors import InvalidJpeg, LiveRefusal
from contracts.limits import LIVE_MAX_PIXELS
from gateway.capture.jpeg import jpeg_size

__all__ = ["check_frame"]


def check_frame(payload: bytes, max_bytes: int) -> None:
    """Accept a JPEG of at most ``max_bytes``. The work does not grow with its length: see `jpeg_size`.

    Raises:
        LiveRefusal: ``frame_too_large``, or ``invalid_frame``.
    """
    if len(payload) > max_bytes:
        raise LiveRefusal("frame_too_large", f"The frame is longer than {max_bytes} bytes.")
    if not payload:
        raise LiveRefusal("invalid_frame", "The frame is empty.")
    try:
        width, height = jpeg_size(payload)
    except InvalidJpeg as error:
        raise LiveRefusal("invalid_frame", f"The frame is {error}.") from None
    if width * height > LIVE_MAX_PIXELS:
        raise LiveRefusal("invalid_frame", f"The image is {width} × {height}, more than {LIVE_MAX_PIXELS} pixels.")
