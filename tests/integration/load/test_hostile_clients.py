"""Clients that flood, crawl or never read: the gateway ends each of them and serves the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import BrokerPair
from tests.integration.load.loaded_gateway import LoadedGateway, loaded_gateway
from tests.integration.load.sockets import BINARY, CONTINUATION, PING, PONG, TEXT, BareSocket, Ended, Streaming, framed
from tests.support.messages import Client, jpeg
from tests.support.waiting import until

pytestmark = pytest.mark.real

FLOOD_S = 4.0
BURST = 20_000
MEMORY_BYTES = 40 * 1024 * 1024
"""What all of them together may cost. Before pongs were bounded, two such clients cost 150 MB in four seconds."""


async def pings_and_reads_nothing(loaded: LoadedGateway) -> tuple[str, Streaming]:
    bare, capture = await opened(loaded, small=True)
    await bare.send(*capture.bare_frames(10))
    await bare.flood(framed(PING, b"x" * 125) * 2000, FLOOD_S)
    return "protocol_violation", capture  # it cannot send its next frame in time


async def reads_nothing(loaded: LoadedGateway) -> tuple[str, Streaming]:
    bare, capture = await opened(loaded, small=True)
    await bare.send(*capture.bare_frames(30), framed(TEXT, capture.client.close(3).encode()))
    return "", capture


async def fragments_without_end(loaded: LoadedGateway) -> tuple[str, Streaming]:
    bare, capture = await opened(loaded)
    await bare.send(framed(TEXT, capture.client.meta(1).encode()), framed(BINARY, b"\xff", last=False))
    await bare.flood(framed(CONTINUATION, last=False) * 40_000, FLOOD_S)
    return await aborted(bare, "protocol_violation"), capture


async def metas_in_one_burst(loaded: LoadedGateway) -> tuple[str, Streaming]:
    bare, capture = await opened(loaded)
    await bare.send(b"".join(framed(TEXT, capture.client.meta(seq).encode()) for seq in range(1, BURST + 1)))
    return await aborted(bare, "protocol_violation"), capture


async def bytes_one_by_one(loaded: LoadedGateway) -> tuple[str, Streaming]:
    bare, capture = await opened(loaded)
    await bare.send(framed(TEXT, capture.client.meta(1).encode()))
    end, _ = await asyncio.gather(aborted(bare, "protocol_violation"), bare.slowly(framed(BINARY, jpeg())[:8]))
    return end, capture


async def texts_in_one_burst(loaded: LoadedGateway) -> None:
    bare = await loaded.socket()
    await bare.send(framed(TEXT, b"{}") * BURST)
    assert_closed(await bare.ended(), 1008, "schema_error")


async def pongs_without_end(loaded: LoadedGateway) -> None:
    bare = await loaded.socket()
    await bare.flood(framed(PONG) * 40_000, FLOOD_S)
    assert_closed(await bare.ended(), 1008, "open_timeout")


async def open_letter_by_letter(loaded: LoadedGateway) -> None:
    bare = await loaded.socket()
    await asyncio.gather(bare.slowly(framed(TEXT, Client().open().encode())[:8]), open_timeout(bare))


async def open_timeout(bare: BareSocket) -> None:
    assert_closed(await bare.ended(), 1008, "open_timeout")


WITH_A_CAPTURE = (
    pings_and_reads_nothing,
    pings_and_reads_nothing,
    pings_and_reads_nothing,
    reads_nothing,
    fragments_without_end,
    metas_in_one_burst,
    bytes_one_by_one,
)
WITHOUT_ONE = (texts_in_one_burst, pongs_without_end, open_letter_by_letter)


async def test_clients_that_flood_crawl_or_never_read_are_ended_and_others_are_served(
    brokers: BrokerPair, tmp_path: Path
) -> None:
    async with loaded_gateway(tmp_path, brokers, slots=16, A3CP_CAPTURE_OPEN_TIMEOUT_S="4") as loaded:
        async with others_go_on(loaded):
            before = loaded.memory_bytes()
            captures = asyncio.gather(*(client(loaded) for client in WITH_A_CAPTURE))
            others = asyncio.gather(*(client(loaded) for client in WITHOUT_ONE))
            highest = await highest_memory(loaded, asyncio.gather(captures, others))
            for code, capture in await captures:
                await has_outcome(loaded, capture.client, code)
        print(f"{(highest - before) / 2**20:.0f} MiB more in the gateway at the worst time")
        assert highest - before < MEMORY_BYTES


async def opened(loaded: LoadedGateway, *, small: bool = False) -> tuple[BareSocket, Streaming]:
    """A bare socket with a capture that an extractor has, so that no clock stands still."""
    [streaming] = await loaded.captures(1)
    bare = await loaded.socket(small=small)
    await bare.send(framed(TEXT, streaming.client.open(progress=True).encode()))

    async def claimed() -> bool:
        return await loaded.claimed(streaming.client)

    await until(claimed, "an extractor has the capture")
    return bare, streaming


async def aborted(bare: BareSocket, code: str) -> str:
    ended = await bare.ended()
    assert ended.aborts == [code]
    assert_closed(ended, 1000, code)
    return code


def assert_closed(ended: Ended, code: int, reason: str) -> None:
    assert (ended.code, ended.reason) == (code, reason)


async def has_outcome(loaded: LoadedGateway, client: Client, code: str) -> None:
    async def decided() -> bool:
        record = await loaded.record(client)
        return record is not None and bool(record.outcome)

    await until(decided, "the capture has its outcome")
    record = await loaded.record(client)
    assert record is not None
    assert (record.outcome, record.error_code) == (("aborted", code) if code else ("published", ""))


async def highest_memory(loaded: LoadedGateway, doing: asyncio.Future[object]) -> int:
    """The most memory that the gateway has while something is being done."""
    highest = loaded.memory_bytes()
    while not doing.done():
        highest = max(highest, loaded.memory_bytes())
        await asyncio.wait({doing}, timeout=0.05)
    doing.result()
    return highest


@asynccontextmanager
async def others_go_on(loaded: LoadedGateway) -> AsyncIterator[None]:
    """Stream honest captures, eight at a time, during the block; all must be published."""
    stop = asyncio.Event()

    async def capture_after_capture() -> None:
        while not stop.is_set():
            streaming = await loaded.captures(8)
            ended = await asyncio.gather(*(capture.whole() for capture in streaming))
            assert [(end.code, end.reason) for end in ended] == [(1000, "")] * 8
            await loaded.published(streaming)

    async with loaded.drain.running(), asyncio.TaskGroup() as group:
        group.create_task(capture_after_capture())
        yield
        stop.set()
