"""The recorder on real brokers: from the stream to the file, or to the dead letters, and nothing dropped."""

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
from tests.recorder.bench import Bench, bodies, on_bench
from tests.recorder.samples import entry, feature_ref, new_session

pytestmark = pytest.mark.real


def test_an_event_is_in_the_file_before_its_receipt_says_so(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, flock = asyncio.Event(), fcntl.flock

    async def story(bench: Bench) -> None:
        session, loop = new_session(), asyncio.get_running_loop()

        def noted(*arguments: Any) -> None:
            loop.call_soon_threadsafe(tried.set)
            flock(*arguments)

        async with bench.recorder():
            await bench.put(entry(session, n=1))
            await bench.settled()
            given = entry(session, n=2)
            with bench.log(session).open("rb") as held:
                flock(held, fcntl.LOCK_EX)
                monkeypatch.setattr(fcntl, "flock", noted)
                [entry_id] = await bench.put(given)
                await asyncio.wait_for(tried.wait(), 20)
                assert await await_receipt(bench.events, entry_id, 0.05) is None, "its line cannot be written yet"
                assert len(bench.lines(session)) == 1
            recorded_at = (await bench.receipt(entry_id)).recorded()
            assert bench.lines(session)[1:] == [given.event]
            assert orjson.loads(bench.log(session).read_bytes().splitlines()[1])["recorded_at"] == recorded_at
            await bench.settled()

    on_bench(own_brokers, tmp_path, story)


def test_a_session_s_events_are_in_the_file_in_the_order_of_the_stream(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        sessions = [new_session(), new_session()]
        given = [entry(sessions[n % 2], n=n) for n in range(100)]
        await bench.put(*given[:60])
        async with bench.recorder():
            await bench.put(*given[60:])
            await bench.settled()
        for number, session in enumerate(sessions):
            assert bench.lines(session) == bodies(*given[number::2])

    on_bench(own_brokers, tmp_path, story)


def test_a_capture_s_record_says_recorded_once_the_line_is_in_the_file(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        session, capture_id, record_id = new_session(), str(uuid4()), str(uuid4())
        event = orjson.dumps(feature_ref(session, capture_id, record_id))
        await bench.events.zadd(keys.UNFINISHED, {capture_id: 1})
        await run(
            bench.events, records.publish(EventEntry(event, "u1", session, record_id, capture_id), CaptureCounts(3, 3))
        )
        async with bench.recorder():
            await bench.settled()
        record = records.CaptureRecord.decode(await bench.events.hgetall(keys.capture_record(capture_id)))
        assert record.status(claimed=False) == "recorded"
        assert record.recorded_at.encode() in bench.log(session).read_bytes()
        assert await bench.events.zcard(keys.UNFINISHED) == 0

    on_bench(own_brokers, tmp_path, story)


def test_the_same_event_published_twice_is_one_line_and_one_answer(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        given = entry(session)
        async with bench.recorder():
            first, second = [await bench.receipt(entry_id) for entry_id in await bench.put(given, given)]
        assert first == second
        assert bench.lines(session) == [given.event]

    on_bench(own_brokers, tmp_path, story)


def test_a_clean_stop_resigns_and_leaves_no_consumer_behind(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        async with bench.recorder():
            [entry_id] = await bench.put(entry(new_session()))
            await bench.receipt(entry_id)
            assert await bench.events.exists(keys.RECORDER_LEADER)
        assert not await bench.events.exists(keys.RECORDER_LEADER)
        assert await bench.events.xinfo_consumers(keys.EVENTS, keys.RECORDER_GROUP) == []

    on_bench(own_brokers, tmp_path, story)


# --- dead letters ------------------------------------------------------------------------------------


def test_what_can_never_be_appended_is_refused_or_a_dead_letter_and_others_go_on(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        good = entry(session)
        cases = {
            "invalid_event": EventEntry(b"no json", "u1", session, str(uuid4())),
            "missing_session_path": entry(new_session(), "u2"),
            "event_too_large": entry(session, text="x" * 2000),
        }
        async with bench.recorder(max_event_bytes=1024):
            ids = dict(zip(cases, await bench.put(*cases.values()), strict=True))
            foreign: Any = await bench.events.xadd(keys.EVENTS, {f"field{n}": "x" for n in range(9000)})
            [last] = await bench.put(good)
            (await bench.receipt(last)).recorded()
            for reason, entry_id in ids.items():
                assert (await bench.receipt(entry_id)).error == reason
            assert (await bench.receipt(foreign.decode())).error == "invalid_event"
            await bench.settled()
        dead = {(fields[b"entry_id"].decode(), fields[b"reason"].decode()): fields for fields in await bench.dead()}
        assert set(dead) == {(ids["invalid_event"], "invalid_event"), (foreign.decode(), "invalid_event")}, (
            "whose sender is told what is wrong leaves no letter"
        )
        fields = dead[(ids["invalid_event"], "invalid_event")]
        assert fields[b"event"] == cases["invalid_event"].event, "whole"
        assert fields[b"detail"] and fields[b"buried_at"]
        assert bench.lines(session) == [good.event]
        assert not (tmp_path / "users" / "u2").exists(), "the recorder creates no directory"

    on_bench(own_brokers, tmp_path, story)


def test_a_captures_event_that_is_a_dead_letter_gives_the_capture_an_outcome(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session, capture_id = new_session(), str(uuid4())
        given = entry(session, "u2", capture_id)
        await run(bench.events, records.publish(given, CaptureCounts()))
        async with bench.recorder():
            await bench.settled()
        record = records.CaptureRecord.decode(await bench.events.hgetall(keys.capture_record(capture_id)))
        assert (record.outcome, record.error_code) == ("dead", MissingSessionPath.code)

    on_bench(own_brokers, tmp_path, story)


def test_a_torn_last_line_goes_to_the_dead_letters_and_the_next_event_into_the_file(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        torn = b'{"recorded_at":"2026-01-31T12:00:00.000Z","event":{"half":"\xff'
        bench.log(session).write_bytes(torn)
        given = entry(session)
        async with bench.recorder():
            [entry_id] = await bench.put(given)
            (await bench.receipt(entry_id)).recorded()
        [fields] = await bench.dead()
        assert fields[b"event"] == torn
        assert fields[b"reason"] == b"torn_line"
        assert fields[b"log"] == f"users/u1/sessions/{session}.jsonl".encode()
        assert bench.lines(session) == [given.event]

    on_bench(own_brokers, tmp_path, story)


# --- a log that cannot be written for a while --------------------------------------------------------


def test_an_io_error_is_told_holds_back_its_session_only_and_mends_itself_in_order(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        sick, well = new_session(), new_session()
        first, second, third, other = entry(sick, n=1), entry(sick, n=2), entry(sick, n=3), entry(well)
        bench.log(sick).mkdir()
        async with bench.recorder():
            held = await bench.put(first, second)
            for entry_id in held:
                with pytest.raises(RecorderIOError):
                    (await bench.receipt(entry_id)).recorded()
            [other_id] = await bench.put(other)
            (await bench.receipt(other_id)).recorded()
            assert await bench.events.xlen(keys.EVENTS) == 2, "held back, not dropped"
            bench.log(sick).rmdir()
            await bench.put(third)
            await bench.settled()
        assert bench.lines(sick) == bodies(first, second, third)
        assert bench.lines(well) == bodies(other)
        assert await bench.dead() == []

    on_bench(own_brokers, tmp_path, story)


def test_an_event_for_a_session_that_was_held_back_has_it_tried_at_once(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(bench: Bench) -> None:
        sick = new_session()
        first, second = entry(sick, n=1), entry(sick, n=2)
        bench.log(sick).mkdir()
        async with bench.recorder():
            [held] = await bench.put(first)
            with pytest.raises(RecorderIOError):
                (await bench.receipt(held)).recorded()
            bench.log(sick).rmdir()
            [waiting] = await bench.put(second)
            (await bench.receipt(waiting)).recorded()  # without the hurry nobody would try for an hour
        assert bench.lines(sick) == bodies(first, second)

    monkeypatch.setattr("recorder.holds.backoff_s", lambda _: 3600.0)
    on_bench(own_brokers, tmp_path, story)


def test_a_log_that_somebody_else_has_locked_waits_and_nobody_is_told_of_an_error(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        locked, free = new_session(), new_session()
        bench.log(locked).touch()
        async with bench.recorder():
            with bench.log(locked).open("rb") as other:
                fcntl.flock(other, fcntl.LOCK_EX)
                [waiting, written] = await bench.put(entry(locked), entry(free))
                (await bench.receipt(written)).recorded()
                assert await bench.events.get(keys.receipt(waiting)) is None
                assert bench.lines(locked) == []
            (await bench.receipt(waiting)).recorded()
        assert len(bench.lines(locked)) == 1

    on_bench(own_brokers, tmp_path, story)
