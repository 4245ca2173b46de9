"""Remember the frames on which workers may have crashed. No I/O."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

__all__ = ["SuspectFrames"]

MAX_CRASHES = 2
"""A frame is refused after so many workers ended while they had it. One is not enough: a worker that is killed or
stopped also ends while it has a frame."""

_REMEMBERED = 1_000


class SuspectFrames:
    """Counts, by the hash of a frame's bytes, how many workers ended while they had the frame."""

    def __init__(self) -> None:
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def add(self, payload: bytes) -> None:
        """Note that a worker ended while it had this frame."""
        name = _hash(payload)
        self._counts[name] = self._counts.pop(name, 0) + 1
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)

    def is_refused(self, payload: bytes) -> bool:
        """Whether the gateway must not send this frame to any worker."""
        return bool(self._counts) and self._counts.get(_hash(payload), 0) >= MAX_CRASHES


def _hash(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()
