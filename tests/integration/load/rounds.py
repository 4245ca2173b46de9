"""Repeat the same load, and measure the gateway's descriptors and memory after each round."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tests.integration.load.loaded_gateway import LoadedGateway
from tests.integration.load.sockets import TEXT, Streaming, framed
from tests.support.messages import Client

WARM_UP = 2
MEMORY_BYTES = 8 * 1024 * 1024
DESCRIPTORS = 48

IDLE = 100
WHOLE = 24
DROPPED = 24


@dataclass(frozen=True)
class Level:
    """The gateway's memory and descriptors after a round, when all is quiet."""

    memory_bytes: int
    descriptors: int

    def __str__(self) -> str:
        return f"{self.memory_bytes / 2**20:6.1f} MiB, {self.descriptors} descriptors"


async def rounds(loaded: LoadedGateway, count: int) -> AsyncIterator[Level]:
    """Connections that come and go, captures that end well, captures whose client vanishes in every protocol state."""
    own = loaded.descriptors()
    for _ in range(count):
        whole, dropped = await loaded.captures(WHOLE), await loaded.captures(DROPPED)
        async with loaded.drain.running():
            ended, *_ = await asyncio.gather(
                asyncio.gather(*(capture.whole() for capture in whole)),
                asyncio.gather(*(vanish(loaded, capture, number) for number, capture in enumerate(dropped))),
                asyncio.gather(*(come_and_go(loaded, number) for number in range(IDLE))),
            )
            assert [end.code for end in ended] == [1000] * WHOLE
            await loaded.published(whole)
            await loaded.quiet()
        yield Level(loaded.memory_bytes(), loaded.descriptors() - own)


def assert_flat(levels: list[Level]) -> None:
    """After the first rounds nothing is added any more. A hundred connections kept would cost 3 MiB and 100
    descriptors in every round."""
    warm, last = levels[WARM_UP - 1], levels[-1]
    assert last.memory_bytes - warm.memory_bytes < MEMORY_BYTES
    assert last.descriptors - warm.descriptors < DESCRIPTORS


async def vanish(loaded: LoadedGateway, capture: Streaming, number: int) -> None:
    """Open, frames, half a frame, a close without waiting: after so many messages the client is gone."""
    client = capture.client
    messages = [framed(TEXT, client.open(progress=True).encode()), *capture.bare_frames(number % 4)]
    bare = await loaded.socket()
    await bare.send(*messages, framed(TEXT, client.meta(number % 4 + 1).encode())[: 10 * number])
    bare.drop()


async def come_and_go(loaded: LoadedGateway, number: int) -> None:
    bare = await (loaded.socket() if number % 2 else loaded.bare())
    if number % 3:
        await bare.send(framed(TEXT, Client().close().encode()))
    bare.drop()
