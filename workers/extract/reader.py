"""The frames of one capture, in order, and how they are read from its stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from contracts.broker.keys import capture_keys
from contracts.broker.roles import Broker, broker_errors
from contracts.rules.errors import StreamBroken
from contracts.state import captures
from contracts.state.captures import CaptureWindow
from contracts.state.frame import ForwardItem, TerminalEntry, decode_entry, is_abort
from workers.extract.dependencies import Dependencies
from workers.extract.lease import Steps
from workers.extract.progress import event_time_ms
from workers.vision.decode import decode_jpeg
from workers.vision.pipelines.base import Image

__all__ = ["Frame", "FrameReader", "Frames", "SentFrames", "StreamEntry", "in_order"]

COUNT = 4
"""Entries of one read: enough to hide the round trip, and few, since each is a picture in memory."""

RawEntry = tuple[bytes, Mapping[bytes, bytes]]


class Frame(NamedTuple):
    """One frame of a capture, from its stream or from a video. ``image`` decodes its pixels; it returns None if they
    cannot be decoded."""

    seq: int
    timestamp_ms: int
    byte_length: int
    image: Callable[[], Image | None]


Frames = Generator[Frame, None, tuple[TerminalEntry, int]]
"""Yields frames in order; returns the terminal entry and the number of frames before it."""


class StreamEntry(NamedTuple):
    """One entry by its seq; the terminal entry has the seq after the last frame's."""

    seq: int
    item: ForwardItem | TerminalEntry


def in_order(entries: Iterable[RawEntry], capture_id: str, after_seq: int) -> list[StreamEntry]:
    """Decode the entries after frame ``after_seq``.

    If there is an abort, return it alone: the frames before it may be gone.

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
    """Reads one frame stream without a group: only the extractor that has the capture's lease reads it."""

    def __init__(self, broker: Broker, capture_id: str, after_seq: int, block_ms: int) -> None:
        self._broker = broker
        self._capture_id = capture_id
        self._last_seq = after_seq
        self._block_ms = block_ms

    def read(self) -> list[StreamEntry]:
        """The next few entries; empty if none came within ``block_ms``.

        Raises:
            StreamBroken: an entry is missing, repeated, unreadable or of another capture.
            BrokerUnavailable: the broker did not answer; the same read may be tried again.
        """
        stream = capture_keys(self._capture_id).frames
        with broker_errors("frames"):
            reply: Any = self._broker.xread({stream: f"{self._last_seq}-0"}, count=COUNT, block=self._block_ms)
        entries = in_order(reply[0][1] if reply else (), self._capture_id, self._last_seq)
        if entries:
            self._last_seq = entries[-1].seq
        return entries


class SentFrames:
    """The frames that a gateway adds to the stream of one claimed capture."""

    def __init__(self, dependencies: Dependencies, steps: Steps, window: CaptureWindow) -> None:
        self._dependencies = dependencies
        self._steps = steps
        self._window = window

    def frames(self, after_seq: int, go_on: Callable[[], None]) -> Frames:
        """Yield the frames after ``after_seq``. ``go_on`` is called before each read, and raises to end the reading."""
        capture_id, timing = self._window.capture_id, self._dependencies.timing
        reader = FrameReader(self._dependencies.frames, capture_id, after_seq, timing.read_ms)
        heard_s = time.monotonic()
        while True:
            go_on()
            entries = self._steps.retry(reader.read)
            if entries:
                heard_s = time.monotonic()
            elif time.monotonic() - heard_s >= timing.quiet_s:
                self._end_if_gateway_lost()
            for seq, item in entries:
                if isinstance(item, TerminalEntry):
                    return item, seq - 1
                timestamp_ms = event_time_ms(self._window.timestamp_start, item.timestamp_frame)
                yield Frame(seq, timestamp_ms, item.byte_length, partial(self._decode, item.payload))

    def _decode(self, jpeg: bytes) -> Image | None:
        with self._dependencies.metrics.decode.time():
            return decode_jpeg(jpeg, self._window.width, self._window.height)

    def _end_if_gateway_lost(self) -> None:
        """End the stream with ``gateway_lost``, which the next read finds. If the gateway wrote meanwhile, the script
        does nothing and returns ``busy``."""
        entry = TerminalEntry("abort", error_code="gateway_lost")
        idle_ms = int(1000 * self._dependencies.timing.quiet_s)
        status, _ = self._steps.call(captures.end_stream(self._window.capture_id, entry, idle_ms=idle_ms))
        self._steps.lease.confirm(status not in ("gone", "finished", "failed"))
