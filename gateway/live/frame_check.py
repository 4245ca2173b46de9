"""Check a message before a live worker gets it as a frame. No I/O; no pixel is decoded."""

from __future__ import annotations

from contracts.rules.errors import InvalidJpeg, LiveRefusal
from contracts.rules.jpeg import check_scans
from contracts.rules.limits import LIVE_MAX_SIDE
from gateway.capture.jpeg import checked_header

__all__ = ["check_frame"]


def check_frame(payload: bytes, max_bytes: int) -> None:
    """Require a JPEG of at most ``max_bytes`` bytes that a decoder can read in time. The work is bounded for any input.

    Raises:
        LiveRefusal: ``frame_too_large`` or ``invalid_frame``.
    """
    if len(payload) > max_bytes:
        raise LiveRefusal("frame_too_large", f"The frame is longer than {max_bytes} bytes.")
    if not payload:
        raise LiveRefusal("invalid_frame", "The frame is empty.")
    try:
        header = checked_header(payload)
        if max(header.width, header.height) > LIVE_MAX_SIDE:
            detail = (
                f"The image is {header.width} × {header.height}; no side may be longer than {LIVE_MAX_SIDE} pixels."
            )
            raise LiveRefusal("invalid_frame", detail)
        check_scans(payload, header)
    except InvalidJpeg as error:
        raise LiveRefusal("invalid_frame", f"The frame is {error}.") from None
