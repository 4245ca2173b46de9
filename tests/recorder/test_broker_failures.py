"""Brokers that are killed, lose their group, or run out of memory under a recorder."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from contracts.broker import keys
from contracts.broker.roles import ensure_group
from contracts.broker.script import run
from contracts.state import records
from contracts.state.events import EventEntry
from contracts.state.records import CaptureCounts
from tests.conftest import BrokerPair
from tests.recorder.dependencies import bodies, dependencies_on, true_when
from tests.recorder.samples import entry, feature_ref, new_session
from tests.support.waiting import until

pytestmark = pytest.mark.real


async def test_a_broker_that_is_killed_and_comes_back_from_its_aof_loses_and_repeats_nothing(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        given = [entry(session, n=n) for n in range(60)]
        async with deps.recorder():
            await deps.put(*given[:40])
            await until(lambda: true_when(bool(deps.lines(session))))
            deps.pair.events.kill()
            deps.pair.events.start()
            await deps.events.connection_pool.disconnect()  # type: ignore[union-attr]
            await deps.put(*given[40:])
            await deps.drained()
        assert deps.lines(session) == bodies(*given)
        assert await deps.dead() == []


async def test_a_group_that_was_lost_is_made_again_and_no_early_entry_is_missed(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        given = [entry(session, n=n) for n in range(4)]
        async with deps.recorder():
            [first] = await deps.put(given[0])
            await deps.receipt(first)
            await deps.events.delete(keys.EVENTS)
            await deps.put(*given[1:3])
            await deps.drained()
            await deps.events.xgroup_destroy(keys.EVENTS, keys.RECORDER_GROUP)
            await deps.put(given[3])
            await deps.drained()
        assert deps.lines(session) == bodies(*given)


async def test_an_entry_deleted_while_it_was_pending_is_acknowledged(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        gone, stays = entry(session, n=1), entry(session, n=2)
        deps.log(session).mkdir()
        async with deps.recorder():
            held, _ = await deps.put(gone, stays)
            await deps.receipt(held)
            await deps.events.xdel(keys.EVENTS, held)

            async def is_acknowledged() -> bool:
                return not await deps.events.xpending_range(keys.EVENTS, keys.RECORDER_GROUP, held, held, 1)

            await until(is_acknowledged)  # the recorder may just have read it again, and would write it
            deps.log(session).rmdir()
            await deps.drained()
        assert deps.lines(session) == bodies(stays)


async def test_a_broker_out_of_memory_is_drained_dead_letters_too(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        good, poison = entry(session), EventEntry(b"no json", "u1", session, str(uuid4()))
        await ensure_group(deps.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        await deps.put(poison, good)
        await deps.events.config_set("maxmemory", "1")
        async with deps.recorder():
            await deps.drained()
        await deps.events.config_set("maxmemory", "0")
        assert deps.lines(session) == [good.event]
        assert [fields[b"event"] for fields in await deps.dead()] == [poison.event]


async def test_a_torn_line_becomes_a_dead_letter_on_a_broker_out_of_memory(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        torn, well = new_session(), new_session()
        deps.log(torn).write_bytes(b"torn")
        await ensure_group(deps.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        first, other = entry(torn), entry(well)
        await deps.put(first, other)
        await deps.events.config_set("maxmemory", "1")
        async with deps.recorder():
            await deps.drained()
        assert (deps.lines(torn), deps.lines(well)) == ([first.event], [other.event])
        [fields] = await deps.dead()
        assert (fields[b"event"], fields[b"log"]) == (b"torn", f"users/u1/sessions/{torn}.jsonl".encode())


async def test_a_published_event_that_vanished_from_the_stream_is_recorded_by_the_sweep(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session, capture_id, record_id = new_session(), str(uuid4()), str(uuid4())
        event = orjson.dumps(feature_ref(session, capture_id, record_id))
        await run(
            deps.events, records.publish(EventEntry(event, "u1", session, record_id, capture_id), CaptureCounts(3, 3))
        )
        await deps.events.zadd(keys.UNFINISHED, {capture_id: 1})
        await deps.events.delete(keys.EVENTS)
        async with deps.recorder():
            await until(lambda: true_when(bool(deps.lines(session))))

            async def recorded() -> bool:
                fields = await deps.events.hgetall(keys.capture_record(capture_id))
                return records.CaptureRecord.decode(fields).status(claimed=False) == "recorded"

            await until(recorded)
        assert deps.lines(session) == [event]
        assert await deps.events.zcard(keys.UNFINISHED) == 0
