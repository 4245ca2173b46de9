"""Key names: readable, and every key that one script touches hashes to one slot of a cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from redis.crc import key_slot

from contracts.broker import keys
from contracts.broker.script import Call, ScriptName
from contracts.process.settings import Settings
from contracts.rules.landmarks import DIMS, Row
from contracts.rules.limits import CaptureLimits
from contracts.rules.retention import RetentionRule
from contracts.state import (
    captures,
    dead_letters,
    erasures,
    events,
    failed,
    heartbeats,
    letters,
    live,
    recording,
    records,
    retention,
    sessions,
    uploads,
)
from contracts.state.events import EventEntry, Receipt
from contracts.state.frame import TerminalEntry, push_frame
from contracts.state.video import VideoSlot
from tests.contracts.scripting import erasure_request, frame, window

NOW = datetime(2026, 1, 31, tzinfo=UTC)
ENTRY = EventEntry(b"{}", "user-1", "sess_0123456789abcdef", "record-1", "capture-1")
LETTER = letters.DeadLetter.decode("1-0", {})
SLOT = failed.FailedSlot("capture-1", 9, "user-1")
ERASURE = erasure_request("capture-1")
RECEIPT = Receipt(recorded_at="2026-01-31T12:00:00.000Z")

CALLS: list[Call[Any]] = [
    captures.open_capture(window("capture-1")),
    push_frame(frame("capture-1", 1), CaptureLimits()),
    captures.watch("capture-1"),
    captures.end_stream("capture-1", TerminalEntry("abort", error_code="gateway_lost")),
    captures.claim("capture-1", "1-0"),
    captures.row("capture-1", "t", 1, Row(0, True, bytes(4 * DIMS)), 9, restart=False, found={}),
    captures.heartbeat("capture-1", "t"),
    captures.hand_back("capture-1", "t"),
    captures.finish_capture("capture-1", "t"),
    captures.acknowledge("1-0"),
    captures.measure("capture-1", "t", expected=1, accepted=0),
    failed.take_slot(SLOT, failed.FailedBounds(60, 1000)),
    failed.keep_failed("capture-1", "t", 60),
    failed.revive("capture-1"),
    failed.drop_failed("capture-1"),
    failed.release_failed(SLOT),
    failed.take_back(window("capture-1"), "capture:capture-1"),
    uploads.take(VideoSlot("upload-1", 1), Settings(), complete=False),
    uploads.put("upload-1", 0, b""),
    heartbeats.alive("me"),
    live.join("live-1"),
    live.renew([live.WorkerSlot("worker-1", "live-1")]),
    live.alive("worker-1"),
    live.put_frame("worker-1", live.LiveFrame("live-1", 0, "pose", "gateway-1", b"")),
    live.drop(keys.live_inbox("worker-1"), [b"1-0"]),
    records.reserve(window("capture-1"), "connection", 4, NOW),
    records.recheck("user-1", "sess_0123456789abcdef", "capture-1"),
    records.mark_closed("user-1", "capture-1"),
    records.publish(ENTRY, records.CaptureCounts()),
    records.abort("user-1", "capture-1", "gateway_lost"),
    erasures.allow(ERASURE),
    erasures.publish(ERASURE, NOW),
    events.append_events([ENTRY]),
    recording.acknowledge_event("1-0", RECEIPT, "capture-1"),
    dead_letters.dead_letter("1-0", Receipt(error="invalid_event"), {}, NOW, "capture-1"),
    letters.retry_letter(LETTER, ENTRY),
    letters.drop_letter("1-0"),
    sessions.start_session("request", b"{}", ENTRY),
    sessions.end_session("request", b"{}", ENTRY),
    retention.watch("me", [RetentionRule(None, 1)]),
    recording.acquire_leadership("me"),
    recording.release_leadership("me"),
]


def test_every_script_is_in_this_table() -> None:
    assert {call.name for call in CALLS} == set(get_args(ScriptName))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_all_keys_of_one_script_are_in_one_slot_of_a_cluster(call: Call[Any]) -> None:
    assert call.keys
    assert len({key_slot(key.encode()) for key in call.keys}) == 1


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_a_script_of_the_events_role_touches_only_keys_with_the_one_tag(call: Call[Any]) -> None:
    tagged = all(key.startswith("{a3cp}:") for key in call.keys)
    assert tagged == (call.role == "events")


def test_a_captures_keys_carry_its_id_as_their_tag() -> None:
    assert keys.capture_keys("c-1") == ("a3cp:{c-1}:state", "a3cp:{c-1}:frames", "a3cp:{c-1}:rows")


def test_the_names_are_those_of_the_architecture_page() -> None:
    assert keys.CAPTURES == "a3cp:captures"
    assert keys.EXTRACTORS == "a3cp:extractors"
    assert (keys.EXTRACTOR_GROUP, keys.RECORDER_GROUP) == ("extractors", "recorder")
    assert keys.EVENTS == "{a3cp}:events"
    assert keys.DEAD_EVENTS == "{a3cp}:events:dead"
    assert keys.UNFINISHED == "{a3cp}:unfinished"
    assert keys.capture_record("c-1") == "{a3cp}:capture:c-1"
    assert keys.session("sess_0123456789abcdef") == "{a3cp}:session:sess_0123456789abcdef"
    assert keys.receipt("7-0") == "{a3cp}:receipt:7-0"
    assert keys.user_captures("u") == "{a3cp}:user:u:captures"


def test_one_uuid_reserves_one_window_however_it_is_written() -> None:
    lower = keys.window("sess_0123456789abcdef", "b6f4f8ee-0f0a-4f39-ba6e-0b5f0a4d8c11")
    assert lower == "{a3cp}:window:sess_0123456789abcdef:b6f4f8ee-0f0a-4f39-ba6e-0b5f0a4d8c11"
    assert keys.window("sess_0123456789abcdef", "B6F4F8EE-0F0A-4F39-BA6E-0B5F0A4D8C11") == lower
