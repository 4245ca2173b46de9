"""The recorder on real brokers: each event ends in the file or in the dead letters, and none is dropped."""

from __future__ import annotations

import asyncio
import fcntl
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from contracts.broker import keys
from contracts.broker.script import run
from contracts.rules.errors import MissingSessionPath, RecorderIOError
from contracts.state import records
from contracts.state.events import EventEntry, await_receipt
from contracts.state.records import CaptureCounts
from tests.conftest import BrokerPair
from tests.recorder.dependencies import bodies, dependencies_on
from tests.recorder.samples import entry, feature_ref, new_session
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.real


async def test_an_event_is_in_the_file_before_its_receipt_says_so(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, flock = asyncio.Event(), fcntl.flock
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session, loop = new_session(), asyncio.get_running_loop()

        def noted(*arguments: Any) -> None:
            loop.call_soon_threadsafe(tried.set)
            flock(*arguments)

        async with deps.recorder():
            await deps.put(entry(session, n=1))
            await deps.drained()
            given = entry(session, n=2)
            with deps.log(session).open("rb") as held:
                flock(held, fcntl.LOCK_EX)
                monkeypatch.setattr(fcntl, "flock", noted)
                [entry_id] = await deps.put(given)
                await asyncio.wait_for(tried.wait(), DEADLINE_S)
                assert await await_receipt(deps.events, entry_id, 0.05) is None, "its line cannot be written yet"
                assert len(deps.lines(session)) == 1
            recorded_at = (await deps.receipt(entry_id)).recorded()
            assert deps.lines(session)[1:] == [given.event]
            assert orjson.loads(deps.log(session).read_bytes().splitlines()[1])["recorded_at"] == recorded_at
            await deps.drained()


async def test_a_session_s_events_are_in_the_file_in_the_order_of_the_stream(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        sessions = [new_session(), new_session()]
        given = [entry(sessions[n % 2], n=n) for n in range(100)]
        await deps.put(*given[:60])
        async with deps.recorder():
            await deps.put(*given[60:])
            await deps.drained()
        for number, session in enumerate(sessions):
            assert deps.lines(session) == bodies(*given[number::2])


async def test_a_capture_s_record_says_recorded_once_the_line_is_in_the_file(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session, capture_id, record_id = new_session(), str(uuid4()), str(uuid4())
        event = orjson.dumps(feature_ref(session, capture_id, record_id))
        await deps.events.zadd(keys.UNFINISHED, {capture_id: 1})
        await run(
            deps.events, records.publish(EventEntry(event, "u1", session, record_id, capture_id), CaptureCounts(3, 3))
        )
        async with deps.recorder():
            await deps.drained()
        record = records.CaptureRecord.decode(await deps.events.hgetall(keys.capture_record(capture_id)))
        assert record.status(claimed=False) == "recorded"
        assert record.recorded_at.encode() in deps.log(session).read_bytes()
        assert await deps.events.zcard(keys.UNFINISHED) == 0


async def test_the_same_event_published_twice_is_one_line_and_one_answer(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        given = entry(session)
        async with deps.recorder():
            first, second = [await deps.receipt(entry_id) for entry_id in await deps.put(given, given)]
        assert first == second
        assert deps.lines(session) == [given.event]


async def test_a_clean_stop_releases_leadership_and_removes_the_consumer(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        async with deps.recorder():
            [entry_id] = await deps.put(entry(new_session()))
            await deps.receipt(entry_id)
            assert await deps.events.exists(keys.RECORDER_LEADER)
        assert not await deps.events.exists(keys.RECORDER_LEADER)
        assert await deps.events.xinfo_consumers(keys.EVENTS, keys.RECORDER_GROUP) == []


# --- dead letters ------------------------------------------------------------------------------------


async def test_an_event_that_can_never_be_appended_is_refused_or_a_dead_letter_and_others_go_on(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        good = entry(session)
        cases = {
            "invalid_event": EventEntry(b"no json", "u1", session, str(uuid4())),
            "missing_session_path": entry(new_session(), "u2"),
            "event_too_large": entry(session, text="x" * 2000),
        }
        async with deps.recorder(max_event_bytes=1024):
            ids = dict(zip(cases, await deps.put(*cases.values()), strict=True))
            foreign: Any = await deps.events.xadd(keys.EVENTS, {f"field{n}": "x" for n in range(9000)})
            [last] = await deps.put(good)
            (await deps.receipt(last)).recorded()
            for reason, entry_id in ids.items():
                assert (await deps.receipt(entry_id)).error == reason
            assert (await deps.receipt(foreign.decode())).error == "invalid_event"
            await deps.drained()
        dead = {(fields[b"entry_id"].decode(), fields[b"reason"].decode()): fields for fields in await deps.dead()}
        assert set(dead) == {(ids["invalid_event"], "invalid_event"), (foreign.decode(), "invalid_event")}, (
            "an event whose sender gets a refusal makes no dead letter"
        )
        fields = dead[(ids["invalid_event"], "invalid_event")]
        assert fields[b"event"] == cases["invalid_event"].event, "whole"
        assert fields[b"detail"] and fields[b"buried_at"]
        assert deps.lines(session) == [good.event]
        assert not (tmp_path / "users" / "u2").exists(), "the recorder creates no directory"


async def test_a_captures_event_that_is_a_dead_letter_gives_the_capture_an_outcome(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session, capture_id = new_session(), str(uuid4())
        given = entry(session, "u2", capture_id)
        await run(deps.events, records.publish(given, CaptureCounts()))
        async with deps.recorder():
            await deps.drained()
        record = records.CaptureRecord.decode(await deps.events.hgetall(keys.capture_record(capture_id)))
        assert (record.outcome, record.error_code) == ("dead", MissingSessionPath.code)


async def test_a_torn_last_line_goes_to_the_dead_letters_and_the_next_event_into_the_file(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        torn = b'{"recorded_at":"2026-01-31T12:00:00.000Z","event":{"half":"\xff'
        deps.log(session).write_bytes(torn)
        given = entry(session)
        async with deps.recorder():
            [entry_id] = await deps.put(given)
            (await deps.receipt(entry_id)).recorded()
        [fields] = await deps.dead()
        assert fields[b"event"] == torn
        assert fields[b"reason"] == b"torn_line"
        assert fields[b"log"] == f"users/u1/sessions/{session}.jsonl".encode()
        assert deps.lines(session) == [given.event]


# --- a log that cannot be written for a while --------------------------------------------------------


async def test_an_io_error_is_reported_and_blocks_only_its_session_until_it_is_gone(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        blocked, open_ = new_session(), new_session()
        first, second, third, other = entry(blocked, n=1), entry(blocked, n=2), entry(blocked, n=3), entry(open_)
        deps.log(blocked).mkdir()
        async with deps.recorder():
            held = await deps.put(first, second)
            for entry_id in held:
                with pytest.raises(RecorderIOError):
                    (await deps.receipt(entry_id)).recorded()
            [other_id] = await deps.put(other)
            (await deps.receipt(other_id)).recorded()
            assert await deps.events.xlen(keys.EVENTS) == 2, "blocked, not dropped"
            deps.log(blocked).rmdir()
            await deps.put(third)
            await deps.drained()
        assert deps.lines(blocked) == bodies(first, second, third)
        assert deps.lines(open_) == bodies(other)
        assert await deps.dead() == []


async def test_a_new_event_for_a_blocked_session_retries_it_at_once(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.blocked.backoff_s", lambda _: 3600.0)
    async with dependencies_on(own_brokers, tmp_path) as deps:
        blocked = new_session()
        first, second = entry(blocked, n=1), entry(blocked, n=2)
        deps.log(blocked).mkdir()
        async with deps.recorder():
            [held] = await deps.put(first)
            with pytest.raises(RecorderIOError):
                (await deps.receipt(held)).recorded()
            deps.log(blocked).rmdir()
            [waiting] = await deps.put(second)
            (await deps.receipt(waiting)).recorded()  # without `hurry` the next try would come in an hour
        assert deps.lines(blocked) == bodies(first, second)


async def test_an_entry_for_a_log_that_another_process_has_locked_waits_without_an_error(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        locked, free = new_session(), new_session()
        deps.log(locked).touch()
        async with deps.recorder():
            with deps.log(locked).open("rb") as other:
                fcntl.flock(other, fcntl.LOCK_EX)
                [waiting, written] = await deps.put(entry(locked), entry(free))
                (await deps.receipt(written)).recorded()
                assert await deps.events.get(keys.receipt(waiting)) is None
                assert deps.lines(locked) == []
            (await deps.receipt(waiting)).recorded()
        assert len(deps.lines(locked)) == 1
