"""The gateway's requests to erase: for every capture that waits, once, and again if they are lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from contracts.broker import keys
from contracts.broker.script import run
from contracts.rules.errors import BrokerUnavailable
from contracts.state import erasures as state_erasures
from contracts.state.erasures import ErasureRequest
from gateway.library import catalog as catalog_module
from gateway.library import erasures as erasures_module
from gateway.library.erasures import Erasures
from tests.contracts.storage.session_lines import SESSION, USER, erased, record_id, recorded, said
from tests.gateway.library.catalogs import Library
from tests.gateway.library.test_withdrawals import withdraw, withdrawal
from tests.gateway.reached import Reached, reaching
from tests.support.waiting import needed, until

ERASE = said("consent.withdrawn", erase=True)


def of(gateway: Reached) -> Erasures:
    found: Erasures = gateway.app.state.erasures
    return found


async def ask(gateway: Reached) -> list[str]:
    """Compare once with an up-to-date catalog; returns the captures of all requests, in order."""
    await gateway.client.get("/library/summary")
    await of(gateway).ask()
    return [request.capture_id for request in await requests(gateway)]


async def requests(gateway: Reached) -> list[ErasureRequest]:
    entries: Any = await gateway.state.frames.xrange(keys.ERASURES)
    return [ErasureRequest.decode(fields) for _, fields in entries]


async def test_each_capture_that_waits_is_asked_for_once(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library = Library(tmp_path)
        library.append(recorded("a", 100), recorded("b", 101), recorded("kept", 102))
        library.append(*(said("consent.withdrawn", capture_id=name, erase=True) for name in "ab"))
        library.append(said("consent.withdrawn", capture_id="kept"))
        assert [await ask(gateway) for _ in range(2)] == [["a", "b"]] * 2
        request = (await requests(gateway))[0]
        own = recorded("a", 100)
        assert (request.user_id, request.session_id, request.record_id) == (USER, SESSION, record_id(100))
        assert (request.uri, request.hash) == (own["raw_features_ref"]["uri"], own["raw_features_ref"]["hash"])
        assert gateway.state.metrics.erasing._value.get() == 2


async def test_a_withdrawal_is_asked_for_at_once(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        Library(tmp_path).append(recorded())
        task = needed(asyncio.create_task(of(gateway).run(lambda error: pytest.fail(repr(error)))))
        try:
            assert await withdraw(gateway, withdrawal(capture_id="c", erase=True)) == (1, 1)

            async def is_asked() -> bool:
                return bool(await requests(gateway))

            await until(is_asked, "the request")
        finally:
            task.cancel()


async def test_it_asks_only_when_the_catalog_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with reaching(tmp_path) as gateway:
        library, erasures = gateway.app.state.library, of(gateway)
        monkeypatch.setattr(library, "first_pass", first := asyncio.Event())
        complete_when_asked: list[bool] = []
        asked = asyncio.Event()

        async def ask() -> None:
            complete_when_asked.append(first.is_set())
            asked.set()

        monkeypatch.setattr(erasures, "ask", ask)
        task = needed(asyncio.create_task(erasures.run(lambda error: pytest.fail(repr(error)))))
        await gateway.client.get("/library/summary")
        await asked.wait()
        task.cancel()
        assert complete_when_asked == [True]


async def test_what_is_recorded_after_the_withdrawal_is_asked_for_too(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library = Library(tmp_path)
        library.append(ERASE)
        assert await ask(gateway) == []
        library.append(recorded())
        assert await ask(gateway) == ["c"]


async def test_a_request_that_was_lost_comes_again_until_the_log_says_that_it_is_erased(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library = Library(tmp_path)
        library.append(recorded(), ERASE)
        for _ in range(2):
            assert await ask(gateway) == ["c"]
            await gateway.state.frames.flushall()
        library.append(erased())
        assert await ask(gateway) == []
        assert gateway.state.metrics.erasing._value.get() == 0


async def test_a_request_is_permitted_in_the_events_broker_before_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reaching(tmp_path) as gateway:
        Library(tmp_path).append(recorded(), ERASE)
        away = mock.AsyncMock(side_effect=BrokerUnavailable("frames", "away"))
        with monkeypatch.context() as patch, pytest.raises(BrokerUnavailable):
            patch.setattr(erasures_module.erasures, "add_request", away)
            await ask(gateway)
        assert await gateway.state.events.exists(keys.erasure("c"))
        assert await ask(gateway) == ["c"]


async def test_while_no_recorder_runs_an_erasure_is_not_asked_for_again(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        library = Library(tmp_path)
        library.append(recorded(), ERASE)
        assert await ask(gateway) == ["c"]
        (request,) = await requests(gateway)
        await run(gateway.state.events, state_erasures.publish(request, datetime.now(UTC)))  # by a worker
        await gateway.state.frames.delete(keys.ERASURES)
        assert await ask(gateway) == []
        await gateway.state.events.delete(keys.EVENTS)  # the event is lost
        assert await ask(gateway) == ["c"]


async def test_a_note_that_cannot_be_read_holds_up_no_other_erasure(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        Library(tmp_path).append(recorded("a", 100), recorded("b", 101), ERASE)
        await gateway.state.events.set(keys.erasure("a"), "x")
        assert await ask(gateway) == ["b"]


async def test_two_gateways_ask_for_all_and_only_that(tmp_path: Path) -> None:
    async with reaching(tmp_path) as one, reaching(tmp_path, frames=one.state.frames, state_dir=tmp_path / "2") as two:
        Library(tmp_path).append(*(recorded(f"c{number}", 100 + number) for number in range(5)), ERASE)
        for gateway in (one, two):
            await gateway.client.get("/library/summary")
        await asyncio.gather(of(one).ask(), of(two).ask())
        asked = {request.capture_id for request in await requests(one)}
        assert asked == {f"c{number}" for number in range(5)}


async def test_the_number_of_requests_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (state_erasures, erasures_module):
        monkeypatch.setattr(module, "MOST_REQUESTS", 3)
    async with reaching(tmp_path) as gateway:
        Library(tmp_path).append(*(recorded(f"c{number}", 100 + number) for number in range(5)), ERASE)
        asked = await ask(gateway)
        assert len(asked) == 3
        assert await ask(gateway) == asked
        entries: Any = await gateway.state.frames.xrange(keys.ERASURES)
        await gateway.state.frames.xdel(keys.ERASURES, entries[0][0])
        assert len(await ask(gateway)) == 3


async def test_a_log_that_is_not_read_to_its_end_asks_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "TURN_BYTES", 1)
    library = Library(tmp_path)
    library.append(recorded(), ERASE)
    library.append(*({**said("note"), "note": "x" * (1 << 20)} for _ in range(2)))
    library.append(erased())
    turns = library.catalog.turns()
    seen: set[int] = set()
    async with reaching(tmp_path) as gateway:
        for _ in turns:
            await of(gateway).ask()
            seen.add(int(gateway.state.metrics.erasing._value.get()))
            assert await requests(gateway) == []
    assert seen == {0, 1}, "it waited for a while"


async def test_a_broker_that_is_away_is_said_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasures_module, "COMPARE_S", 0.001)
    tried = 0

    async def away(*_: Any) -> Any:
        nonlocal tried
        tried += 1
        if tried == 3:
            raise RuntimeError("unexpected")
        if tried > 4:
            done.set()
        raise BrokerUnavailable("frames", "away")

    monkeypatch.setattr(erasures_module.erasures, "requested", away)
    done, errors = asyncio.Event(), list[Exception]()
    async with reaching(tmp_path) as gateway:
        Library(tmp_path).append(recorded(), ERASE)
        await gateway.client.get("/library/summary")
        task = needed(asyncio.create_task(of(gateway).run(errors.append)))
        await done.wait()
        task.cancel()
    assert [type(error) for error in errors] == [RuntimeError]


async def test_a_request_that_cannot_be_read_is_no_reason_to_stop(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        await gateway.state.frames.xadd(keys.ERASURES, {"capture_id": "c"})
        Library(tmp_path).append(recorded(), ERASE)
        await gateway.client.get("/library/summary")
        await of(gateway).ask()
        assert await gateway.state.frames.xlen(keys.ERASURES) == 2
