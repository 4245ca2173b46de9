"""Read image files as frames: in the order of their numbers, upright, and complete. The files may be hostile.

The file's bytes decide its format, not its name, and only that format's decoder reads them. No demuxer is used: some
demuxers follow a script in an "image" to other files. The size in pixels is checked before a pixel is decoded.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import simplejpeg
from PIL import Image

from contracts.rules.errors import A3CPError, InvalidJpeg
from contracts.rules.jpeg import check_scans, taken_header
from contracts.rules.limits import CaptureLimits
from workers.vision.orientation import Orientation, fitting_size

__all__ = ["IMAGE_SUFFIXES", "ImageError", "ImageFile", "in_order", "left_out", "read_image"]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
_OTHER_SUFFIXES = frozenset(
    {".heic", ".heif", ".avif", ".gif", ".jxl", ".jp2", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"}
)

MAX_PIXELS = 64_000_000
"""Enough for the photographs of phones. Decoding 16,384 × 16,384 pixels takes minutes and gigabytes."""

MAX_BYTES = 256 * 1024 * 1024

_DECODERS = {"JPEG": "mjpeg", "MPO": "mjpeg", "PNG": "png", "BMP": "bmp", "WEBP": "webp", "TIFF": "tiff"}
_EXIF_ORIENTATION = 0x0112
_PNG_HAS_EXIF = (b"eXIf", b"Raw profile type", b"tiff:Orientation")
_NUMBER = re.compile(r"(\d{9,}\.\d+|\d+)")
"""A run of digits. A time in seconds, with nine or more digits and a fraction, is one number."""


class ImageError(A3CPError):
    """The file is no image that can be read; the text is one sentence without the file's name."""


class ImageFile(NamedTuple):
    """An image for a frame: either ``jpeg``, the file's bytes unchanged, or ``pixels``, uint8 (height, width, 3),
    reduced to the limits."""

    width: int
    height: int
    jpeg: bytes
    pixels: np.ndarray[Any, Any] | None


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Return the images among these paths, sorted by the numbers in their names: 2 before 10. Names with a leading dot
    are skipped: they are files that a system keeps beside images (``._0001.jpg`` of macOS)."""
    images = (path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."))
    return sorted(images, key=lambda path: (_numbers(path.stem), path.name))


def _numbers(stem: str) -> list[str | Decimal]:
    return [Decimal(part) if index % 2 else part for index, part in enumerate(_NUMBER.split(stem))]


def left_out(paths: Iterable[Path]) -> list[Path]:
    """Return the images of unsupported formats, except those that also exist in a supported one."""
    every = [path for path in paths if not path.name.startswith(".")]
    read = {path.stem for path in every if path.suffix.lower() in IMAGE_SUFFIXES}
    return [path for path in every if path.suffix.lower() in _OTHER_SUFFIXES and path.stem not in read]


def read_image(path: Path, limits: CaptureLimits) -> ImageFile:
    """Read the image in a file, upright and within the limits. A JPEG that the gateway accepts is returned unchanged.

    Raises:
        ImageError: the file is no image, or the image is too large, animated, or cut off.
    """
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise ImageError("not an image that can be read")
        data = path.read_bytes()
    except OSError:
        raise ImageError("not an image that can be read") from None
    kind, orientation = _look(data)
    if kind in ("JPEG", "MPO") and orientation == Orientation() and (size := _size_if_acceptable(data, limits)):
        return ImageFile(*size, data, None)
    frame = _decoded(data, kind)
    width, height = fitting_size(*orientation.size(frame.width, frame.height), limits)
    stored_width, stored_height = orientation.size(width, height)
    shrunk = frame.reformat(width=stored_width, height=stored_height, format="rgb24", interpolation="AREA")
    return ImageFile(width, height, b"", orientation.upright(shrunk.to_ndarray()))


def _look(data: bytes) -> tuple[str, Orientation]:
    """Read the format and the orientation from the file's head."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "BMP", "WEBP", "TIFF"])
    except Image.DecompressionBombError:
        raise ImageError(_too_large()) from None
    except Exception:  # hostile bytes make Pillow raise many kinds of errors
        raise ImageError("not an image that can be read") from None
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(_too_large())
    if image.format == "WEBP" and getattr(image, "is_animated", False):
        raise ImageError("an animation: make single images, or a video, of it")
    return str(image.format), _orientation(image, data)


def _orientation(image: Image.Image, data: bytes) -> Orientation:
    if image.format == "PNG" and not any(mark in data for mark in _PNG_HAS_EXIF):
        return Orientation()  # Pillow would decode the pixels to look for EXIF after them
    try:
        return Orientation.of_exif(image.getexif().get(_EXIF_ORIENTATION))
    except Exception:  # damaged EXIF: treat the image as upright
        return Orientation()


def _too_large() -> str:
    return f"larger than {MAX_PIXELS // 1_000_000} million pixels"


def _size_if_acceptable(data: bytes, limits: CaptureLimits) -> tuple[int, int] | None:
    """The size of a JPEG that the gateway accepts and a decoder reads to its end; None for any other JPEG."""
    try:
        header = taken_header(data)
        check_scans(data, header)
        if not limits.fits(header.width, header.height) or len(data) > limits.max_frame_bytes:
            return None
        simplejpeg.decode_jpeg(data)
    except (InvalidJpeg, ValueError, KeyError):
        return None
    return header.width, header.height


def _decoded(data: bytes, kind: str) -> Any:
    """Decode the first frame with FFmpeg. With ``explode`` it refuses a JPEG that is cut off; else it would fill the
    missing part with grey."""
    context: Any = av.CodecContext.create(_DECODERS[kind], "r")
    context.options = {"max_pixels": str(MAX_PIXELS)} | ({"err_detect": "explode"} if "mjpeg" in context.name else {})
    context.thread_count = 1
    try:
        for packet in (av.Packet(data), None):
            for frame in context.decode(packet):
                return frame
    except (av.error.FFmpegError, OSError, ValueError, MemoryError):
        pass
    raise ImageError("not an image that can be read, or cut off")
