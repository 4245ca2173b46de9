"""Read a QR code from a terminal's text, as a phone's camera reads it from the screen."""

from __future__ import annotations

import re

import numpy as np

from tests.support.later import Later

__all__ = ["read_qr"]

cv2 = Later("cv2")
_HALVES = {" ": (0, 0), "▀": (255, 0), "▄": (0, 255), "█": (255, 255)}
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def read_qr(text: str) -> str:
    """The text of the one QR code among these lines; empty if it cannot be read."""
    lines = [_ANSI.sub("", line).rstrip("\r") for line in text.split("\n")]
    drawn = [line for line in lines if len(line) > 20 and set(line) <= set(_HALVES)]
    rows = [[_HALVES[character][half] for character in line] for line in drawn for half in (0, 1)]
    image = np.kron(np.array(rows, np.uint8), np.ones((8, 8), np.uint8))
    return cv2.QRCodeDetectorAruco().detectAndDecode(image)[0]  # the other detector cannot read 1 code in 30
