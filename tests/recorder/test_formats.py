"""Events of a newer release: this recorder leaves them with their session, and one of that release appends them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contracts.broker import keys
from contracts.broker.roles import ensure_group
from contracts.rules.errors import NewerRecorderNeeded
from recorder import consumer as consumer_module
from recorder.consumer import Consumer, Leadership
from recorder.handler import EntryHandler
from tests.conftest import BrokerPair
from tests.recorder.dependencies import Dependencies, bodies, dependencies_on
from tests.recorder.samples import entry, new_session
from tests.support.releases import newer_release

pytestmark = pytest.mark.real


async def leader(deps: Dependencies, name: str = "one") -> tuple[Leadership, EntryHandler, Consumer]:
    """The parts of a recorder that is the active one."""
    await ensure_group(deps.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
    leadership, handler, consumer = deps.part(name)
    assert await leadership.acquire_leadership()
    return leadership, handler, consumer


async def test_a_newer_event_and_its_session_wait_and_a_newer_recorder_appends_them_in_order(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "STAND_BACK_S", 0.0)
    async with dependencies_on(own_brokers, tmp_path) as deps:
        held, free = new_session(), new_session()
        first, newer, after, other = entry(held, n=1), entry(held, n=2), entry(held, n=3), entry(free, n=4)
        await deps.put(first)
        with newer_release():
            await deps.put(newer)
        [after_id] = await deps.put(after)
        [other_id] = await deps.put(other)
        leadership, handler, consumer = await leader(deps)
        stopping = asyncio.Event()
        await consumer.turn(stopping)
        assert (await deps.receipt(other_id)).recorded(), "other sessions go on"
        assert deps.lines(held) == bodies(first)
        assert handler._metrics.left._value.get() == 1
        assert not leadership.leads, "it lets another recorder be the active one"
        assert not await deps.dead()
        pending = await deps.events.xpending(keys.EVENTS, keys.RECORDER_GROUP)
        assert pending["pending"] == 2
        await leadership.acquire_leadership()
        await consumer.turn(stopping)
        assert leadership.leads, "it stands back only now and then"
        with pytest.raises(NewerRecorderNeeded):
            (await deps.receipt(after_id)).recorded()
        await leadership.release_leadership()
        with newer_release():
            leadership, _, consumer = await leader(deps, "two")
            await consumer.turn(stopping)
        assert deps.lines(held) == bodies(first, newer, after)
        await deps.drained()
        assert not await deps.dead()


async def test_a_recorder_that_stands_back_does_not_lead_until_its_time_is_over(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        (one, _, _), (two, _, _) = deps.part("one"), deps.part("two")
        assert await one.acquire_leadership()
        await one.stand_back()
        assert not await one.acquire_leadership()
        assert await two.acquire_leadership()


async def test_a_newer_event_that_names_no_session_waits_alone(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        await deps.events.xadd(keys.EVENTS, {"format": "3", "something": "else"})
        [entry_id] = await deps.put(entry(session, n=1))
        _, _, consumer = await leader(deps)
        await consumer.turn(asyncio.Event())
        assert (await deps.receipt(entry_id)).recorded()
        assert not await deps.dead()
        assert (await deps.events.xpending(keys.EVENTS, keys.RECORDER_GROUP))["pending"] == 1


async def test_an_event_whose_format_is_no_number_is_a_dead_letter(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        fields = {**entry(new_session(), n=1).encode(), "format": "new"}
        await deps.events.xadd(keys.EVENTS, fields)  # type: ignore[arg-type]
        _, _, consumer = await leader(deps)
        await consumer.turn(asyncio.Event())
        [letter] = await deps.dead()
        assert letter[b"reason"] == b"invalid_event"
