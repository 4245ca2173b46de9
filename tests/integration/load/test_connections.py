"""Many connections at once: all are served, and those for whom no extractor is free wait and are told so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import BrokerPair
from tests.integration.load.loaded_gateway import LoadedGateway, loaded_gateway
from tests.integration.load.sockets import CLOSE, framed

pytestmark = pytest.mark.real

IDLE = 200
STREAMING = 64
SLOTS = 8


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
