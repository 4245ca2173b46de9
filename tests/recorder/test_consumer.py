"""The recorder on real brokers: at least once from the stream, exactly once in the file, and nothing dropped."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
import redis

from contracts import keys, records
from contracts.broker import AsyncBroker, connect, ensure_group
from contracts.errors import MissingSessionPath, RecorderIOError
from contracts.events import EventEntry, Receipt, append_event, await_receipt, split_line
from contracts.paths import session_log_path
from contracts.records import CaptureCounts
from contracts.scripts import run
from contracts.settings import Settings
from recorder.__main__ import serve
from recorder.consumer import Consumer
from recorder.handler import EntryHandler
from recorder.leadership import Leadership
from tests.conftest import BrokerPair
from tests.recorder.samples import entry, feature_ref, make_log_dir, new_session, until

pytestmark = pytest.mark.real


@dataclass
class Bench:
    """A pair of brokers of the test's own, a log root, and a client."""

    pair: BrokerPair
    log_root: Path
    events: AsyncBroker

    def settings(self, **changes: Any) -> Settings:
        return Settings(log_root=self.log_root, **changes)

    @asynccontextmanager
    async def recorder(self, **changes: Any) -> AsyncIterator[None]:
        """A whole recorder, from start to clean stop."""
        frames, events = connect(self.pair.frames.url), connect(self.pair.events.url)
        stopping = asyncio.Event()
        task = asyncio.create_task(serve(frames, events, self.settings(**changes), stopping))
        try:
            yield
            assert not task.done(), task
        finally:
            stopping.set()
            await asyncio.wait_for(task, 20)
            await frames.aclose()
            await events.aclose()

    def part(self, name: str) -> tuple[Leadership, EntryHandler, Consumer]:
        """The parts of one recorder, to be moved by hand."""
        leadership = Leadership(self.events, name)
        handler = EntryHandler(self.events, self.settings(), lambda: datetime.now(UTC))
        return leadership, handler, Consumer(self.events, leadership, handler)

    async def put(self, *entries: EventEntry) -> list[str]:
        return [await append_event(self.events, each) for each in entries]

    async def receipt(self, entry_id: str) -> Receipt:
        receipt = await await_receipt(self.events, entry_id, 20)
        assert receipt is not None, "the recorder did not answer"
        return receipt

    def log(self, session_id: str) -> Path:
        return session_log_path(self.log_root, "u1", session_id)

    def lines(self, session_id: str) -> list[bytes]:
        log = self.log(session_id)
        lines = log.read_bytes().splitlines(keepends=True) if log.is_file() else []
        parts = [split_line(line) for line in lines]
        return [part[1] for part in parts if part is not None]

    async def settled(self) -> None:
        """Wait until the stream is empty and nothing is pending."""

        async def empty() -> bool:
            try:
                pending: Any = await self.events.xpending(keys.EVENTS, keys.RECORDER_GROUP)
                return await self.events.xlen(keys.EVENTS) == 0 and pending["pending"] == 0
            except redis.exceptions.RedisError:  # not there yet, or not there again yet
                return False

        await until(empty)

    async def dead(self) -> list[dict[bytes, bytes]]:
        return [fields for _, fields in await self.events.xrange(keys.DEAD_EVENTS)]

    async def taken_by(self, name: str, count: int) -> list[str]:
        """Read entries for ``name`` and do nothing with them."""
        await ensure_group(self.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        answer: Any = await self.events.xreadgroup(keys.RECORDER_GROUP, name, {keys.EVENTS: ">"}, count=count)
        [(_, entries)] = answer
        return [entry_id.decode() for entry_id, _ in entries]


def on_bench(pair: BrokerPair, log_root: Path, test: Any) -> None:
    async def main() -> None:
        make_log_dir(log_root)
        events = connect(pair.events.url)
        try:
            story: Coroutine[Any, Any, None] = test(Bench(pair, log_root, events))
            await story
        finally:
            await events.aclose()

    asyncio.run(main())


def bodies(*entries: EventEntry) -> list[bytes]:
    return [each.event for each in entries]


# --- the plain way -----------------------------------------------------------------------------------


def test_an_event_is_in_the_file_before_its_receipt_says_so(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        async with bench.recorder():
            given = entry(session)
            [entry_id] = await bench.put(given)
            recorded_at = (await bench.receipt(entry_id)).recorded()
            assert bench.lines(session) == [given.event]
            assert orjson.loads(bench.log(session).read_bytes())["recorded_at"] == recorded_at
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


def test_what_can_never_be_appended_is_a_dead_letter_with_its_reason_and_others_go_on(
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
        assert len(dead) == 4
        for reason, entry_id in ids.items():
            fields = dead[(entry_id, reason)]
            assert fields[b"event"] == cases[reason].event, "whole"
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


# --- two recorders -----------------------------------------------------------------------------------


def test_a_new_leader_handles_what_the_dead_one_had_read_before_anything_new(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        given = [entry(session, n=n) for n in range(50)]
        await bench.put(*given[:40])
        assert len(await bench.taken_by("the-dead-one", 40)) == 40
        await bench.put(*given[40:])
        async with bench.recorder():
            await bench.settled()
        assert bench.lines(session) == bodies(*given)

    on_bench(own_brokers, tmp_path, story)


def test_a_line_written_by_a_leader_that_died_before_it_acknowledged_is_not_repeated(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        given = entry(session)
        await bench.put(given)
        [entry_id] = await bench.taken_by("the-dead-one", 1)
        _, dying, _ = bench.part("the-dead-one")
        dead_writers_time = dying._writer.append("u1", session, given.event)
        async with bench.recorder():
            assert (await bench.receipt(entry_id)).recorded() == dead_writers_time
            await bench.settled()
        assert bench.lines(session) == [given.event]

    on_bench(own_brokers, tmp_path, story)


def test_a_paused_leader_that_wakes_up_with_an_entry_in_hand_repeats_nothing(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        given = [entry(session, n=n) for n in range(3)]
        ids = await bench.put(*given)
        await bench.taken_by("the-paused-one", 2)
        _, paused, _ = bench.part("the-paused-one")
        async with bench.recorder():
            await bench.settled()
            first = await bench.receipt(ids[0])
            for entry_id, each in zip(ids[:2], given, strict=False):
                fields: Any = {name.encode(): value for name, value in each.encode().items()}
                await paused.handle(
                    entry_id, {k: v if isinstance(v, bytes) else v.encode() for k, v in fields.items()}
                )
            assert await bench.receipt(ids[0]) == first
        assert bench.lines(session) == bodies(*given)
        assert await bench.dead() == []

    on_bench(own_brokers, tmp_path, story)


def test_a_recorder_whose_leadership_was_lost_handles_nothing_more(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        leadership, _, consumer = bench.part("the-old-one")
        assert await leadership.renew()
        await consumer.turn(asyncio.Event())
        ids = await bench.put(entry(session, n=1), entry(session, n=2))
        await bench.events.set(keys.RECORDER_LEADER, "the-new-one")
        assert not await leadership.renew()
        assert not leadership.leads
        await consumer.turn(asyncio.Event())
        assert bench.lines(session) == []
        assert await bench.events.get(keys.receipt(ids[0])) is None

    on_bench(own_brokers, tmp_path, story)


def test_an_entry_taken_by_a_former_leader_in_its_last_moment_is_found_by_the_active_one(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        leadership, _, consumer = bench.part("the-active-one")
        assert await leadership.renew()
        await consumer.turn(asyncio.Event())
        given = entry(session)
        await bench.put(given)
        await bench.taken_by("the-former-one", 1)

        async def written() -> bool:
            await leadership.renew()
            await consumer.turn(asyncio.Event())
            return bool(bench.lines(session))

        await until(written)
        assert bench.lines(session) == [given.event]
        await bench.settled()

    on_bench(own_brokers, tmp_path, story)


def test_a_standby_writes_nothing_and_takes_over_when_the_leader_stops(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        given = [entry(session, n=n) for n in range(2)]
        async with bench.recorder():
            [first] = await bench.put(given[0])
            (await bench.receipt(first)).recorded()
            leader = await bench.events.get(keys.RECORDER_LEADER)
            second = bench.recorder()
            await second.__aenter__()
            assert await bench.events.get(keys.RECORDER_LEADER) == leader
        try:
            [last] = await bench.put(given[1])
            (await bench.receipt(last)).recorded()
            assert await bench.events.get(keys.RECORDER_LEADER) != leader
        finally:
            await second.__aexit__(None, None, None)
        assert bench.lines(session) == bodies(*given)

    on_bench(own_brokers, tmp_path, story)


# --- brokers that fail -------------------------------------------------------------------------------


def test_a_broker_that_is_killed_and_comes_back_from_its_aof_loses_and_repeats_nothing(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        given = [entry(session, n=n) for n in range(60)]
        async with bench.recorder():
            await bench.put(*given[:40])
            await until(lambda: _true_when(bool(bench.lines(session))))
            bench.pair.events.kill()
            bench.pair.events.start()
            await bench.events.connection_pool.disconnect()  # type: ignore[union-attr]
            await bench.put(*given[40:])
            await bench.settled()
        assert bench.lines(session) == bodies(*given)
        assert await bench.dead() == []

    on_bench(own_brokers, tmp_path, story)


async def _true_when(condition: bool) -> bool:
    return condition


def test_a_group_that_was_lost_is_made_again_and_no_early_entry_is_missed(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        given = [entry(session, n=n) for n in range(4)]
        async with bench.recorder():
            [first] = await bench.put(given[0])
            await bench.receipt(first)
            await bench.events.delete(keys.EVENTS)
            await bench.put(*given[1:3])
            await bench.settled()
            await bench.events.xgroup_destroy(keys.EVENTS, keys.RECORDER_GROUP)
            await bench.put(given[3])
            await bench.settled()
        assert bench.lines(session) == bodies(*given)

    on_bench(own_brokers, tmp_path, story)


def test_an_entry_deleted_while_it_was_pending_is_let_go(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        gone, stays = entry(session, n=1), entry(session, n=2)
        bench.log(session).mkdir()
        async with bench.recorder():
            held, _ = await bench.put(gone, stays)
            await bench.receipt(held)
            await bench.events.xdel(keys.EVENTS, held)
            bench.log(session).rmdir()
            await bench.settled()
        assert bench.lines(session) == bodies(stays)

    on_bench(own_brokers, tmp_path, story)


def test_a_broker_out_of_memory_is_drained_dead_letters_too(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        good, poison = entry(session), EventEntry(b"no json", "u1", session, str(uuid4()))
        await ensure_group(bench.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        await bench.put(poison, good)
        await bench.events.config_set("maxmemory", "1")
        async with bench.recorder():
            await bench.settled()
        await bench.events.config_set("maxmemory", "0")
        assert bench.lines(session) == [good.event]
        assert [fields[b"event"] for fields in await bench.dead()] == [poison.event]

    on_bench(own_brokers, tmp_path, story)


def test_while_the_dead_letters_have_no_room_a_torn_line_stays_and_other_sessions_go_on(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        torn, well = new_session(), new_session()
        bench.log(torn).write_bytes(b"torn")
        await ensure_group(bench.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        first, other = entry(torn), entry(well)
        await bench.put(first, other)
        await bench.events.config_set("maxmemory", "1")
        async with bench.recorder():
            await until(lambda: _true_when(bool(bench.lines(well))))
            assert bench.log(torn).read_bytes() == b"torn"
            assert await bench.events.xlen(keys.EVENTS) >= 1
            await bench.events.config_set("maxmemory", "0")
            await bench.settled()
        assert bench.lines(torn) == [first.event]
        assert [fields[b"event"] for fields in await bench.dead()] == [b"torn"]

    on_bench(own_brokers, tmp_path, story)


def test_a_published_event_that_vanished_from_the_stream_is_recorded_by_the_sweep(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session, capture_id, record_id = new_session(), str(uuid4()), str(uuid4())
        event = orjson.dumps(feature_ref(session, capture_id, record_id))
        await run(
            bench.events, records.publish(EventEntry(event, "u1", session, record_id, capture_id), CaptureCounts(3, 3))
        )
        await bench.events.zadd(keys.UNFINISHED, {capture_id: 1})
        await bench.events.delete(keys.EVENTS)
        async with bench.recorder():
            await until(lambda: _true_when(bool(bench.lines(session))))

            async def recorded() -> bool:
                fields = await bench.events.hgetall(keys.capture_record(capture_id))
                return records.CaptureRecord.decode(fields).status(claimed=False) == "recorded"

            await until(recorded)
        assert bench.lines(session) == [event]
        assert await bench.events.zcard(keys.UNFINISHED) == 0

    on_bench(own_brokers, tmp_path, story)
