"""Which clients take nothing of what waits for them. No I/O."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Stalls", "largest"]

C = TypeVar("C", bound=Hashable)


@dataclass(slots=True)
class Stalls(Generic[C]):
    """Fed now and then with how many bytes wait for each connection, it says which have stalled: for ``within_s``
    what waits for them was never nothing, and never less than before."""

    within_s: float
    _since: dict[C, tuple[int, float]] = field(default_factory=dict)

    def look(self, waiting_bytes: Mapping[C, int], now: float) -> list[C]:
        """The connections that have stalled at ``now``; those that are not named are forgotten."""
        since: dict[C, tuple[int, float]] = {}
        for connection, size in waiting_bytes.items():
            before, began_at = self._since.get(connection, (size, now))
            if size:
                since[connection] = (size, now if size < before else began_at)
        self._since = since
        return [connection for connection, (_, began_at) in since.items() if now - began_at >= self.within_s]


def largest(waiting_bytes: Mapping[C, int], most_bytes: int) -> list[C]:
    """Those for whom most waits: as many as have to go for the others to have no more than ``most_bytes`` together."""
    total_bytes, found = sum(waiting_bytes.values()), []
    for connection in sorted(waiting_bytes, key=waiting_bytes.__getitem__, reverse=True):
        if total_bytes <= most_bytes:
            break
        total_bytes -= waiting_bytes[connection]
        found.append(connection)
    return found
