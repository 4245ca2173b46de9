"""The sweep gives every capture an outcome, whatever step a crash interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import fakeredis
import orjson
import pytest
from prometheus_client import CollectorRegistry

from contracts.broker import keys
from contracts.broker.script import run
from contracts.process.background import BackgroundErrors
from contracts.rules.errors import BrokerUnavailable
from contracts.rules.ids import format_utc
from contracts.rules.paths import session_log_path
from contracts.state import heartbeats, records
from contracts.state.events import EventEntry, encode_line
from contracts.state.records import CaptureCounts, CaptureRecord
from contracts.state.video import VideoSlot
from recorder import sweep as sweep_module
from recorder.consumer import Leadership
from recorder.sweep import Decision, Sighting, Sweep, decide
from tests.recorder.samples import NOON, feature_ref, make_log_dir, new_session


def record(outcome: Any = "", recorded_at: str = "") -> CaptureRecord:
    return CaptureRecord("c1", "u1", "s", "r", outcome, "", recorded_at, "1-0", b"{}", CaptureCounts())


@pytest.mark.parametrize(
    ("sighting", "decision"),
    [
        pytest.param(Sighting(None), "forget", id="its record has expired"),
        pytest.param(Sighting(record("aborted")), "forget", id="it was aborted"),
        pytest.param(Sighting(record("dead")), "forget", id="its event is a dead letter"),
        pytest.param(Sighting(record("published", "2026")), "forget", id="it is recorded"),
        pytest.param(Sighting(record(), frames_state=True), "wait", id="it is in flight"),
        pytest.param(Sighting(record(), frames_state=None), "wait", id="the frames broker does not answer"),
        pytest.param(Sighting(record(), frames_state=False), "abort", id="its frames are lost"),
        pytest.param(Sighting(record(), frames_state=False, line=b"{}"), "publish", id="its line is in the file"),
        pytest.param(
            Sighting(record(), frames_state=None, line=b"{}"),
            "wait",
            id="the frames broker does not answer, though its line is in the file",
        ),
        pytest.param(Sighting(record(), frames_state=True, unattended=True), "give_up", id="no extractor takes it"),
        pytest.param(
            Sighting(record(), frames_state=False, unattended=True),
            "abort",
            id="no extractor takes it and its frames are lost",
        ),
        pytest.param(Sighting(record("published"), entry_queued=True), "wait", id="its event is queued"),
        pytest.param(Sighting(record("published"), entry_queued=False), "deliver", id="its event vanished"),
    ],
)
def test_the_decision_about_an_unfinished_capture(sighting: Sighting, decision: Decision) -> None:
    assert decide(sighting) == decision


@dataclass
class SweepOnFakes:
    """Two fake brokers, a leader, and a sweep whose deliveries are kept."""

    log_root: Path
    events: Any = field(default_factory=fakeredis.FakeAsyncRedis)
    frames: Any = field(default_factory=fakeredis.FakeAsyncRedis)
    delivered: list[tuple[str, Mapping[bytes, bytes]]] = field(default_factory=list)
    session_id: str = field(default_factory=new_session)

    async def sweep(self) -> Sweep:
        leadership = Leadership(self.events, "me")
        assert await leadership.acquire_leadership()

        async def deliver(entry_id: str, fields: Mapping[bytes, bytes]) -> None:
            self.delivered.append((entry_id, fields))

        return Sweep(self.events, self.frames, self.log_root, leadership, deliver)

    async def capture(self, *, age_ms: int = 60_000) -> str:
        capture_id = str(uuid4())
        ids = {"user_id": "u1", "session_id": self.session_id, "record_id": str(uuid4())}
        await self.events.hset(keys.capture_record(capture_id), mapping={"capture_id": capture_id, **ids})
        seconds, micros = await self.events.time()
        await self.events.zadd(keys.UNFINISHED, {capture_id: seconds * 1000 + micros // 1000 - age_ms})
        return capture_id

    async def record(self, capture_id: str) -> CaptureRecord:
        return CaptureRecord.decode(await self.events.hgetall(keys.capture_record(capture_id)))

    async def event(self, capture_id: str) -> bytes:
        record = await self.record(capture_id)
        return orjson.dumps(feature_ref(record.session_id, capture_id, record.record_id))

    async def publish(self, capture_id: str) -> bytes:
        record, event = await self.record(capture_id), await self.event(capture_id)
        entry = EventEntry(event, record.user_id, record.session_id, record.record_id, capture_id)
        await run(self.events, records.publish(entry, CaptureCounts(3, 3)))
        return event

    async def unfinished(self) -> list[str]:
        return [member.decode() for member in await self.events.zrange(keys.UNFINISHED, 0, -1)]


async def test_a_capture_whose_frames_are_gone_is_aborted_as_frames_lost(tmp_path: Path) -> None:
    fakes = SweepOnFakes(tmp_path)
    capture_id = await fakes.capture()
    await (await fakes.sweep()).turn()
    record = await fakes.record(capture_id)
    assert (record.outcome, record.error_code) == ("aborted", "frames_lost")
    assert await fakes.unfinished() == []


async def test_a_capture_in_flight_or_too_young_is_left_alone(tmp_path: Path) -> None:
    fakes = SweepOnFakes(tmp_path)
    flying, young = await fakes.capture(), await fakes.capture(age_ms=10_000)
    await fakes.frames.hset(keys.capture_keys(flying).state, "status", "open")
    await (await fakes.sweep()).turn()
    for capture_id in (flying, young):
        assert (await fakes.record(capture_id)).outcome == ""
    assert set(await fakes.unfinished()) == {flying, young}


@pytest.mark.parametrize(
    ("age_ms", "claimed", "extractor", "given_up"),
    [
        (sweep_module.UNATTENDED_MS + 1_000, False, False, True),
        (sweep_module.UNATTENDED_MS - 60_000, False, False, False),
        (sweep_module.UNATTENDED_MS + 1_000, True, False, False),
        (sweep_module.UNATTENDED_MS + 1_000, False, True, False),
    ],
)
async def test_a_video_that_no_extractor_comes_for_is_given_up(
    tmp_path: Path, age_ms: int, claimed: bool, extractor: bool, given_up: bool
) -> None:
    fakes = SweepOnFakes(tmp_path)
    capture_id = await fakes.capture(age_ms=age_ms)
    place, state = VideoSlot("upload-1", 9, "u1"), keys.capture_keys(capture_id).state
    await fakes.events.hset(keys.capture_record(capture_id), "upload", place.member)
    await fakes.frames.hset(state, mapping={"status": "closed"} | ({"generation": 1} if claimed else {}))
    await fakes.frames.hset(keys.uploaded_video("upload-1"), "0", b"video")
    await fakes.frames.zadd(keys.UPLOAD_PLACES, {place.member: 2**45})
    if extractor:
        await run(fakes.frames, heartbeats.alive("extractor-1"))
    await (await fakes.sweep()).turn()
    record = await fakes.record(capture_id)
    assert (record.outcome, record.error_code) == (("aborted", "no_worker") if given_up else ("", ""))
    left = await fakes.frames.exists(state, keys.uploaded_video("upload-1"), keys.UPLOAD_PLACES)
    assert left == (0 if given_up else 3)


async def test_while_the_frames_broker_is_away_no_capture_is_aborted_and_it_is_asked_once(tmp_path: Path) -> None:
    fakes = SweepOnFakes(tmp_path)
    captures = [await fakes.capture() for _ in range(3)]
    published = await fakes.capture()
    await fakes.publish(published)
    await fakes.events.delete(keys.EVENTS)
    asked = []

    class Away:
        async def exists(self, key: str) -> int:
            asked.append(key)
            raise ConnectionError("connection refused")

    fakes.frames = Away()
    await (await fakes.sweep()).turn()
    for capture_id in captures:
        assert (await fakes.record(capture_id)).outcome == ""
    assert len(asked) == 1
    assert len(fakes.delivered) == 1, "a capture that needs no frames broker gets its outcome"


async def test_a_published_event_that_vanished_from_the_stream_is_delivered_with_its_capture_id(tmp_path: Path) -> None:
    fakes = SweepOnFakes(tmp_path)
    capture_id = await fakes.capture()
    event = await fakes.publish(capture_id)
    sweep = await fakes.sweep()
    await sweep.turn()
    assert fakes.delivered == [], "it is queued still"
    record = await fakes.record(capture_id)
    await fakes.events.xdel(keys.EVENTS, record.entry_id)
    await sweep.turn()
    [(entry_id, fields)] = fakes.delivered
    assert entry_id == record.entry_id
    entry = EventEntry(event, record.user_id, record.session_id, record.record_id, capture_id)
    assert EventEntry.decode(fields) == entry


async def test_a_capture_whose_line_is_in_the_file_is_published_again_not_aborted(tmp_path: Path) -> None:
    """The broker crashed and lost the publish, but the line was written before."""
    fakes = SweepOnFakes(tmp_path)
    capture_id = await fakes.capture()
    event = await fakes.event(capture_id)
    make_log_dir(tmp_path)
    log = session_log_path(tmp_path, "u1", fakes.session_id)
    other = orjson.dumps({"capture_id": capture_id, "note": "not a feature-ref event"})
    log.write_bytes(b"".join(encode_line(line, format_utc(NOON), 1 << 20) for line in (other, event)))
    await (await fakes.sweep()).turn()
    record = await fakes.record(capture_id)
    assert (record.outcome, record.event, record.counts.accepted) == ("published", event, 3)
    [(_, fields)] = await fakes.events.xrange(keys.EVENTS)
    assert fields[b"event"] == event and fields[b"capture_id"] == capture_id.encode()


async def test_a_log_that_cannot_be_read_leaves_its_capture_alone_and_others_go_on(tmp_path: Path) -> None:
    fakes = SweepOnFakes(tmp_path)
    unreadable = await fakes.capture(age_ms=90_000)
    make_log_dir(tmp_path)
    session_log_path(tmp_path, "u1", fakes.session_id).mkdir()
    fakes.session_id = new_session()
    lost = await fakes.capture()
    await (await fakes.sweep()).turn()
    assert (await fakes.record(unreadable)).outcome == ""
    assert (await fakes.record(lost)).outcome == "aborted"


async def test_the_video_of_a_capture_that_was_never_opened_is_deleted(tmp_path: Path) -> None:
    fakes = SweepOnFakes(tmp_path)
    capture_id = await fakes.capture()
    place, video = VideoSlot("upload-1", 9, "u1"), keys.uploaded_video("upload-1")
    await fakes.events.hset(keys.capture_record(capture_id), "upload", place.member)
    await fakes.frames.zadd(keys.UPLOAD_PLACES, {place.member: 1})
    await fakes.frames.hset(video, "0", b"video")
    sweep, delete = await fakes.sweep(), fakes.frames.delete
    fakes.frames.delete = away
    await sweep.turn()
    assert await fakes.unfinished() == [capture_id], "the next turn tries it again"
    fakes.frames.delete = delete
    await sweep.turn()
    assert not await fakes.frames.exists(video, keys.UPLOAD_PLACES)
    assert (await fakes.record(capture_id)).error_code == "frames_lost"


@pytest.mark.parametrize("fields", [{}, {"recorded_at": "x"}, {"capture_id": "c", "user_id": "../x"}])
async def test_a_capture_without_a_whole_record_is_forgotten(tmp_path: Path, fields: dict[str, str]) -> None:
    fakes = SweepOnFakes(tmp_path)
    capture_id = await fakes.capture()
    await fakes.events.delete(keys.capture_record(capture_id))
    if fields:
        await fakes.events.hset(keys.capture_record(capture_id), mapping=fields)
    await (await fakes.sweep()).turn()
    assert await fakes.unfinished() == []


async def test_a_turn_is_bounded_and_the_next_continues_after_captures_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "BATCH_CAPTURES", 2)
    fakes = SweepOnFakes(tmp_path)
    for _ in range(2):
        flying = await fakes.capture(age_ms=90_000)
        await fakes.frames.hset(keys.capture_keys(flying).state, "status", "open")
    lost = await fakes.capture(age_ms=60_000)
    sweep = await fakes.sweep()
    await sweep.turn()
    assert (await fakes.record(lost)).outcome == ""
    await sweep.turn()
    assert (await fakes.record(lost)).outcome == "aborted"


async def test_a_recorder_that_no_longer_leads_stops_sweeping(tmp_path: Path) -> None:
    fakes = SweepOnFakes(tmp_path)
    lost = await fakes.capture()
    leadership = Leadership(fakes.events, "me")

    async def deliver(_: str, __: Mapping[bytes, bytes]) -> None:
        raise AssertionError

    await Sweep(fakes.events, fakes.frames, tmp_path, leadership, deliver).turn()
    assert (await fakes.record(lost)).outcome == ""


async def away(*_: Any) -> None:
    raise ConnectionError("connection refused")


async def test_an_events_broker_that_is_away_ends_the_turn(tmp_path: Path) -> None:
    fakes = SweepOnFakes(tmp_path)
    sweep = await fakes.sweep()

    fakes.events.time = away
    with pytest.raises(BrokerUnavailable):
        await sweep.turn()


async def test_a_turn_whose_look_for_a_published_event_is_lost_is_repeated_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes = SweepOnFakes(tmp_path)
    capture_id = await fakes.capture()
    await fakes.publish(capture_id)
    await fakes.events.xdel(keys.EVENTS, (await fakes.record(capture_id)).entry_id)
    sweep = await fakes.sweep()
    with monkeypatch.context() as cut, pytest.raises(BrokerUnavailable):
        cut.setattr(fakes.events, "xrange", away)
        await sweep.turn()
    assert fakes.delivered == [], "it may be queued"
    await sweep.turn()
    assert len(fakes.delivered) == 1


@pytest.mark.parametrize("member", [b"\xff", b"", b"a/b", b"\x1b[2J", b"\x00", b"x" * 1_000_000])
@pytest.mark.parametrize("score", [float("-inf"), -1.0, 0.0])
async def test_a_member_that_names_no_capture_is_forgotten_and_the_others_are_swept(
    tmp_path: Path, member: bytes, score: float
) -> None:
    fakes = SweepOnFakes(tmp_path)
    await fakes.events.zadd(keys.UNFINISHED, {member: score, "never-reserved": score})
    lost = await fakes.capture()
    await (await fakes.sweep()).turn()
    assert (await fakes.record(lost)).error_code == "frames_lost"
    assert await fakes.events.zcard(keys.UNFINISHED) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "published", "entry_id": "bogus"},
        {"outcome": "published"},
        {"outcome": "published", "entry_id": "1-" + "9" * 20},
        {"outcome": b"\xff"},
        {"accepted": "-1"},
        {"accepted": "9" * 5000},
        {"user_id": "a/b"},
        {"upload": "x/nan/u"},
        {"recorded_at": "yesterday"},
        {"capture_id": "another"},
    ],
)
async def test_an_invalid_record_is_forgotten_and_the_others_are_swept(
    tmp_path: Path, fields: dict[str, str | bytes]
) -> None:
    fakes = SweepOnFakes(tmp_path)
    bad = await fakes.capture(age_ms=90_000)
    await fakes.events.hset(keys.capture_record(bad), mapping=fields)
    lost = await fakes.capture()
    await (await fakes.sweep()).turn()
    assert (await fakes.record(lost)).error_code == "frames_lost"
    assert await fakes.unfinished() == []


async def test_a_record_of_another_type_is_forgotten(tmp_path: Path) -> None:
    fakes = SweepOnFakes(tmp_path)
    bad = await fakes.capture()
    await fakes.events.set(keys.capture_record(bad), "no hash")
    await (await fakes.sweep()).turn()
    assert await fakes.unfinished() == []


@pytest.mark.parametrize("shape", [[], [1], [1, 2, 3], [-1, 1662], ["a", "b"], [1.5, 1662], [[1], 2], "x", None])
async def test_a_line_that_a_client_invented_does_not_count_as_the_line_of_a_capture(
    tmp_path: Path, shape: Any
) -> None:
    fakes = SweepOnFakes(tmp_path)
    capture_id = await fakes.capture()
    event = orjson.loads(await fakes.event(capture_id))
    event["raw_features_ref"]["shape"] = shape
    log = session_log_path(tmp_path, "u1", fakes.session_id)
    log.parent.mkdir(parents=True)
    log.write_bytes(encode_line(orjson.dumps(event), "2026-01-31T12:00:00.000Z", 10_000))
    await (await fakes.sweep()).turn()
    record = await fakes.record(capture_id)
    assert (record.outcome, record.error_code) == ("aborted", "frames_lost")


async def test_a_capture_that_cannot_be_swept_is_counted_and_delays_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes = SweepOnFakes(tmp_path)
    bad, lost = await fakes.capture(age_ms=90_000), await fakes.capture()
    sweep = await fakes.sweep()
    registry = CollectorRegistry()
    sweep._errors = BackgroundErrors(registry, ["sweep"])
    look = sweep._look

    async def failing(capture_id: str, age_ms: float) -> Sighting:
        if capture_id == bad:
            raise IndexError
        return await look(capture_id, age_ms)

    monkeypatch.setattr(sweep, "_look", failing)
    await sweep.turn()
    assert (await fakes.record(lost)).error_code == "frames_lost"
    assert registry.get_sample_value("a3cp_background_errors_total", {"task": "sweep"}) == 1
