"""One play: drive a load through a rig, inject a fault, wait until all is quiet, and check the result."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx

from contracts.broker import keys
from tests.integration.faults.bare import CLIPS, VIDEOS, bare_features, clip_frames, make_clips, pieces_of
from tests.integration.faults.checker import Allow, Report, check
from tests.integration.faults.clients import Append, Sessions, StreamedCapture, Withdrawal
from tests.integration.faults.history import History, read_history
from tests.integration.faults.observation import (
    Observed,
    find_images,
    look_at_brokers,
    look_at_files,
    look_for_erasures,
)
from tests.integration.faults.rig import Rig, rig_on
from tests.integration.faults.uploads import Upload
from tests.support.waiting import DEADLINE_S, until

__all__ = ["Fault", "Plan", "Rig", "play", "play_reported", "rig_on"]


Fault = Callable[[Rig, asyncio.Event], Awaitable[None]]
"""Injects a fault: sets its traps, sets the event when the load may begin, waits until what it wanted has happened,
and undoes what must be undone. If it does not return, the fault never happened, and the play fails."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The load of one play. ``make`` and ``make_uploads`` change the captures and the uploads before they start, for
    faults that need special ones; ``armed_first`` lets the fault meet the sessions' start and end too. ``padding``:
    characters more in each append; ``withdrawals``: how many captures are withdrawn, with erase, at their end."""

    captures: int = 4
    appends: int = 8
    uploads: int = 0
    users: int = 2
    frames: int = 35
    max_pace_s: float = 0.06
    max_delay_s: float = 0.5
    make: Callable[[list[StreamedCapture]], list[StreamedCapture]] = lambda captures: captures
    make_uploads: Callable[[list[Upload]], list[Upload]] = lambda uploads: uploads
    armed_first: bool = False
    padding: int = 0
    withdrawals: int = 0


async def play(
    rig: Rig, plan: Plan, fault: Fault | None = None, allow: Allow | None = None, *, whole_again: bool = True
) -> Report:
    """One load with one fault, checked when everything is quiet; ``whole_again``: and when every part is up again.

    Raises:
        AssertionError: the fault never happened, or the stack is not whole again.
    """
    await asyncio.to_thread(make_clips)  # the first time; the proxies are on this loop, and brokers must answer
    with closing(rig.next_history()) as history:
        report = await _play(rig, plan, fault, allow or Allow(), history)
    await rig.events.delete(keys.DEAD_EVENTS)
    if whole_again:
        await rig.whole()
    return report


async def play_reported(rig: Rig, plan: Plan, fault: Fault | None, allow: Allow, *, recorded: int) -> Report:
    """As `play`, for runs that go on: what it raises, and fewer than ``recorded`` captures, are wrong in the report."""
    try:
        report = await play(rig, plan, fault, allow)
    except Exception as error:
        return Report(wrong=[f"{error}\n{traceback.format_exc()}"])
    if report.recorded < recorded:
        report.wrong.append(f"{report.recorded} captures are recorded, not {recorded}")
    return report


async def _play(rig: Rig, plan: Plan, fault: Fault | None, allow: Allow, history: History) -> Report:
    async with httpx.AsyncClient(base_url=rig.address, trust_env=False, timeout=DEADLINE_S) as http:
        sessions = Sessions(http, history)
        users = [f"user-{number}" for number in range(plan.users)]
        started = {} if plan.armed_first else {user_id: await sessions.start(user_id) for user_id in users}
        armed = asyncio.Event()
        injecting = asyncio.create_task(_inject(fault, rig, armed))
        try:
            await _armed(injecting, armed)
            started = started or {user_id: await sessions.start(user_id) for user_id in users}
            await _drive(rig, plan, started, http, history)
            if plan.armed_first:
                await _end(sessions, started)
            await injecting
        finally:
            injecting.cancel()
            rig.resume_all()
            rig.frames_proxy.release()
            rig.events_proxy.release()
        if not plan.armed_first:
            await _end(sessions, started)
        return await _judge(rig, history, http, allow)


async def _end(sessions: Sessions, started: dict[str, str]) -> None:
    await asyncio.gather(*(sessions.end(user_id, session_id) for user_id, session_id in started.items()))


async def _inject(fault: Fault | None, rig: Rig, armed: asyncio.Event) -> None:
    if fault is None:
        return armed.set()
    try:
        async with asyncio.timeout(DEADLINE_S):
            await fault(rig, armed)
    except TimeoutError as error:
        raise AssertionError("the fault never happened") from error


async def _armed(injecting: asyncio.Task[None], armed: asyncio.Event) -> None:
    waiting = asyncio.create_task(armed.wait())
    await asyncio.wait({injecting, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if injecting.done():
        injecting.result()


async def _drive(rig: Rig, plan: Plan, sessions: dict[str, str], http: httpx.AsyncClient, history: History) -> None:
    """Captures, uploads and appends at once."""
    chance, owners = rig.random, list(sessions.items())
    captures = []
    for number in range(plan.captures):
        user_id, session_id = owners[number % len(owners)]
        clip = chance.randrange(CLIPS)
        captures.append(
            StreamedCapture(
                user_id, session_id, clip_frames(clip)[: plan.frames], clip, chance.uniform(0, plan.max_pace_s),
                chance.uniform(0, plan.max_delay_s),
            )
        )  # fmt: skip

    uploads = []
    for number in range(plan.uploads):
        user_id, session_id = owners[number % len(owners)]
        file_first, delay_s = chance.random() < 0.25, chance.uniform(0, plan.max_delay_s)
        uploads.append(Upload(user_id, session_id, chance.choice(VIDEOS), file_first, delay_s=delay_s))

    async def append(number: int, user_id: str, session_id: str) -> None:
        for index in range(plan.appends // len(owners)):
            repeats = int(chance.random() < 0.25)
            await Append(user_id, session_id, f"{number}/{index}" + "." * plan.padding, repeats).run(http, history)
            await asyncio.sleep(chance.uniform(0, 0.3))

    async def stream(number: int, capture: StreamedCapture) -> None:
        await capture.run(rig.address, history)
        if number < plan.withdrawals:
            await Withdrawal(capture.user_id, capture.session_id, capture.capture_id).run(http, history)

    await asyncio.gather(
        *(stream(number, capture) for number, capture in enumerate(plan.make(captures))),
        *(upload.run(http, history) for upload in plan.make_uploads(uploads)),
        *(append(number, *owner) for number, owner in enumerate(owners)),
    )


async def _judge(rig: Rig, history: History, http: httpx.AsyncClient, allow: Allow) -> Report:
    """Wait until all is quiet, observe, and check. If that does not happen, check the state as it is."""
    told = read_history(history.entries())
    with suppress(AssertionError):
        seen: Any = None
        changed_s = time.monotonic()

        async def is_quiet_or_stuck() -> bool:  # how long all captures take depends on the machine
            nonlocal seen, changed_s
            look = await look_at_brokers(rig.frames, rig.events, told.captures)
            waiting = await asyncio.to_thread(look_for_erasures, told, rig.settings.log_root)
            if (look, waiting) != seen:
                seen, changed_s = (look, waiting), time.monotonic()
            return (look.quiet and not waiting) or time.monotonic() - changed_s > rig.quiet_s

        await until(is_quiet_or_stuck, "quiet")
    logs, artifacts = look_at_files(told, rig.settings.data_root, rig.settings.log_root)
    reports = {capture_id: await _report(http, capture_id) for capture_id in told.captures}
    folders = [rig.folder, rig.brokers.frames.folder, rig.brokers.events.folder]
    pieces = {piece for capture in told.captures.values() for piece in pieces_of(capture.clip)}
    observed = Observed(logs, artifacts, reports, await look_at_brokers(rig.frames, rig.events, told.captures))
    observed = replace(observed, images=await asyncio.to_thread(find_images, folders, pieces))
    report = await asyncio.to_thread(check, told, observed, allow, partial(bare_features, rig.model))
    for proxy in (rig.frames_proxy, rig.events_proxy):
        assert not proxy.errors, proxy.errors
    return report


async def _report(http: httpx.AsyncClient, capture_id: str) -> dict[str, Any] | None:
    for attempt in range(8):
        with suppress(httpx.HTTPError):
            answer = await http.get(f"/captures/{capture_id}")
            if answer.status_code in (200, 404):
                return answer.json() if answer.status_code == 200 else None
        await asyncio.sleep(0.2 * (attempt + 1))
    raise AssertionError("GET /captures was never answered")
