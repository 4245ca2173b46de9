"""Small generated videos with a red corner that shows which way is up."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import simplejpeg

Image = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def picture(width: int, height: int, shade: int = 40) -> Image:
    """Grey, with a red top left quarter."""
    image = np.full((height, width, 3), shade, np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    return image


def make_video(
    path: Path,
    *,
    frames: int,
    fps: int = 30,
    width: int = 320,
    height: int = 240,
    rotation: int | None = None,
    times_ms: Sequence[int] | None = None,
) -> Path:
    """An MP4 (or what the suffix says) of ``frames`` pictures; ``times_ms`` for a variable rate."""
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000) if times_ms else Fraction(1, fps)
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(width, height, 40 + index % 50), format="rgb24")
            frame.pts = times_ms[index] if times_ms else index
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def make_folder(path: Path, *, images: int, width: int = 320, height: int = 240) -> Path:
    """A folder of JPEGs."""
    path.mkdir()
    for index in range(images):
        (path / f"{index:04}.jpg").write_bytes(simplejpeg.encode_jpeg(picture(width, height, 40 + index % 50)))
    return path


def red_corner(jpeg: bytes) -> str:
    """The corner of the picture that is red."""
    image = simplejpeg.decode_jpeg(jpeg).astype(int)
    height, width = image.shape[:2]
    redness = image[:, :, 0] - image[:, :, 1]
    corners = {
        "top left": redness[: height // 2, : width // 2],
        "top right": redness[: height // 2, width // 2 :],
        "bottom left": redness[height // 2 :, : width // 2],
        "bottom right": redness[height // 2 :, width // 2 :],
    }
    return max(corners, key=lambda name: float(corners[name].mean()))
