"""The gauges of the brokers, on real brokers, and the token that guards them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from contracts.broker import keys
from contracts.broker.roles import connect
from tests.conftest import BrokerPair
from tests.gateway.monitoring.test_health import put_workers
from tests.gateway.reached import AWAY, Reached, assert_refused, reaching

pytestmark = pytest.mark.real


def on(frames: str, events: str, folder: Path, test: Callable[[Reached], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        brokers = {"frames": connect(frames), "events": connect(events)}
        async with reaching(folder, recorder=False, **brokers, **settings) as gateway:
            await test(gateway)

    asyncio.run(main())


async def shown(gateway: Reached) -> dict[str, float]:
    answer = await gateway.client.get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_gauges_show_waiting_captures_their_age_and_the_running_processes(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def test(gateway: Reached) -> None:
        watch = gateway.app.state.brokers
        await watch.check()
        seen = await shown(gateway)
        assert (seen["a3cp_capture_backlog"], seen["a3cp_capture_oldest_waiting_seconds"]) == (0, 0)
        assert (seen["a3cp_extractor_processes_live"], seen["a3cp_recorder_active"]) == (0, 0)
        assert 0 < seen["a3cp_capture_frames_broker_memory_ratio"] < 1

        put_workers(own_brokers)
        with own_brokers.frames.client() as frames, own_brokers.events.client() as events:
            now_s, _ = frames.time()  # type: ignore[misc]
            for age_s in (60, 50, 40, 30):  # four captures, each with the entry ID of the broker
                frames.xadd(keys.CAPTURES, {"capture_id": f"capture-{age_s}"}, id=f"{(now_s - age_s) * 1000}-0")
            frames.xreadgroup(keys.EXTRACTOR_GROUP, "busy", {keys.CAPTURES: ">"}, count=2)
            frames.xclaim(keys.CAPTURES, keys.EXTRACTOR_GROUP, keys.RELEASED, 0, [f"{(now_s - 50) * 1000}-0"])
            events.xadd(keys.EVENTS, {"event": "{}"})
            events.xadd(keys.EVENTS, {"event": "{}"})
            events.xreadgroup(keys.RECORDER_GROUP, "me", {keys.EVENTS: ">"}, count=1)
            events.xadd(keys.DEAD_EVENTS, {"reason": "invalid_event"})
        await watch.check()
        seen = await shown(gateway)
        assert seen["a3cp_capture_backlog"] == 3, "one with an extractor, one handed back, two without an extractor"
        assert 50 <= seen["a3cp_capture_oldest_waiting_seconds"] < 60, "the one that was handed back"
        assert (seen["a3cp_extractor_group_lag"], seen["a3cp_extractor_group_pending"]) == (2, 2)
        assert (seen["a3cp_recorder_group_lag"], seen["a3cp_recorder_group_pending"]) == (1, 1)
        assert (seen["a3cp_extractor_processes_live"], seen["a3cp_recorder_active"]) == (1, 1)
        assert seen["a3cp_recorder_dead_letters_kept"] == 1
        assert seen['a3cp_capture_broker_ready{role="frames"}'] == 1

    on(own_brokers.frames.url, own_brokers.events.url, tmp_path, test)


def test_gauges_of_a_broker_that_is_away_are_not_numbers(tmp_path: Path) -> None:
    async def test(gateway: Reached) -> None:
        await gateway.app.state.brokers.check()
        seen = await shown(gateway)
        assert all(math.isnan(seen[name]) for name in ("a3cp_capture_backlog", "a3cp_recorder_active"))
        assert seen['a3cp_capture_broker_ready{role="frames"}'] == 0
        assert seen['a3cp_capture_broker_ready{role="events"}'] == 0

    on(AWAY, AWAY, tmp_path, test)


def test_metrics_need_the_token_where_there_is_one(tmp_path: Path) -> None:
    async def test(gateway: Reached) -> None:
        assert_refused(await gateway.client.get("/metrics"), 401, "token_required")
        assert (await gateway.client.get("/livez")).status_code == 200
        with_token = await gateway.client.get("/metrics", headers={"Authorization": "Bearer secret"})
        assert with_token.status_code == 200
        assert with_token.headers["content-type"].startswith("text/plain; version=")

    on(AWAY, AWAY, tmp_path, test, api_token=SecretStr("secret"))


def test_an_invalid_member_hides_no_number(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def test(gateway: Reached) -> None:
        with own_brokers.frames.client() as frames:
            frames.zadd(keys.UPLOAD_PLACES, {"x/12/a/b": 1, b"\xff": 2, "": 3, "x/nan/u": 4, "good/7/u": 5})
        await gateway.app.state.brokers.check()
        seen = await shown(gateway)
        assert seen["a3cp_upload_stored_bytes"] == 7
        assert seen['a3cp_background_errors_total{task="frames_gauges"}'] == 0

    on(own_brokers.frames.url, own_brokers.events.url, tmp_path, test)


def test_a_key_of_another_type_hides_only_the_numbers_of_its_role(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def test(gateway: Reached) -> None:
        with own_brokers.frames.client() as frames:
            frames.set(keys.UPLOAD_PLACES, "no zset")
        await gateway.app.state.brokers.check()
        seen = await shown(gateway)
        assert math.isnan(seen["a3cp_capture_backlog"])
        assert seen["a3cp_recorder_group_lag"] == 0
        assert seen['a3cp_background_errors_total{task="frames_gauges"}'] == 1

    on(own_brokers.frames.url, own_brokers.events.url, tmp_path, test)
