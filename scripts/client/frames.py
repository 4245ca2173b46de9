"""What may be given as a frame. No I/O."""

from __future__ import annotations

from scripts.client.errors import UsageError
from scripts.client.window import When

__all__ = ["Frame", "Jpeg", "frame_parts", "jpeg_bytes"]

Jpeg = bytes | bytearray | memoryview
"""A JPEG's bytes. Whatever has a buffer is taken too, as the array that ``cv2.imencode`` makes."""

Frame = Jpeg | tuple[Jpeg, When]
"""A JPEG, and if it has one its time."""


def frame_parts(frame: Frame) -> tuple[Jpeg, When | None]:
    """The JPEG, and its time if it has one."""
    return frame if isinstance(frame, tuple) else (frame, None)


def jpeg_bytes(jpeg: Jpeg) -> bytes:
    """The bytes that go over the wire.

    Raises:
        UsageError: they do not begin as a JPEG does; the gateway would end everything because of them.
    """
    try:
        payload = bytes(memoryview(jpeg))
    except TypeError:
        raise UsageError(f"a frame is a JPEG's bytes, not {type(jpeg).__name__}: encode it first") from None
    if payload[:2] != b"\xff\xd8":
        raise UsageError("a frame is a JPEG, and this is none: encode it first, as cv2.imencode('.jpg', image)[1] does")
    return payload
