"""The health checks of the gateway, on real brokers."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import pytest
import redis

from contracts.broker import keys
from contracts.broker.roles import Role, check_role, connect
from contracts.rules.errors import BrokerMisconfigured, BrokerUnavailable
from gateway.monitoring import health
from gateway.monitoring.health import FRESH_S
from gateway.process import load_decoder
from tests.conftest import BrokerPair
from tests.gateway.reached import AWAY, Reached, reaching
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.real

READY = (200, {"status": "ready"})


async def readiness(gateway: Reached) -> tuple[int, Any]:
    answer = await gateway.client.get("/readyz")
    health = await gateway.client.get("/health")
    assert (answer.status_code, answer.json()) == (health.status_code, health.json())
    return answer.status_code, answer.json()


def unready(*missing: str) -> tuple[int, Any]:
    return 503, {"status": "unready", "missing": list(missing)}


def on(pair: BrokerPair, folder: Path, test: Callable[[Reached], Any]) -> None:
    async def main() -> None:
        brokers = {"frames": connect(pair.frames.url), "events": connect(pair.events.url)}
        async with reaching(folder, recorder=False, **brokers) as gateway:
            await test(gateway)

    asyncio.run(main())


def put_workers(pair: BrokerPair, *, extractor_age_ms: int = 0) -> None:
    with pair.frames.client() as frames, pair.events.client() as events:
        seconds, microseconds = frames.time()
        now_ms = seconds * 1000 + microseconds // 1000
        frames.zadd(keys.EXTRACTORS, {"extractor-1": now_ms - extractor_age_ms})
        events.set(keys.RECORDER_LEADER, "recorder-1", px=60_000)


async def test_livez_asks_no_broker_and_readyz_is_503_before_the_first_check(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, frames=connect(AWAY), events=connect(AWAY)) as gateway:
        assert (await gateway.client.get("/livez")).status_code == 200
        assert await readiness(gateway) == unready("The brokers have not been checked yet.")
        assert gateway.state.refusal


async def test_brokers_that_are_away_are_named_without_their_addresses(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, frames=connect(AWAY), events=connect(AWAY)) as gateway:
        await gateway.app.state.brokers.check()
        away = ("The frames broker does not answer.", "The events broker does not answer.")
        assert await readiness(gateway) == unready(*away)
        assert "frames broker" in gateway.state.refusal
        assert (await gateway.client.get("/livez")).status_code == 200


def test_ready_needs_a_live_extractor_and_an_active_recorder(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def test(gateway: Reached) -> None:
        watch = gateway.app.state.brokers
        await watch.check()
        assert await readiness(gateway) == unready("No extractor is running.", "No recorder is active.")
        assert gateway.state.refusal == ""  # captures may be opened, and wait for an extractor
        put_workers(own_brokers, extractor_age_ms=10_500)
        await watch.check()
        assert await readiness(gateway) == unready("No extractor is running.")
        assert not watch.complete.is_set()
        put_workers(own_brokers)
        await watch.check()
        assert await readiness(gateway) == READY
        assert watch.complete.is_set()

    on(own_brokers, tmp_path, test)


async def test_the_parser_of_jpeg_headers_is_loaded_when_the_gateway_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr("gateway.process.import_module", loaded.append)
    complete = asyncio.Event()
    loading = asyncio.create_task(load_decoder(complete))
    await asyncio.sleep(0)
    assert loaded == []
    complete.set()
    await asyncio.wait_for(loading, DEADLINE_S)
    assert loaded == ["simplejpeg"]


def test_check_creates_both_groups_at_zero_and_again_after_a_restart(own_brokers: BrokerPair, tmp_path: Path) -> None:
    with own_brokers.frames.client() as frames:
        frames.xadd(keys.CAPTURES, {"capture_id": "early"})

    def groups() -> list[list[bytes]]:
        with own_brokers.frames.client() as frames, own_brokers.events.client() as events:
            return [
                [group["name"] for group in client.xinfo_groups(stream)]
                for client, stream in ((frames, keys.CAPTURES), (events, keys.EVENTS))
            ]

    async def test(gateway: Reached) -> None:
        watch = gateway.app.state.brokers
        await watch.check()
        assert groups() == [[keys.EXTRACTOR_GROUP.encode()], [keys.RECORDER_GROUP.encode()]]
        with own_brokers.frames.client() as frames:
            early = frames.xreadgroup(keys.EXTRACTOR_GROUP, "me", {keys.CAPTURES: ">"})
            assert len(early[0][1]) == 1
        own_brokers.frames.kill()
        own_brokers.frames.start()
        put_workers(own_brokers)
        await watch.check()  # the next check may find a cut connection
        await watch.check()
        assert groups() == [[keys.EXTRACTOR_GROUP.encode()], [keys.RECORDER_GROUP.encode()]]
        assert await readiness(gateway) == READY

    on(own_brokers, tmp_path, test)


@pytest.mark.parametrize("role", get_args(Role))
def test_a_lost_reply_to_the_creation_of_a_group_costs_one_check(
    role: Role, own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def test(gateway: Reached) -> None:
        put_workers(own_brokers)
        watch, broker = gateway.app.state.brokers, getattr(gateway.state, role)
        create = broker.xgroup_create

        async def lose(*arguments: Any, **options: Any) -> None:
            await create(*arguments, **options)
            raise redis.exceptions.ConnectionError("the reply was lost")

        with mock.patch.object(broker, "xgroup_create", lose):
            await watch.check()
            assert await readiness(gateway) == unready(f"The {role} broker does not answer.")
        await watch.check()
        assert await readiness(gateway) == READY

    on(own_brokers, tmp_path, test)


def test_persistence_switched_on_while_running_refuses_captures_until_it_is_off(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def test(gateway: Reached) -> None:
        watch = gateway.app.state.brokers
        put_workers(own_brokers)
        await watch.check()
        assert (gateway.state.refusal, await readiness(gateway)) == ("", READY)
        with own_brokers.frames.client() as frames:
            frames.config_set("save", "60 1")
            await watch.check()
            assert "RDB snapshots are on" in gateway.state.refusal
            status, document = await readiness(gateway)
            assert status == 503 and 'CONFIG SET save ""' in document["missing"][0]
            frames.config_set("save", "")
        await watch.check()
        assert (gateway.state.refusal, await readiness(gateway)) == ("", READY)

    on(own_brokers, tmp_path, test)


def test_one_failed_check_refuses_no_capture(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []

    async def lose_the_first(broker: Any, role: Role, **options: Any) -> None:
        if role not in lost:
            lost.append(role)
            raise BrokerUnavailable(role, "connection closed by server")
        await check_role(broker, role, **options)

    async def test(gateway: Reached) -> None:
        await gateway.app.state.brokers.check()
        assert sorted(lost) == ["events", "frames"]
        assert not gateway.state.refusal

    monkeypatch.setattr(health, "check_role", lose_the_first)
    on(own_brokers, tmp_path, test)


def test_a_broker_that_is_misconfigured_from_the_start_is_fatal(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def test(gateway: Reached) -> None:
        gateway.state.frames = gateway.state.events
        with pytest.raises(BrokerMisconfigured, match="the frames broker is refused: appendonly is on"):
            await gateway.app.state.brokers.run()

    on(own_brokers, tmp_path, test)


def test_a_forbidden_command_is_fatal_at_the_start_and_later_makes_the_gateway_unready(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def test(gateway: Reached) -> None:
        watch = gateway.app.state.brokers
        with own_brokers.events.client() as events:
            events.execute_command("ACL", "SETUSER", "default", "-xinfo")
            with pytest.raises(BrokerMisconfigured, match=r"forbids a command .*xinfo.*a3cp acl events"):
                await watch.run()
            events.execute_command("ACL", "SETUSER", "default", "+xinfo")
            await watch.check()
            events.execute_command("ACL", "SETUSER", "default", "-xinfo")
            await watch.check()
        assert "The events broker refuses the gateway." in (await readiness(gateway))[1]["missing"]

    on(own_brokers, tmp_path, test)


def test_full_frames_broker_is_still_ready(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def test(gateway: Reached) -> None:
        watch = gateway.app.state.brokers
        await watch.check()
        put_workers(own_brokers)
        with own_brokers.frames.client() as frames:
            frames.config_set("maxmemory", "1")
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                frames.set("x", "y")
        await watch.check()
        assert await readiness(gateway) == READY

    on(own_brokers, tmp_path, test)


def test_check_that_is_too_old_and_a_gateway_that_stops_are_not_ready(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def test(gateway: Reached) -> None:
        watch = gateway.app.state.brokers
        now_s = 100.0
        watch.clock = lambda: now_s
        put_workers(own_brokers)
        await watch.check()
        now_s += FRESH_S
        assert await readiness(gateway) == READY
        now_s += 0.1
        assert await readiness(gateway) == unready("No check of the brokers was finished in the last 10 s.")
        gateway.state.draining.set()
        assert await readiness(gateway) == unready("The gateway is shutting down.")

    on(own_brokers, tmp_path, test)


def test_the_watch_repeats_its_check_until_the_gateway_is_ready(own_brokers: BrokerPair, tmp_path: Path) -> None:
    own_brokers.frames.kill()

    async def test(gateway: Reached) -> None:
        watching = asyncio.create_task(gateway.app.state.brokers.run())
        starting = threading.Thread(target=lambda: (own_brokers.frames.start(), put_workers(own_brokers)))
        starting.start()
        async with asyncio.timeout(300):
            while await readiness(gateway) != READY:
                await asyncio.sleep(0.02)
        starting.join()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    on(own_brokers, tmp_path, test)


async def test_missing_processes_are_checked_for_ten_times_a_second_at_first(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, frames=connect(AWAY), events=connect(AWAY)) as gateway:
        watch = gateway.app.state.brokers
        gateway.state.refusal = ""
        assert [watch._pause_s(attempt) for attempt in (0, 1, 99, 100)] == [0.1, 0.1, 0.1, 2.0]
        gateway.state.refusal = "The frames broker does not answer."
        assert [watch._pause_s(attempt) for attempt in (0, 1, 2, 99)] == [0.1, 0.2, 0.4, 2.0]


def test_the_watch_outlives_any_error_counts_it_and_is_unready_meanwhile(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks: list[bool] = []

    async def failing(*_: object, **__: object) -> None:
        checks.append(True)
        raise IndexError

    async def test(gateway: Reached) -> None:
        monkeypatch.setattr(health, "check_role", failing)
        watching = asyncio.create_task(gateway.app.state.brokers.run())
        async with asyncio.timeout(300):
            while len(checks) < 4:  # two roles, two rounds
                await asyncio.sleep(0.01)
        assert not watching.done()
        assert await readiness(gateway) == unready("The brokers could not be checked; the gateway's log says why.")
        metrics = (await gateway.client.get("/metrics")).text
        counted = next(line for line in metrics.splitlines() if 'errors_total{task="broker_watch"}' in line)
        assert float(counted.split()[-1]) >= 1
        watching.cancel()

    on(own_brokers, tmp_path, test)


def test_keys_of_another_type_make_the_gateway_unready_and_do_not_end_it(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    with own_brokers.frames.client() as frames, own_brokers.events.client() as events:
        frames.set(keys.CAPTURES, "no stream")
        events.set(keys.EVENTS, "no stream")

    async def test(gateway: Reached) -> None:
        await gateway.app.state.brokers.check()
        away = ("The frames broker does not answer.", "The events broker does not answer.")
        assert await readiness(gateway) == unready(*away)

    on(own_brokers, tmp_path, test)


def disk(free_bytes: int, flags: int = 0) -> os.statvfs_result:
    return os.statvfs_result((1, 1, 0, 0, free_bytes, 0, 0, 0, flags, 255))


@pytest.mark.parametrize(
    ("seen", "sentences"),
    [
        (disk(10**9), ()),
        (disk(200_000), ("{} is on a full disk: 0.2 MB are free.",)),
        (disk(10**9, os.ST_RDONLY), ("{} is on a read-only disk.",)),
        (OSError(errno.EIO, os.strerror(errno.EIO)), (f"{{}} is unreachable: {os.strerror(errno.EIO)}.",)),
        (FileNotFoundError(), ()),
    ],
)
def test_a_disk_without_room_is_named_and_makes_the_gateway_unready(
    brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: Any, sentences: tuple[str, ...]
) -> None:
    def statvfs(_: Any) -> os.statvfs_result:
        if isinstance(seen, OSError):
            raise seen
        return seen

    async def test(gateway: Reached) -> None:
        monkeypatch.setattr(os, "statvfs", statvfs)
        await gateway.app.state.brokers.check()
        missing = [sentence.format(root) for root in ("DATA_ROOT", "LOG_ROOT") for sentence in sentences]
        assert await readiness(gateway) == (unready(*missing) if missing else READY)
        assert str(tmp_path) not in str(missing)

    put_workers(brokers)
    on(brokers, tmp_path, test)
