"""Reading one capture's frame stream in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from contracts.broker.keys import capture_keys
from contracts.broker.roles import Broker, broker_errors
from contracts.rules.errors import StreamBroken
from contracts.state.frame import ForwardItem, TerminalEntry, decode_entry, is_abort

__all__ = ["FrameReader", "StreamEntry", "in_order"]

COUNT = 4
"""Entries read at once: enough to hide the round trip, few enough to hold."""

RawEntry = tuple[bytes, Mapping[bytes, bytes]]


class StreamEntry(NamedTuple):
    """One entry by its seq; the terminal entry has the seq after the last frame's."""

    seq: int
    item: ForwardItem | TerminalEntry


def in_order(entries: Iterable[RawEntry], capture_id: str, after_seq: int) -> list[StreamEntry]:
    """Decode what follows frame ``after_seq``.

    An abort is the only entry that counts, wherever it stands: the frames before it may be gone.

    Raises:
        StreamBroken: a seq is missing or repeated, or an entry cannot be read or is another capture's.
    """
    raw = list(entries)
    for entry_id, fields in raw:
        if is_abort(fields):
            return [_decode(entry_id, fields)]
    found: list[StreamEntry] = []
    for entry_id, fields in raw:
        entry = _decode(entry_id, fields)
        after_seq += 1
        if entry.seq != after_seq:
            raise StreamBroken(f"entry {after_seq} is due, the next is {entry.seq}")
        if isinstance(entry.item, ForwardItem) and (entry.item.seq, entry.item.capture_id) != (entry.seq, capture_id):
            raise StreamBroken(f"entry {entry.seq} holds another frame")
        found.append(entry)
    return found


def _decode(entry_id: bytes, fields: Mapping[bytes, bytes]) -> StreamEntry:
    try:
        return StreamEntry(int(entry_id.split(b"-")[0]), decode_entry(fields))
    except ValueError as error:
        raise StreamBroken(f"entry {entry_id.decode()} cannot be read: {error}") from error


class FrameReader:
    """Reads one frame stream without a group: its reader is whoever holds the capture's lease."""

    def __init__(self, broker: Broker, capture_id: str, after_seq: int, block_ms: int) -> None:
        self._broker = broker
        self._capture_id = capture_id
        self._last_seq = after_seq
        self._block_ms = block_ms

    def read(self) -> list[StreamEntry]:
        """The next few entries; empty if none came within ``block_ms``.

        Raises:
            StreamBroken: the stream is not what it must be.
            BrokerUnavailable: the broker is away; the same read may be tried again.
        """
        stream = capture_keys(self._capture_id).frames
        with broker_errors("frames"):
            reply: Any = self._broker.xread({stream: f"{self._last_seq}-0"}, count=COUNT, block=self._block_ms)
        entries = in_order(reply[0][1] if reply else (), self._capture_id, self._last_seq)
        if entries:
            self._last_seq = entries[-1].seq
        return entries
