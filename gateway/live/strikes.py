"""Frames that workers had in hand when they ended. No I/O."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

__all__ = ["Strikes"]

STRIKES = 2
"""A worker that is killed or told to stop ends with an innocent frame; two with the very same one are its fault."""

_REMEMBERED = 1_000


class Strikes:
    """How often a frame, by the hash of its bytes, was in the hands of a worker that ended."""

    def __init__(self) -> None:
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def add(self, payload: bytes) -> None:
        """A worker has ended with it."""
        name = _hash(payload)
        self._counts[name] = self._counts.pop(name, 0) + 1
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)

    def are_out(self, payload: bytes) -> bool:
        """Whether no worker gets it any more."""
        return bool(self._counts) and self._counts.get(_hash(payload), 0) >= STRIKES


def _hash(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()
