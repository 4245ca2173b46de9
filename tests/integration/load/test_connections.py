"""Many connections at once: all are served, and those for whom no extractor is free wait and are told so."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import BrokerPair
from tests.integration.load.loaded_gateway import LoadedGateway, loaded_gateway
from tests.integration.load.sockets import CLOSE, Streaming, framed
from tests.support.messages import jpeg
from tests.support.waiting import until

pytestmark = pytest.mark.real

IDLE = 200
STREAMING = 32
SLOTS = 8
META_TIMEOUT_S = 15
"""Much longer than this test needs from the last `capture.frame_meta` to the gateway's pause, on a busy machine too."""
LONG_JPEG = jpeg()[:2] + 4 * (b"\xff\xfe\xff\xff" + bytes(0xFFFD)) + jpeg()[2:]
"""With comments, so that a server needs several reads for it."""


async def test_captures_without_an_extractor_wait_with_progress_and_finish_while_others_are_idle(
    brokers: BrokerPair, tmp_path: Path
) -> None:
    async with loaded_gateway(tmp_path, brokers, slots=SLOTS, A3CP_CAPTURE_OPEN_TIMEOUT_S="300") as loaded:
        before = loaded.memory_bytes()
        idle = await asyncio.gather(*(loaded.socket() for _ in range(IDLE)))
        print(f"{(loaded.memory_bytes() - before) / IDLE / 1024:.0f} KiB per idle connection")
        await everybody_waits_then_finishes(loaded)
        for bare in idle:
            await bare.send(framed(CLOSE))
            assert (await bare.ended()).code is not None


async def test_a_gateway_that_was_paused_does_not_blame_a_client_for_what_it_has_not_read(
    brokers: BrokerPair, tmp_path: Path
) -> None:
    async with (
        loaded_gateway(tmp_path, brokers, slots=SLOTS, A3CP_CAPTURE_META_TIMEOUT_S=f"{META_TIMEOUT_S}") as loaded,
        loaded.drain.running(),
    ):
        captures = await loaded.captures(SLOTS)
        await asyncio.gather(*(before_its_last_picture(capture) for capture in captures))
        await loaded.has_read_all()
        loaded.gateway.process.send_signal(signal.SIGSTOP)
        sending = asyncio.gather(*(capture.connection.send(LONG_JPEG) for capture in captures))
        until_s = time.monotonic() + META_TIMEOUT_S + 1
        await until(lambda: time.monotonic() > until_s, "the gateway has stood still for longer than a frame may take")
        loaded.gateway.process.send_signal(signal.SIGCONT)
        await sending
        ended = await asyncio.gather(*(capture.close() for capture in captures))
        assert [(end.code, end.reason) for end in ended] == [(1000, "")] * SLOTS
        await loaded.published(captures)


async def before_its_last_picture(capture: Streaming) -> None:
    """Open a capture and send all of it but the bytes of the last frame."""
    last = capture.frames
    await capture.open()
    await capture.send_frames(last - 1)
    await capture.told(status="extracting", accepted=last - 1)
    await capture.connection.send(capture.client.meta(last, len(LONG_JPEG)))


async def everybody_waits_then_finishes(loaded: LoadedGateway) -> None:
    streaming = await loaded.captures(STREAMING)
    await asyncio.gather(*(capture.open() for capture in streaming))
    await asyncio.gather(*(capture.send_frames() for capture in streaming))
    await asyncio.gather(*(capture.told(status="waiting", accepted=capture.frames) for capture in streaming))
    async with loaded.drain.running():
        ended = await asyncio.gather(*(capture.close_once_extracting() for capture in streaming))
        assert [(end.code, end.reason) for end in ended] == [(1000, "")] * STREAMING
        await loaded.published(streaming)
    await loaded.quiet()
