"""Clips for tests: JPEG frames with a real face in them, with hands and without, the same ones every time."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from typing import cast

import av
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from scripts.clips.clip import Clip
from scripts.clips.hands import HandsSource, Scene
from scripts.clips.sample import portrait_jpeg


@cache
def _portrait() -> Image.Image:
    return Image.open(io.BytesIO(portrait_jpeg())).convert("RGB")


def face_clip(frames: int, width: int = 640, height: int = 480) -> list[bytes]:
    """``frames`` JPEGs of a camera that pans and zooms slowly over a portrait; a pose and a face are in each."""
    return [_face(index, width, height) for index in range(frames)]


@cache
def _face(index: int, width: int, height: int) -> bytes:
    return simplejpeg.encode_jpeg(_view(index, width, height), quality=85)


def _view(index: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    portrait = _portrait()
    angle = 2 * math.pi * index / 45
    zoom = 0.9 + 0.1 * math.cos(angle)
    shown_width = portrait.width * zoom
    shown_height = shown_width * height / width
    left = (portrait.width - shown_width) * (0.5 + 0.5 * math.sin(angle))
    top = 20 + 15 * math.sin(angle)
    box = (left, top, left + shown_width, top + shown_height)
    view = portrait.resize((width, height), Image.Resampling.BILINEAR, box=box)
    return cast(npt.NDArray[np.uint8], np.ascontiguousarray(np.asarray(view)))


def camera_film(jpegs: Iterable[bytes], fps: int = 15) -> bytes:
    """Frames of one size as the film that Chromium's camera plays again and again, a file of the type ``.y4m``.

    It plays a file of JPEGs at 30 frames a second, which costs twice as much processor time as 15 that are decoded.
    """
    pictures = [av.VideoFrame.from_ndarray(simplejpeg.decode_jpeg(jpeg), format="rgb24") for jpeg in jpegs]
    head = f"YUV4MPEG2 W{pictures[0].width} H{pictures[0].height} F{fps}:1 Ip A1:1 C420jpeg\n"
    frames = [b"FRAME\n" + picture.reformat(format="yuv420p").to_ndarray().tobytes() for picture in pictures]
    return head.encode() + b"".join(frames)


def there_and_back(clip: Clip) -> list[bytes]:
    """A clip's frames and then the same ones backwards, so that a film of few frames repeats without a jump."""
    frames = [frame.jpeg for frame in clip.frames()]
    return frames + frames[::-1]


def hands_clip(scene: Scene, frames: int, width: int = 640, height: int = 480, mirrored: bool = False) -> list[bytes]:
    """``frames`` JPEGs, 15 a second, of a person whose hands do what ``scene`` says. A scene repeats after 6 s, and the
    camera after 12."""
    source = HandsSource(scene, duration_s=frames / 15, size=(width, height), mirrored=mirrored)
    return [frame.jpeg for frame in source.frames()]


@cache
def face_video(frames: int, fps: int = 15, width: int = 640, height: int = 480) -> bytes:
    """`face_clip` as an MP4."""
    views = [_view(index, width, height) for index in range(frames)]
    return encoded(views, fps)


@cache
def grey_video(frames: int, fps: int = 15, width: int = 64, height: int = 48, container: str = "mp4") -> bytes:
    """A video of grey pictures, each lighter than the one before."""
    return encoded([np.full((height, width, 3), 2 * index % 256, np.uint8) for index in range(frames)], fps, container)


def encoded(pictures: list[npt.NDArray[np.uint8]], fps: int, container: str = "mp4", **options: str) -> bytes:
    """Pictures as a video, in memory."""
    height, width = pictures[0].shape[:2]
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options) as output:
        stream = output.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", 4_000_000
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()
