"""The simplest process that finds landmarks; it imports nothing of this project.

It reads JPEGs from standard input, each after its length as a little-endian uint32, and answers each with one byte.
"""

from __future__ import annotations

import struct
import sys

import cv2  # noqa: F401 - MediaPipe loads it too, so its memory counts
import simplejpeg
from mediapipe.python.solutions.holistic import Holistic


def main() -> None:
    """Process pictures until the input ends."""
    with Holistic(static_image_mode=False, model_complexity=1) as graph:
        while length := sys.stdin.buffer.read(4):
            jpeg = sys.stdin.buffer.read(struct.unpack("<I", length)[0])
            graph.process(simplejpeg.decode_jpeg(jpeg))
            sys.stdout.buffer.write(b".")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
