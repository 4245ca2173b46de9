"""Videos as cameras, phones and browsers write them, made in memory: one scene in many containers and clocks."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


def scene(frames: int, width: int = 96, height: int = 64) -> list[Image]:
    """Four corners of four colours, so that each of the eight orientations is another picture, and a shade that says
    which frame it is: 3 more for each."""
    pictures = []
    for index in range(frames):
        image = np.full((height, width, 3), 30 + 3 * index % 200, np.uint8)
        image[: height // 4, : width // 4] = (220, 20, 20)
        image[: height // 4, -(width // 4) :] = (20, 220, 20)
        image[-(height // 4) :, : width // 4] = (20, 20, 220)
        pictures.append(image)
    return pictures


def number(image: Image) -> int:
    """The number of the scene's frame that a picture shows."""
    height, width = image.shape[:2]
    middle = image[height * 2 // 5 : height * 3 // 5, width * 2 // 5 : width * 3 // 5]
    return round((float(middle.mean()) - 30) / 3)


def filmed(
    pictures: Sequence[Image],
    container: str = "mp4",
    codec: str = "mpeg4",
    *,
    rate: int = 15,
    times_ms: Sequence[int] | None = None,
    last_ms: int = 0,
    matrix: Sequence[int] | None = None,
    turn: dict[str, Any] | None = None,
    pixel_aspect: Fraction | None = None,
    sound_s: float = 0,
    late_ms: int = 0,
    options: dict[str, str] | None = None,
) -> bytes:
    """The pictures ``rate`` a second, or at ``times_ms``; the last one is shown for ``last_ms``."""
    file = io.BytesIO()
    unit = Fraction(1, 1000) if times_ms is not None or late_ms else Fraction(1, rate)
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.bit_rate, stream.codec_context.time_base = "yuv420p", 4_000_000, unit
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        if turn is not None:
            stream.set_display_rotation(turn.get("degrees", 0), **{k: v for k, v in turn.items() if k != "degrees"})
        sound = output.add_stream("pcm_s16le", rate=8000) if sound_s else None
        packets = []
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            at = times_ms[index] if times_ms is not None else round(1000 * index / rate) if late_ms else index
            frame.pts, frame.time_base = at + late_ms, unit
            packets += stream.encode(frame)
        packets += stream.encode()
        if last_ms:
            packets[-1].duration = round(Fraction(last_ms, 1000) / packets[-1].time_base)
        output.mux(packets)
        if sound is not None:
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, int(8000 * sound_s)), np.int16), format="s16", layout="mono"
            )
            silence.sample_rate = 8000
            output.mux(sound.encode(silence))
            output.mux(sound.encode())
    return file.getvalue()


def as_a_browser_writes(matroska: bytes) -> bytes:
    """Remove the duration and the frame time from the header: a browser writes it before it knows them."""
    without_rate = re.sub(rb"\x23\xe3\x83\x84....", b"\xec\x86" + bytes(6), matroska, count=1, flags=re.DOTALL)
    return re.sub(rb"\x44\x89\x88.{8}", b"\xec\x89" + bytes(9), without_rate, count=1, flags=re.DOTALL)
