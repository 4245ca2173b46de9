"""Find the connections whose clients do not read what the server has sent. No I/O."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Stalls", "largest"]

C = TypeVar("C", bound=Hashable)


@dataclass(slots=True)
class Stalls(Generic[C]):
    """Finds stalled connections: for ``within_s`` seconds their unsent bytes were never zero and never fewer than
    before. The server calls `update` regularly."""

    within_s: float
    _since: dict[C, tuple[int, float]] = field(default_factory=dict)

    def update(self, waiting_bytes: Mapping[C, int], now: float) -> list[C]:
        """Note the unsent bytes of each connection at ``now`` (seconds). Returns the stalled ones. Connections that
        ``waiting_bytes`` does not name are forgotten."""
        since: dict[C, tuple[int, float]] = {}
        for connection, size in waiting_bytes.items():
            before, began_at = self._since.get(connection, (size, now))
            if size:
                since[connection] = (size, now if size < before else began_at)
        self._since = since
        return [connection for connection, (_, began_at) in since.items() if now - began_at >= self.within_s]


def largest(waiting_bytes: Mapping[C, int], most_bytes: int) -> list[C]:
    """The connections with the most unsent bytes: as few as must be closed so that the others together have at most
    ``most_bytes``."""
    total_bytes, found = sum(waiting_bytes.values()), []
    for connection in sorted(waiting_bytes, key=waiting_bytes.__getitem__, reverse=True):
        if total_bytes <= most_bytes:
            break
        total_bytes -= waiting_bytes[connection]
        found.append(connection)
    return found
