"""A script runs by its SHA, or by its text if the broker does not know it; every error is the project's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import redis

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, Broker, connect, connect_sync
from contracts.broker.script import ScriptName, run, run_sync
from contracts.rules.errors import BrokerUnavailable, UnreadableValue
from contracts.state import captures, recording
from tests.conftest import BrokerPair
from tests.contracts.scripting import window

LUA = Path(__file__).parents[3] / "contracts" / "state" / "lua"


def test_every_script_has_a_file_and_every_file_is_a_script() -> None:
    there = [path.name for path in LUA.rglob("*.lua")]
    assert sorted(there) == sorted(f"{name}.lua" for name in get_args(ScriptName))


@pytest.mark.parametrize("name", get_args(ScriptName))
def test_a_script_begins_with_its_name_its_role_and_its_rule_and_says_its_keys(name: str) -> None:
    (path,) = LUA.rglob(f"{name}.lua")
    text = path.read_text(encoding="utf-8")
    first, *rest = text.splitlines()
    assert first.startswith((f"-- {name} (frames): ", f"-- {name} (events): "))
    assert any(line.startswith("-- KEYS ") for line in rest)
    assert "a3cp:" not in text  # names come in as KEYS, or a cluster could not tell where they are


@pytest.fixture
def sync_frames(own_brokers: BrokerPair) -> Iterator[Broker]:
    """A broker that knows no script."""
    with connect_sync(own_brokers.frames.url) as broker:
        yield broker


def calls_of(broker: redis.Redis, command: str) -> int:
    """How often the broker has completed ``command``."""
    statistics = broker.info("commandstats").get(f"cmdstat_{command}", {})  # type: ignore[union-attr]
    return int(statistics.get("calls", 0)) - int(statistics.get("failed_calls", 0))


def test_a_broker_that_does_not_know_a_script_gets_its_text_once(sync_frames: redis.Redis) -> None:
    for _ in range(3):
        assert run_sync(sync_frames, captures.watch("capture-1")) is None
    assert (calls_of(sync_frames, "eval"), calls_of(sync_frames, "evalsha")) == (1, 2)
    sync_frames.script_flush()  # as after a restart
    assert run_sync(sync_frames, captures.watch("capture-1")) is None
    assert calls_of(sync_frames, "eval") == 2


def test_both_clients_run_the_same_script_and_read_the_same_answer(own_brokers: BrokerPair) -> None:
    async def main(broker: AsyncBroker) -> None:
        for _ in range(2):  # by its text, then by its SHA
            assert await run(broker, captures.open_capture(opened)) is True
        watched = await run(broker, captures.watch("capture-1"))
        assert watched == run_sync(blocking, captures.watch("capture-1"))
        assert watched is not None
        assert watched.status == "open"
        await broker.aclose()

    opened = window("capture-1")
    with connect_sync(own_brokers.frames.url) as blocking:
        asyncio.run(main(connect(own_brokers.frames.url)))


def test_a_broker_that_is_away_is_the_role_that_does_not_answer(own_brokers: BrokerPair) -> None:
    async def main(broker: AsyncBroker) -> None:
        with pytest.raises(BrokerUnavailable) as caught:
            await run(broker, captures.watch("capture-1"))
        assert caught.value.role == "frames"
        await broker.aclose()

    own_brokers.frames.kill()
    own_brokers.events.kill()
    asyncio.run(main(connect(own_brokers.frames.url)))
    with connect_sync(own_brokers.events.url) as broker, pytest.raises(BrokerUnavailable) as caught:
        run_sync(broker, recording.acquire_leadership("me"))
    assert caught.value.role == "events"


def test_a_wrong_call_of_a_script_does_not_count_as_a_broker_that_is_away(sync_frames: redis.Redis) -> None:
    sync_frames.set(keys.capture_keys("capture-1").state, "not a hash")
    with pytest.raises(UnreadableValue, match="WRONGTYPE"):
        run_sync(sync_frames, captures.watch("capture-1"))
