"""The forms in which a program may give a frame, and the checks before it is sent. No I/O."""

from __future__ import annotations

from contracts.rules.errors import InvalidJpeg
from contracts.rules.jpeg import taken_header
from scripts.client.errors import UsageError
from scripts.client.window import When

__all__ = ["Frame", "Jpeg", "capture_frame", "frame_parts", "jpeg_bytes"]

Jpeg = bytes | bytearray | memoryview
"""A JPEG's bytes. Any other object with a buffer works too, such as the array that ``cv2.imencode`` makes."""

Frame = Jpeg | tuple[Jpeg, When]
"""A JPEG, or a JPEG with its event time."""


def frame_parts(frame: Frame) -> tuple[Jpeg, When | None]:
    """Split a frame into its JPEG and its time; the time is None if the frame has none."""
    return frame if isinstance(frame, tuple) else (frame, None)


def jpeg_bytes(jpeg: Jpeg) -> bytes:
    """Return the bytes of a JPEG.

    Raises:
        UsageError: they do not begin with a JPEG's marker. The gateway would end the capture or the live stream.
    """
    try:
        payload = bytes(memoryview(jpeg))
    except TypeError:
        raise UsageError(f"a frame is a JPEG's bytes, not {type(jpeg).__name__}: encode it first") from None
    if payload[:2] != b"\xff\xd8":
        raise UsageError("a frame is a JPEG, and this is none: encode it first, as cv2.imencode('.jpg', image)[1] does")
    return payload


def capture_frame(jpeg: Jpeg, width: int, height: int) -> bytes:
    """Return the bytes of a frame, unchanged, if the gateway accepts it in a capture of ``width`` × ``height`` pixels.

    The gateway ends a capture at the first wrong frame, with a code. This error says more, and the capture goes on.

    Raises:
        UsageError: the gateway would refuse the frame.
    """
    payload = jpeg_bytes(jpeg)
    try:
        header = taken_header(payload)
    except InvalidJpeg as error:
        raise UsageError(
            f"this frame is {error}; send each JPEG whole, baseline or progressive, "
            "with nothing behind it but zero bytes, CR or LF"
        ) from None
    if (header.width, header.height) != (width, height):
        size = f"{header.width} × {header.height}"
        raise UsageError(f"this frame is {size}, the capture was opened with {width} × {height}: use one size for both")
    return payload
