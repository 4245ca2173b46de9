"""Limit the memory for unfinished messages and request bodies of all connections together. No I/O."""

from __future__ import annotations

from typing import Protocol

__all__ = ["MOST_BYTES", "Holder", "Unfinished"]

MOST_BYTES = 64 * 1024 * 1024
"""The limit: enough for almost whole live frames of 5 MiB from ten connections, or capture frames from two hundred."""


class Holder(Protocol):
    """A connection or a request that holds bytes of an unfinished message or body."""

    def drop_held_bytes(self) -> None:
        """Drop the bytes and refuse the message or body; `Unfinished` no longer counts them."""


class Unfinished:
    """Counts the bytes of all holders. If the sum exceeds the limit, the holder with the most bytes (of equals, the
    oldest) must drop them."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.total_bytes = 0
        self._held: dict[Holder, int] = {}

    def hold(self, holder: Holder, held_bytes: int) -> None:
        """Note that ``holder`` now holds ``held_bytes``. This may call ``drop_held_bytes`` of it or of others."""
        before = self._held.get(holder, 0)
        if held_bytes == before:
            return
        if held_bytes:
            self._held[holder] = held_bytes
        elif before:
            del self._held[holder]
        self.total_bytes += held_bytes - before
        while self.total_bytes > self.most_bytes:
            largest = max(self._held, key=self._held.__getitem__)
            self.release(largest)
            largest.drop_held_bytes()

    def release(self, holder: Holder) -> None:
        """Note that ``holder`` holds no more bytes."""
        self.total_bytes -= self._held.pop(holder, 0)
