"""What may happen while a video is uploaded, waits and is extracted, each as a `Case` by name: every command of it is
lost on its way, every process dies or sleeps at every step, brokers die, persist, are out of memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from contracts.broker import keys
from tests.integration.faults.broker_faults import (
    AWAY,
    FULL,
    Persist,
    append_only,
    fill,
    red,
    replicated,
    restart,
    snapshots,
    some,
)
from tests.integration.faults.checker import Allow
from tests.integration.faults.harness import Fault, Plan, Rig
from tests.integration.faults.lost_replies import Occasion, lost_cases, senders
from tests.integration.faults.process_faults import GATEWAY_DEATH, Case, killed, slept
from tests.integration.faults.uploads import Upload
from tests.support.waiting import until

__all__ = ["CASES", "COMMANDS", "LOST", "MAKERS"]


LOAD = Plan(captures=0, appends=2, uploads=2)

COMMANDS = (
    *senders("frames", "gateway", "info upload_slot upload_put expire hlen open xadd hmget"),
    *senders("events", "gateway", "recheck exists reserve mark_closed"),
    *senders(
        "frames", "extractor", "xreadgroup claim expire hget measure row heartbeat del zrem finish_capture acknowledge"
    ),
    *senders("events", "extractor", "publish"),
    *senders("events", "recorder", "acknowledge_events"),
)
"""What an ordinary upload makes them send."""


# --- faults that cause rare commands -------------------------------------------------------------------


def half(**changes: object) -> Callable[[list[Upload]], list[Upload]]:
    """Every other upload has another video."""
    return lambda uploads: [
        replace(upload, **changes) if number % 2 else upload  # type: ignore[arg-type]
        for number, upload in enumerate(uploads)
    ]


def slowly(uploads: list[Upload]) -> list[Upload]:
    """Send more slowly than a slot lasts without a renewal."""
    return [replace(upload, pace_s=0.4) for upload in uploads]


async def no_extractor_comes(rig: Rig, armed: asyncio.Event) -> None:
    """Every extractor sleeps, until the videos are given up."""
    for pid in await rig.extractor_pids():
        rig.pause(pid)
    armed.set()
    swept = rig.frames_proxy.trap("hexists", times=100)
    await swept.sprung()

    async def given_up() -> bool:
        return not await rig.events.zcard(keys.UNFINISHED)

    await until(given_up, "the videos are given up")
    rig.resume_all()


async def reserved_and_not_opened(rig: Rig, armed: asyncio.Event) -> None:
    """The gateway dies over a reservation: the sweep finds it, and lets go of the video."""
    dropped = rig.frames_proxy.trap("zrem", where=lambda command: command.kind == "recorder")
    await killed("events", "reserve", "answered")(rig, armed)
    await dropped.sprung()


SLOW_AND_FAST = Plan(captures=0, appends=4, uploads=4, make_uploads=half(pace_s=0.4))
"""Some arrive for longer than the others take to be extracted."""

LEAVES = replace(LOAD, uploads=4, make_uploads=half(leaves=True))
NO_VIDEO = Allow(outcomes=frozenset({"video_damaged", "not_a_video"}))
DAMAGED = Case(None, replace(LOAD, uploads=4, make_uploads=half(damaged=True)), NO_VIDEO, 2)
NO_EXTRACTOR = Case(no_extractor_comes, replace(LOAD, appends=0), Allow(outcomes=frozenset({"no_worker"})), 0)
TAKEN_OVER = Case(killed("frames", "row", "answered", latest=20), LOAD, recorded=2)

OCCASIONS = (
    Occasion(COMMANDS, Case(None, LOAD, recorded=1)),
    Occasion(senders("frames", "gateway", "del zrem"), Case(None, LEAVES, recorded=2)),
    Occasion((*senders("events", "extractor", "abort"), *senders("frames", "extractor", "end_stream")), DAMAGED),
    Occasion(senders("frames", "extractor", "hgetall xclaim xautoclaim"), TAKEN_OVER),
    Occasion(senders("frames", "recorder", "hexists time zcount"), NO_EXTRACTOR),
    Occasion(
        (*senders("frames", "recorder", "exists del zrem"), *senders("events", "recorder", "abort")),
        Case(reserved_and_not_opened, LOAD, GATEWAY_DEATH, 0),
    ),
)

LOST = frozenset(sender for occasion in OCCASIONS for sender in occasion.senders)
"""Every kind of command of which a case loses an upload's."""


# --- brokers -------------------------------------------------------------------------------------------


async def arriving_and_extracting(rig: Rig) -> None:
    """Wait until one video is on its way, while another one is extracted."""
    await some(rig, "a frame of a video is extracted", lambda state: state[0] == "closed" and state[2] > 3)
    await until(lambda: arriving(rig), "a video arrives")


async def frames_broker_restarts(rig: Rig, armed: asyncio.Event) -> None:
    armed.set()
    await arriving_and_extracting(rig)
    rig.brokers.frames.kill()
    await restart(rig, "frames")


async def events_broker_restarts(rig: Rig, armed: asyncio.Event) -> None:
    """Before a reservation is answered."""
    trap = rig.events_proxy.trap("reserve", do=lambda _: rig.brokers.events.kill(), nth=2)
    armed.set()
    await trap.sprung()
    await restart(rig, "events")


