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
from tests.recorder.bench import Bench, bodies, on_bench, true_when
from tests.recorder.samples import entry, feature_ref, new_session, until

pytestmark = pytest.mark.real


def test_a_broker_that_is_killed_and_comes_back_from_its_aof_loses_and_repeats_nothing(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        session = new_session()
        given = [entry(session, n=n) for n in range(60)]
        async with bench.recorder():
            await bench.put(*given[:40])
            await until(lambda: true_when(bool(bench.lines(session))))
            bench.pair.events.kill()
            bench.pair.events.start()
            await bench.events.connection_pool.disconnect()  # type: ignore[union-attr]
            await bench.put(*given[40:])
            await bench.settled()
        assert bench.lines(session) == bodies(*given)
        assert await bench.dead() == []

    on_bench(own_brokers, tmp_path, story)


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


def test_a_torn_line_becomes_a_dead_letter_on_a_broker_out_of_memory(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        torn, well = new_session(), new_session()
        bench.log(torn).write_bytes(b"torn")
        await ensure_group(bench.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        first, other = entry(torn), entry(well)
        await bench.put(first, other)
        await bench.events.config_set("maxmemory", "1")
        async with bench.recorder():
            await bench.settled()
        assert (bench.lines(torn), bench.lines(well)) == ([first.event], [other.event])
        [fields] = await bench.dead()
        assert (fields[b"event"], fields[b"log"]) == (b"torn", f"users/u1/sessions/{torn}.jsonl".encode())

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
            await until(lambda: true_when(bool(bench.lines(session))))

            async def recorded() -> bool:
                fields = await bench.events.hgetall(keys.capture_record(capture_id))
                return records.CaptureRecord.decode(fields).status(claimed=False) == "recorded"

            await until(recorded)
        assert bench.lines(session) == [event]
        assert await bench.events.zcard(keys.UNFINISHED) == 0

    on_bench(own_brokers, tmp_path, story)
