"""Faults at several processes at once: each produces the order of steps that one rule is for."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from contracts.broker import keys
from tests.integration.faults.bare import clip_frames
from tests.integration.faults.checker import Allow
from tests.integration.faults.clients import StreamedCapture
from tests.integration.faults.harness import Plan, Rig
from tests.integration.faults.process_faults import Case, capture_of
from tests.integration.faults.proxy import Command

__all__ = ["RACES"]


async def old_owners_row(rig: Rig, armed: asyncio.Event) -> None:
    """An extractor sleeps with a row on its way; the row arrives when the next owner has loaded the rows and is about
    to read on."""
    arrives, arrived = asyncio.Event(), asyncio.Event()

    async def sleep(row: Command) -> None:
        rig.pause(row.pid)

        async def next_owner_reads(_: Command) -> None:
            arrives.set()
            await arrived.wait()
            rig.resume(row.pid)

        capture_id = capture_of(row)
        rig.frames_proxy.trap("row", do=lambda _: arrived.set(), where=lambda c: c.connection == row.connection)
        rig.frames_proxy.trap(
            "xread", "asked", do=next_owner_reads,
            where=lambda c: c.pid != row.pid and capture_id in b" ".join(c.arguments),
        )  # fmt: skip
        await arrives.wait()

    trap = rig.frames_proxy.trap("row", "asked", do=sleep, nth=rig.random.randint(5, 20))
    armed.set()
    await trap.sprung()
    await arrived.wait()


async def aborted_before_published(rig: Rig, armed: asyncio.Event) -> None:
    """The gateway never hears that a capture's close was written, and gives it up; only then its extractor, which
    knows of the close, publishes."""
    victims: list[bytes] = []
    aborted = asyncio.Event()

    def is_victims(command: Command) -> bool:
        if not victims:
            victims.append(capture_of(command))
        return capture_of(command) == victims[0] and not aborted.is_set()

    async def hold(_: Command) -> None:
        await aborted.wait()

    rig.frames_proxy.trap("end_stream", "answered", "cut", times=1000, where=is_victims)
    rig.events_proxy.trap("abort", do=lambda _: aborted.set(), where=lambda c: c.kind == "gateway")
    # the extractor times out and asks again, and is held each time
    publish = rig.events_proxy.trap(
        "publish", "asked", do=hold, times=1000, where=lambda c: [capture_of(c)] == victims[:1]
    )
    armed.set()
    await publish.sprung()


class _TakenPlace:
    """The second capture gets the first one's ``record_id``: its window's reservation has expired, and its line is not
    in the log yet, so the gateway opens it. Its first extractor is killed: the next one cannot know whose file it
    finds."""

    def __init__(self) -> None:
        self.captures: list[StreamedCapture] = []

    def make(self, captures: list[StreamedCapture]) -> list[StreamedCapture]:
        first, second, *_ = captures
        first.frames, first.clip = clip_frames(0)[:35], 0
        second.frames, second.clip = clip_frames(1)[:35], 1
        second.user_id, second.session_id, second.record_id = first.user_id, first.session_id, first.record_id
        second.after = asyncio.Event()
        self.captures = captures
        return captures

    async def fault(self, rig: Rig, armed: asyncio.Event) -> None:
        held, killed = asyncio.Event(), asyncio.Event()

        async def hold(_: Command) -> None:
            held.set()
            await killed.wait()

        # recorders time out and ask again, and are held each time
        rig.events_proxy.trap(
            "*", do=hold, times=1000,
            where=lambda c: c.kind == "recorder" and self._id(0) in c.reply and not killed.is_set(),
        )  # fmt: skip
        published = rig.events_proxy.trap("publish", where=lambda c: capture_of(c) == self._id(0))
        kill = rig.frames_proxy.trap(
            "claim", "answered", "cut", do=lambda c: rig.kill(c.pid), where=lambda c: capture_of(c) == self._id(1)
        )
        armed.set()
        await published.sprung()
        await held.wait()
        first, second, *_ = self.captures
        await rig.events.delete(keys.window(first.session_id, first.record_id))
        assert second.after is not None
        second.after.set()
        await kill.sprung()
        killed.set()

    def _id(self, number: int) -> bytes:
        if not self.captures:  # a process may ask the broker for something before the clients begin
            return b"there is no capture yet"
        return self.captures[number].capture_id.encode()


def taken_place() -> Case:
    """A fresh case: it remembers its captures."""
    place = _TakenPlace()
    allow = Allow(outcomes=frozenset({"duplicate_capture"}))
    return Case(place.fault, Plan(captures=2, appends=0, make=place.make), allow, recorded=1)


async def full_broker(rig: Rig, armed: asyncio.Event) -> None:
    """All frames are in the broker and no extractor had any; then there is no memory left. Extraction gives it back,
    and needs none."""
    extractors = await rig.extractor_pids()
    for pid in extractors:
        rig.pause(pid)
    closes = rig.frames_proxy.trap("end_stream", nth=2)
    done = rig.frames_proxy.trap("acknowledge", nth=2)
    armed.set()
    await closes.sprung()
    before = (await rig.frames.config_get("maxmemory"))["maxmemory"]
    await rig.frames.config_set("maxmemory", 1)
    for pid in extractors:
        rig.resume(pid)
    with suppress(TimeoutError):  # the checker reports what is missing
        await done.sprung(rig.quiet_s)
        await rig.frames.config_set("maxmemory", before)


RACES = {
    "a row of an old owner": lambda: Case(old_owners_row, Plan(captures=2), recorded=2),
    "aborted before it is published": lambda: Case(
        aborted_before_published, Plan(captures=2), Allow(told=frozenset({"forward_failed"})), recorded=1
    ),
    "the artifact's place is taken": taken_place,
    "extraction from a full frames broker": lambda: Case(full_broker, Plan(captures=2, appends=0), recorded=2),
}
"""Cases by name; each call makes a fresh one."""
