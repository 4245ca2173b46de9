"""Entries that are acknowledged together, on real brokers."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from contracts.broker import keys
from contracts.rules.errors import BrokerUnavailable
from contracts.state.event_entries import read_entry
from contracts.state.events import EventEntry
from recorder.handler import LINES_PER_CALL, EntryHandler
from tests.conftest import BrokerPair
from tests.recorder.dependencies import dependencies_on
from tests.recorder.samples import NOON, as_delivered, entry, new_session

pytestmark = pytest.mark.real


async def test_entries_acknowledged_together_are_gone_and_each_has_its_own_receipt(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.handler.MAX_WAIT_S", math.inf)  # however slow the machine is
    times = iter(NOON + timedelta(seconds=second) for second in range(10_000))
    async with dependencies_on(own_brokers, tmp_path) as deps:
        sessions = [new_session() for _ in range(LINES_PER_CALL)]
        given = [entry(session) for session in sessions]
        ids = await deps.put(*given)
        assert await deps.taken_by("me", len(ids)) == ids
        handler = EntryHandler(deps.events, deps.settings(), lambda: next(times))
        entries = [(entry_id, as_delivered(each)) for entry_id, each in zip(ids, given, strict=True)]
        assert await handler.handle_all(entries) == len(ids)
        await deps.drained()
        receipts = [(await deps.receipt(entry_id)).recorded() for entry_id in ids]
        lines = [orjson.loads(deps.log(session).read_bytes()) for session in sessions]
        assert receipts == [line["recorded_at"] for line in lines]
        assert len(set(receipts)) == len(ids)


async def test_an_entry_that_others_follow_is_in_the_file_at_once_and_acknowledged_with_them(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.handler.MAX_WAIT_S", math.inf)  # however slow the machine is
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session, (_, handler, _) = new_session(), deps.part("me")
        given = [entry(session, n=n) for n in range(2)]
        ids = await deps.put(*given)
        await deps.taken_by("me", 2)
        loop, seen = asyncio.get_running_loop(), []

        async def known() -> tuple[Any, int]:
            return await deps.events.get(keys.receipt(ids[0])), await deps.events.xlen(keys.EVENTS)

        def look() -> bool:
            if threading.current_thread() is not threading.main_thread():  # right before a line is written
                answers = asyncio.run_coroutine_threadsafe(known(), loop).result(20)
                seen.append((deps.lines(session), *answers))
            return True

        entries = [(entry_id, as_delivered(each)) for entry_id, each in zip(ids, given, strict=True)]
        assert await handler.handle_all(entries, go_on=look) == 2
        assert seen == [([], None, 2), ([given[0].event], None, 2)]
        await deps.drained()


@pytest.mark.parametrize("constant", ["MAX_WAIT_S", "BYTES_PER_CALL"])
async def test_each_entry_of_a_batch_is_parsed_once_however_many_calls_write_its_lines(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, constant: str
) -> None:
    monkeypatch.setattr("recorder.handler.MAX_WAIT_S", math.inf)  # however slow the machine is
    monkeypatch.setattr(f"recorder.handler.{constant}", 0 if constant == "MAX_WAIT_S" else 1)  # a call writes one line
    parsed: list[bytes] = []
    written: list[int] = []

    def count(fields: Mapping[bytes, bytes]) -> EventEntry:
        parsed.append(fields[b"event"])
        return read_entry(fields)

    monkeypatch.setattr("recorder.handler.read_entry", count)
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session, (_, handler, _) = new_session(), deps.part("me")
        given = [entry(session, n=n) for n in range(5)]
        given[3] = replace(given[3], event=b"no JSON")
        ids = await deps.put(*given)
        await deps.taken_by("me", len(ids))

        def look() -> bool:
            if threading.current_thread() is not threading.main_thread():  # right before a line is written
                written.append(len(parsed))
            return True

        entries = [(entry_id, as_delivered(each)) for entry_id, each in zip(ids, given, strict=True)]
        assert await handler.handle_all(entries, go_on=look) == len(ids)
        assert parsed == [each.event for each in given]
        if constant == "BYTES_PER_CALL":  # one event is parsed before one line is written
            assert written == [1, 2, 3, 5]
        assert deps.lines(session) == [each.event for each in (*given[:3], given[4])]


async def test_an_entry_that_could_not_be_acknowledged_is_pending_and_comes_again(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session, (_, handler, _) = new_session(), deps.part("the-one-that-stops")
        given = entry(session)
        [entry_id] = await deps.put(given)
        await deps.taken_by("the-one-that-stops", 1)
        deps.pair.events.kill()
        with pytest.raises(BrokerUnavailable):
            await handler.handle(entry_id, as_delivered(given))
        assert deps.lines(session) == [given.event]
        deps.pair.events.start()
        await deps.events.connection_pool.disconnect()  # type: ignore[union-attr]
        assert await handler.handle_all([]) == 0  # the handler keeps nothing
        pending: Any = await deps.events.xpending(keys.EVENTS, keys.RECORDER_GROUP)
        assert pending["pending"] == 1
        async with deps.recorder():
            await deps.drained()
        assert deps.lines(session) == [given.event]
