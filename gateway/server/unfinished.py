"""How many bytes of unfinished messages and bodies this process holds, all connections together. No I/O."""

from __future__ import annotations

from typing import Protocol

__all__ = ["MOST_BYTES", "Holder", "Unfinished"]

MOST_BYTES = 64 * 1024 * 1024
"""Ten connections may each have almost a whole live frame of 5 MiB here, or two hundred a whole capture frame."""


class Holder(Protocol):
    """A connection or a request that holds bytes."""

    def out_of_room(self) -> None:
        """Drop them, and tell the client; they count no longer."""


class Unfinished:
    """Told what each holder has, it makes the largest, and of equals the oldest, drop it when the sum is too much."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.total_bytes = 0
        self._held: dict[Holder, int] = {}

    def hold(self, holder: Holder, held_bytes: int) -> None:
        """``holder`` now holds so many bytes. It, or others, may be told in this call that there is no room."""
        before = self._held.get(holder, 0)
        if held_bytes:
            self._held[holder] = held_bytes
        elif before:
            del self._held[holder]
        self.total_bytes += held_bytes - before
        while self.total_bytes > self.most_bytes:
            largest = max(self._held, key=self._held.__getitem__)
            self.release(largest)
            largest.out_of_room()

    def release(self, holder: Holder) -> None:
        """``holder`` holds nothing more."""
        self.total_bytes -= self._held.pop(holder, 0)
