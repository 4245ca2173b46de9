"""``GET /captures/{capture_id}``: the durable record, and the state in flight while there is no outcome."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from contracts.broker import keys
from contracts.broker.roles import connect
from contracts.broker.script import run
from contracts.rules.landmarks import DIMS, Row
from contracts.rules.limits import CaptureLimits
from contracts.state import captures, recording, records, sessions
from contracts.state.captures import CaptureWindow
from contracts.state.events import EventEntry, Receipt
from contracts.state.frame import ForwardItem, TerminalEntry, push_frame
from contracts.state.records import CaptureCounts
from tests.contracts.matrices import arrays
from tests.gateway.reached import AWAY, Reached, assert_refused, reaching

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
SESSION = "sess_0123456789abcdef"
NONE_FOUND = {"pose": 0, "left_hand": 0, "right_hand": 0, "face": 0}


def window(gateway: Reached) -> CaptureWindow:
    return CaptureWindow(
        capture_id=str(uuid.uuid4()),
        user_id=gateway.user_id,
        session_id=SESSION,
        record_id=str(uuid.uuid4()),
        timestamp_start=START,
        fps_target=15,
        width=64,
        height=48,
        max_duration_s=120,
    )


async def opened(gateway: Reached) -> CaptureWindow:
    """A capture that was reserved and opened."""
    made = window(gateway)
    events, frames = gateway.state.events, gateway.state.frames
    entry = EventEntry(b"{}", gateway.user_id, SESSION, made.record_id)
    await run(events, sessions.start_session("request", b"{}", entry))
    assert await run(events, records.reserve(made, "connection", 4, START)) == "OK"
    assert await run(frames, captures.open_capture(made))
    return made


async def push(gateway: Reached, made: CaptureWindow, seq: int) -> None:
    item = ForwardItem(made.capture_id, seq, START, b"x" * 10, "jpeg", 64, 48, made.user_id, made.session_id)
    await run(gateway.state.frames, push_frame(item, CaptureLimits()))


async def shown(gateway: Reached, made: CaptureWindow) -> dict[str, Any]:
    answer = await gateway.client.get(f"/captures/{made.capture_id}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    assert {document.pop("capture_id"), document.pop("user_id")} == {made.capture_id, made.user_id}
    assert {document.pop("session_id"), document.pop("record_id")} == {made.session_id, made.record_id}
    return document


async def test_open_capture_is_waiting_then_extracting_with_its_counts(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        made = await opened(gateway)
        nothing = {"open": True, "status": "waiting", "accepted": 0, "extracted": 0, "found": NONE_FOUND}
        assert await shown(gateway, made) == nothing
        for seq in (1, 2):
            await push(gateway, made, seq)
        claimed = await run(gateway.state.frames, captures.claim(made.capture_id, "1-0"))
        assert claimed is not None
        row = Row(0, True, b"\0" * 4 * DIMS)
        stored = captures.row(
            made.capture_id, claimed.token, 1, row, 10, restart=False, found={"pose": True, "face": True}
        )
        assert await run(gateway.state.frames, stored)
        found = NONE_FOUND | {"pose": 1, "face": 1}
        going = {"open": True, "status": "extracting", "accepted": 2, "extracted": 1, "found": found}
        assert await shown(gateway, made) == going
        await run(
            gateway.state.frames, captures.end_stream(made.capture_id, TerminalEntry("close", timestamp_end=START))
        )
        assert await shown(gateway, made) == going | {"open": False}


async def test_a_report_changes_no_key_of_the_capture(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        made = await opened(gateway)
        state = keys.capture_keys(made.capture_id).state
        await gateway.state.frames.hset(state, "touched_ms", 1)
        await gateway.state.frames.expire(state, 30)
        await shown(gateway, made)
        assert await gateway.state.frames.hget(state, "touched_ms") == b"1"
        assert await gateway.state.frames.ttl(state) <= 30


async def test_published_capture_is_recorded_once_its_line_is_in_the_file(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        made = await opened(gateway)
        reference = {"uri": "users/u", "dims": 1662}
        event = orjson.dumps({"raw_features_ref": reference})
        entry = EventEntry(event, made.user_id, SESSION, made.record_id, made.capture_id)
        await run(gateway.state.events, records.publish(entry, CaptureCounts(9, 9, {"pose": 7})))
        published = {
            "open": False,
            "status": "extracting",
            "accepted": 9,
            "extracted": 9,
            "found": NONE_FOUND | {"pose": 7},
            "raw_features_ref": reference,
        }
        assert await shown(gateway, made) == published
        entry_id = (await gateway.state.events.xrevrange(keys.EVENTS, count=1))[0][0].decode()
        recorded_at = "2026-01-31T12:00:00.000Z"
        await run(gateway.state.events, recording.acknowledge_event(entry_id, Receipt(recorded_at), made.capture_id))
        assert await shown(gateway, made) == published | {"status": "recorded", "recorded_at": recorded_at}


@pytest.mark.parametrize("quality", [arrays().quality().model_dump(), {"verdict": "splendid"}, 5, None])
async def test_the_report_has_the_quality_of_the_event_if_it_is_one(tmp_path: Path, quality: Any) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        made = await opened(gateway)
        event = orjson.dumps({"raw_features_ref": {"uri": "users/u", "dims": 1662}, "quality": quality})
        entry = EventEntry(event, made.user_id, SESSION, made.record_id, made.capture_id)
        await run(gateway.state.events, records.publish(entry, CaptureCounts(9, 9)))
        document = await shown(gateway, made)
        is_one = isinstance(quality, dict) and "found" in quality
        assert document.get("quality", "absent") == (quality if is_one else "absent")


async def test_the_report_of_an_aborted_capture_has_its_error_code_and_counts(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        made = await opened(gateway)
        await push(gateway, made, 1)
        await run(gateway.state.events, records.abort(made.user_id, made.capture_id, "protocol_violation"))
        assert await shown(gateway, made) == {
            "open": False,
            "status": "aborted",
            "accepted": 1,
            "extracted": 0,
            "found": NONE_FOUND,
            "error_code": "protocol_violation",
        }


async def test_without_the_frames_broker_the_record_still_answers(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        made = await opened(gateway)
        gateway.state.frames = connect(AWAY)
        document = await shown(gateway, made)
        assert (document["open"], document["status"]) == (False, "waiting")


async def test_without_the_events_broker_503(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, events=connect(AWAY)) as gateway:
        assert_refused(await gateway.client.get("/captures/some-capture"), 503, "broker_unavailable")


@pytest.mark.parametrize("capture_id", ["unknown", ".hidden", "a b", "{a3cp}", "x" * 129, "%E2%82%AC"])
async def test_unknown_capture_or_no_identifier_is_404(tmp_path: Path, capture_id: str) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        assert_refused(await gateway.client.get(f"/captures/{capture_id}"), 404, "unknown_capture")
