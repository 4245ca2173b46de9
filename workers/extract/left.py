"""Entries of shared streams that this process does not read: another release wrote them, and its processes take them.

Such an entry goes back to the group at once and costs no delivery. This process knows it from then on by its ID, and
passes it by when it looks for abandoned entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.broker import keys
from contracts.broker.roles import Broker, broker_errors
from contracts.process.logs import get_logger
from contracts.rules.formats import OtherFormat
from workers.extract.lease import hand_back_entry

__all__ = ["Entry", "LeftEntries"]

Entry = tuple[bytes, Mapping[bytes, bytes]]
"""An entry's ID and its fields."""

MOST_KNOWN = 10_000
"""About so many IDs of a stream are remembered; an entry that was forgotten is read, and left, once more."""

log = get_logger()


class LeftEntries:
    """The entries that one consumer left, by stream, and its search for abandoned ones. ``on_left`` counts each."""

    def __init__(self, broker: Broker, consumer: str, on_left: Callable[[], None]) -> None:
        self._broker = broker
        self._consumer = consumer
        self._on_left = on_left
        self._ids: dict[str, set[bytes]] = {}

    def ids(self, shared_stream: str) -> set[bytes]:
        """The IDs of the stream's entries that this process left."""
        return self._ids.setdefault(shared_stream, set())

    def leave(self, shared_stream: str, entry_id: bytes, error: OtherFormat, idle_ms: int) -> None:
        """Give an entry back, so that another process that looks for entries idle for ``idle_ms`` takes it.

        Raises:
            BrokerUnavailable: the entry is pending under this consumer's name until it is idle for so long.
        """
        known = self.ids(shared_stream)
        if entry_id not in known:
            if len(known) >= MOST_KNOWN:
                known.clear()
            known.add(entry_id)
            self._on_left()
            log.warning(
                "an entry is left to another release", stream=shared_stream, entry_id=entry_id.decode(), why=error.why
            )
        hand_back_entry(self._broker, shared_stream, entry_id.decode(), idle_ms)

    def abandoned(self, shared_stream: str, idle_ms: int) -> Entry | None:
        """Take over an entry that no consumer renewed for ``idle_ms``; None if there is none, beside those that were
        left."""
        cursor = b"0-0"
        while True:
            with broker_errors("frames"):
                reply: Any = self._broker.xautoclaim(
                    shared_stream, keys.EXTRACTOR_GROUP, self._consumer, idle_ms, cursor, count=1
                )
            cursor, entries = reply[0], reply[1]
            if entries and entries[0][0] not in self.ids(shared_stream):
                return entries[0]  # type: ignore[no-any-return]
            if entries:
                hand_back_entry(self._broker, shared_stream, entries[0][0].decode(), idle_ms)
            if cursor == b"0-0":
                return None
