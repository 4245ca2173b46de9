"""Stream entries carry a ``traceparent`` only if they are traced; a bad one does not stop them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from contracts.broker import keys
from contracts.state import records
from contracts.state.dispatch import DispatchEntry
from contracts.state.event_entries import read_entry
from contracts.state.events import EventEntry
from contracts.state.live import LiveFrame
from contracts.state.records import CaptureCounts
from tests.contracts.scripting import Backend, window

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SESSION = "sess_0123456789abcdef"
Entry, Decode = Callable[[str], Any], Callable[[dict[bytes, bytes]], Any]
EVENT = b'{"user_id":"u1","session_id":"%s"}' % SESSION.encode()


def dispatch_entry(traceparent: str) -> DispatchEntry:
    return DispatchEntry("c1", "u1", SESSION, traceparent)


def event_entry(traceparent: str) -> EventEntry:
    return EventEntry(EVENT, "u1", SESSION, "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "c1", traceparent=traceparent)


def live_frame(traceparent: str) -> LiveFrame:
    return LiveFrame("l1", 0, "pose", "g1", b"\xff\xd8", traceparent)


def read(fields: Mapping[str, str | bytes] | Sequence[str | bytes]) -> dict[bytes, bytes]:
    pairs = fields.items() if isinstance(fields, Mapping) else zip(fields[::2], fields[1::2], strict=True)
    return {_bytes(name): _bytes(value) for name, value in pairs}


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


KINDS = [(dispatch_entry, DispatchEntry.decode), (event_entry, read_entry), (live_frame, LiveFrame.decode)]


@pytest.mark.parametrize(("entry", "decode"), KINDS)
def test_an_entry_has_the_field_only_if_it_is_traced(entry: Entry, decode: Decode) -> None:
    plain, traced = read(entry("").encode()), read(entry(PARENT).encode())
    assert traced == plain | {b"traceparent": PARENT.encode()} and b"traceparent" not in plain
    assert decode(plain) == entry("") and decode(traced) == entry(PARENT)


@pytest.mark.parametrize(("entry", "decode"), KINDS)
@pytest.mark.parametrize("bad", [b"", b"\xff", b"00-0-0-00", b"x" * 100_000])
def test_an_entry_with_a_bad_one_counts_as_not_traced(entry: Entry, decode: Decode, bad: bytes) -> None:
    assert decode(read(entry("").encode()) | {b"traceparent": bad}) == entry("")


@pytest.mark.parametrize("traceparent", ["", PARENT])
def test_the_published_event_has_it(backend: Backend, unique: str, traceparent: str) -> None:
    user_id, session_id = f"user-{unique}", f"sess_{unique}"
    capture = window(f"{user_id}-c", user_id=user_id, session_id=session_id)
    entry = EventEntry(b"{}", user_id, session_id, capture.record_id, capture.capture_id, traceparent=traceparent)
    backend.run(records.publish(entry, CaptureCounts(3, 2)))
    ((_, fields),) = [e for e in backend.events.xrange(keys.EVENTS) if e[1][b"user_id"] == user_id.encode()]  # type: ignore[union-attr]
    assert EventEntry.decode(fields) == entry and (b"traceparent" in fields) == bool(traceparent)
    record = backend.events.hgetall(keys.capture_record(capture.capture_id))
    assert (record[b"accepted"], record[b"extracted"]) == (b"3", b"2") and b"traceparent" not in record  # type: ignore[index]
