"""Sessions outlive what holds them: the registry on real brokers that are killed and started again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import redis

from contracts.broker.roles import BrokerFull, connect
from contracts.rules.errors import BrokerUnavailable
from gateway.again import once_more
from tests.conftest import BrokerPair
from tests.gateway.reached import assert_refused, reaching


@pytest.mark.real
def test_session_survives_a_restart_of_everything(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def main() -> None:
        frames, events = connect(own_brokers.frames.url), connect(own_brokers.events.url)
        async with reaching(tmp_path, frames=frames, events=events) as gateway:
            request = gateway.start_request()
            started = await gateway.post("/session_manager/sessions.start", request)
            assert started.status_code == 200
        own_brokers.events.kill()
        own_brokers.events.start()
        frames, events = connect(own_brokers.frames.url), connect(own_brokers.events.url)
        async with reaching(tmp_path, frames=frames, events=events) as other:
            other.user_id = gateway.user_id
            assert await other.status(started.json()["session_id"]) == "active"
            again = await other.post("/session_manager/sessions.start", request)
            assert again.json() == started.json()
            assert len(other.lines(started.json()["session_id"])) == 1

    asyncio.run(main())


@pytest.mark.real
def test_connections_that_a_restart_cut_are_nobodys_concern(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def main() -> None:
        events = connect(own_brokers.events.url)
        async with reaching(tmp_path, recorder=False, events=events) as gateway:
            assert await gateway.status("sess_0123456789abcdef") == "invalid"
            own_brokers.events.kill()
            document = {"user_id": gateway.user_id, "session_id": "sess_0123456789abcdef"}
            away = await gateway.post("/session_manager/sessions.validate", document)
            assert_refused(away, 503, "broker_unavailable")
            own_brokers.events.start()
            assert await gateway.status("sess_0123456789abcdef") == "invalid"
            own_brokers.events.kill()
            own_brokers.events.start()
            assert await gateway.status("sess_0123456789abcdef") == "invalid"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("failures", "steps"),
    [
        ([], 1),
        ([BrokerUnavailable("events", "cut")], 2),
        ([BrokerUnavailable("events", "cut"), BrokerUnavailable("events", "away")], 2),
        ([BrokerFull("events", "full")], 1),
        ([BrokerUnavailable("events", "slow")], 1),
    ],
)
def test_step_is_repeated_once_and_only_if_its_connection_was_cut(
    failures: list[BrokerUnavailable], steps: int
) -> None:
    ran = 0
    left = list(failures)

    async def step() -> str:
        nonlocal ran
        ran += 1
        if left:
            error = left.pop(0)
            slow = error.cause == "slow"
            raise error from (redis.exceptions.TimeoutError() if slow else redis.exceptions.ConnectionError())
        return "done"

    async def main() -> None:
        if len(failures) == 2 or (failures and steps == 1):
            with pytest.raises(BrokerUnavailable):
                await once_more(step)
        else:
            assert await once_more(step) == "done"

    asyncio.run(main())
    assert ran == steps
