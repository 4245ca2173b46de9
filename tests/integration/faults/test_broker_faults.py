"""Brokers that die and come back, persist, gain a replica, or are out of memory, each while everything runs."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson

from contracts import keys
from contracts.paths import session_log_path
from tests.brokers import FRAMES, BrokerProcess
from tests.conftest import BrokerPair
from tests.integration.faults.checker import Allow, Report
from tests.integration.faults.clients import Capture, Sessions
from tests.integration.faults.harness import Fault, Plan, Rig, play, rig_on, until
from tests.integration.faults.history import Told, read_history

WITHIN_S = 30.0
NOT_READY = frozenset({"brokers_unready"})
AWAY = NOT_READY | {"forward_failed"}
FULL = frozenset({"frames_broker_full", "limit_forward_buffer_exceeded"})


def played(
    brokers: BrokerPair, folder: Path, plan: Plan, fault: Fault, allow: Allow, *, extractors: int = 2
) -> tuple[Report, Told, Counter[str]]:
    """One play on a rig of its own: the report, what the clients were told, and how many captures have which outcome
    in the durable records; afterwards the stack takes captures as before."""

    async def main() -> tuple[Report, Told, Counter[str]]:
        async with rig_on(brokers, folder, extractors=extractors) as rig:
            report = await play(rig, plan, fault, allow)
            told = read_history(map(orjson.loads, (folder / "history-1.jsonl").read_bytes().splitlines()))
            outcomes = await _outcomes(rig, told)
            after = await play(rig, Plan(captures=1, appends=2, frames=31))
            assert after.ok, after.findings
            assert after.recorded == 1
            return report, told, outcomes

    return asyncio.run(main())


async def _outcomes(rig: Rig, told: Told) -> Counter[str]:
    """Why captures were aborted, and how many were published."""
    found: Counter[str] = Counter()
    for capture_id in told.captures:
        outcome, code = await rig.events.hmget(keys.capture_record(capture_id), ["outcome", "error_code"])  # type: ignore[misc]
        if outcome is not None:
            found[(code or outcome).decode()] += 1
    return found


async def states(rig: Rig) -> list[tuple[str, int, int]]:
    """Status, accepted and extracted of every capture that the frames broker knows."""
    found = []
    async for key in rig.frames.scan_iter("a3cp:{*}:state"):
        status, accepted, extracted = await rig.frames.hmget(key, ["status", "accepted", "extracted"])  # type: ignore[misc]
        found.append((status.decode(), int(accepted), int(extracted)))
    return found


async def extracting(rig: Rig) -> None:
    """Wait until captures are open and frames are being extracted."""

    async def some() -> bool:
        return any(status == "open" and extracted for status, _, extracted in await states(rig))

    await until(some, "a frame of an open capture is extracted", WITHIN_S)


async def red(rig: Rig) -> list[str]:
    """Wait until ``/readyz`` is red; returns what is missing."""
    await until(lambda: _not(rig.ready()), "not ready", WITHIN_S)
    async with httpx.AsyncClient(base_url=rig.address, trust_env=False) as http:
        return list((await http.get("/readyz")).json().get("missing", []))


async def _not(answer: Any) -> bool:
    return not await answer


def paced(*paces_s: float) -> Callable[[list[Capture]], list[Capture]]:
    """Each capture at a pace of its own; those without any begin later, so that the slow ones are taken first."""

    def make(captures: list[Capture]) -> list[Capture]:
        for capture, pace_s in zip(captures, paces_s, strict=True):
            capture.pace_s, capture.delay_s = pace_s, 0.0 if pace_s else 0.4
        return captures

    return make


# --- dying and coming back -----------------------------------------------------------------------------


def test_a_frames_broker_that_restarts_costs_open_and_waiting_captures_and_each_is_told(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        armed.set()

        async def ready() -> bool:
            seen = await states(rig)
            closed = any(status == "closed" and extracted < accepted for status, accepted, extracted in seen)
            return closed and any(status == "open" and accepted for status, accepted, _ in seen)

        await until(ready, "one capture is open and another is closed and not extracted", WITHIN_S)
        own_brokers.frames.kill()
        await red(rig)
        own_brokers.frames.start()

    allow = Allow(told=AWAY, outcomes=frozenset({"frames_lost"}), append_answers=frozenset({503}))
    plan = Plan(captures=4, appends=4, make=paced(0.0, 0.0, 0.1, 0.1))
    report, told, outcomes = played(own_brokers, tmp_path, plan, fault, allow, extractors=1)
    assert report.ok, report.findings
    codes = Counter(capture.code for capture in told.captures.values())
    assert codes["forward_failed"] == outcomes["forward_failed"] >= 1, "an open capture's client is told"
    assert outcomes["frames_lost"] >= 1, "a closed capture that was lost says so"
    assert sum(outcomes.values()) == 4, "every capture has an outcome"


def test_an_events_broker_that_restarts_from_its_file_loses_and_doubles_nothing(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        history = rig.next_history()
        async with httpx.AsyncClient(base_url=rig.address, trust_env=False, timeout=20.0) as http:
            sessions = Sessions(http, history)
            armed.set()
            await extracting(rig)
            for number in range(2):  # killed between a start's registry entry and its answer, then between two ends
                rig.events_proxy.trap(("session_start", "session_end")[number], do=lambda _: own_brokers.events.kill())
                user_id = f"outage-{number}"
                starting = asyncio.create_task(sessions.start(user_id))
                if number == 1:
                    session_id = await starting
                    starting = asyncio.create_task(sessions.end(user_id, session_id))  # type: ignore[arg-type]
                await red(rig)
                own_brokers.events.start()
                session_id = await starting or session_id
            rig.events_proxy.release()
            history.close()
            log = session_log_path(rig.settings.log_root, user_id, session_id)
            written = [orjson.loads(line)["event"]["event"] for line in log.read_bytes().splitlines()]
            assert written == ["session.start", "session.end"]

    allow = Allow(told=AWAY, append_answers=frozenset({503}))
    plan = Plan(captures=6, appends=16, make=paced(0.0, 0.05, 0.1, 0.1, 0.2, 0.2))
    report, _, outcomes = played(own_brokers, tmp_path, plan, fault, allow)
    assert report.ok, report.findings
    assert outcomes["published"] == report.recorded >= 2


# --- what the frames broker must not be ----------------------------------------------------------------


async def refused(rig: Rig) -> tuple[int, str]:
    """How a capture that is opened now ends: the close code and its reason."""
    history = rig.next_history()
    capture = Capture("user-0", "sess_0123456789abcdef", [])
    await capture.run(rig.address, history)
    history.close()
    told = read_history(history.entries()).captures[capture.capture_id]
    return told.close_code, told.code


def test_a_frames_broker_that_begins_to_persist_gets_no_frame_more_until_it_stops(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    replica = BrokerProcess(own_brokers.frames.flavour, FRAMES)

    async def appending(rig: Rig, on: bool) -> None:
        await rig.frames.config_set("appendonly", "yes" if on else "no")
        if not on:  # nobody can take back what was written until it was noticed
            shutil.rmtree(own_brokers.frames.folder / "appendonlydir")

    async def saving(rig: Rig, on: bool) -> None:
        await rig.frames.config_set("save", "3600 1" if on else "")

    async def replicated(rig: Rig, on: bool) -> None:
        if on:
            replica.options = (*FRAMES, "--replicaof", f"127.0.0.1 {await listening(rig)}")
            await asyncio.to_thread(replica.start)
        else:
            replica.stop()

    async def main() -> None:
        async with rig_on(own_brokers, tmp_path, extractors=1) as rig:
            for persist, said in (
                (appending, "appendonly is on"), (saving, "RDB snapshots are on"), (replicated, "it has a replica"),
            ):  # fmt: skip

                async def fault(rig: Rig, armed: asyncio.Event, persist: Any = persist, said: str = said) -> None:
                    armed.set()
                    await extracting(rig)
                    await persist(rig, True)
                    missing = await red(rig)
                    assert any(said in sentence for sentence in missing), missing
                    assert await refused(rig) == (1013, "brokers_unready")

                    async def none_open() -> bool:
                        return all(status == "finished" for status, _, _ in await states(rig))

                    await until(none_open, "no capture is open", WITHIN_S)
                    await persist(rig, False)
                    await until(rig.ready, "ready again", WITHIN_S)

                plan = Plan(captures=1, appends=2, frames=40, make=paced(0.4))
                report = await play(rig, plan, fault, Allow(told=frozenset({"forward_failed"})))
                assert report.ok, report.findings
                assert report.recorded == 0
            report = await play(rig, Plan(captures=1, appends=2, frames=31))
            assert report.ok, report.findings
            assert report.recorded == 1

    try:
        asyncio.run(main())
    finally:
        replica.stop()


async def listening(rig: Rig) -> int:
    """Let the frames broker listen where a replica can reach it; returns the port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    await rig.frames.config_set("port", port)
    return port