def persists(persist: Persist) -> Fault:
    """From the moment it is noticed no piece of a video goes there any more."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        armed.set()
        await arriving_and_extracting(rig)
        await persist(rig, True)
        try:
            await red(rig)
            late = rig.frames_proxy.trap("upload_put", "asked", times=1000)

            async def refused() -> bool:
                return all(not user for user in await arriving(rig))

            await until(refused, "arriving videos are refused")
            assert not late.commands, "pieces of a video go to a broker that persists"
        finally:
            await persist(rig, False)

    return fault


async def arriving(rig: Rig) -> list[bytes]:
    """The slots of videos that are no captures yet."""
    known = {await rig.events.hget(name, "upload") async for name in rig.events.scan_iter(keys.capture_record("*"))}
    return [place for place in await rig.frames.zrange(keys.UPLOAD_PLACES, 0, -1) if place not in known]


async def frames_broker_fills_up(rig: Rig, armed: asyncio.Event) -> None:
    """What arrives is refused, and what is there is extracted all the same; then there is room again."""
    armed.set()
    await arriving_and_extracting(rig)
    limit = await fill(rig.frames)
    try:

        async def empty() -> bool:
            return not [name async for name in rig.frames.scan_iter(keys.uploaded_video("*"))]

        await until(empty, "the captures in the full broker are extracted")
    finally:
        await rig.frames.config_set("maxmemory", limit)


async def events_broker_fills_up(rig: Rig, armed: asyncio.Event) -> None:
    """No video can be reserved, and none that is extracted published; then there is room again."""
    armed.set()
    await arriving_and_extracting(rig)
    limit = await fill(rig.events)
    try:
        await some(rig, "a video waits to be published", lambda s: s[0] == "closed" and 0 < s[1] == s[2])
    finally:
        await rig.events.config_set("maxmemory", limit)


TOLD_AWAY = Allow(told=AWAY | {"broker_unavailable"}, append_answers=frozenset({503}))
LOST_FRAMES = Allow(told=frozenset({"upload_lost"}), outcomes=frozenset({"frames_lost"}))

MAKERS: dict[str, Callable[[], Case]] = {
    "frames broker gets an append-only file: in an upload": lambda: Case(
        persists(append_only), SLOW_AND_FAST, TOLD_AWAY, recorded=1
    ),
    "frames broker gets snapshots: in an upload": lambda: Case(
        persists(snapshots), SLOW_AND_FAST, TOLD_AWAY, recorded=1
    ),
    "frames broker gets a replica: in an upload": lambda: Case(
        persists(replicated()), SLOW_AND_FAST, TOLD_AWAY, recorded=1
    ),
}
"""Cases that must be made again for each run."""

CASES: dict[str, Case] = {
    **lost_cases(OCCASIONS, " in an upload"),
    "videos: arrive slowly": Case(None, replace(LOAD, make_uploads=slowly), recorded=2),
    "clients vanish: in an upload": Case(None, LEAVES, recorded=2),
    "videos: some are damaged": DAMAGED,
    "videos: no extractor takes them": NO_EXTRACTOR,
    **{
        f"gateway killed: {what}": Case(killed(role, name, moment, latest=latest), LOAD, GATEWAY_DEATH, recorded=0)
        for what, role, name, moment, latest in (
            ("before a video's place", "frames", "upload_slot", "asked", 2),
            ("a video's place", "frames", "upload_slot", "answered", 3),
            ("a piece of a video", "frames", "upload_put", "answered", 6),
            ("a whole video", "frames", "hlen", "answered", 2),
            ("before a video is reserved", "events", "reserve", "asked", 2),
            ("a video, reserved", "events", "reserve", "answered", 2),
            ("a video, opened", "frames", "open", "answered", 2),
            ("a video, dispatched", "frames", "xadd", "answered", 2),
            ("a video, before the answer", "events", "mark_closed", "answered", 2),
        )
    },
    **{
        f"extractor killed: {what}": Case(
            killed(role, name, moment, latest=latest, where=lambda command: command.kind == "extractor"),
            LOAD,
            recorded=2,
        )
        for what, role, name, moment, latest in (
            ("a video, claimed", "frames", "claim", "answered", 2),
            ("a video, kept", "frames", "expire", "answered", 2),
            ("a piece of a video", "frames", "hget", "answered", 6),
            ("a video, before it is measured", "frames", "measure", "asked", 3),
            ("a video, measured", "frames", "measure", "answered", 4),
            ("a video, a row", "frames", "row", "answered", 60),
            ("a video, not published", "events", "publish", "asked", 2),
            ("a video, published", "events", "publish", "answered", 2),
            ("a video, gone", "frames", "del", "answered", 2),
            ("a video, its place given back", "frames", "zrem", "answered", 2),
            ("a video, finished", "frames", "finish_capture", "answered", 2),
        )
    },
    "extractor sleeps: a piece of a video": Case(
        slept("frames", "measure", "answered", until="finish_capture", latest=2), LOAD, recorded=2
    ),
    "extractor sleeps: a video, until all is done": Case(
        slept("frames", "row", "asked", until="finish_capture", latest=30), LOAD, recorded=2
    ),
    "frames broker killed and restarted: in an upload": Case(
        frames_broker_restarts, SLOW_AND_FAST, TOLD_AWAY | LOST_FRAMES, recorded=0
    ),
    "events broker killed and restarted: in an upload": Case(events_broker_restarts, LOAD, TOLD_AWAY, recorded=1),
    "frames broker out of memory: in an upload": Case(
        frames_broker_fills_up, SLOW_AND_FAST, Allow(told=FULL | AWAY), recorded=1
    ),
    "events broker out of memory: in an upload": Case(events_broker_fills_up, SLOW_AND_FAST, TOLD_AWAY, recorded=1),
}
