"""The clips of the measurements: a person with two hands in the picture, with one, and with none."""

from __future__ import annotations

from functools import cache

from scripts.clips.hands import HandsSource, Scene

__all__ = ["CLIPS", "TWO_HANDS", "clip"]

TWO_HANDS = "two hands"
"""The clip of the rows that need only one: the product is for hands."""

CLIPS: dict[str, Scene] = {TWO_HANDS: "two_hands", "one hand": "one_hand", "no hand": "no_hand"}
"""Each clip's name in the rows, and its scene."""

CLIP_S = 20.0


@cache
def clip(name: str) -> list[bytes]:
    """The JPEGs of one of `CLIPS`, 640 × 480, 15 for each second."""
    return [frame.jpeg for frame in HandsSource(CLIPS[name], duration_s=CLIP_S).frames()]