# --- out of memory -------------------------------------------------------------------------------------


async def fill(broker: Any) -> int:
    """Leave the broker no room; returns what its limit was."""
    limit = int((await broker.config_get("maxmemory"))["maxmemory"])
    used = int((await broker.info("memory"))["used_memory"])
    await broker.config_set("maxmemory", used // 2)
    return limit


def test_a_full_frames_broker_refuses_and_drains_and_goes_on_when_there_is_room(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        armed.set()
        await extracting(rig)
        limit = await fill(rig.frames)
        assert await refused(rig) == (1013, "frames_broker_full")

        async def drained() -> bool:
            seen = await states(rig)
            return all(extracted == accepted or status == "finished" for status, accepted, extracted in seen)

        await until(drained, "what is in the full broker is extracted", WITHIN_S)
        await rig.frames.config_set("maxmemory", limit)

    plan = Plan(captures=6, appends=4, make=paced(0.1, 0.1, 0.05, 0.05, 0.0, 0.0))
    report, told, outcomes = played(own_brokers, tmp_path, plan, fault, Allow(told=FULL))
    assert report.ok, report.findings
    assert any(capture.code == "limit_forward_buffer_exceeded" for capture in told.captures.values())
    assert outcomes["published"] == report.recorded


def test_a_full_events_broker_holds_everything_up_and_loses_nothing(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        armed.set()
        await extracting(rig)
        limit = await fill(rig.events)

        async def waits() -> bool:
            seen = await states(rig)
            return any(status == "closed" and accepted == extracted for status, accepted, extracted in seen)

        await until(waits, "a capture is extracted and cannot be published", WITHIN_S)
        async with httpx.AsyncClient(base_url=rig.address, trust_env=False, timeout=20.0) as http:
            base = {"schema_version": "1.0.1", "record_id": "9d1b0a4e-62a5-4b93-9a25-6f0a2ab2d0c1", "user_id": "user-0"}
            start = base | {"timestamp": "2026-01-31T12:00:00Z", "performer_id": "system"}
            assert (await http.post("/session_manager/sessions.start", json=start)).status_code == 503
        await rig.events.config_set("maxmemory", limit)

    allow = Allow(told=AWAY, append_answers=frozenset({503}))
    report, _, outcomes = played(own_brokers, tmp_path, Plan(captures=4, appends=12), fault, allow)
    assert report.ok, report.findings
    assert outcomes["published"] == report.recorded >= 2
