"""What may be given as a frame. No I/O."""

from __future__ import annotations

from contracts.rules.errors import InvalidJpeg
from contracts.rules.jpeg import taken_header
from scripts.client.errors import UsageError
from scripts.client.window import When

__all__ = ["Frame", "Jpeg", "capture_frame", "frame_parts", "jpeg_bytes"]

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


def capture_frame(jpeg: Jpeg, width: int, height: int) -> bytes:
    """The bytes of a frame of a capture of ``width`` × ``height``, verbatim: padding behind the picture stays.

    The gateway's refusal is a code without a sentence, and ends the capture; this says what is wrong, and does not.

    Raises:
        UsageError: the gateway would refuse them.
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
