"""Two recorders: whichever is active, an event is in the file once, and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.broker import keys
from contracts.broker.roles import ensure_group
from contracts.rules.errors import BrokerUnavailable
from contracts.state import recording
from recorder.writer import LogWriter
from tests.conftest import BrokerPair
from tests.recorder.dependencies import Dependencies, bodies, dependencies_on
from tests.recorder.samples import as_delivered, entry, new_session
from tests.recorder.test_writer import make_writer
from tests.support.waiting import DEADLINE_S, until

pytestmark = pytest.mark.real


async def test_a_new_leader_handles_what_the_dead_one_had_read_before_anything_new(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        given = [entry(session, n=n) for n in range(50)]
        await deps.put(*given[:40])
        assert len(await deps.taken_by("the-dead-one", 40)) == 40
        await deps.put(*given[40:])
        async with deps.recorder():
            await deps.drained()
        assert deps.lines(session) == bodies(*given)


async def test_a_line_written_by_a_leader_that_died_before_it_acknowledged_is_not_repeated(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        given = entry(session)
        await deps.put(given)
        [entry_id] = await deps.taken_by("the-dead-one", 1)
        dead_writers_time = make_writer(deps.log_root).append("u1", session, given.event)
        async with deps.recorder():
            assert (await deps.receipt(entry_id)).recorded() == dead_writers_time
            await deps.drained()
        assert deps.lines(session) == [given.event]


async def test_a_paused_leader_that_wakes_up_with_an_entry_in_hand_repeats_nothing(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        given = [entry(session, n=n) for n in range(3)]
        ids = await deps.put(*given)
        await deps.taken_by("the-paused-one", 2)
        _, paused, _ = deps.part("the-paused-one")
        async with deps.recorder():
            await deps.drained()
            first = await deps.receipt(ids[0])
            for entry_id, each in zip(ids[:2], given, strict=False):
                await paused.handle(entry_id, as_delivered(each))
            assert await deps.receipt(ids[0]) == first
        assert deps.lines(session) == bodies(*given)
        assert await deps.dead() == []


async def test_a_recorder_whose_leadership_was_lost_takes_nothing_more(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        leadership, _, consumer = deps.part("the-old-one")
        assert await leadership.acquire_leadership()
        await ensure_group(deps.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        await consumer.turn(asyncio.Event())
        await deps.put(entry(new_session()))
        await deps.events.set(keys.RECORDER_LEADER, "the-new-one", px=recording.LEADER_TTL_MS)
        assert not await leadership.acquire_leadership()
        await consumer.turn(asyncio.Event())
        pending: Any = await deps.events.xpending(keys.EVENTS, keys.RECORDER_GROUP)
        assert pending["pending"] == 0


async def test_a_recorder_that_loses_its_leadership_in_the_middle_of_a_batch_leaves_the_rest(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        leadership, _, consumer = deps.part("the-old-one")
        assert await leadership.acquire_leadership()
        given = [entry(session, n=n) for n in range(3)]
        await deps.put(*given)
        loop, append = asyncio.get_running_loop(), LogWriter.append

        async def lose() -> None:
            await deps.events.set(keys.RECORDER_LEADER, "the-new-one", px=recording.LEADER_TTL_MS)
            assert not await leadership.acquire_leadership()

        def append_and_lose(writer: LogWriter, *line: Any, **how: Any) -> str:
            recorded_at = append(writer, *line, **how)
            asyncio.run_coroutine_threadsafe(lose(), loop).result(20)
            return recorded_at

        monkeypatch.setattr(LogWriter, "append", append_and_lose)
        await consumer.turn(asyncio.Event())
        await consumer.turn(asyncio.Event())
        assert deps.lines(session) == bodies(given[0])
        assert await deps.events.xlen(keys.EVENTS) == 2


async def test_after_an_error_in_the_middle_of_a_batch_the_rest_of_it_comes_before_anything_new(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        leadership, _, consumer = deps.part("me")
        assert await leadership.acquire_leadership()
        await ensure_group(deps.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        await consumer.turn(asyncio.Event())
        given = [entry(session, n=n) for n in range(4)]
        await deps.put(*given[:3])
        loop, append, stopping = asyncio.get_running_loop(), LogWriter.append, asyncio.Event()
        calls: list[str] = []

        def fail_once(writer: LogWriter, user_id: str, session_id: str, event: bytes, *, by_client: bool) -> str:
            calls.append(session_id)
            if len(calls) == 2:
                asyncio.run_coroutine_threadsafe(deps.put(given[3]), loop).result(20)
                raise BrokerUnavailable("events", "connection lost")
            recorded_at = append(writer, user_id, session_id, event, by_client=by_client)
            if event == given[3].event:
                loop.call_soon_threadsafe(stopping.set)
            return recorded_at

        monkeypatch.setattr(LogWriter, "append", fail_once)
        await asyncio.wait_for(consumer.run(stopping), DEADLINE_S)
        assert deps.lines(session) == bodies(*given)


async def test_an_entry_taken_by_a_former_leader_in_its_last_moment_is_found_by_the_active_one(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        turn = await active(deps)
        given = entry(session)
        await deps.put(given)
        await deps.taken_by("the-former-one", 1)

        await until(lambda: turn(session, 1))
        assert deps.lines(session) == [given.event]
        await deps.drained()


async def test_what_a_former_leader_read_in_its_last_moment_comes_before_what_is_newer(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        turn = await active(deps)
        given = [entry(session, n=n) for n in range(6)]
        await deps.put(*given[:2])
        await deps.taken_by("the-former-one", 2)
        await deps.put(*given[2:])

        await until(lambda: turn(session, len(given)))
        assert deps.lines(session) == bodies(*given)
        await deps.drained()


async def active(deps: Dependencies) -> Callable[[str, int], Awaitable[bool]]:
    """An active recorder that has looked for entries once. Returns a function that lets it take one more turn, and says
    whether the session's log then has so many lines."""
    leadership, _, consumer = deps.part("the-active-one")
    assert await leadership.acquire_leadership()
    await ensure_group(deps.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
    await consumer.turn(asyncio.Event())

    async def turn(session: str, lines: int) -> bool:
        await leadership.acquire_leadership()
        await consumer.turn(asyncio.Event())
        return len(deps.lines(session)) == lines

    return turn


async def test_a_standby_writes_nothing_and_takes_over_when_the_leader_stops(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        given = [entry(session, n=n) for n in range(2)]
        async with deps.recorder():
            [first] = await deps.put(given[0])
            (await deps.receipt(first)).recorded()
            leader = await deps.events.get(keys.RECORDER_LEADER)
            second = deps.recorder()
            await second.__aenter__()
            assert await deps.events.get(keys.RECORDER_LEADER) == leader
        try:
            [last] = await deps.put(given[1])
            (await deps.receipt(last)).recorded()
            assert await deps.events.get(keys.RECORDER_LEADER) != leader
        finally:
            await second.__aexit__(None, None, None)
        assert deps.lines(session) == bodies(*given)
