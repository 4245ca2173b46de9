"""Entries that are settled together, on real brokers."""

from __future__ import annotations

import asyncio
import math
import threading
from pathlib import Path
from typing import Any

import pytest

from contracts.broker import keys
from contracts.rules.errors import BrokerUnavailable
from contracts.state import records
from contracts.state.events import Receipt
from recorder.settlements import MAX_ENTRIES, Settlements
from tests.conftest import BrokerPair
from tests.recorder.bench import Bench, on_bench
from tests.recorder.samples import as_delivered, entry, new_session

pytestmark = pytest.mark.real


def test_entries_settled_together_are_gone_and_each_has_its_own_receipt(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def story(bench: Bench) -> None:
        settled: list[float | None] = []
        settlements = Settlements(bench.events, settled.append)
        count = MAX_ENTRIES
        ids = await bench.put(*(entry(new_session()) for _ in range(count)))
        assert await bench.taken_by("me", count) == ids
        times = [f"2026-01-31T12:00:00.{number:03}Z" for number in range(count)]
        for entry_id, time in zip(ids, times, strict=True):
            settlements.add(records.Settlement(entry_id, Receipt(time)))
        assert settlements.due
        await settlements.send()
        await bench.settled()
        assert [(await bench.receipt(entry_id)).recorded() for entry_id in ids] == times
        assert settled == [None] * count, "of no capture"

    on_bench(own_brokers, tmp_path, story)


def test_an_entry_that_others_follow_is_in_the_file_at_once_and_settled_with_them(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.handler.MAX_WAIT_S", math.inf)  # however slow the machine is

    async def story(bench: Bench) -> None:
        session, (_, handler, _) = new_session(), bench.part("me")
        given = [entry(session, n=n) for n in range(2)]
        ids = await bench.put(*given)
        await bench.taken_by("me", 2)
        loop, seen = asyncio.get_running_loop(), []

        async def known() -> tuple[Any, int]:
            return await bench.events.get(keys.receipt(ids[0])), await bench.events.xlen(keys.EVENTS)

        def look() -> bool:
            if threading.current_thread() is not threading.main_thread():  # right before a line is written
                answers = asyncio.run_coroutine_threadsafe(known(), loop).result(20)
                seen.append((bench.lines(session), *answers))
            return True

        entries = [(entry_id, as_delivered(each)) for entry_id, each in zip(ids, given, strict=True)]
        assert await handler.handle_all(entries, go_on=look) == 2
        assert seen == [([], None, 2), ([given[0].event], None, 2)]
        await bench.settled()

    on_bench(own_brokers, tmp_path, story)


def test_what_could_not_be_settled_is_pending_and_comes_again(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        session, (_, handler, _) = new_session(), bench.part("the-one-that-stops")
        given = entry(session)
        [entry_id] = await bench.put(given)
        await bench.taken_by("the-one-that-stops", 1)
        bench.pair.events.kill()
        with pytest.raises(BrokerUnavailable):
            await handler.handle(entry_id, as_delivered(given))
        assert bench.lines(session) == [given.event]
        bench.pair.events.start()
        await bench.events.connection_pool.disconnect()  # type: ignore[union-attr]
        assert await handler.handle_all([]) == 0  # it holds on to nothing
        pending: Any = await bench.events.xpending(keys.EVENTS, keys.RECORDER_GROUP)
        assert pending["pending"] == 1
        async with bench.recorder():
            await bench.settled()
        assert bench.lines(session) == [given.event]

    on_bench(own_brokers, tmp_path, story)
