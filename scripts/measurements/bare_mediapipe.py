"""The least that can find landmarks, in a process of its own that imports nothing of this project.

Reads JPEGs from standard input, each after its length in four bytes, and answers each with a byte.
"""

from __future__ import annotations

import struct
import sys

import cv2  # noqa: F401 - MediaPipe loads it too
import simplejpeg
from mediapipe.python.solutions.holistic import Holistic


def main() -> None:
    """Go on until the input ends."""
    with Holistic(static_image_mode=False, model_complexity=1) as graph:
        while length := sys.stdin.buffer.read(4):
            jpeg = sys.stdin.buffer.read(struct.unpack("<I", length)[0])
            graph.process(simplejpeg.decode_jpeg(jpeg))
            sys.stdout.buffer.write(b".")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
