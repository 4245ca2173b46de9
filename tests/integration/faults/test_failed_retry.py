"""Another try of failed captures while processes are killed and replies are lost: each is recorded once.

The captures fail before the stack starts. Then an operator has one after the other tried again, and at one step of it a
process dies, or the gateway does not get a reply; an operator without an answer asks again.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import httpx
import orjson

from contracts.broker import keys
from contracts.broker.roles import Role
from contracts.rules.paths import session_log_path
from scripts.stack.supervision import PartSpec
from tests.conftest import BrokerPair, on_one
from tests.gateway.operate.test_captures import let_it_fail
from tests.integration.faults.proxy import Moment
from tests.integration.faults.rig import Rig, rig_on
from tests.support.waiting import DEADLINE_S, until
from tests.workers.broker_capture import BrokerCapture


class Step(NamedTuple):
    """Where the fault happens. Without ``kills``, only the reply is lost."""

    role: Role
    name: str
    moment: Moment
    kills: bool = True


STEPS = (
    Step("events", "take_back", "asked"),  # of the gateway
    Step("events", "take_back", "answered"),
    Step("frames", "revive", "answered"),
    Step("frames", "xadd", "answered"),
    Step("frames", "release_failed", "answered"),
    Step("events", "take_back", "answered", kills=False),
    Step("frames", "revive", "answered", kills=False),
    Step("frames", "release_failed", "answered", kills=False),
    Step("frames", "claim", "answered"),  # of the extractor
    Step("frames", "row", "answered"),
    Step("events", "publish", "asked"),
    Step("events", "publish", "answered"),
    Step("events", "acknowledge_events", "asked"),  # of the recorder
    Step("events", "acknowledge_events", "answered"),
)


@on_one("valkey")
async def test_a_failed_capture_is_recorded_once_whatever_dies_while_it_is_tried_again(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    captures = await asyncio.to_thread(failed_captures, own_brokers, tmp_path, len(STEPS) + 1)
    dropped = captures.pop()
    async with rig_on(own_brokers, tmp_path, model="stand_in", dress=keeping) as rig:
        for step, capture in zip(STEPS, captures, strict=True):
            await try_again(rig, capture, step)
            await until(lambda: is_recorded(rig, capture), f"the capture of {step}")  # noqa: B023
            await rig.whole()
        rig.frames_proxy.trap("drop_failed", "answered", "cut")  # its reply is lost
        assert await ask(rig, dropped, "drop") == 200
        for capture in captures:
            assert await asyncio.to_thread(events_of, rig, capture) == 1
        assert await rig.ask("/operate/dead") == 200  # it frees what a gateway left that died
        assert not await rig.frames.zcard(keys.FAILED)
        assert not await rig.frames.exists(*keys.capture_keys(dropped.capture_id)[1:])
        assert await asyncio.to_thread(events_of, rig, dropped) == 0


def keeping(spec: PartSpec) -> PartSpec:
    return replace(spec, environ={**spec.environ, "A3CP_FAILED_CAPTURES_S": "3600"})


def failed_captures(brokers: BrokerPair, folder: Path, count: int) -> list[BrokerCapture]:
    """Captures of four frames, each in a session of its own, that failed and whose frames are kept."""
    made = []
    with brokers.frames.client() as frames, brokers.events.client() as events:
        for _ in range(count):
            capture = BrokerCapture(frames, events, folder / "data", uuid.uuid4().hex[:16]).open()
            session_log_path(folder / "logs", capture.window.user_id, capture.session_id).parent.mkdir(parents=True)
            let_it_fail(capture.push_greys(4).close())
            made.append(capture)
    return made


async def try_again(rig: Rig, capture: BrokerCapture, step: Step) -> None:
    kill: Callable[[int], None] = rig.kill if step.kills else lambda _: None
    trap = rig.proxy(step.role).trap(step.name, step.moment, "cut", do=lambda command: kill(command.pid))
    await ask(rig, capture, "retry")
    await trap.sprung()
    if step.kills:
        await rig.whole()
    # an operator who has no answer asks again; one who has it learns that it is done
    assert await ask(rig, capture, "retry") in (200, 404)


async def ask(rig: Rig, capture: BrokerCapture, word: str) -> int:
    """The status of the answer; 0 if the gateway died."""
    async with httpx.AsyncClient(base_url=rig.address, trust_env=False, timeout=DEADLINE_S) as http:
        try:
            return (await http.post(f"/operate/dead/capture:{capture.capture_id}/{word}")).status_code
        except httpx.TransportError:
            return 0


async def is_recorded(rig: Rig, capture: BrokerCapture) -> bool:
    return await asyncio.to_thread(events_of, rig, capture) > 0


def events_of(rig: Rig, capture: BrokerCapture) -> int:
    """How many lines the log has of the capture; each names the bytes of its one artifact."""
    log = session_log_path(rig.settings.log_root, capture.window.user_id, capture.session_id)
    lines = [orjson.loads(line)["event"] for line in log.read_bytes().splitlines()] if log.exists() else []
    found = [event for event in lines if event.get("capture_id") == capture.capture_id]
    for event in found:
        [artifact] = capture.features_dir.iterdir()
        digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
        assert event["raw_features_ref"]["hash"] == f"sha256:{digest}"
    return len(found)
