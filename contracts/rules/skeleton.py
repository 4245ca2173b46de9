"""Which landmarks a line is drawn between: for pictures of what was found, in pages and in previews. No I/O.

The lines are MediaPipe's own: its connections of the pose and of a hand, and the contours of the face.
"""

from __future__ import annotations

from itertools import pairwise

from contracts.rules.layout import Part

__all__ = ["CONNECTIONS", "Connection"]

Connection = tuple[int, int]
"""Two landmarks of one part, by number, the smaller one first."""


def _lines(*chains: tuple[int, ...]) -> tuple[Connection, ...]:
    """The connections along chains of landmarks, in order."""
    return tuple(sorted({(min(pair), max(pair)) for chain in chains for pair in pairwise(chain)}))


_POSE = _lines(
    (7, 3, 2, 1, 0, 4, 5, 6, 8),  # ear to ear over eyes and nose
    (9, 10),  # mouth
    (11, 12, 24, 23, 11),  # trunk
    (11, 13, 15, 17, 19, 15, 21),  # left arm and hand
    (12, 14, 16, 18, 20, 16, 22),
    (23, 25, 27, 29, 31, 27),  # left leg and foot
    (24, 26, 28, 30, 32, 28),
)
_HAND = _lines(
    (0, 1, 2, 3, 4),  # thumb
    (0, 5, 6, 7, 8),
    (9, 10, 11, 12),
    (13, 14, 15, 16),
    (0, 17, 18, 19, 20),  # little finger
    (5, 9, 13, 17),  # knuckles
)
# fmt: off
_FACE = _lines(
    (10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365,
     397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338, 10),  # oval
    (276, 283, 282, 295, 285), (300, 293, 334, 296, 336),  # left eyebrow
    (46, 53, 52, 65, 55), (70, 63, 105, 66, 107),
    (249, 263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),  # left eye
    (7, 33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (0, 37, 39, 40, 185, 61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0),  # lips, outside
    (13, 82, 81, 80, 191, 78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13),
)
# fmt: on

CONNECTIONS: dict[Part, tuple[Connection, ...]] = {
    "pose": _POSE,
    "left_hand": _HAND,
    "right_hand": _HAND,
    "face": _FACE,
}
