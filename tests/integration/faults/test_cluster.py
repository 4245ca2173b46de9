"""Both roles on clusters of three masters: every command finds its master, also while slots move and masters die."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from redis.crc import key_slot

from contracts.broker import keys
from contracts.broker.roles import broker_time_ms, check_role, connect, ensure_group, memory_share
from contracts.broker.script import Call, ScriptName, run
from contracts.process.settings import Settings
from contracts.rules.errors import BrokerMisconfigured, BrokerUnavailable
from contracts.rules.landmarks import DIMS, Row
from contracts.rules.limits import CaptureLimits
from contracts.rules.retention import RetentionRule
from contracts.state import (
    captures,
    dead_letters,
    erasures,
    failed,
    heartbeats,
    letters,
    live,
    recording,
    records,
    retention,
    sessions,
    uploads,
)
from contracts.state.events import EventEntry, Receipt, append_events
from contracts.state.frame import TerminalEntry, push_frame
from contracts.state.records import CaptureCounts
from contracts.state.video import VideoSlot
from tests.contracts.scripting import CLOSE, SESSION, erasure_request, frame, window
from tests.integration.faults.cluster_faults import CASES
from tests.integration.faults.clusters import ClusterPair, cluster_pair
from tests.integration.faults.played import play_on
from tests.integration.faults.rig import rig_on
from tests.support.brokers import FRAMES, Flavour, server_path


@pytest.fixture(scope="module", params=get_args(Flavour))
def clusters(request: pytest.FixtureRequest) -> Iterator[ClusterPair]:
    flavour: Flavour = request.param
    if server_path(flavour) is None:
        message = f"no {flavour} server on this machine: apt-get install redis-server"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with cluster_pair(flavour) as pair:
        yield pair


def every_call(capture_id: str) -> list[Call[Any]]:
    """Every script there is, once."""
    entry = EventEntry(b'{"event":"x"}', "user-1", SESSION, str(uuid.uuid4()), capture_id)
    slot = failed.FailedSlot(capture_id, 9, "user-1")
    row, now, receipt = Row(0, True, bytes(4 * DIMS)), datetime.now(UTC), Receipt("2026-01-31T12:00:00.000Z")
    return [
        captures.open_capture(window(capture_id)),
        push_frame(frame(capture_id, 1), CaptureLimits()),
        captures.watch(capture_id),
        captures.claim(capture_id, "1-0"),
        captures.row(capture_id, "1-0/1", 1, row, 10, restart=True, found={"pose": True}),
        captures.measure(capture_id, "1-0/1", expected=10, accepted=1),
        captures.heartbeat(capture_id, "1-0/1"),
        captures.hand_back(capture_id, "1-0/1"),
        captures.end_stream(capture_id, CLOSE),
        captures.end_stream(capture_id, TerminalEntry("abort", error_code="gateway_lost"), idle_ms=1),
        captures.finish_capture(capture_id, "1-0/1"),
        captures.acknowledge("1-0"),
        failed.take_slot(slot, failed.FailedBounds(60, 1000)),
        failed.keep_failed(capture_id, "1-0/1", 60),
        failed.revive(capture_id),
        failed.drop_failed(capture_id),
        failed.release_failed(slot),
        failed.take_back(window(capture_id), f"capture:{capture_id}"),
        heartbeats.alive("extractor"),
        uploads.take(VideoSlot("upload", 5, "user-1"), Settings(), complete=False),
        uploads.put("upload", 0, b"chunk"),
        sessions.start_session("request", b"{}", entry),
        records.reserve(window(capture_id), "connection", 4, now),
        records.recheck("user-1", SESSION, capture_id),
        records.publish(entry, CaptureCounts(1, 1)),
        records.abort("user-1", capture_id, "gateway_lost"),
        append_events([entry]),
        erasures.allow(erasure_request(capture_id)),
        erasures.publish(erasure_request(capture_id), now),
        recording.acknowledge_event("1-0", receipt, capture_id),
        dead_letters.dead_letter("1-0", Receipt(error="x", detail="y"), {b"event": b"{}"}, now, capture_id),
        letters.retry_letter(letters.DeadLetter.decode("1-0", {}), entry),
        letters.drop_letter("1-0"),
        records.mark_closed("user-1", capture_id),
        sessions.end_session("request", b"{}", entry),
        retention.watch("me", [RetentionRule(None, 1)]),
        recording.acquire_leadership("me"),
        recording.release_leadership("me"),
        live.alive("worker"),
        live.join("live"),
        live.renew([live.WorkerSlot("worker", "live")]),
        live.put_frame("worker", live.LiveFrame("live", 0, "holistic", "gateway", b"frame")),
        live.drop(keys.live_inbox("worker"), [b"1-0"]),
    ]


def test_every_script_runs_on_a_cluster_and_touches_one_slot(clusters: ClusterPair) -> None:
    calls = every_call(str(uuid.uuid4()))
    assert {call.name for call in calls} == set(get_args(ScriptName))
    for call in calls:
        assert len({key_slot(key.encode()) for key in call.keys}) == 1, call.name

    async def main() -> None:
        frames, events = connect(clusters.frames.url), connect(clusters.events.url)
        await ensure_group(frames, "frames", keys.CAPTURES, keys.EXTRACTOR_GROUP)
        await ensure_group(events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        for call in calls:
            await run(frames if call.role == "frames" else events, call)
        await events.delete(keys.EVENTS, keys.DEAD_EVENTS, keys.UNFINISHED, keys.session(SESSION))
        await uploads.drop(frames, VideoSlot("upload", 5, "user-1"))  # others look for what is left
        await frames.aclose()
        await events.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("place", range(3))
async def test_every_master_is_checked_for_what_its_role_needs(clusters: ClusterPair, place: int) -> None:
    master = clusters.frames.masters[place]
    frames = connect(clusters.frames.url)
    await check_role(frames, "frames")
    master.ask("CONFIG", "SET", "save", "3600 1")
    with pytest.raises(BrokerMisconfigured, match="RDB"):
        await check_role(frames, "frames")
    master.ask("CONFIG", "SET", "save", "")
    await check_role(frames, "frames")
    await frames.aclose()


async def test_memory_and_clock_are_those_of_the_master_that_has_the_key(clusters: ClusterPair) -> None:
    key = keys.CAPTURES
    owner = clusters.frames.owner(key)
    frames = connect(clusters.frames.url)
    before = await memory_share(frames, key)
    limit = FRAMES[FRAMES.index("--maxmemory") + 1]
    owner.ask("CONFIG", "SET", "maxmemory", 1)
    try:
        assert await memory_share(frames, key) > 1 > before
    finally:
        owner.ask("CONFIG", "SET", "maxmemory", limit)
    seconds, micros = owner.ask("TIME")
    assert 0 <= await broker_time_ms(frames, "frames", key) - (int(seconds) * 1000 + int(micros) // 1000) < 60_000
    await frames.aclose()


async def test_a_key_that_was_moved_is_reached_by_many_connections_at_once(clusters: ClusterPair, unique: str) -> None:
    cluster, names = clusters.frames, [f"{{{unique}}}:{number}" for number in range(20)]
    source = cluster.owner(names[0])
    target, slot = cluster.other_than(source), key_slot(names[0].encode())
    frames = connect(cluster.url)
    for name in names:
        await frames.set(name, name)
    await asyncio.gather(*(frames.get(name) for name in names))  # so that there are many connections
    cluster.begin_move(slot, source, target)
    source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *names[:10])
    for _ in range(3):
        found = await asyncio.gather(*(frames.get(name) for name in names))
        assert found == [name.encode() for name in names]
    cluster.move_keys(slot, source, target)
    cluster.end_move(slot, source, target)
    found = await asyncio.gather(*(frames.get(name) for name in names))
    assert found == [name.encode() for name in names]
    await frames.delete(*names)
    await frames.aclose()


async def test_a_script_whose_keys_are_on_both_sides_of_a_move_fails_until_the_move_is_over(
    clusters: ClusterPair,
) -> None:
    cluster, capture_id = clusters.frames, str(uuid.uuid4())
    state = keys.capture_keys(capture_id).state
    source = cluster.owner(state)
    target, slot = cluster.other_than(source), key_slot(state.encode())
    frames = connect(cluster.url)
    await run(frames, captures.open_capture(window(capture_id)))
    await run(frames, push_frame(frame(capture_id, 1), CaptureLimits()))
    cluster.begin_move(slot, source, target)
    source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", state)
    with pytest.raises(BrokerUnavailable):
        await run(frames, push_frame(frame(capture_id, 2), CaptureLimits()))
    cluster.move_keys(slot, source, target)
    cluster.end_move(slot, source, target)
    reply = await run(frames, push_frame(frame(capture_id, 2), CaptureLimits()))
    assert (reply.gone, reply.depth) == ("", 2)
    await run(frames, captures.end_stream(capture_id, TerminalEntry("abort", error_code="gateway_lost")))
    await frames.aclose()


async def test_a_cluster_that_is_away_counts_as_a_broker_that_is_away(clusters: ClusterPair) -> None:
    frames = connect("redis-cluster://127.0.0.1:1")
    for _ in range(2):
        with pytest.raises(BrokerUnavailable):
            await check_role(frames, "frames")
    await frames.aclose()


async def test_captures_go_all_the_way_while_slots_move_and_a_master_of_the_events_dies(
    clusters: ClusterPair, tmp_path: Path
) -> None:
    async with rig_on(clusters, tmp_path, model="stand_in") as rig:
        await play_on(rig, list(CASES))
