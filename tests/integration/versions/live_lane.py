"""Live workers and gateways of both releases together: every frame that a client sends is answered."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from typing import Any

import orjson
import websockets
from websockets.asyncio.client import connect

from contracts.broker.keys import LIVE_WORKERS
from scripts.stack.supervision import Part, PartSpec
from tests.integration.versions.mixed_rig import MixedRig, Release
from tests.support.clips import face_clip
from tests.support.waiting import PATIENT, until

__all__ = ["LiveTold", "live_parts", "play_live"]

CLIENTS, FRAMES = 4, 90


@dataclass(slots=True)
class LiveTold:
    """What clients were told: frames that were answered, frames without a face, sockets that ended and were opened
    again, and answers that are not those of the frame that was sent."""

    frames: int = 0
    answered: int = 0
    ended: int = 0
    wrong: int = 0


def live_parts(rig: MixedRig, releases: dict[str, Release]) -> dict[str, Part]:
    """A live worker of each release that is named; the caller starts and stops them."""
    parts = {}
    for name, release in releases.items():
        rig.releases[name] = release
        spec = rig.spec("extractor-live")
        python, tree = rig.python_of(release)
        command = [python, "-P", "-m", "workers", "--lane", "live"]
        environ = dict(spec.environ) | {"PYTHONPATH": str(tree)}
        parts[name] = Part(PartSpec(name, command, environ), lambda part, line: rig.said.append(f"{part} | {line}"))
    return parts


async def play_live(rig: MixedRig, parts: dict[str, Part]) -> LiveTold:
    """Clients stream at every gateway while each live worker is killed once."""
    for part in parts.values():
        part.start()
    told = LiveTold()
    jpegs = face_clip(12)

    async def are_ready() -> bool:
        return int(await rig.frames.zcard(LIVE_WORKERS)) >= len(parts)

    try:
        await until(are_ready, "the live workers are ready")
        clients = [asyncio.create_task(_stream(rig.address, jpegs, told)) for _ in range(CLIENTS)]
        for number, part in enumerate(parts.values(), 1):
            due = number * CLIENTS * FRAMES // (len(parts) + 1)
            await until(lambda due=due: told.answered >= due, "frames are answered")  # type: ignore[misc]
            assert part.pid is not None
            os.killpg(part.pid, signal.SIGKILL)
            rig.kills += 1
        await asyncio.gather(*clients)
    finally:
        for part in parts.values():
            await part.stop()
    return told


async def _stream(address: str, jpegs: list[bytes], told: LiveTold) -> None:
    """Send frames one by one until all of them have a result. If the socket ends, open another and go on."""
    url = address.replace("http", "ws", 1) + "/ws/video/stream?pipeline_id=pose"
    left = FRAMES
    while left:
        try:
            async with connect(url, compression=None, proxy=None, **PATIENT) as socket:
                index = 0
                while left:
                    await socket.send(jpegs[index % len(jpegs)])
                    told.frames += 1
                    answer: dict[str, Any] = orjson.loads(await socket.recv())
                    if "error" in answer:
                        break
                    good = answer.get("frame_index") == index and answer.get("result", {}).get("pipeline") == "pose"
                    told.wrong += not good
                    told.answered += 1
                    index, left = index + 1, left - 1
        except (OSError, websockets.exceptions.WebSocketException):
            pass
        if left:
            told.ended += 1
            await asyncio.sleep(0.2)
