"""Which clients take nothing of what waits for them. No I/O."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Stalls"]

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
